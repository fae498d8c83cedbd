"""What an address, a key or a hostile answer must not do."""

import gzip
import json
import pickle
import ssl

import pytest
import trustme
from tables import crossed

from kling_elements_async import (
    AuthenticationError,
    ConfigurationError,
    ElementsSession,
    NotSentError,
    UnexpectedReplyError,
)

from .account import envelope
from .errors import caught, check_no_secret, shown
from .materials import GATEWAYS, a_spec
from .server import ACCESS_KEY, KEY, SECRET_KEY, Server, says

PAIR = {"access_key": ACCESS_KEY, "secret_key": SECRET_KEY}
FINISHED = envelope({"task_id": "1", "task_status": "processing"})

UNSAFE = [
    "http://example.com",
    "http://127.0.0.1.example.com",
    "http://10.0.0.1",
    "https://user:hush@example.com",
    "https://user@example.com",
    "https://example.com/kling?x=1",
    "https://example.com/kling#part",
    "https://example.com/../kling",
    "https://",
    "example.com",
    "ftp://example.com",
    "file:///etc/passwd",
    "https://example.com/a\r\nX-Evil: 1",
]


def opened(name="ezmodel", **settings):
    """A gateway in a session: a mistake in either shows by now."""
    return ElementsSession(GATEWAYS[name](**({"api_key": KEY} | settings)))


@pytest.mark.parametrize(("gateway", "address"), crossed(GATEWAYS, UNSAFE))
def test_an_address_that_is_not_safe(gateway, address):
    """HTTPS to a plain place, or loopback; anything else is a mistake of configuration."""
    with caught(ConfigurationError) as info:
        opened(gateway, base_url=address)
    assert isinstance(info.value, ValueError)
    assert "hush" not in str(info.value)


@pytest.mark.parametrize(
    "address", ["http://127.0.0.1:1", "http://localhost:1", "http://[::1]:1", "https://example.com/kling/"]
)
async def test_an_address_that_is_safe(address):
    """Loopback may do without TLS; a slash at the end is harmless."""
    await opened(base_url=address).close()


@pytest.mark.parametrize(
    ("gateway", "key"),
    crossed(
        GATEWAYS, ["", " ", "Bearer ", "hush\nhush", "hush\r\nX-Evil: 1", "hush hush", "hush\x00", "hüsh", None]
    ),
)
def test_a_key_that_cannot_be_one(gateway, key):
    """It would break the header: refused, and not shown."""
    with caught(ConfigurationError) as info:
        opened(gateway, api_key=key)
    assert not any(part in repr(info.value) for part in ("hush", "hüsh"))


@pytest.mark.parametrize("half", [(), ("access_key",), ("secret_key",)], ids=str)
def test_half_a_pair_of_keys(half):
    """No key, or half of one, is a mistake of configuration."""
    with caught(ConfigurationError):
        GATEWAYS["kling"](**{name: PAIR[name] for name in half})


@pytest.mark.parametrize(
    ("call", "status"), crossed(["get_element", "delete_element", "create_element"], [301, 302, 303, 307, 308])
)
async def test_a_redirect(server, open_session, status, call):
    """It is not followed: neither the key nor the body reaches the other server, and only its origin is named."""
    async with Server() as other:
        location = f"{other.origin}/ezmodel/kling/v1/stolen?token=secret-part"
        for name in ("get", "delete", "create"):
            server.always(name, says(b"", status, Location=location))
        with caught(UnexpectedReplyError) as info:
            await getattr(open_session(), call)(a_spec() if call == "create_element" else "1")
        assert other.accepted == 0
    assert "secret-part" not in str(info.value)
    assert len(server.seen) == 1


async def test_cookies(server, open_session):
    """Set-Cookie is not stored, so nothing is sent back."""
    server.script("get", says(FINISHED, Set_Cookie="sid=1; Path=/; Max-Age=99999999999999999999"))
    session = open_session()
    await session.get_element("1")
    await session.list_elements()
    await session.create_element(a_spec())
    assert not any("cookie" in seen.headers for seen in server.seen)


