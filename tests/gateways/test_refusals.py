"""What the readers make of a refusal, and of what is no answer of a gateway at all."""

import pytest
from tables import mostly_slow

from kling_elements_async import (
    ApiError,
    AuthenticationError,
    ContentPolicyError,
    DuplicateTaskError,
    GatewayBrokenError,
    InsufficientBalanceError,
    InvalidRequestError,
    NotFoundError,
    NotOfferedError,
    PermissionDeniedError,
    RateLimitedError,
    TaskStatus,
    TooManyTasksError,
    UnexpectedReplyError,
)

from .documents import (
    CALLS,
    CREATED,
    FAMILY,
    FLAT,
    GATEWAYS,
    HTML,
    KEYED,
    TASK,
    TASK_ID,
    UNIFIED_CREATED,
    UNIFIED_FAILED,
    UNIFIED_ID,
    enveloped,
    read,
    refused,
    reply,
)

CODES = [
    *[(401, code, AuthenticationError) for code in (1000, 1001, 1002, 1003, 1004)],
    *[(429, code, InsufficientBalanceError) for code in (1100, 1101, 1102)],
    (403, 1103, PermissionDeniedError),
    (400, 1200, InvalidRequestError),
    (400, 1201, InvalidRequestError),
    (404, 1202, InvalidRequestError),
    (404, 1203, NotFoundError),
    (400, 1300, ContentPolicyError),
    (400, 1301, ContentPolicyError),
    (429, 1302, RateLimitedError),
    (429, 1303, TooManyTasksError),
    (429, 1304, PermissionDeniedError),
    (500, 5000, GatewayBrokenError),
    (503, 5001, GatewayBrokenError),
    (504, 5002, GatewayBrokenError),
]
STATUSES = [
    (400, InvalidRequestError),
    (401, AuthenticationError),
    (402, InsufficientBalanceError),
    (403, PermissionDeniedError),
    (404, NotFoundError),
    (415, InvalidRequestError),
    (422, InvalidRequestError),
    (429, RateLimitedError),
    (500, GatewayBrokenError),
    (502, GatewayBrokenError),
    (503, GatewayBrokenError),
    (504, GatewayBrokenError),
    (520, GatewayBrokenError),
    (529, GatewayBrokenError),
    (200, ApiError),
    (408, ApiError),
    (425, ApiError),
]

UNIFIED = [(name, call) for name, call in CALLS if name == "evolink"]


def refusals(calls, body, status):
    """What each of these calls makes of a refusal."""
    for gateway, call in calls:
        with pytest.raises(ApiError) as info:
            call.read(reply(body, status, gateway))
        assert (info.value.gateway, info.value.status) == (gateway, status)
        yield info.value


@pytest.mark.parametrize(
    ("documented", "code", "kind"), CODES, ids=lambda value: str(value) if isinstance(value, int) else ""
)
def test_the_table_of_codes(documented, code, kind):
    """The code decides in each call, as a number or as text, and whatever the HTTP status."""
    for status in {documented, 200, 400, 429, 500}:
        for written in (code, str(code)):
            for error in refusals(KEYED, refused(written), status):
                assert (type(error), error.code, error.message) == (kind, code, "It failed")
                assert error.request_id == "req-1"


@pytest.mark.parametrize(
    ("documented", "code", "kind"), CODES, ids=lambda value: str(value) if isinstance(value, int) else ""
)
def test_a_code_in_an_error_object(documented, code, kind):
    """A proxy's error object with Kling's code in it is the same refusal, at every gateway."""
    body = {"error": {"message": "It failed (request id: 20260901abc)", "type": "new_api_error", "code": code}}
    for status in {documented, 200, 500}:
        for error in refusals(CALLS, body, status):
            assert (type(error), error.code, error.request_id) == (kind, code, "20260901abc")


@pytest.mark.parametrize(("status", "kind"), STATUSES)
def test_an_error_object_without_a_known_code(status, kind):
    """An unknown word leaves it to the HTTP status; one that says nothing is an ApiError and no more."""
    for code in ("some_code", "", None, [], 1.5, True):
        body = {"error": {"message": "It failed (request id: 20260901abc)", "type": "new_api_error", "code": code}}
        for found in refusals(CALLS, body, status):
            assert (type(found), found.request_id) == (kind, "20260901abc")


