"""Missed looks, as the command tells of them: a wait goes on, and says nothing itself."""

from ..events import Sent, WaitBegan
from .failure import lines_of
from .progress import Progress


class MissedLooks:
    """For the ``on_event`` of a session that waits for one task: shows why a look failed, until one succeeds."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._is_waiting = False

    def __call__(self, event: object) -> None:
        if isinstance(event, WaitBegan):
            self._is_waiting = True
        elif self._is_waiting and isinstance(event, Sent):
            self._progress.trouble(_why(event))


def _why(look: Sent) -> str:
    if look.error is None:
        return ""
    return f"still trying: {' '.join(lines_of(look.error)).replace(look.what, 'look')}"
