"""What a status alone, or a page of somebody else's, makes of a call."""

import asyncio

import pytest
from tables import crossed, mostly_slow

from kling_elements_async import (
    CreateUncertainError,
    ElementsError,
    InvalidRequestError,
    NotSentError,
    RateLimitedError,
    Retries,
    UnexpectedReplyError,
)
from kling_elements_async.gateways import EzModel

from .canary import caught
from .materials import BLIND, CALLS, KEY, READS, a_spec, blind_spec
from .wire_script import WireServer, answer, envelope, fin, land, request, send

EACH_CALL = pytest.mark.parametrize("call", CALLS)
EACH_READ = pytest.mark.parametrize("call", mostly_slow(READS, "get", "delete"))
GATEWAYS = {"ezmodel": EzModel, **BLIND}


def at(gateway):
    return lambda url: GATEWAYS[gateway](api_key=KEY, base_url=url)


# ---------------------------------------------------------------- redirects


@pytest.mark.parametrize("status", mostly_slow([301, 302, 303, 307, 308], 302, 307))
@EACH_CALL
async def test_a_redirect(server, open_session, clock, status, call):
    """Fault 31: not followed; the other server sees nothing, and the error names its origin and no more."""
    async with WireServer() as other:
        location = f"{other.url}/v1/somewhere?token=part-of-a-token"
        server.otherwise = (request, send(answer(b"", status, Location=location)), fin)
        with caught(UnexpectedReplyError) as info:
            await CALLS[call](open_session())
        assert other.connections == []
    assert "http://127.0.0.1" in str(info.value)
    assert info.value.status == status
    assert "somewhere" not in str(info.value)
    assert "part-of-a-token" not in str(info.value)
    assert len(server.requests) == 1
    assert clock.slept == []


async def test_a_redirect_names_the_whole_origin(server, open_session):
    """Fault 31: a port belongs to an origin."""
    server.otherwise = (request, send(answer(b"", 308, Location="https://other.invalid:8443/v1/x")), fin)
    with caught(UnexpectedReplyError) as info:
        await open_session().get_element("77")
    assert "https://other.invalid:8443" in str(info.value)
    assert "/v1/x" not in str(info.value)


@pytest.mark.parametrize(
    "location",
    [
        "",
        "/v1/other",
        "//other.invalid/x",
        "http://[",
        "http://[::1",
        "http://other.invalid:99999/x",
        "http://other.invalid:port/x",
        "http://someone:hush@other.invalid/x",
        "javascript:alert(1)",
        "data:,x",
        "http://other.invalid\u2100/x".encode().decode("latin-1"),
        "h" * 4000,
        "\xff\xfe",
    ],
    ids=lambda text: ascii(text)[:24],
)
@pytest.mark.parametrize("call", mostly_slow(CALLS, "get"))
async def test_a_redirect_to_nonsense(server, open_session, location, call):
    """Fault 31: whatever the Location holds, it is our error, and shows no part of a credential in it."""
    server.otherwise = (request, send(answer(b"", 302, Location=location)), fin)
    with caught(UnexpectedReplyError) as info:
        await CALLS[call](open_session())
    assert "hush" not in str(info.value)
    assert len(server.requests) == 1


# ---------------------------------------------------------------- 408, 425, 413


UNSURE = {
    f"{status} {how}": answer(body, status)
    for status in (408, 425)
    for how, body in {"empty": b"", "a page": "<html>late</html>", "JSON": envelope(None, 5999, "late")}.items()
}


@pytest.mark.parametrize(("landed", "what"), crossed([True, False], UNSURE))
async def test_too_late_or_too_early(server, open_session, what, landed):
    """Fault 40: 408 and 425 do not say whether the create happened: it is looked up."""
    server.script(request, *((land,) if landed else ()), send(UNSURE[what]), fin)
    task = await open_session().create_element(a_spec())
    assert list(server.ledger.tasks) == [task.task_id]
    assert len(server.posts) == (1 if landed else 2)
    assert len(server.looks) == (1 if landed else 3)


