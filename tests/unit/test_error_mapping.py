"""From aiohttp's exceptions and HTTP statuses to our errors, through a real session."""

import asyncio
import errno
import ssl
from types import SimpleNamespace

import aiohttp
import pytest
from aiohttp.client_reqrep import ConnectionKey
from yarl import URL

from kling_elements_async import (
    ApiError,
    AuthenticationError,
    ElementsSession,
    GatewayBrokenError,
    InsufficientBalanceError,
    InvalidRequestError,
    NoReplyError,
    NotFoundError,
    NotOfferedError,
    NotSentError,
    PermissionDeniedError,
    RateLimitedError,
    Retries,
    UnexpectedReplyError,
)
from kling_elements_async.gateways import EzModel

KEY = "canary-0123"
URL_OF_TASK = "https://api.ezmodel.cloud/kling/v1/general/advanced-custom-elements/7"
PEER = ConnectionKey(
    "api.ezmodel.cloud", 443, is_ssl=True, ssl=True, proxy=None, proxy_auth=None, proxy_headers_hash=None
)
INFO = SimpleNamespace(real_url=URL(URL_OF_TASK), headers={"Authorization": f"Bearer {KEY}"})
EXCEPTIONS = [
    (aiohttp.ClientConnectorError(PEER, OSError(111, "Connection refused")), NotSentError, False),
    (aiohttp.ClientConnectorDNSError(PEER, OSError(-2, "Name or service not known")), NotSentError, False),
    (
        aiohttp.ClientConnectorCertificateError(PEER, ssl.SSLCertVerificationError("self-signed")),
        NotSentError,
        True,
    ),
    (aiohttp.ClientConnectorSSLError(PEER, ssl.SSLError("bad record")), NotSentError, False),
    (aiohttp.ClientProxyConnectionError(PEER, OSError(111, "Connection refused")), NotSentError, False),
    (aiohttp.ClientHttpProxyError(INFO, (), status=407, message="proxy"), NotSentError, False),
    (aiohttp.ConnectionTimeoutError("connecting"), NotSentError, False),
    (aiohttp.ServerDisconnectedError(), NoReplyError, None),
    (aiohttp.ClientOSError(104, "Connection reset by peer"), NoReplyError, None),
    (aiohttp.ClientPayloadError("cut"), NoReplyError, None),
    (aiohttp.SocketTimeoutError("reading"), NoReplyError, None),
    (aiohttp.ServerTimeoutError("reading"), NoReplyError, None),
    (TimeoutError(), NoReplyError, None),
    (ConnectionResetError(104, "Connection reset by peer"), NoReplyError, None),
    (OSError(24, "Too many open files"), NoReplyError, None),
    (aiohttp.ClientResponseError(INFO, (), status=400, message="bad header"), UnexpectedReplyError, False),
]
STATUSES = [
    (400, InvalidRequestError),
    (401, AuthenticationError),
    (402, InsufficientBalanceError),
    (403, PermissionDeniedError),
    (404, NotFoundError),
    (405, NotOfferedError),
    (408, ApiError),
    (413, InvalidRequestError),
    (422, InvalidRequestError),
    (425, ApiError),
    (429, RateLimitedError),
    (500, GatewayBrokenError),
    (501, NotOfferedError),
    (503, GatewayBrokenError),
    (301, UnexpectedReplyError),
    (307, UnexpectedReplyError),
    (199, UnexpectedReplyError),
    (600, UnexpectedReplyError),
    (999, UnexpectedReplyError),
]


@pytest.fixture
async def session(clock, mocked_http):
    async with ElementsSession(EzModel(api_key=KEY), retries=Retries(attempts=1), clock=clock) as session:
        yield session


async def caught(session):
    with pytest.raises(Exception) as info:
        await session.get_element("7")
    error = info.value
    assert KEY not in f"{error}{error!r}{vars(error)}"
    assert (error.__cause__, error.__context__) == (None, None)
    return error


@pytest.mark.parametrize(("exception", "kind", "permanent"), EXCEPTIONS, ids=lambda value: type(value).__name__)
async def test_an_exception_of_aiohttp(session, mocked_http, exception, kind, permanent):
    """It becomes an error of ours that names the gateway and holds nothing of the library's."""
    mocked_http.get(URL_OF_TASK, exception=exception)
    error = await caught(session)
    assert (type(error), getattr(error, "permanent", None)) == (kind, permanent)
    assert "api.ezmodel.cloud" in str(error)
    assert getattr(error, "status", 0) == 0


async def test_a_refused_connection_is_called_so(session, mocked_http):
    """In the system's words, where asyncio has put its own in their place."""
    refused = OSError(errno.ECONNREFUSED, "Connect call failed ('203.0.113.7', 443)")
    mocked_http.get(URL_OF_TASK, exception=aiohttp.ClientConnectorError(PEER, refused))
    assert "(ClientConnectorError: Connection refused)" in str(await caught(session))


@pytest.mark.parametrize(("status", "kind"), STATUSES)
async def test_a_status(session, mocked_http, status, kind):
    """A status with the gateway's error object and no known code maps by the table."""
    body = {"error": {"message": "Sorry", "type": "new_api_error", "code": ""}}
    mocked_http.get(
        URL_OF_TASK, status=status, payload=body, headers={"Location": "https://elsewhere.example/x?y"}
    )
    error = await caught(session)
    assert type(error) is kind
    assert getattr(error, "status", status) == status
    if kind is UnexpectedReplyError and status < 400:
        assert ("elsewhere.example" in str(error), "x?y" in str(error)) == (status >= 300, False)


async def test_an_answer(session, mocked_http):
    """The mock answers like a gateway, and the session reads it; the request bears the key."""
    mocked_http.get(URL_OF_TASK, payload={"code": 0, "data": {"task_id": "7", "task_status": "processing"}})
    assert (await session.get_element("7")).task_id == "7"
    ((call,),) = mocked_http.requests.values()
    assert call.kwargs["headers"]["Authorization"] == f"Bearer {KEY}"
    assert (call.kwargs["allow_redirects"], call.kwargs["timeout"].total) == (False, None)


async def test_cancelling_is_no_error_of_ours(session, mocked_http):
    """A cancellation from below stays one."""
    mocked_http.get(URL_OF_TASK, exception=asyncio.CancelledError())
    with pytest.raises(asyncio.CancelledError):
        await session.get_element("7")