@pytest.mark.parametrize(
    "error", ["It failed", {"message": "It failed"}, {"message": ["It failed"]}, [1]], ids=str
)
def test_an_error_of_another_shape(error):
    """An error that is a text, a list or an object without a code is a refusal all the same."""
    assert {type(found) for found in refusals(CALLS, {"error": error}, 403)} == {PermissionDeniedError}


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("Task not found by id/external id: mine-1", NotFoundError),
        ("Element already be deleted for id: 856528387816046601", NotFoundError),
        ("Element already deleted", NotFoundError),
        ("Element not exist", NotFoundError),
        ("TASK NOT FOUND", NotFoundError),
        ("External_task_id mine-1 already exists", DuplicateTaskError),
        ("external_task_id already exist", DuplicateTaskError),
        ("Base64 image is invalid", InvalidRequestError),
        ("Image pixel is invalid", InvalidRequestError),
        ("", InvalidRequestError),
        (None, InvalidRequestError),
    ],
    ids=str,
)
def test_1201_by_its_text(text, kind):
    """1201 is a catch-all: only its text tells a miss, a duplicate and a wrong parameter apart."""
    assert {type(found) for found in refusals(KEYED, refused(1201, text), 400)} == {kind}


@pytest.mark.parametrize(
    ("code", "status", "message", "kind"),
    [
        ("task_not_exist", 200, "", NotFoundError),
        ("task_not_exist", 400, "task_not_exist", NotFoundError),
        ("content_policy_violation", 200, "", ContentPolicyError),
        ("task_failed", 200, "no channel", ApiError),
        ("task_failed", 400, "no channel", InvalidRequestError),
        ("task_failed", 500, "no channel", GatewayBrokenError),
        ("insufficient_quota", 403, "", InsufficientBalanceError),
        ("x", 429, "Insufficient quota. Please top up your account.", InsufficientBalanceError),
        ("x", 429, "insufficient user balance", InsufficientBalanceError),
        ("x", 429, "request quota per minute exceeded", RateLimitedError),
        (9999, 200, "", ApiError),
        (9999, 503, "", GatewayBrokenError),
        (-1, 400, "", InvalidRequestError),
        ("²", 400, "", InvalidRequestError),
    ],
)
def test_codes_in_words_and_unknown_ones(code, status, message, kind):
    """A word that is known decides, then a text about money, then the HTTP status."""
    for error in refusals(KEYED, {"code": code, "message": message, "data": None}, status):
        assert (type(error), error.code) == (kind, code)


@pytest.mark.parametrize(
    "body",
    [
        enveloped(TASK, error={"message": "It failed"}),
        enveloped(TASK, success=False),
        enveloped(TASK, code=5000),
        {"error": {"message": "It failed"}, "data": TASK},
    ],
    ids=["an error", "success: false", "a code", "an error and no code"],
)
def test_an_error_beside_data_in_a_query(body):
    """The error wins: a query that failed shows no task."""
    with pytest.raises(ApiError):
        read("ezmodel", "get", body)


@pytest.mark.parametrize(
    "body",
    [
        enveloped(CREATED, error={"message": "It failed"}),
        enveloped(CREATED, success=False),
        enveloped(CREATED, code=5000, message="It failed"),
        enveloped(CREATED, code="task_failed"),
        enveloped(CREATED, code=1201, message="External_task_id mine-1 already exists"),
        FLAT | {"error": {"message": "It failed"}},
        FLAT | {"code": 5000},
    ],
    ids=["an error", "success: false", "a code", "a word", "a duplicate", "flat, an error", "flat, a code"],
)
def test_an_error_beside_a_task_id_in_a_create(body):
    """A create that names its task has created it, whatever else it says."""
    for gateway in FAMILY:
        assert read(gateway, "create", body).task_id in (TASK_ID, FLAT["task_id"])


@pytest.mark.parametrize("task_id", [1.5e18, True, [1], {"id": 1}, " "], ids=repr)
def test_an_error_beside_a_task_id_that_is_none(task_id):
    """An error next to an id that can't be read is an error of ours, of whichever class."""
    with pytest.raises((ApiError, UnexpectedReplyError)):
        read("ezmodel", "create", enveloped(CREATED | {"task_id": task_id}, code=5000))


