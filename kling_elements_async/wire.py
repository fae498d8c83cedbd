"""The contract between a session and a gateway: requests and answers as values.

Law: a gateway returns a call and opens no socket; a session sends it and knows no gateway by name. This file
knows neither. Write a gateway of your own on these classes, and register it under the entry-point group
``kling_elements_async.gateways``.
"""

import hashlib
import json
import re
from collections.abc import Callable, Mapping
from email.utils import parsedate_to_datetime
from typing import Any, ClassVar, Generic, Literal, TypeVar
from urllib.parse import urlsplit

from attrs import field, frozen

from .errors import ApiError, ConfigurationError, NotOfferedError, UnexpectedReplyError
from .models import ElementSpec, ElementTask, Page
from .secret import Secret, hidden

T = TypeVar("T")

_EXCERPT = 200
_NUMBER = re.compile(r"[0-9]{1,12}(\.[0-9]{1,6})?(e[0-9]{1,2})?")
_BEARER = re.compile(r"^bearer(\s+|$)", re.IGNORECASE)
LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


def readable(text: object, limit: int = _EXCERPT) -> str:
    """Return foreign text fit for an error or a log: on one line, without control characters, cut short."""
    kept = "".join(c if c.isprintable() else " " for c in str(text)[: limit * 4])
    kept = " ".join(kept.split())
    return kept if len(kept) <= limit else f"{kept[: limit - 1]}…"


@frozen
class Request:
    """One HTTP request. ``path`` follows the base URL; ``body`` is a JSON object, or None for none.

    A body may hold ``Path`` and ``bytes`` values where pictures stand: they are sent as raw Base64.
    """

    method: Literal["GET", "POST"]
    path: str
    body: Mapping[str, Any] | None = field(default=None, repr=False)


@frozen
class Reply:
    """One HTTP answer, whole. ``gateway`` and ``what`` say whose answer to what it is, for the errors."""

    status: int
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)
    gateway: str = "the gateway"
    what: str = "answer"
    key: str = field(default="", repr=False)

    def header(self, name: str) -> str:
        """Return a header's text, or the empty one; our own key, should it be repeated there, is masked."""
        text = self.headers.get(name, "")
        return text.replace(self.key, "***") if self.key else text

    def json(self) -> Any:
        """Return the body as JSON.

        Raises:
            UnexpectedReplyError: it is none, or one that no sane gateway sends (100,000 nested lists, NaN).

        """
        try:
            return strict_json(self.body)
        except (ValueError, RecursionError):
            pass
        advice = "" if self.status >= 500 else "; check base_url"  # a proxy in front says of its gateway: not now
        raise self.unexpected(f"is not the JSON that a gateway sends{advice}")

    def unexpected(self, why: str, *, permanent: bool = False) -> UnexpectedReplyError:
        """Return the error for an answer that can't be understood; ``permanent`` if it would come again."""
        excerpt = self.excerpt()
        shown = f": {excerpt}" if excerpt else ""
        return UnexpectedReplyError(
            f"{self.gateway}, asked to {self.what}, sent HTTP {self.status} with an answer that {why}{shown}",
            status=self.status,
            excerpt=excerpt,
            permanent=permanent,
        )

    def excerpt(self) -> str:
        """Return the first characters of the body, made fit for a log."""
        return readable(self.body[: _EXCERPT * 4].decode("utf-8", "replace"))

    def retry_after(self) -> float | None:
        """Return the seconds that Retry-After asks for, or None where it is missing or makes no sense.

        A date is compared with the answer's own Date: the clocks of two machines differ (RFC 9110, 10.2.3).
        """
        text = self.header("Retry-After").strip()
        is_number = _NUMBER.fullmatch(text)
        seconds = float(text) if is_number else _seconds_between(self.header("Date"), text)
        return seconds if 0 < seconds < float("inf") else None


def strict_json(body: bytes) -> Any:
    """Return a body as JSON, stricter than ``json.loads``: no NaN, no 1e400, no key twice, no half character.

    Raises:
        ValueError, RecursionError: it is none; the second for 100,000 nested lists.

    """
    text = body.removeprefix(_BOM).decode().strip()
    value, end = _DECODER.raw_decode(text)
    if end != len(text):
        _refuse("holds something behind the JSON value")
    if "\\u" in text:
        # Half a character, as escapes can spell it, could neither be printed nor sent on.
        json.dumps(value, ensure_ascii=False).encode()
    return value


def _refuse(text: str) -> Any:
    raise ValueError(text)


def _finite(text: str) -> float:
    number = float(text)
    return number if number not in (float("inf"), float("-inf")) else _refuse(text)


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    return made if len(made) == len(pairs) else _refuse("holds a key twice")


_BOM = b"\xef\xbb\xbf"
_DECODER = json.JSONDecoder(parse_constant=_refuse, parse_float=_finite, object_pairs_hook=_object)


def _seconds_between(start: str, end: str) -> float:
    try:
        return (parsedate_to_datetime(end) - parsedate_to_datetime(start)).total_seconds()
    except (TypeError, ValueError, IndexError, OverflowError):
        return float("nan")