@pytest.mark.parametrize(("gateway", "what"), crossed(BLIND, UNSURE))
async def test_too_late_or_too_early_without_a_look_up(server, open_session, what, gateway):
    """Fault 40: uncertain, at one POST."""
    server.otherwise = (request, send(UNSURE[what]), fin)
    with caught(CreateUncertainError):
        await open_session(at(gateway)).create_element(blind_spec(gateway))
    assert len(server.requests) == 1


@pytest.mark.parametrize(("call", "what"), crossed(READS, UNSURE))
async def test_a_read_too_late_or_too_early(server, open_session, what, call):
    """Fault 40: sent again."""
    server.script(request, send(UNSURE[what]), fin)
    await CALLS[call](open_session())
    assert len(server.requests) == 2


@pytest.mark.parametrize("gateway", GATEWAYS)
@pytest.mark.parametrize(
    "body",
    [b"", "<html>413 Request Entity Too Large</html>", envelope(None, 1200, "too large")],
    ids=["", "page", "JSON"],
)
async def test_too_large(server, open_session, gateway, body):
    """Fault 41: refused for good, whoever says it, at the first POST and without a look-up."""
    server.otherwise = (request, send(answer(body, 413)), fin)
    with caught(InvalidRequestError):
        await open_session(at(gateway)).create_element(blind_spec(gateway))
    assert len(server.requests) == 1


# ---------------------------------------------------------------- 429


def slow_down(**fields):
    return (request, send(answer(envelope(None, 1302, "too many requests"), 429, **fields)), fin)


async def test_a_create_is_told_to_wait(server, open_session, clock):
    """Fault 42: refused means not taken: the same bytes go again after the pause, and nothing is looked up."""
    server.script(*slow_down(Retry_After="7"))
    await open_session().create_element(a_spec())
    first, second = server.posts
    assert first.body == second.body
    assert server.looks == []
    assert 7 <= sum(clock.slept) <= 7 * 1.2 * 1.2


@pytest.mark.parametrize("gateway", BLIND)
async def test_a_create_without_a_look_up_is_told_to_wait(server, open_session, gateway):
    """Fault 42: it may be sent again there, too."""
    refusal = {"error": {"code": "rate_limit_exceeded", "message": "slow down"}}
    server.script(request, send(answer(refusal, 429, Retry_After="2")), fin)
    server.otherwise = (
        request,
        send(answer({"id": "task-unified-1", "task_id": "1", "object": "task", "status": "pending"})),
        fin,
    )
    await open_session(at(gateway)).create_element(blind_spec(gateway))
    assert len(server.requests) == 2


@EACH_CALL
async def test_one_refusal_holds_all(server, open_session, clock, call):
    """Fault 42: after one call's 429 each of the others waits as long before it is sent."""
    session = open_session(retries=Retries(attempts=1))
    server.script(*slow_down(Retry_After="5"))
    with caught(RateLimitedError) as info:
        await session.get_element("77")
    assert info.value.retry_after == 5
    sent_after = []

    async def note():
        sent_after.append(len(server.requests))

    clock.before_waking = note
    await CALLS[call](session)
    assert sent_after[0] == 1, "it was sent before the pause was over"
    assert 4.9 <= sum(clock.slept) <= 6.1


async def test_a_create_behind_a_closed_gate(server, open_session):
    """Fault 42: what cannot be sent in time was not sent."""
    session = open_session(retries=Retries(attempts=1))
    server.script(*slow_down(Retry_After="50"))
    with caught(RateLimitedError):
        await session.get_element("77")
    with caught(NotSentError):
        await session.create_element(a_spec(), timeout=10)
    assert server.posts == []


async def test_refusals_that_name_no_pause(server, open_session, clock):
    """Fault 44: the gate closes for 1 s, 2 s, 4 s, each up to a fifth longer."""
    server.otherwise = slow_down()
    session = open_session(retries=Retries(attempts=1))
    pauses = []
    for _ in range(5):
        clock.slept.clear()
        with caught(RateLimitedError):
            await session.get_element("77")
        pauses.append(sum(clock.slept))
    assert pauses[0] == 0
    for pause, least in zip(pauses[1:], (1, 2, 4, 8), strict=True):
        assert least * 0.9 <= pause <= least * 1.2
    assert len({pause % 1 for pause in pauses[1:]}) == 4, "no jitter"


