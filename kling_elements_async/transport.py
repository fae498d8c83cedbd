"""The only file that opens a socket.

Law: one request, one answer or one error of ours; nothing is sent again here, and nothing of the HTTP library
leaves: its errors hold the request headers, and with them the key.
"""

import asyncio
import errno
import logging
import math
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

import aiohttp
from aiohttp.http_exceptions import ContentEncodingError
from multidict import CIMultiDict
from yarl import URL

from .body import Body, Upload
from .deadlines import Deadlines
from .errors import ElementsError, NoReplyError, NotSentError, SessionUnusableError
from .lifecycle import Lifecycle
from .pool import Pool
from .secret import MaskedStr
from .version import __version__
from .wire import Call, Gateway, Reply, readable

MOST_ANSWER = 8 * 1024 * 1024
# Seconds; aiohttp's own default is 300 for all of a request, waiting in the pool included.
CONNECT_TIMEOUT = 10.0
REPLY_TIMEOUT = 20.0
SLOWEST_UPLOAD = 128 * 1024  # bytes a second that a body is given time for
_CLOSING = 0.25
_EXHAUSTED = (errno.EMFILE, errno.ENFILE, errno.EADDRNOTAVAIL)

logger: logging.Logger = logging.getLogger("kling_elements_async")

_USER_AGENT = f"kling-elements-async/{__version__} aiohttp/{aiohttp.__version__}"
_HEADERS = {"Accept": "application/json", "Accept-Encoding": "gzip", "User-Agent": _USER_AGENT}
# ``connect`` covers ``sock_connect``, which would cost each create a timer more.
_TIMEOUT = aiohttp.ClientTimeout(total=None, connect=CONNECT_TIMEOUT, sock_connect=None, sock_read=None)
_NOT_SENT = (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError, aiohttp.ClientHttpProxyError)


