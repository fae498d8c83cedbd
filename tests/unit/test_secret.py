"""Keys that cannot be shown by accident."""

import copy
import logging
import pickle
import traceback
from pathlib import Path

import pytest
from attrs import asdict, frozen

from kling_elements_async import ConfigurationError, ElementsSession, secret
from kling_elements_async.gateways import AnyFast, EvoLink, EzModel, Kkiai, Kling
from kling_elements_async.secret import MaskedStr, Secret, hidden
from kling_elements_async.wire import checked_key

CANARY = "canary-0123"
PACKAGE = str(Path(secret.__file__).parent)
BUILDERS = {
    "insecure": lambda key: EzModel(api_key=key, base_url="http://example.com"),
    "a space": lambda key: AnyFast(api_key=f"{key} {key}"),
    "a line end": lambda key: EvoLink(api_key=f"{key}\r\nX: {key}"),
    "no ASCII": lambda key: Kkiai(api_key=f"{key}é"),
    "both": lambda key: Kling(api_key=key, access_key=key, secret_key=key),
    "half": lambda key: Kling(secret_key=key),
    "a bad secret key": lambda key: Kling(access_key=key, secret_key=f"{key} {key}"),
    "a pair and a bad base": lambda key: Kling(access_key=key, secret_key=key, base_url="ftp://example.com"),
}


@frozen
class Holder:
    secret: Secret


def test_a_secret_prints_as_stars():
    """repr, str, format, a log, asdict and the repr of what holds it: none shows the key."""
    secret = Secret(CANARY)
    record = logging.makeLogRecord({"msg": "%s %r", "args": (secret, secret)})
    shown = [
        repr(secret),
        str(secret),
        f"{secret}",
        record.getMessage(),
        repr(Holder(secret)),
        repr(asdict(Holder(secret))),
    ]
    assert [text for text in shown if CANARY in text] == []
    assert all("***" in text for text in shown)


def test_a_secret_compares():
    """Equal keys are equal, and only the one method gives the text away, whose repr is masked."""
    secret = Secret(CANARY)
    assert (secret == Secret(CANARY), secret == Secret("other"), secret == CANARY) == (True, False, False)
    assert hash(secret) == hash(Secret(CANARY))
    assert secret.reveal() == CANARY
    assert CANARY not in repr(secret.reveal())


@pytest.mark.parametrize("leave", [pickle.dumps, copy.deepcopy])
@pytest.mark.parametrize("holder", [Secret(CANARY), EzModel(api_key=CANARY)], ids=["a key", "a gateway"])
def test_a_secret_does_not_leave(leave, holder):
    """Neither a key nor the gateway that holds it is pickled; a copy of the gateway shows nothing."""
    with pytest.raises(TypeError, match="pickle") as info:
        leave(holder)
    assert CANARY not in repr(info.value)
    if isinstance(holder, EzModel):
        assert CANARY not in repr(copy.copy(holder)) + repr(vars(copy.copy(holder)))


@pytest.mark.parametrize("build", list(BUILDERS.values()), ids=list(BUILDERS))
def test_a_traceback_with_locals(build):
    """A gateway that can't be built shows no part of its key: not in the error, nor in the frames of the package."""
    key = MaskedStr(CANARY)
    with pytest.raises(ConfigurationError) as info:
        build(key)
    shown = traceback.TracebackException.from_exception(info.value, capture_locals=True)
    frames = [f"{frame.locals}" for frame in shown.stack if PACKAGE in frame.filename]
    assert frames
    assert CANARY not in "".join(frames) + str(info.value) + repr(info.value) + repr(vars(info.value))
    assert (info.value.__cause__, info.value.__context__) == (None, None)


def test_the_environment_in_a_traceback(monkeypatch):
    """The same holds where the key comes from the environment."""
    monkeypatch.setenv("KLING_GATEWAY", "ezmodel")
    monkeypatch.setenv("KLING_API_KEY", CANARY)
    monkeypatch.setenv("KLING_BASE_URL", "http://example.com")
    with pytest.raises(ConfigurationError) as info:
        ElementsSession.from_env()
    shown = traceback.TracebackException.from_exception(info.value, capture_locals=True)
    assert CANARY not in "".join(shown.format())


@pytest.mark.parametrize(
    ("pasted", "key"),
    [
        ("abc", "abc"),
        ("  abc\n", "abc"),
        ("Bearer abc", "abc"),
        ("bearer\tabc", "abc"),
        (" BEARER  abc ", "abc"),
        ("bearerabc", "bearerabc"),
        ("a" * 5000, "a" * 5000),
    ],
)
def test_a_key_that_can_be_one(pasted, key):
    """A pasted "Bearer " and the spaces around are taken off."""
    assert checked_key(pasted, "ezmodel").reveal() == key


@pytest.mark.parametrize(
    "key",
    [
        "",
        " ",
        "\n",
        "Bearer",
        "Bearer ",
        "a b",
        "a\r\nb",
        "a\0b",
        "é",
        "a\u00a0b",
        "a\u200bb",
        None,
        5,
        b"abc",
        ["abc"],
    ],
)
def test_a_key_that_cannot_be_one(key):
    """It is refused before anything is sent; the error names the gateway."""
    with pytest.raises(ConfigurationError, match="ezmodel"):
        checked_key(key, "ezmodel")


def test_what_is_hidden():
    """Texts are masked in a repr, and what is no text shows its type only."""
    assert (hidden("abc"), repr(hidden("abc")), hidden(None)) == ("abc", "'***'", None)
    assert "canary" not in f"{hidden(b'canary')!r} {hidden(['canary'])!r}"


@pytest.mark.parametrize("name", ["ezmodel", "kkiai", "anyfast", "evolink"])
def test_a_pair_of_keys_where_none_is_taken(monkeypatch, name):
    """Said in one line, which names the variable that is."""
    for variable, value in {"GATEWAY": name, "ACCESS_KEY": CANARY, "SECRET_KEY": CANARY, "API_KEY": ""}.items():
        monkeypatch.setenv(f"KLING_{variable}", value)
    with pytest.raises(ConfigurationError, match=f"{name} takes KLING_API_KEY"):
        ElementsSession.from_env()
