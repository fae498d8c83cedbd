"""The table of codes: the class of the error, what it says, and whether the request is sent again."""

import email.utils
import re
import time

import pytest
from tables import crossed

from kling_elements_async import (
    AuthenticationError,
    ContentPolicyError,
    DuplicateTaskError,
    ElementsSession,
    GatewayBrokenError,
    InsufficientBalanceError,
    InvalidRequestError,
    NotFoundError,
    NotSentError,
    PermissionDeniedError,
    RateLimitedError,
    Retries,
    TooManyTasksError,
)
from kling_elements_async.gateways import Kling

from .errors import caught
from .materials import GATEWAYS, NATIVE, a_spec
from .server import ACCESS_KEY, RESET, SECRET_KEY, TRUE, late, refuses, says

REFUSED = [
    (401, 1000, AuthenticationError),
    (401, 1001, AuthenticationError),
    (401, 1002, AuthenticationError),
    (401, 1003, AuthenticationError),
    (401, 1004, AuthenticationError),
    (429, 1100, InsufficientBalanceError),
    (429, 1101, InsufficientBalanceError),
    (429, 1102, InsufficientBalanceError),
    (403, 1103, PermissionDeniedError),
    (400, 1200, InvalidRequestError),
    (400, 1201, InvalidRequestError),
    (404, 1202, InvalidRequestError),
    (404, 1203, NotFoundError),
    (400, 1300, ContentPolicyError),
    (400, 1301, ContentPolicyError),
    (429, 1304, PermissionDeniedError),
]
PASSING = [
    (429, 1302, RateLimitedError),
    (429, 1303, TooManyTasksError),
    (500, 5000, GatewayBrokenError),
    (503, 5001, GatewayBrokenError),
    (504, 5002, GatewayBrokenError),
]


def check(error, kind, status, code):
    assert type(error) is kind
    assert (error.gateway, error.status, str(error.code)) == ("ezmodel", status, str(code))
    assert (error.message, error.request_id) == ("What happened", "req-refused")


@pytest.mark.parametrize(("status", "code", "kind"), REFUSED + PASSING)
async def test_the_class_of_a_code(server, open_session, status, code, kind):
    """The code decides, and the error carries all that came with it."""
    server.always("list", refuses(status, code, "What happened"))
    with caught(kind) as info:
        await open_session(retries=Retries(attempts=1)).list_elements()
    check(info.value, kind, status, code)
    assert len(server.seen) <= 1 + (code in {1003, 1004})


@pytest.mark.parametrize(("status", "code", "kind"), REFUSED)
async def test_the_code_decides_whatever_the_status(server, open_session, status, code, kind):
    """The same code under HTTP 200 is the same refusal."""
    server.always("list", refuses(200, code, "What happened"))
    with caught(kind) as info:
        await open_session().list_elements()
    check(info.value, kind, 200, code)


@pytest.mark.parametrize(("call", "status", "code", "kind"), crossed(["create", "get"], REFUSED))
async def test_a_refusal_is_not_sent_again(server, open_session, call, status, code, kind):
    """One request, also for 1100 to 1102 and 1304 under 429; nothing was created and nothing is looked up."""
    server.always(call, refuses(status, code, "What happened"))
    session = open_session()
    with caught(kind) as info:
        await (session.create_element(a_spec()) if call == "create" else session.get_element("1"))
    assert type(info.value) is kind
    assert len(server.seen) <= 1 + (code in {1003, 1004})


@pytest.mark.parametrize(("status", "code", "kind", "gateway"), crossed(PASSING, NATIVE))
async def test_what_passes_is_sent_again(server, open_session, gateway, status, code, kind):
    """A read that met a limit or a broken gateway succeeds at the next try."""
    server.script("list", refuses(status, code))
    await open_session(gateway).list_elements()
    assert len(server.seen) == 2


@pytest.mark.parametrize(("code", "gateway"), crossed([1302, 1303], NATIVE))
async def test_a_create_at_the_limit(server, open_session, gateway, code):
    """Nothing was created, so it is sent again after a second or more, with the same external id, and never looked up."""
    server.script("create", refuses(429, code))
    task = await open_session(gateway).create_element(a_spec())
    first, second = server.seen
    assert first.body == second.body
    assert second.at - first.at >= 0.8
    assert list(server.accounts[gateway].tasks) == [task.task_id]


@pytest.mark.parametrize("code", [1302, 1303])
async def test_a_create_at_a_limit_that_stays(server, open_session, clock, code):
    """It gives up within its timeout, and says why or that nothing was sent."""
    server.always("create", refuses(429, code))
    start = clock.now()
    with caught(RateLimitedError, NotSentError):
        await open_session().create_element(a_spec(), timeout=60)
    assert clock.now() - start <= 61
    assert 2 <= len(server.seen) <= 40


@pytest.mark.parametrize("gateway", GATEWAYS)
async def test_429_without_a_code(server, open_session, gateway):
    """A plain limit at any gateway refuses a create, which is sent again: nothing was created."""
    error = {"error": {"code": "rate_limit_exceeded", "message": "Too many requests", "type": "rate_limit_error"}}
    server.script("create", says(error, 429))
    task = await open_session(gateway).create_element(a_spec(gateway))
    assert list(server.accounts[gateway].tasks) == [task.task_id]
    assert len(server.calls("create")) == 2


