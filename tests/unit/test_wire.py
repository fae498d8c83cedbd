"""The contract: base URLs, Retry-After, and text fit for a log."""

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from multidict import CIMultiDict

from kling_elements_async import ConfigurationError
from kling_elements_async.wire import Reply, checked_base_url, readable

NOW = datetime(2026, 9, 1, 12, tzinfo=UTC)


def http_date(seconds):
    return format_datetime(NOW + timedelta(seconds=seconds), usegmt=True)


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("https://api.ezmodel.cloud/kling", "https://api.ezmodel.cloud/kling"),
        ("https://example.com/", "https://example.com"),
        ("https://example.com:8443/a/b///", "https://example.com:8443/a/b"),
        ("HTTPS://example.com", "HTTPS://example.com"),
        ("https://example.com/v1x", "https://example.com/v1x"),
        ("http://localhost:8080", "http://localhost:8080"),
        ("http://127.0.0.1:1/kling", "http://127.0.0.1:1/kling"),
        ("http://[::1]:8080", "http://[::1]:8080"),
    ],
)
def test_a_base_url_that_is_safe(text, kept):
    """HTTPS, or HTTP to loopback; the last slashes go."""
    assert checked_base_url(text) == kept


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "no URL"),
        ("example.com", "no URL"),
        ("https://", "no URL"),
        ("https:///kling", "no URL"),
        ("https://:443", "no URL"),
        ("https://example.com:99999", "no URL"),
        ("https://example.com:port", "no URL"),
        ("https://[::1", "no URL"),
        ("https://exa mple.com", "no URL"),
        ("https://exämple.com", "no URL"),
        ("https://example.com/\n", "no URL"),
        ("https://exam\tple.com", "no URL"),
        ("https://example.com\r\nX: 1", "no URL"),
        ("https://user@example.com", "user"),
        ("https://user:pass@example.com", "user"),
        ("https://:pass@example.com", "user"),
        ("http://localhost@example.com", "user"),
        ("https://example.com?a=1", "query"),
        ("https://example.com/?", "query"),
        ("https://example.com/#", "fragment"),
        ("http://example.com", "https"),
        ("http://10.0.0.1", "https"),
        ("http://localhost.example.com", "https"),
        ("http://127.0.0.1.example.com", "https"),
        ("ftp://example.com", "https"),
        ("file://localhost/etc", "https"),
        ("https://example.com/..", "dots"),
        ("https://example.com/a/../b", "dots"),
        ("https://example.com/./b", "dots"),
        ("https://example.com/%2e%2e/b", "escapes"),
        ("https://example.com/a\\..\\b", "escapes"),
        ("https://example.com//b", "empty steps"),
        ("https://example.com/v1", "/v1"),
        ("https://example.com/kling/v1/", "/v1"),
    ],
)
def test_a_base_url_that_is_not(text, why):
    """Anything that would send the key in the open or elsewhere is refused, with the reason and no password."""
    with pytest.raises(ConfigurationError, match=why) as info:
        checked_base_url(text)
    assert "pass@" not in str(info.value)
    assert (info.value.__cause__, info.value.__context__) == (None, None)


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ([("Retry-After", "120")], 120.0),
        ([("Retry-After", "1.5")], 1.5),
        ([("retry-after", " 7 ")], 7.0),
        ([("Retry-After", "1e9")], 1e9),
        ([("Retry-After", "0")], None),
        ([("Retry-After", "-1")], None),
        ([("Retry-After", "nan")], None),
        ([("Retry-After", "inf")], None),
        ([("Retry-After", "1e999")], None),
        ([("Retry-After", "")], None),
        ([("Retry-After", "junk")], None),
        ([("Retry-After", "1_0")], None),
        ([("Retry-After", "5 seconds")], None),
        ([], None),
        ([("Retry-After", http_date(30)), ("Date", http_date(0))], 30.0),
        ([("Retry-After", http_date(-30)), ("Date", http_date(0))], None),
        ([("Retry-After", http_date(0)), ("Date", http_date(0))], None),
        ([("Retry-After", http_date(30))], None),
        ([("Retry-After", http_date(30)), ("Date", "junk")], None),
        ([("Retry-After", "Tue, 99 Foo 2026 99:99:99 GMT"), ("Date", http_date(0))], None),
        ([("Retry-After", "Tue, 01 Sep 2026 12:00:30 -0000"), ("Date", http_date(0))], None),
    ],
    ids=lambda value: str(value)[:60],
)
def test_retry_after(headers, seconds):
    """Seconds, or a date compared with the answer's own; whatever makes no sense is None."""
    assert Reply(429, CIMultiDict(headers), b"").retry_after() == seconds


DATES = st.text(st.sampled_from("0123456789-+:., ADGMTadeginptuy"), max_size=30)


@given(DATES, DATES)
def test_any_retry_after(value, date):
    """Any header at all makes a positive, finite number of seconds or None."""
    found = Reply(429, {"Retry-After": value, "Date": date}, b"").retry_after()
    assert found is None or 0 < found < float("inf")


def test_two_retry_afters():
    """Of two headers, one that makes sense is honoured."""
    assert Reply(429, CIMultiDict([("Retry-After", "3"), ("Retry-After", "9")]), b"").retry_after() in (3.0, 9.0)


@given(st.binary(max_size=500).map(lambda content: content.decode("utf-16-le", "replace")) | st.integers())
def test_text_fit_for_a_log(text):
    """One line, printable, and short, whatever comes."""
    kept = readable(text)
    assert kept.isprintable()
    assert len(kept) <= 200


def test_a_long_text_is_cut():
    """The cut shows; escapes are gone."""
    assert readable("a" * 300) == "a" * 199 + "…"
    assert readable("\x1b[31mred\nend\u2028\u202e") == "[31mred end"


def test_a_reply_does_not_show_its_body():
    """Neither it nor a request shows what may be a picture or a megabyte."""
    assert "secret" not in repr(Reply(200, {}, b"secret"))
