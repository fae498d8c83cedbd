"""The hook of a session, ``on_event``, and who tells it.

Law: what the hook raises is logged and changes nothing. The values that it is told are in ``events``, and are
loaded and made for somebody who listens only.
"""

import asyncio
import logging
from collections.abc import Callable
from itertools import count
from typing import Any

from . import optional

logger: logging.Logger = logging.getLogger("kling_elements_async")

OnEvent = Callable[[Any], object]
_NUMBERS = count(1)


class Events:
    """Tells the hook, if there is one; false without."""

    def __init__(self, on_event: OnEvent | None = None) -> None:
        self._on_event = on_event
        self._values = optional.load("events") if on_event else None

    def __bool__(self) -> bool:
        return self._on_event is not None

    def number(self) -> int:
        """Return a number for a create or a wait, unlike any other in this process."""
        return next(_NUMBERS)

    def tell(self, kind: str, *fields: Any) -> None:
        """Tell the hook of an event of this kind, a class of ``events``, with its fields in their order."""
        if self._on_event is None:
            return
        try:
            self._on_event(getattr(self._values, kind)(*fields))
        except (Exception, asyncio.CancelledError):  # the hook's own: nothing is awaited here
            logger.exception("on_event raised for %s; the session goes on", kind)


SILENT = Events()