class Transport:
    """Sends the requests of one session to one gateway.

    Two pools: a create always gets a fresh connection, so that it never meets one that the server is just
    closing. ``http``, a caller's own client session, is used for all and left open.
    """

    def __init__(
        self, gateway: Gateway, lifecycle: Lifecycle, max_connections: int, http: aiohttp.ClientSession | None
    ) -> None:
        self._gateway = gateway
        self._lifecycle = lifecycle
        self._foreign = http
        self._shared: aiohttp.ClientSession | None = None
        self._creates: aiohttp.ClientSession | None = None
        # Waiting for a connection is done here, before a request's own time begins.
        self._pool = Pool(max_connections if http is None else getattr(http.connector, "limit", 0))
        self._held_back = 0
        self._is_exhausted = False
        self._deadlines = Deadlines(REPLY_TIMEOUT)
        self._base = URL(gateway.base_url, encoded=True)
        self._base_path = self._base.raw_path.rstrip("/")
        self._token = ""
        self._headers: CIMultiDict[str] = CIMultiDict()

    async def send(self, call: Call[Any], body: Body | None = None, *, until: float = math.inf) -> Reply:
        """Send a call's request once and return the whole answer, in the place taken for it, which is given back.

        ``until`` is a deadline on the session's clock.

        Raises:
            NotSentError: it never reached the gateway.
            NoReplyError: it was sent, and no whole answer came back.
            UnexpectedReplyError: a redirect, an answer over 8 MiB, or what is no HTTP.
            SessionUnusableError: the session is closed, or was meanwhile.

        """
        upload = body.upload() if body else None
        seconds = self._time_for(body, until)
        try:
            with self._deadlines.start(self._lifecycle.check(), seconds):
                reply = await self._exchange(call, upload)
        except SessionUnusableError:
            raise
        except (aiohttp.ClientError, OSError, RuntimeError) as error:
            # Made here and raised below: raised here it would carry the library's error as its context.
            fault = self._translated(call, upload, error, seconds)
        else:
            # Not in the frame that holds the library's response: its headers may repeat the key.
            _check(reply)
            return reply
        finally:
            if upload is not None:
                upload.close()
            self._pool.give_back()
        raise fault

    def take_place_now(self) -> bool:
        """Take a place among the requests in flight if one is free, and say whether it was."""
        return self._pool.take_now()

    async def queue_for_place(self, call: Call[Any], until: float, *, patient: bool) -> None:
        """Take a place when one is free; a ``patient`` call lets the others go before it.

        Raises:
            NotSentError: none was free in time.

        """
        turn = self._pool.queue(patient=patient)
        is_mine = False
        try:
            is_mine = await self._lifecycle.reached(turn, until)
        finally:
            if not is_mine:
                self._pool.leave(turn)
        if not is_mine:
            raise NotSentError(f"did not {call.what}: no connection was free in time. Nothing was sent")

    @property
    def in_flight(self) -> int:
        """How many requests are on their way."""
        return self._pool.taken - self._held_back

    @contextmanager
    def held_back(self) -> Iterator[None]:
        """Count one place as taken by a request that is not on its way yet."""
        self._held_back += 1
        try:
            yield
        finally:
            self._held_back -= 1

    def give_back_place(self) -> None:
        """Give a place back unused."""
        self._pool.give_back()

    def _time_for(self, body: Body | None, until: float) -> float:
        own = REPLY_TIMEOUT + (body.size / SLOWEST_UPLOAD if body else 0.0)
        return own if until == math.inf else max(0.0, min(own, until - self._lifecycle.clock.now()))

    async def _exchange(self, call: Call[Any], upload: Upload | None) -> Reply:
        response = await self._client(for_create=upload is not None).request(
            call.request.method,
            self._url_of(call.request.path),
            headers=self._headers_for(upload),
            # Found out by aiohttp, the kind of payload costs more than writing it.
            data=None if upload is None else aiohttp.AsyncIterablePayload(upload),
            allow_redirects=False,
            raise_for_status=False,
            timeout=_TIMEOUT,
        )
        try:
            content = await _read_capped(response)
            if len(content) > MOST_ANSWER:
                response.close()
            shown = _without(content, self._token)
            return Reply(response.status, response.headers, shown, self._gateway.name, call.what, self._token)
        finally:
            response.release()

    def _url_of(self, path: str) -> URL:
        path, _, query = path.partition("?")
        url = self._base.with_path(self._base_path + path, encoded=True)
        return url.with_query(query) if query else url

    def _headers_for(self, upload: Upload | None) -> CIMultiDict[str]:
        token = self._gateway.authorization()
        if token is not self._token:
            self._token = token
            # A client session of ours has the rest of them already.
            rest = _HEADERS if self._foreign else {}
            self._headers = CIMultiDict(rest, Authorization=MaskedStr(f"Bearer {token}"))
        if upload is None:
            return self._headers
        headers = self._headers.copy()
        headers["Content-Type"] = "application/json"
        headers["Content-Length"] = str(upload.body.size)
        return headers

    def _client(self, *, for_create: bool) -> aiohttp.ClientSession:
        if self._foreign is not None:
            return self._foreign
        if for_create:
            if self._creates is None:
                self._creates = _client(aiohttp.TCPConnector(limit=0, force_close=True))
            return self._creates
        if self._shared is None:
            self._shared = _client(_Connector(limit=0))
        return self._shared

    def _translated(
        self, call: Call[Any], upload: Upload | None, error: Exception, seconds: float
    ) -> ElementsError:
        """Return our error for one of the HTTP library's: its kind and a short text, nothing else of it."""
        never_sent = isinstance(error, _NOT_SENT) or (upload is not None and not upload.started)
        if (self._lifecycle.is_closed or self._is_closed()) and (never_sent or not upload):
            return self._lifecycle.closed_error()
        to = f"{self._gateway.name}, {urlsplit(self._gateway.base_url).netloc}"
        if upload and upload.fault:
            return NotSentError(f"could not {call.what}: {upload.fault}; nothing was created", permanent=True)
        if getattr(error, "errno", None) in _EXHAUSTED and not self._is_exhausted:
            self._is_exhausted = True
            logger.warning("this process has no file or port left for a connection (%s)", _reason(error, seconds))
        if never_sent:
            permanent = isinstance(error, aiohttp.ClientConnectorCertificateError)
            return NotSentError(
                f"could not {call.what}: no connection to {to} ({_reason(error, seconds)}). "
                "Nothing was sent; check the network and base_url",
                permanent=permanent,
            )
        if isinstance(error.__cause__, ContentEncodingError):
            return Reply(0, {}, b"", to, call.what).unexpected("can't be unpacked")
        if isinstance(error, aiohttp.ClientResponseError):
            # Its status is the library's own 400 for what it could not read, not the gateway's.
            return Reply(0, {}, b"", to, call.what).unexpected(f"is no HTTP ({type(error).__name__})")
        return NoReplyError(f"{to}, asked to {call.what}, sent no whole answer ({_reason(error, seconds)})")

    def _is_closed(self) -> bool:
        return self._foreign is not None and self._foreign.closed

    async def close(self) -> None:
        """End what is in flight, and close the pools that this transport made; a caller's own stays open."""
        self._deadlines.end_all()
        await asyncio.sleep(0)
        made = [client for client in (self._shared, self._creates) if client is not None]
        self._shared = self._creates = None
        if made:
            # TLS says goodbye; a server that does not answer holds us up no longer than this.
            closing = asyncio.gather(*(client.close() for client in made))
            await asyncio.wait([closing], timeout=_CLOSING)


