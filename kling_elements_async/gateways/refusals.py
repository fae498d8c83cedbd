"""From a gateway's refusal to our error: by its code, else by its word, else by the HTTP status.

Law: the code is looked at whatever the HTTP status, since Kling sends "top up your account" as a 429.
Sources: Kling's page "Error codes", evolink's page of the element model, and answers of proxies.
"""

import re
from collections.abc import Mapping
from typing import Any

from ..errors import (
    ApiError,
    AuthenticationError,
    ContentPolicyError,
    DuplicateTaskError,
    GatewayBrokenError,
    InsufficientBalanceError,
    InvalidRequestError,
    NotFoundError,
    PermissionDeniedError,
    RateLimitedError,
    TooManyTasksError,
)
from ..wire import Reply, readable

_BY_CODE: dict[int, type[ApiError]] = {
    **dict.fromkeys(range(1000, 1005), AuthenticationError),
    **dict.fromkeys((1100, 1101, 1102), InsufficientBalanceError),
    **dict.fromkeys((1103, 1304), PermissionDeniedError),
    **dict.fromkeys((1200, 1201, 1202), InvalidRequestError),
    1203: NotFoundError,
    **dict.fromkeys((1300, 1301), ContentPolicyError),
    1302: RateLimitedError,
    1303: TooManyTasksError,
    **dict.fromkeys(range(5000, 6000), GatewayBrokenError),
}
_BY_WORD: dict[str, type[ApiError]] = {
    "task_not_exist": NotFoundError,
    "invalid_task_id": NotFoundError,
    "unauthorized": AuthenticationError,
    "model_access_denied": PermissionDeniedError,
    "content_policy_violation": ContentPolicyError,
    "rate_limit_exceeded": RateLimitedError,
}
_BY_STATUS: dict[int, type[ApiError]] = {
    **dict.fromkeys((400, 413, 415, 422), InvalidRequestError),
    401: AuthenticationError,
    402: InsufficientBalanceError,
    403: PermissionDeniedError,
    404: NotFoundError,
    429: RateLimitedError,
    **dict.fromkeys(range(500, 600), GatewayBrokenError),
}
# Code 1201 stands for a wrong parameter, a miss, a duplicate and a second delete: only the text tells (recorded).
_1201_BY_TEXT: tuple[tuple[re.Pattern[str], type[ApiError]], ...] = (
    (re.compile(r"already exist", re.IGNORECASE), DuplicateTaskError),
    (re.compile(r"not found|not exist|already (be )?deleted", re.IGNORECASE), NotFoundError),
)
# Proxies send "out of balance" under 200, 403 and 429 too; a rate quota is not meant.
_BALANCE = re.compile(
    r"quota\b.*\btop up|(insufficient|not enough)\W+(\w+\W+)?(quota|balance|credit)", re.IGNORECASE
)
_REQUEST_ID = re.compile(r"request id: ?([\w-]{1,80})", re.IGNORECASE)


def refusal(reply: Reply, body: Mapping[str, Any]) -> ApiError:
    """Return the error for a refusal: ``body`` is what holds ``code`` and ``message``."""
    code = _code(body.get("code") or body.get("type"))
    message = readable(body.get("message") or "", 300)
    kind = _kind(reply.status, code, message)
    found = _REQUEST_ID.search(message)
    request_id = body.get("request_id") or (found and found[1]) or reply.header("X-Request-Id")
    return kind(
        reply.gateway,
        reply.what,
        message,
        status=reply.status,
        code=code,
        request_id=readable(request_id, 80) if request_id else None,
        retry_after=reply.retry_after(),
    )


def too_large(reply: Reply) -> ApiError:
    """Return the error for HTTP 413, which a proxy in front answers without any envelope."""
    return InvalidRequestError(reply.gateway, reply.what, "the request is too large", status=reply.status)


def _code(value: Any) -> int | str | None:
    if isinstance(value, str) and value.isascii() and value.isdigit():
        return int(value[:9])
    if isinstance(value, str):
        return readable(value, 80) or None
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _kind(status: int, code: int | str | None, message: str) -> type[ApiError]:
    if code == 1201:
        return next((kind for text, kind in _1201_BY_TEXT if text.search(message)), InvalidRequestError)
    if isinstance(code, int) and code in _BY_CODE:
        return _BY_CODE[code]
    if isinstance(code, str) and code in _BY_WORD:
        return _BY_WORD[code]
    if _BALANCE.search(f"{code} {message}".replace("_", " ")):
        return InsufficientBalanceError
    return _BY_STATUS.get(status, ApiError)
