"""Ids, before they become part of a path.

Law: an id that leaves this file has only characters that no URL library can read as anything else.
"""

import re

from .errors import InvalidIdError

# "../delete-elements" would reach another endpoint, and an empty id the list.
_SAFE = re.compile(r"[A-Za-z0-9._:~-]{1,128}", re.ASCII)
_EXTERNAL = re.compile(r"[A-Za-z0-9._:~-]{1,64}", re.ASCII)
_DOTS = frozenset({".", ".."})


def checked_id(value: object, what: str) -> str:
    """Return an id as safe text; ``what`` names it in the error (``"task id"``).

    A whole number is taken as its digits. A float has already lost digits, and is refused.

    Raises:
        InvalidIdError: it cannot be an id.

    """
    if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
        return str(value)
    if isinstance(value, str) and _SAFE.fullmatch(value) and value not in _DOTS:
        return value
    shown = repr(value)[:80] if isinstance(value, str | float) else type(value).__name__
    raise InvalidIdError(f"{shown} is no {what}: 1 to 128 letters, digits and ._:~- as text are expected")


def external_id_problem(value: str) -> str | None:
    """Say what is wrong with a caller's external task id, or None."""
    if _EXTERNAL.fullmatch(value) and value not in _DOTS:
        return None
    return "external_task_id: 1 to 64 letters, digits and ._:~- are allowed, and not '.' or '..'"