@pytest.mark.parametrize(
    ("status", "error", "kind"),
    [
        (400, {"code": "invalid_request", "message": "Invalid request parameters"}, InvalidRequestError),
        # No task has such an id: a miss, which is an InvalidRequestError, too.
        (400, {"code": "invalid_task_id", "message": "Invalid task ID format", "param": "task_id"}, NotFoundError),
        (401, {"code": "unauthorized", "message": "Invalid or expired token"}, AuthenticationError),
        (402, {"code": "insufficient_quota", "message": "Insufficient quota."}, InsufficientBalanceError),
        (403, {"code": "model_access_denied", "message": "No access"}, PermissionDeniedError),
        (429, {"code": "rate_limit_exceeded", "message": "Too many requests"}, RateLimitedError),
        (500, {"code": "internal_error", "message": "Internal server error"}, GatewayBrokenError),
        (502, {"code": "upstream_error", "message": "Upstream AI service unavailable"}, GatewayBrokenError),
    ],
)
def test_evolink_http_errors(status, error, kind):
    """The published HTTP errors, each in its class, to both calls."""
    for found in refusals(UNIFIED, {"error": error | {"type": "api_error"}}, status):
        assert (type(found), found.code) == (kind, error["code"])


def test_an_evolink_http_error_beside_an_id():
    """An error under an error status refuses the call, and makes no failed task, whatever id stands beside it."""
    error = {"code": "internal_error", "message": "Internal server error", "type": "api_error"}
    for found in refusals(UNIFIED, {"id": "req-5", "status": "error", "error": error}, 500):
        assert type(found) is GatewayBrokenError


def test_evolink_failed_task_or_refusal():
    """The same error object is a failed task beside its task under 200, and a refusal without one."""
    assert read("evolink", "get", UNIFIED_FAILED).status is TaskStatus.FAILED
    with pytest.raises(ContentPolicyError):
        read("evolink", "get", {"error": UNIFIED_FAILED["error"]}, 400)


@pytest.mark.parametrize(
    ("code", "kind"),
    [(1102, InsufficientBalanceError), (1303, TooManyTasksError), ("task_not_exist", NotFoundError)],
)
def test_a_code_at_evolink(code, kind):
    """An answer is read by its shape: a code that is neither 0 nor "success" refuses at this gateway too."""
    with pytest.raises(kind):
        read("evolink", "get", {"code": code, "message": "", "data": None}, 429)


@pytest.mark.parametrize(
    ("message", "headers", "request_id"),
    [
        ("No (request id: 2026-abc)", {}, "2026-abc"),
        ("No", {"X_Request_Id": "from-the-header"}, "from-the-header"),
        ("No (request id: a)", {"X_Request_Id": "b"}, "a"),
        ("No", {}, None),
    ],
)
def test_where_a_request_id_is_found(message, headers, request_id):
    """In the body, else in the message, else in a header."""
    with pytest.raises(ApiError) as info:
        read("anyfast", "get", {"error": {"message": message}}, 400, **headers)
    assert info.value.request_id == request_id


def test_a_message_is_cleaned():
    """Escapes, line ends and a megabyte of text do not reach a log."""
    with pytest.raises(ApiError) as info:
        read("ezmodel", "get", refused(1200, "\x1b[31mred\r\n\x00\u202eend" + "x" * 2**20), 400, Retry_After="7")
    error = info.value
    assert error.message.startswith("[31mred end")
    assert (error.message.isprintable(), len(error.message) <= 300, error.retry_after) == (True, True, 7.0)
    assert "\n" not in str(error)


# ---------------------------------------------------------------- no answer of a gateway

GARBAGE = {
    "a page": HTML.encode(),
    "a page with a byte order mark": b"\xef\xbb\xbf" + HTML.encode(),
    "a page in UTF-16": HTML.encode("utf-16"),
    "JSON in UTF-16": '{"code": 0, "data": {"task_id": "1"}}'.encode("utf-16"),
    "JSON in Latin-1": '{"code": 0, "data": {"task_id": "1", "task_status_msg": "é"}}'.encode("latin-1"),
    "nothing": b"",
    "spaces": b" \n",
    "null": b"null",
    "a list": b"[]",
    "a text": b'"hello"',
    "a number": b"7",
    "an empty object": b"{}",
    "cut JSON": b'{"code": 0, "data": {"task_id": "1"',
    "two answers": b'{"code": 0}{"code": 0}',
    "NaN": b'{"code": 0, "data": {"task_id": "1", "created_at": NaN}}',
    "Infinity": b'{"code": 0, "data": {"task_id": "1", "created_at": Infinity}}',
    "-Infinity": b'{"code": 0, "data": {"task_id": "1", "created_at": -Infinity}}',
    "1e400": b'{"code": 0, "data": {"task_id": "1", "created_at": 1e400}}',
    "-1e400": b'{"code": 0, "data": {"task_id": "1", "created_at": -1e400}}',
    "a key twice": b'{"code": 0, "code": 0, "data": {"task_id": "1"}}',
    "a key twice inside": b'{"code": 0, "data": {"task_id": "1", "task_id": "2"}}',
    "a lone surrogate, escaped": b'{"code": 0, "data": {"task_id": "\\ud800"}}',
    "a lone surrogate in a text": b'{"code": 0, "data": {"task_id": "1", "task_status_msg": "\\udfff"}}',
    "a lone surrogate, in bytes": b'{"code": 0, "data": {"task_id": "\xed\xa0\x80"}}',
    "100,000 lists": b"[" * 100_000 + b"]" * 100_000,
    "100,000 lists in data": b'{"code": 0, "data": ' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    "a number of 5,000 digits": b'{"code": 0, "data": {"task_id": ' + b"9" * 5000 + b"}}",
    "a control character": b'{"code": 0, "data": {"task_id": "1\n2"}}',
}


