"""The body of a callback, and what an endpoint answers to it.

Law: whoever knows the URL can send anything, so a body is read within a cap and by the strict rules for answers,
and the answer tells a stranger nothing.
"""

import logging
from collections.abc import Mapping
from json import JSONDecodeError
from typing import Protocol

from ..arguments import shown
from ..errors import SessionUnusableError, UnexpectedReplyError, WebhookVerificationError
from ..gateways.callbacks import called_back
from ..models import ElementTask
from ..wire import readable, strict_json
from .signature import content_of

logger: logging.Logger = logging.getLogger("kling_elements_async")

MOST_BYTES = 256 * 1024


class Receiver(Protocol):
    """Who takes callbacks: a session."""

    async def deliver_callback(self, headers: Mapping[str, str], body: bytes) -> None:
        """Take one in."""
        ...


def checked_receiver(session: Receiver) -> Receiver:
    """Return who takes callbacks; found out now, and not when the first one comes."""
    if not hasattr(session, "deliver_callback"):
        raise TypeError(f"session is {shown(session)}: an ElementsSession is expected")
    return session


def parse(body: bytes | str) -> ElementTask:
    """Return the task that a callback is about, in the state that it claims; it proves nothing by itself.

    Reads Kling's two shapes, the console's test callback (a task with no elements) and evolink's task.

    Raises:
        UnexpectedReplyError: it is larger than 256 KiB, or no such callback.

    """
    content = content_of(body)
    try:
        if len(content) > MOST_BYTES:
            raise ValueError(f"is larger than {MOST_BYTES // 1024} KiB")  # noqa: TRY301 - one way out for all
        return called_back(strict_json(content))
    except (UnicodeError, JSONDecodeError, RecursionError):
        reason = "is no JSON that a gateway sends"
    except ValueError as error:
        reason = readable(error)
    excerpt = readable(content[:800].decode("utf-8", "replace"))
    raise UnexpectedReplyError(f"this is no callback: the body {reason}", status=0, excerpt=excerpt)


async def status_for(session: Receiver, headers: Mapping[str, str], body: bytes) -> int:
    """Hand a callback to a session, and return the HTTP status that answers it."""
    try:
        await session.deliver_callback(headers, body)
    except WebhookVerificationError as error:
        logger.debug("a callback was refused: %s", error)
        return 401
    except UnexpectedReplyError as error:
        logger.debug("a callback was refused: %s", error)
        return 400
    except SessionUnusableError as error:
        logger.warning("a callback came to a session that can't take it: %s", error)
        return 503
    return 204
