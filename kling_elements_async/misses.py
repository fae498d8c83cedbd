"""Looks that fail one after the other, said once in the log: a wait, which goes on, says nothing itself."""

import logging

from .errors import ElementsError, NotFoundError, UnexpectedReplyError

logger: logging.Logger = logging.getLogger("kling_elements_async")

SAID_AT = 5


class Misses:
    """Those of one session, of single tasks and of lists alike."""

    def __init__(self) -> None:
        self._in_a_row = 0

    def note(self, error: ElementsError) -> None:
        """Count a failed look; a task that is not visible yet was looked at."""
        if isinstance(error, NotFoundError):
            return
        self._in_a_row += 1
        if self._in_a_row == SAID_AT:
            text = "%d looks in a row have failed, the last one so: %s; the waits go on"
            logger.warning(text, SAID_AT, _without_payload(error))

    def over(self) -> None:
        """Note a look that succeeded."""
        self._in_a_row = 0


def _without_payload(error: ElementsError) -> str:
    excerpt = error.excerpt if isinstance(error, UnexpectedReplyError) else ""
    return str(error).replace(excerpt, "…") if excerpt else str(error)
