"""Answers that are no success: refusals in every shape, and what is no answer at all."""

import re

import pytest
from tables import crossed

from kling_elements_async import (
    ApiError,
    AuthenticationError,
    ContentPolicyError,
    ElementsError,
    GatewayBrokenError,
    InsufficientBalanceError,
    InvalidRequestError,
    NoReplyError,
    NotFoundError,
    PermissionDeniedError,
    RateLimitedError,
    Retries,
    UnexpectedReplyError,
)

from .errors import caught
from .materials import GATEWAYS, NATIVE
from .server import CLOSE, CUT, CUT_JSON, HTML, RESET, Act, refuses, says

TASK = "task-unified-1"
DEEP = b"[" * 1_000_000
GARBAGE = {
    "a page": says(HTML),
    "a page with a byte order mark": says(b"\xef\xbb\xbf" + HTML.encode()),
    "a page in UTF-16": says(HTML.encode("utf-16")),
    "cut JSON": CUT_JSON,
    "an empty object": says({}),
    "null": says(b"null"),
    "a list": says([]),
    "a text": says(b'"hello"'),
    "a number": says(b"7"),
    "an empty body": says(b""),
    "bytes": says(bytes(range(256))),
    "deep nesting": says(DEEP),
    "deep nesting that ends": says(DEEP + b"]" * 1_000_000),
    "a number of 5000 digits": says(b'{"code": 0, "data": {"task_id": ' + b"9" * 5000 + b"}}"),
    "not a number": says(b'{"code": NaN, "data": {"task_id": Infinity}}'),
    "data of another kind": says({"code": 0, "data": "fine"}),
    "data in a list in a list": says({"code": 0, "data": [[1], None, "x"]}),
    "an element of another kind": says({"code": 0, "data": {"task_id": ["1"], "task_result": "x"}}),
    "another encoding": says(b'{"code": 0}', Content_Encoding="br"),
    "not gzip": says(b'{"code": 0}', Content_Encoding="gzip"),
    "a strange status": Act(fate="raw", body=b"HTTP/1.1 999 What\r\nContent-Length: 2\r\n\r\n{}"),
    "no HTTP": Act(fate="raw", body=b"SSH-2.0-OpenSSH_9.6\r\n\r\n"),
    "two lengths": Act(fate="raw", body=b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}"),
    "a long header": Act(fate="raw", body=b"HTTP/1.1 200 OK\r\nX: " + b"x" * 20_000 + b"\r\n\r\n{}"),
    "a cut body": CUT,
    "a reset": RESET,
    "an early end": CLOSE,
}

MEANINGLESS = [what for what in GARBAGE if what not in {"an empty object", "a list"}]
CLASSES = [
    (400, InvalidRequestError),
    (401, AuthenticationError),
    (402, InsufficientBalanceError),
    (403, PermissionDeniedError),
    (429, RateLimitedError),
    (500, GatewayBrokenError),
    (503, GatewayBrokenError),
]


@pytest.mark.parametrize(("gateway", "what"), crossed(["ezmodel", "evolink"], GARBAGE))
async def test_garbage_for_a_query(server, open_session, gateway, what):
    """It is one of our errors, whatever came; it is no refusal, and nothing was found or not found."""
    server.always("get", GARBAGE[what])
    with caught(ElementsError) as info:
        await open_session(gateway).get_element(TASK)
    assert not isinstance(info.value, (InvalidRequestError, AuthenticationError))


@pytest.mark.parametrize(("call", "what"), crossed(["list", "presets", "delete"], MEANINGLESS))
async def test_garbage_for_the_other_calls(server, open_session, call, what):
    """Lists and deletes, too, end in one of our errors or, where the garbage can mean it, in an empty answer."""
    server.always(call, GARBAGE[what])
    session = open_session(retries=Retries(attempts=2))
    calls = {"list": session.list_elements, "presets": session.list_preset_elements}
    try:
        page = await (calls[call]() if call in calls else session.delete_element("1"))
        assert page is None or page.elements == ()
    except ElementsError:
        return
    assert "data" in what or "an element of another kind" in what


@pytest.mark.parametrize(
    ("call", "what"), crossed(["get", "list", "delete"], ["a reset", "an early end", "a cut body"])
)
async def test_no_whole_answer(server, open_session, call, what):
    """Reads and deletes are sent again, so many times; then it is said that no answer came."""
    server.always(call, GARBAGE[what])
    session = open_session()
    calls = {"get": session.get_element, "delete": session.delete_element}
    with caught(NoReplyError) as info:
        await (calls[call]("1") if call in calls else session.list_elements())
    assert isinstance(info.value, ConnectionError)
    assert 4 <= len(server.seen) <= 8


