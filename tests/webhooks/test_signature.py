"""Signatures: what the vendor's page and the standardwebhooks library say is ours, too."""

import base64
import math
import string
from contextlib import suppress
from datetime import UTC, datetime

import pytest
import standardwebhooks
from hypothesis import given
from hypothesis import strategies as st
from multidict import CIMultiDict, CIMultiDictProxy
from tables import few_and_many

from kling_elements_async import ConfigurationError, WebhookVerificationError, webhooks
from kling_elements_async.secret import Secret
from kling_elements_async.webhooks import signature as ours

from .materials import KEY, NEWER, NEXT_KEY, NEXT_SECRET, NOW, SECRET, content, headers, signature

BODY = content(NEWER)
SENT = int(NOW)


class FrozenTime(datetime):
    @classmethod
    def now(cls, tz=None):
        return cls.fromtimestamp(NOW, tz)


@pytest.fixture
def library(monkeypatch):
    monkeypatch.setattr(standardwebhooks.webhooks, "datetime", FrozenTime)
    return standardwebhooks.Webhook


def given_headers(**changes):
    """Good headers, with some changed, or left out for None; `id_` is webhook-id."""
    changed = {f"webhook-{name.rstrip('_')}": value for name, value in changes.items()}
    return {name: value for name, value in (headers(BODY, sent=SENT) | changed).items() if value is not None}


def is_taken(found, body=BODY, secrets=SECRET, now=NOW):
    try:
        webhooks.verify(found, body, secrets, now=now)
    except WebhookVerificationError:
        return False
    return True


# ---------------------------------------------------------------- what is signed


@pytest.mark.parametrize("dress", [dict, CIMultiDict, lambda found: CIMultiDictProxy(CIMultiDict(found))])
@pytest.mark.parametrize("spell", [str.lower, str.upper, str.title])
def test_names_of_headers_in_any_case(dress, spell):
    """HTTP spells them as it likes, and frameworks hold them in mappings of their own."""
    assert is_taken(dress({spell(name): value for name, value in given_headers().items()} | {"Host": "x"}))


@pytest.mark.parametrize("form", [bytes, bytearray, memoryview, bytes.decode])
def test_a_body_in_any_form(form):
    """Bytes of any kind are signed as they are, and text as its bytes."""
    assert is_taken(given_headers(), form(BODY))


def test_a_body_that_is_no_text():
    """Bytes that are no UTF-8 are verified all the same: reading them comes later."""
    assert is_taken(headers(b"\xff\x00", sent=SENT), b"\xff\x00")


@pytest.mark.parametrize(
    "secrets", [SECRET, Secret(SECRET), [SECRET], iter([NEXT_SECRET, SECRET]), f" {SECRET}\n"]
)
def test_secrets_in_any_form(secrets):
    """One, several, masked, an iterator, or one with a line end from its file."""
    assert is_taken(given_headers(), secrets=secrets)


@pytest.mark.parametrize("key", [KEY, NEXT_KEY])
def test_a_rotation(key):
    """While secrets rotate, a callback may be signed with either, or with both."""
    assert is_taken(headers(BODY, sent=SENT, key=key), secrets=[SECRET, NEXT_SECRET])
    both = f"v1,AAAA {signature(BODY, key=NEXT_KEY)} v1a,x {signature(BODY)}"
    assert is_taken(given_headers(signature=both))


def test_a_secret_without_its_padding():
    """Base64 is often copied without the "=" at its end; the library takes it, too."""
    secret = "whsec_" + base64.b64encode(b"canary").decode()  # ends in none
    for bare, key in ((secret, b"canary"), ("whsec_Y2FuYXJ5IQ", b"canary!"), ("Y2FuYXJ5", b"canary")):
        assert is_taken(headers(BODY, sent=SENT, key=key), secrets=bare)


@pytest.mark.parametrize("seconds", [-300.25, -299, 0, 299, 299.75])
def test_within_five_minutes(seconds):
    """Before and after, to the end of the span."""
    assert is_taken(given_headers(), now=SENT + seconds) is (abs(seconds) <= 300)


def test_the_time_of_the_machine():
    """Without `now` it is compared with the machine's clock."""
    webhooks.verify(headers(BODY), BODY, SECRET)


# ---------------------------------------------------------------- what is not


@pytest.mark.parametrize("name", ["id_", "timestamp", "signature"])
@pytest.mark.parametrize("value", [None, "", [], ["x"], b"x", 5])
def test_a_header_that_is_missing(name, value):
    """Each is needed, as text: a list is what some frameworks make of a header that came twice."""
    assert not is_taken(given_headers(**{name: value}))


@pytest.mark.parametrize(
    "sent",
    [
        f"+{SENT}",
        f" {SENT}",
        f"{SENT}\n",
        f"{SENT}.0",
        f"0{SENT}",
        "1e9",
        "-5",
        "x",
        "1" + "0" * 30,
        "9" * 5000,
        "".join(chr(0x660 + int(digit)) for digit in str(SENT)),
        str(SENT - 301),
        str(SENT + 302),
        "0",
        "nan",
    ],
)
def test_a_time_that_is_none(sent):
    """Only plain digits within five minutes: what float() or int() would make of the rest is not signed."""
    assert not is_taken(given_headers(timestamp=sent))


