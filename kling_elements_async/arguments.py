"""What a caller may give, by its kind.

Law: a wrong type is a TypeError, a wrong value a ValueError. Each names the argument and says what is expected;
what was given is repeated only where it is a number, for it may be a picture or a key.
"""

from collections.abc import AsyncIterable, Callable, Iterable
from numbers import Integral, Real
from typing import Any

from attrs import Attribute

Kinds = type | tuple[type, ...]


def shown(value: object) -> str:
    """Return what an error may say of a value."""
    return repr(value) if isinstance(value, int | float | None) else f"of type {type(value).__name__}"


def check(
    value: object, name: str, expected: str, kinds: Kinds, fits: Callable[[Any], bool] = lambda _: True
) -> None:
    """Refuse a value of another kind, or one that does not fit; a bool is no number.

    Raises:
        TypeError, ValueError: so it is.

    """
    if not isinstance(value, kinds) or (isinstance(value, bool) and kinds is not bool):
        raise TypeError(f"{name} is {shown(value)}: {expected}")
    if not fits(value):
        raise ValueError(f"{name} is {shown(value)}: {expected}")


def check_seconds(value: object, name: str = "timeout") -> None:
    """Refuse what is no positive number of seconds; infinity is one."""
    check(value, name, "a positive number of seconds is expected", Real, lambda seconds: seconds > 0)


def check_whole(value: object, name: str, least: int, most: float = float("inf")) -> None:
    """Refuse what is no whole number from ``least`` to ``most``."""
    expected = f"at least {least} is needed" if most == float("inf") else f"{least} to {most} is expected"
    check(value, name, expected, Integral, lambda number: least <= number <= most)


def check_many(value: object, name: str, what: str) -> None:
    """Refuse what is no list, and nothing else to iterate over; a text is one thing, and not its letters."""
    if isinstance(value, str | bytes) or not isinstance(value, Iterable | AsyncIterable):
        raise TypeError(f"{name} is {shown(value)}: a list is expected, [{what}, …]")


def check_callable(value: object, name: str) -> None:
    """Refuse what can't be called, and is not None."""
    if value is not None and not callable(value):
        raise TypeError(f"{name} is {shown(value)}: something to call is expected")


def checked(
    expected: str, kinds: Kinds, fits: Callable[[Any], bool] = lambda _: True
) -> Callable[[Any, "Attribute[Any]", Any], None]:
    """Make a validator of an attrs field."""

    def validate(_: Any, attribute: "Attribute[Any]", value: Any) -> None:
        check(value, attribute.name, expected, kinds, fits)

    return validate