@pytest.mark.parametrize("status", [200, 404])
async def test_a_page_is_no_answer(server, open_session, status):
    """A page from a CDN is not understood; it never means that a task is missing."""
    server.always("get", says(HTML, status))
    with caught(UnexpectedReplyError) as info:
        await open_session().get_element("1")
    assert info.value.status == status
    assert "It is not here" in info.value.excerpt
    assert not isinstance(info.value, NotFoundError)


async def test_a_page_from_a_broken_gateway(server, open_session):
    """502 is sent again, and then named."""
    server.always("get", says(HTML, 502))
    with caught(GatewayBrokenError, UnexpectedReplyError) as info:
        await open_session().get_element("1")
    assert info.value.status == 502
    assert len(server.seen) == 4


async def test_one_page_among_good_answers(server, open_session):
    """A read that met a 502 is sent again and succeeds."""
    known = server.accounts["ezmodel"].add()
    server.script("get", says(HTML, 502))
    assert (await open_session().get_element(known.task_id)).task_id == known.task_id
    assert len(server.seen) == 2


@pytest.mark.parametrize(("status", "gateway"), crossed([200, 400, 404], [*NATIVE, "anyfast"]))
async def test_a_code_in_words(server, open_session, gateway, status):
    """`task_not_exist` is not found, whatever the HTTP status."""
    server.always("get", says({"code": "task_not_exist", "message": "task_not_exist", "data": None}, status))
    with caught(NotFoundError) as info:
        await open_session(gateway).get_element("1")
    assert (info.value.code, info.value.status, info.value.message) == (
        "task_not_exist",
        status,
        "task_not_exist",
    )
    assert re.search("element.id", str(info.value), re.IGNORECASE)


async def test_a_failure_in_words(server, open_session):
    """A text code that nobody knows is a refusal that keeps its text."""
    server.always("get", says({"code": "task_failed", "message": "no channel", "data": None}, 400))
    with caught(ApiError) as info:
        await open_session().get_element("1")
    assert (info.value.code, info.value.message) == ("task_failed", "no channel")


@pytest.mark.parametrize(("status", "kind", "gateway"), crossed(CLASSES, GATEWAYS))
async def test_an_error_object(server, open_session, gateway, status, kind):
    """`{"error": {…}}` is a refusal; its class comes from the status, its request id from the text."""
    error = {"message": "It failed (request id: 20260101abc)", "type": "new_api_error", "code": "some_code"}
    server.always("get", says({"error": error}, status))
    with caught(kind) as info:
        await open_session(gateway, retries=Retries(attempts=1)).get_element(TASK)
    assert (info.value.gateway, info.value.status, info.value.code) == (gateway, status, "some_code")
    assert "It failed" in info.value.message
    assert info.value.request_id in {None, "20260101abc"}


@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [
        (400, "invalid_request", InvalidRequestError),
        (401, "unauthorized", AuthenticationError),
        (402, "insufficient_quota", InsufficientBalanceError),
        (403, "model_access_denied", PermissionDeniedError),
        (400, "content_policy_violation", ContentPolicyError),
        (429, "rate_limit_exceeded", RateLimitedError),
        (502, "upstream_error", GatewayBrokenError),
    ],
)
async def test_evolink_errors(server, open_session, status, code, kind):
    """The published HTTP errors of evolink, each in its class."""
    server.always("get", says({"error": {"code": code, "message": "Sorry", "type": "api_error"}}, status))
    with caught(kind) as info:
        await open_session("evolink", retries=Retries(attempts=1)).get_element(TASK)
    assert (info.value.status, info.value.code, info.value.message) == (status, code, "Sorry")


async def test_an_error_beside_data(server, open_session):
    """The error wins."""
    server.always(
        "get", says({"code": 0, "data": {"task_id": "1"}, "error": {"message": "It failed", "code": "x"}})
    )
    with caught(ApiError):
        await open_session(retries=Retries(attempts=1)).get_element("1")


async def test_terminal_codes_in_a_text(server, open_session):
    """A refusal cannot colour a terminal or forge a line of a log."""
    server.always("get", refuses(400, 1200, "bad\x1b[31m\r\nINFO all is well " + "x" * 100_000))
    with caught(InvalidRequestError) as info:
        await open_session().get_element("1")
    assert not set("\x1b\r\n") & set(info.value.message)
    assert len(str(info.value)) < 5000


async def test_an_answer_about_another_task(server, open_session):
    """A cache or a mix-up at the gateway: nobody gets another one's element."""
    other = server.accounts["ezmodel"].add()
    body = {"code": 0, "data": server.accounts["ezmodel"].record(other, "succeed")}
    server.always("get", says(body))
    with caught(UnexpectedReplyError):
        await open_session().get_element("1")