@pytest.mark.parametrize("gateway", GATEWAYS)
async def test_402_for_a_create(server, open_session, gateway):
    """No money is no reason to try again."""
    error = {"error": {"code": "insufficient_quota", "message": "Please top up", "type": "insufficient_quota"}}
    server.always("create", says(error, 402))
    with caught(InsufficientBalanceError):
        await open_session(gateway).create_element(a_spec(gateway))
    assert len(server.seen) == 1


@pytest.mark.parametrize("call", ["create", "list"])
async def test_retry_after_is_honoured(server, open_session, call):
    """The next request comes after as many seconds as the gateway asked for, and not much later."""
    server.script(call, refuses(429, 1302, Retry_After="7"))
    session = open_session()
    await (session.create_element(a_spec()) if call == "create" else session.list_elements())
    first, second = server.seen
    assert 7 <= second.at - first.at <= 9


async def test_retry_after_as_a_date(server, open_session):
    """A date is compared with the date of the same answer, not with the clock on our wall."""
    then = time.time() - 86400
    dates = {
        "Date": email.utils.formatdate(then, usegmt=True),
        "Retry_After": email.utils.formatdate(then + 7, usegmt=True),
    }
    server.script("list", refuses(429, 1302, **dates))
    await open_session().list_elements()
    first, second = server.seen
    assert 6 <= second.at - first.at <= 9


@pytest.mark.parametrize("value", ["-1", "nan", "", "junk"])
async def test_retry_after_that_is_junk(server, open_session, value):
    """It is as if it were not there."""
    server.script("list", refuses(429, 1302, Retry_After=value))
    await open_session().list_elements()
    first, second = server.seen
    assert 0.8 <= second.at - first.at <= 10


async def test_retry_after_beyond_patience(server, open_session, clock):
    """An hour is not waited for: the error tells it."""
    server.always("list", refuses(429, 1302, Retry_After="3600"))
    start = clock.now()
    with caught(RateLimitedError) as info:
        await open_session().list_elements()
    assert info.value.retry_after == 3600
    assert clock.now() - start <= 60


async def test_retries_bound_a_call(server, open_session, clock):
    """So many attempts, so many seconds."""
    server.always("list", refuses(503, 5001))
    with caught(GatewayBrokenError):
        await open_session(retries=Retries(attempts=3)).list_elements()
    assert len(server.seen) == 3
    start = clock.now()
    with caught(GatewayBrokenError, NotSentError):
        await open_session("kling", retries=Retries(attempts=1000, within=10.0)).list_elements()
    assert clock.now() - start <= 10.1


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("Task not found by id/external id: 1", NotFoundError),
        ("Element already be deleted for id: 1", NotFoundError),
        ("External_task_id mine already exists", DuplicateTaskError),
        ("File is not in a valid base64 format", InvalidRequestError),
    ],
)
async def test_the_text_of_a_1201_tells_it(server, open_session, text, kind):
    """1201 stands for everything; only the text tells a miss from a duplicate from a mistake."""
    server.always("get", refuses(400, 1201, text))
    with caught(kind) as info:
        await open_session().get_element("1")
    assert type(info.value) is kind
    assert info.value.message == text


async def test_a_miss_asks_whether_an_element_id_was_meant(open_session):
    """The usual mistake is to ask for an element by its element id."""
    with caught(NotFoundError) as info:
        await open_session().get_element("856528387816046601")
    assert re.search("element.id", str(info.value), re.IGNORECASE)


@pytest.mark.parametrize("code", [1003, 1004])
async def test_an_expired_signature(server, clock, code):
    """With a pair of keys it is signed anew, once."""
    gateway = Kling(access_key=ACCESS_KEY, secret_key=SECRET_KEY, base_url=server.origin)
    async with ElementsSession(gateway, clock=clock) as session:
        server.script("list", refuses(401, code), TRUE)
        await session.list_elements()
        assert len(server.seen) == 2
        server.always("list", refuses(401, code))
        with caught(AuthenticationError):
            await session.list_elements()
    assert len(server.seen) == 4


@pytest.mark.parametrize("gateway", NATIVE)
async def test_deleting_twice(server, open_session, gateway):
    """Gone is gone: an error, or a success where the caller does not mind."""
    element_id = server.accounts[gateway].add().element["element_id"]
    session = open_session(gateway)
    await session.delete_element(element_id)
    with caught(NotFoundError):
        await session.delete_element(element_id)
    assert await session.delete_element(element_id, missing_ok=True) is None


async def test_a_delete_whose_answer_is_lost(server, open_session):
    """The second try finds nothing to delete, which is what was wanted."""
    known = server.accounts["ezmodel"].add()
    server.script("delete", late(RESET))
    assert await open_session().delete_element(known.element["element_id"]) is None
    assert known.element["status"] == "deleted"
    assert len(server.seen) == 2