class _Connector(aiohttp.TCPConnector):
    """Passes over a kept connection on which something came unasked: it would answer the next request."""

    async def _get(self, *key_and_traces: Any) -> Any:
        while (connection := await super()._get(*key_and_traces)) is not None:
            if connection.protocol is not None and not connection.protocol.should_close:
                break
            connection.close()
        return connection


def _client(connector: aiohttp.TCPConnector) -> aiohttp.ClientSession:
    return aiohttp.ClientSession(
        connector=connector, headers=_HEADERS, cookie_jar=aiohttp.DummyCookieJar(), trust_env=False
    )


async def _read_capped(response: aiohttp.ClientResponse) -> bytes:
    """Return the body, decompressed; of one over the cap hardly more than that is ever held."""
    content = response.content
    first = await content.readany()
    size = len(first)
    if content.at_eof() and size <= MOST_ANSWER:
        return first  # most answers come in one piece
    chunks = [first]
    while not content.at_eof() and size <= MOST_ANSWER:
        chunks.append(await content.readany())
        size += len(chunks[-1])
    return b"".join(chunks)


def _check(reply: Reply) -> None:
    if len(reply.body) > MOST_ANSWER:
        raise reply.unexpected(f"is larger than {MOST_ANSWER // 2**20} MiB")
    if 200 <= reply.status < 300:
        return
    if 300 <= reply.status < 400:
        where = readable(_origin(reply.header("Location")), 80)
        raise reply.unexpected(f"redirects to {where}; check base_url", permanent=True)
    if not 200 <= reply.status < 600:
        raise reply.unexpected("has a status that HTTP does not know")


def _origin(url: str) -> str:
    """Return scheme, host and port of a URL: the rest of it may hold anything."""
    try:
        parts = urlsplit(url)
        port = f":{parts.port}" if parts.port else ""
    except ValueError:
        return "another address"
    return f"{parts.scheme}://{parts.hostname}{port}" if parts.hostname else "another address"


def _without(content: bytes, token: str) -> bytes:
    """Mask our own key where a gateway repeats it in its answer."""
    key = token.encode()
    return content.replace(key, b"***") if key in content else content


def system_text(error: Exception) -> str:
    """Return what the system says went wrong with a connection, or the empty text."""
    system: Any = getattr(error, "os_error", error)
    text: str = getattr(system, "strerror", None) or ""
    return (
        os.strerror(system.errno) if text.startswith("Connect call failed") else text
    )  # those are asyncio's words


def _reason(error: Exception, seconds: float) -> str:
    if isinstance(error, TimeoutError) and not str(error):
        return f"nothing within {seconds:.3g} s"
    proxy = (
        "the proxy: "
        if isinstance(error, aiohttp.ClientProxyConnectionError | aiohttp.ClientHttpProxyError)
        else ""
    )
    text = system_text(error)
    return f"{proxy}{type(error).__name__}{f': {readable(text, 80)}' if text else ''}"