async def test_refusals_under_way_together_close_the_gate_once(server, open_session, clock):
    """Fault 44: thirty requests that were sent together count as one refusal."""
    server.otherwise = slow_down()
    session = open_session(retries=Retries(attempts=1))
    errors = await asyncio.gather(*(session.get_element("77") for _ in range(30)), return_exceptions=True)
    assert {type(error) for error in errors} == {RateLimitedError}
    clock.slept.clear()
    with caught(RateLimitedError):
        await session.get_element("77")
    assert 0.5 <= sum(clock.slept) <= 1.3


# ---------------------------------------------------------------- pages

PAGE = "<!DOCTYPE html><html>\x1b[31m\x00<body>Grüße vom Tor</body></html>" + "x" * 5000
PAGES = {
    "UTF-8": PAGE.encode(),
    "BOM": PAGE.encode("utf-8-sig"),
    "UTF-16": PAGE.encode("utf-16"),
    "Latin-1": PAGE.encode("latin-1"),
    "JSON in UTF-16": '{"code": 0, "data": {"task_id": "1"}}'.encode("utf-16"),
    "JSON in Latin-1": '{"code": 0, "message": "Grüße", "data": {"task_id": "1"}}'.encode("latin-1"),
}
EACH_PAGE = pytest.mark.parametrize("page", mostly_slow(PAGES, "UTF-8", "UTF-16", "JSON in Latin-1"))
EACH_STATUS = pytest.mark.parametrize("status", mostly_slow([200, 403, 502, 503], 200, 403))


@EACH_PAGE
@EACH_STATUS
@pytest.mark.parametrize("call", mostly_slow(READS, "get"))
async def test_a_page_for_a_read(server, open_session, page, status, call):
    """Fault 49: never a model; the first characters are in the error, made safe."""
    server.otherwise = (request, send(answer(PAGES[page], status, Content_Type="text/html")), fin)
    with caught(UnexpectedReplyError) as info:
        await CALLS[call](open_session())
    assert info.value.status == status
    assert 0 < len(info.value.excerpt) <= 200
    assert info.value.excerpt.isprintable()
    assert len(server.requests) == (1 if status == 403 else 4)


@EACH_PAGE
@EACH_STATUS
async def test_a_page_for_a_create_that_landed(server, open_session, page, status):
    """Fault 49: looked up, and adopted."""
    server.script(request, land, send(answer(PAGES[page], status, Content_Type="text/html")), fin)
    task = await open_session().create_element(a_spec())
    assert list(server.ledger.tasks) == [task.task_id]
    assert len(server.posts) == 1


@EACH_PAGE
@EACH_STATUS
async def test_a_page_for_a_create_that_did_not_land(server, open_session, page, status):
    """Fault 49: a page with 403 came from a door: one look, then its status is raised; else it goes once more."""
    server.script(request, send(answer(PAGES[page], status, Content_Type="text/html")), fin)
    if status == 403:
        with caught(UnexpectedReplyError) as info:
            await open_session().create_element(a_spec())
        assert info.value.status == 403
        assert (len(server.posts), len(server.looks)) == (1, 1)
    else:
        await open_session().create_element(a_spec())
        assert (len(server.posts), len(server.looks)) == (2, 3)


@EACH_PAGE
@EACH_STATUS
@pytest.mark.parametrize("gateway", mostly_slow(BLIND, "anyfast"))
async def test_a_page_for_a_create_without_a_look_up(server, open_session, page, status, gateway):
    """Fault 49: uncertain, at one POST."""
    server.otherwise = (request, send(answer(PAGES[page], status, Content_Type="text/html")), fin)
    with pytest.raises(ElementsError) as info:
        await open_session(at(gateway)).create_element(blind_spec(gateway))
    assert type(info.value) is CreateUncertainError
    assert len(server.requests) == 1


async def test_cookies(server, open_session):
    """Fault 118: nothing is stored and nothing sent back, whatever the age that a cookie claims."""
    cookie = "sid=1; Path=/; Max-Age=99999999999999999999"
    server.script(request, send(answer(envelope({"task_id": "77"}), Set_Cookie=cookie)), request, fin)
    session = open_session()
    await session.get_element("77")
    await session.get_element("77")
    await session.create_element(a_spec())
    assert not any("cookie" in seen.headers for seen in server.requests)