@pytest.mark.parametrize("now", [math.nan, math.inf, -math.inf, SENT + 301, SENT - 301])
def test_a_clock_that_is_off(now):
    """Nothing is taken at a time that is none, or far away."""
    assert not is_taken(given_headers(), now=now)


@pytest.mark.parametrize(
    "changed",
    [
        "",
        " ",
        "v1",
        "v1,",
        "v1,é",
        "v1,\ud800",
        "v2," + signature(BODY)[3:],
        signature(BODY)[3:],
        signature(BODY)[:-2],
        signature(BODY) + "=",
        signature(BODY, key=NEXT_KEY),
        signature(BODY, message_id="msg-2"),
        signature(BODY, sent=SENT + 1),
        signature(BODY + b" "),
        "x" * 100_000,
    ],
    ids=lambda text: ascii(text)[:20],
)
def test_a_signature_that_is_none(changed):
    """Of another version, key, id, time or body, cut, longer, or no Base64: it is refused, and nothing breaks."""
    assert not is_taken(given_headers(signature=changed))


@pytest.mark.parametrize("name", ["é", "\ud800", "msg\n1"])
def test_an_id_of_any_characters(name):
    """What no header can hold is not signed, and does not break."""
    assert not is_taken(given_headers(id_=name))


def test_a_header_full_of_signatures(monkeypatch):
    """A thousand of them cost one HMAC for each secret, and not one each."""
    made = []
    digest = ours.hmac.digest
    monkeypatch.setattr(ours.hmac, "digest", lambda *given: made.append(1) or digest(*given))
    assert not is_taken(given_headers(signature="v1,AAAA " * 1000), secrets=[SECRET, NEXT_SECRET])
    assert len(made) == 2


# ---------------------------------------------------------------- secrets that are none


@pytest.mark.parametrize(
    "secrets",
    [
        "",
        " ",
        "whsec_",
        "whsec_é",
        "whsec_AAAAA",
        "whsec_AA AA",
        "whsec_-_-_",
        [SECRET, ""],
        [],
        iter(()),
        b"whsec_AAAA",
        [b"whsec_AAAA"],
        [None],
        [5],
    ],
)
def test_a_secret_that_is_none(secrets):
    """It is a mistake in the setup: were it taken, for bytes its numbers for one, anyone could sign with it."""
    with pytest.raises(ConfigurationError, match="secret"):
        webhooks.verify(given_headers(), BODY, secrets, now=NOW)


# ---------------------------------------------------------------- as the library


texts = st.text(string.ascii_letters + string.digits + "_-.", min_size=1, max_size=20)
bodies = st.one_of(st.text(max_size=60).filter(lambda text: text.isascii() or text.isprintable()), st.just("{}"))


@few_and_many(
    30,
    100,
    key=st.binary(min_size=1, max_size=64),
    padded=st.booleans(),
    message_id=texts,
    sent=st.integers(SENT - 299, SENT + 299),
    body=bodies,
)
def test_what_the_library_signs_is_taken(key, padded, message_id, sent, body):
    """Whatever the key, the id, the time and the body are."""
    text = base64.b64encode(key).decode()
    secret = "whsec_" + (text if padded else text.rstrip("="))
    signed = standardwebhooks.Webhook(secret).sign(message_id, datetime.fromtimestamp(sent, UTC), body)
    found = {"webhook-id": message_id, "webhook-timestamp": str(sent), "webhook-signature": f"v1,no {signed}"}
    assert is_taken(found, body.encode(), secret)


mishaps = st.fixed_dictionaries(
    {},
    optional={
        "webhook-id": st.one_of(st.just(""), texts),
        "webhook-timestamp": st.one_of(
            st.integers(SENT - 900, SENT + 900).map(str),
            st.sampled_from(["", "x", "0", "nan", "inf", "1e99", "-1"]),
        ),
        "webhook-signature": st.one_of(
            st.sampled_from(["", "v1", "v1,", "v1,AAAA", "v2,AAAA v1,AAAA", "no", signature(BODY)[:-4]]),
            st.just(f"v2,AAAA {signature(BODY)}"),
            st.just(signature(BODY, key=NEXT_KEY)),
            st.integers(-600, 600).map(lambda seconds: signature(BODY, sent=SENT + seconds)),
        ),
    },
)


@given(changed=mishaps, left_out=st.sampled_from([None, "webhook-id", "webhook-timestamp"]), tail=st.booleans())
def test_what_the_library_refuses_is_refused(library, changed, left_out, tail):
    """We may be stricter, never laxer; where the library breaks on nonsense, we do not."""
    found = headers(BODY, sent=SENT) | changed
    found.pop(left_out, None)
    body = BODY + b" " * tail
    taken = is_taken(found, body)
    refuses = standardwebhooks.WebhookVerificationError
    with suppress(ValueError):
        try:
            library(SECRET).verify(body, found, json_parse=False)
        except refuses:
            assert not taken
        else:
            assert taken