@frozen
class Call(Generic[T]):
    """A request and the function that reads its answer, side by side.

    ``what`` completes "asked to …" in an error: ``"get task 8565"``. ``read`` returns the value, or raises an
    ``ApiError`` for a refusal and ``UnexpectedReplyError`` for an answer that can't be understood.
    """

    what: str
    request: Request
    read: Callable[[Reply], T]


@frozen(kw_only=True)
class Carries:
    """What a gateway's create can carry; anything else is a problem of the spec, and nothing is dropped.

    ``external_ids`` also says that the single-item query finds a task by its external id and that the account
    refuses the same id twice: creating once rests on that. ``callbacks`` is "public" where the gateway calls only
    HTTPS addresses that are open to the world.
    """

    external_ids: bool
    least_others: int = 1
    most_others: int | None = 3
    videos: bool = True
    local_images: bool = True
    tags: bool = True
    tags_required: bool = False
    voice: Literal["any", "video", "none"] = "any"
    callbacks: Literal["any", "public", "none"] = "any"


class Gateway:
    """A gateway offers nothing by itself: a subclass adds what it has.

    A subclass sets ``name``, ``default_base_url`` and ``carries`` and overrides the calls that it offers. It
    takes ``api_key`` (the plain key, without "Bearer ") and ``base_url`` (what stands before ``/v1/…``).

    Raises:
        ConfigurationError: no usable key, or a base URL that is neither HTTPS nor loopback.

    """

    name: ClassVar[str]
    default_base_url: ClassVar[str]
    carries: ClassVar[Carries]

    def __init__(self, *, api_key: str, base_url: str | None = None) -> None:
        api_key = hidden(api_key)
        self.base_url: str = checked_base_url(self.default_base_url if base_url is None else base_url)
        self._key = checked_key(api_key, self.name)

    def __repr__(self) -> str:
        # A traceback that shows locals asks for this before __init__ is through.
        return f"{type(self).__name__}(base_url={getattr(self, 'base_url', None)!r})"

    def authorization(self) -> str:
        """Return the credential that follows "Bearer " on each request."""
        return self._key.reveal()

    def account_digest(self) -> str:
        """Return a digest of address and key: it tells accounts apart, and the key to nobody."""
        return hashlib.sha256(f"{self.base_url}\0{self._key.reveal()}".encode()).hexdigest()[:32]

    def renew_authorization(self, refused: ApiError) -> bool:  # noqa: ARG002 - for gateways that sign
        """Make a new credential after this refusal; False where that cannot help."""
        return False

    def create(self, spec: ElementSpec, external_task_id: str | None) -> Call[ElementTask]:  # noqa: ARG002
        """Return the call that creates an element."""
        raise NotOfferedError(self.name, "create an element")

    def get_one(self, task_id: str) -> Call[ElementTask]:  # noqa: ARG002
        """Return the call that asks for one task, by its id or external id."""
        raise NotOfferedError(self.name, "get one element")

    def list_custom(self, page: int, page_size: int) -> Call[Page]:  # noqa: ARG002
        """Return the call that lists the account's own elements."""
        raise NotOfferedError(self.name, "list elements")

    def list_presets(self, page: int, page_size: int) -> Call[Page]:  # noqa: ARG002
        """Return the call that lists Kling's own elements."""
        raise NotOfferedError(self.name, "list preset elements")

    def delete(self, element_id: str) -> Call[None]:  # noqa: ARG002
        """Return the call that deletes an element."""
        raise NotOfferedError(self.name, "delete an element")


def checked_base_url(text: object) -> str:
    """Return a base URL without its last slash.

    Raises:
        ConfigurationError: it is not HTTPS (or HTTP to loopback), or holds more than scheme, host and path.

    """
    if not isinstance(text, str):
        raise ConfigurationError(f"base_url is text, not {type(text).__name__}")
    try:
        url = urlsplit(text)
        host, _ = url.hostname, url.port
    except ValueError:
        host = None
    if not host or not text.isascii() or not text.isprintable() or " " in text:
        raise ConfigurationError("base_url is no URL: it looks like https://host/path, without /v1/")
    if url.username is not None or url.password is not None or "?" in text or "#" in text:
        raise ConfigurationError(f"base_url for {host} holds a user, query or fragment: leave them out")
    if url.scheme != "https" and not (url.scheme == "http" and host in LOOPBACK):
        raise ConfigurationError(f"base_url for {host} must be https: the key would travel in the open")
    steps = url.path.rstrip("/").split("/")
    if "%" in url.path or "\\" in url.path or {".", ".."} & set(steps) or "" in steps[1:]:
        raise ConfigurationError(f"base_url for {host} has a path with dots, escapes or empty steps")
    if steps[-1] == "v1":
        raise ConfigurationError(f"base_url for {host} ends in /v1: leave it out, each call adds its own")
    return text.rstrip("/")


def checked_key(text: object, gateway: str) -> Secret:
    """Return a key as a secret; a pasted "Bearer " is taken off.

    Raises:
        ConfigurationError: there is none, or it has characters that no HTTP header can carry.

    """
    text = hidden(text)
    if not isinstance(text, str) or not text.strip():
        raise ConfigurationError(f"{gateway} needs an api_key, as text")
    key = hidden(_BEARER.sub("", text.strip()))
    if not key or not key.isascii() or not key.isprintable() or " " in key:
        raise ConfigurationError(f"the key for {gateway} has a space or another character that no key has")
    return Secret(key)