@pytest.mark.parametrize("body", list(GARBAGE.values()), ids=list(GARBAGE))
def test_what_is_no_answer(body):
    """It can't be understood, in any call: no model, and no error of a library."""
    for gateway, call in CALLS:
        with pytest.raises(UnexpectedReplyError) as info:
            call.read(reply(body, 200, gateway))
        assert (info.value.status, info.value.permanent, gateway in str(info.value)) == (200, False, True)
        assert info.value.excerpt.isprintable()
        assert len(info.value.excerpt) <= 200


@pytest.mark.parametrize(
    "body", [HTML.encode(), b"", b"{}", b'{"code":'], ids=["a page", "nothing", "an object", "cut"]
)
def test_429_needs_no_words(body):
    """Too many requests is that, whoever says so and however: nothing was done, and it may be sent again."""
    for gateway, call in CALLS:
        with pytest.raises(RateLimitedError) as info:
            call.read(reply(body, 429, gateway))
        assert info.value.status == 429


@pytest.mark.parametrize("status", [200, 400, 403, 404, 500, 502, 503])
def test_a_page_is_never_a_refusal(status):
    """HTML under any status is not the gateway's word, and 404 with HTML no miss; its start is kept."""
    for gateway, call in CALLS:
        with pytest.raises(UnexpectedReplyError) as info:
            call.read(reply(HTML.encode(), status, gateway))
        assert (info.value.status, "It is not here" in info.value.excerpt) == (status, True)


@pytest.mark.parametrize("status", [400, 404, 500])
@pytest.mark.parametrize("body", [{}, {"detail": "Not Found"}, {"data": TASK}], ids=str)
def test_foreign_json(status, body):
    """JSON without a code or an error under an error status is some other server's."""
    for gateway, call in (("ezmodel", "create"), ("ezmodel", "get"), ("evolink", "get"), ("ezmodel", "delete")):
        with pytest.raises(UnexpectedReplyError):
            read(gateway, call, body, status)


@pytest.mark.parametrize("gateway", GATEWAYS)
@pytest.mark.parametrize(
    ("status", "kind"), [(405, NotOfferedError), (501, NotOfferedError), (413, InvalidRequestError)]
)
def test_a_status_that_says_it_all(gateway, status, kind):
    """405 and 501: there is no such call; 413: too large. All three come without an envelope."""
    for name, call in CALLS:
        for body in (b"", HTML.encode()) if name == gateway else ():
            with pytest.raises(kind):
                call.read(reply(body, status, gateway))


@pytest.mark.parametrize("record", [CREATED, UNIFIED_CREATED, FLAT], ids=["native", "unified", "flat"])
def test_a_task_of_another_dialect(record):
    """Any dialect at any gateway is read or refused as not understood; it is never another exception."""
    for gateway, call in CALLS:
        try:
            task = call.read(reply(record, 200, gateway))
        except (UnexpectedReplyError, ApiError):
            continue
        assert task is None or task.task_id in (TASK_ID, UNIFIED_ID, FLAT["id"])


@pytest.mark.parametrize(
    "text",
    [
        '{"code": 1200, "message": %s}',
        '{"error": {"message": %s}}',
        '{"code": 0, "data": {"task_id": "1", "x": %s}}',
        '{"id": "1", "status": "failed", "object": "video", "error": {"message": %s}}',
    ],
)
@pytest.mark.parametrize("step", mostly_slow([4, 1], 4))
def test_nesting_close_to_the_limit(text, step):
    """Lists nested as deeply as the decoder bears do not break what comes after it."""
    for depth in range(850, 1000, step):
        body = (text % ("[" * depth + "]" * depth)).encode()
        for gateway, call in CALLS[:1] + CALLS[-1:]:
            try:
                call.read(reply(body, 200, gateway))
            except (UnexpectedReplyError, ApiError):
                continue