async def test_proxies_of_the_environment(server, open_session, monkeypatch, tmp_path):
    """HTTP_PROXY and its relatives divert nothing, and a .netrc is not looked at."""
    netrc = tmp_path / "netrc"
    netrc.write_text("default login someone password something\n")
    async with Server() as other:
        for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
            monkeypatch.setenv(name, other.origin)
            monkeypatch.setenv(name.lower(), other.origin)
        monkeypatch.setenv("NETRC", str(netrc))
        monkeypatch.delenv("NO_PROXY", raising=False)
        monkeypatch.delenv("no_proxy", raising=False)
        session = open_session()
        await session.list_elements()
        await session.create_element(a_spec())
        assert other.accepted == 0
    assert [seen.bearer for seen in server.seen] == [True, True]


def huge(size):
    """A good answer with a lot of blank space behind it."""
    return json.dumps(FINISHED).encode() + b" " * size


async def test_a_huge_answer(server, open_session):
    """9 MiB are too much, although they are a good answer."""
    server.always("get", says(huge(9 * 2**20)))
    with caught(UnexpectedReplyError):
        await open_session().get_element("1")


async def test_a_large_answer(server, open_session):
    """7 MiB are not."""
    server.always("get", says(huge(7 * 2**20)))
    assert (await open_session().get_element("1")).task_id == "1"


@pytest.mark.slow
async def test_a_gzip_bomb(server, open_session):
    """What counts is the size after unpacking."""
    server.always("get", says(gzip.compress(huge(64 * 2**20), compresslevel=1), Content_Encoding="gzip"))
    with caught(UnexpectedReplyError):
        await open_session().get_element("1")


async def test_a_small_gzip(server, open_session):
    """A gateway that packs its answers although nobody asked is understood, or refused with one of our errors."""
    server.always("get", says(gzip.compress(huge(0)), Content_Encoding="gzip"))
    try:
        task = await open_session().get_element("1")
    except UnexpectedReplyError:
        return
    assert task.task_id == "1"


async def test_links_in_an_answer_are_not_followed(server, open_session):
    """A `next` or a `url` of the gateway's is only data."""
    async with Server() as other:
        body = {"code": 0, "data": [], "next": f"{other.origin}/v1/x", "url": f"{other.origin}/v1/y"}
        server.always("list", says(body))
        assert [element async for element in open_session().iter_elements()] == []
        assert other.accepted == 0


@pytest.mark.parametrize("gateway", GATEWAYS)
async def test_the_key_shows_nowhere(server, open_session, gateway):
    """Not in the repr of a gateway or a session, nor in what they pickle to, if they do."""
    session = open_session(gateway)
    await session.create_element(a_spec(gateway))
    thing = GATEWAYS[gateway](api_key=KEY, base_url=server.base_url(gateway))
    check_no_secret(repr(session), str(session), repr(thing), str(thing), repr(vars(session)))
    for each in (session, thing):
        check_no_secret(_pickled(each))


async def test_the_pair_of_keys_shows_nowhere(server, clock):
    """Neither the secret key nor a token made of it."""
    thing = GATEWAYS["kling"](**PAIR, base_url=server.origin)
    check_no_secret(repr(thing), str(thing), _pickled(thing))
    server.always("list", says(b"<html>"))
    async with ElementsSession(thing, clock=clock) as session:
        with caught(UnexpectedReplyError) as info:
            await session.list_elements()
    assert not any("eyJ" in text for text in shown(info.value))


def _pickled(thing):
    try:
        return pickle.dumps(thing).decode("latin-1")
    except TypeError as error:
        return str(error)


async def test_a_key_that_the_gateway_repeats(server, open_session):
    """Some gateways quote the key in their refusal; ours does not."""
    server.always("list", says({"code": 1002, "message": f"invalid token {KEY}", "data": None}, 401))
    with caught(AuthenticationError):
        await open_session().list_elements()


async def test_a_gateway_without_tls(server, open_session):
    """A server that speaks no TLS on a TLS address is never reached, and never without TLS."""
    async with opened(base_url=f"https://127.0.0.1:{server.port}/ezmodel/kling") as session:
        with caught(NotSentError):
            await session.create_element(a_spec(), timeout=0.2)
    assert server.seen == []


async def test_a_certificate_that_nobody_signed():
    """It is refused at the first try, and nothing is sent."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    trustme.CA().issue_cert("127.0.0.1").configure_cert(context)
    async with Server(context) as server, opened(base_url=f"https://127.0.0.1:{server.port}") as session:
        with caught(NotSentError) as info:
            await session.create_element(a_spec(), timeout=5)
        assert server.seen == []
    assert "certificate" in str(info.value).lower()
