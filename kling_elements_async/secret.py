"""Keys that cannot be shown by accident.

Law: the text of a key leaves this file only through ``reveal``, and the header made of it prints as stars.
"""

from typing import NoReturn, TypeVar, final

T = TypeVar("T")


class MaskedStr(str):
    """A string that goes over the wire as it is, and prints as stars in a repr.

    Libraries below us put request headers into the repr of their errors and into the locals of their
    frames; a traceback that shows locals calls ``repr`` on each of them.
    """

    __slots__ = ()

    def __repr__(self) -> str:
        return "'***'"


def hidden(value: T) -> T:
    """Return a string masked, for the locals of a frame that may raise; what is no text shows its type only."""
    if isinstance(value, str):
        return MaskedStr(value)  # type: ignore[return-value]
    return value if value is None or isinstance(value, Secret) else type(value)  # type: ignore[return-value]


@final
class Secret:
    """A key: compares, never prints, and refuses to be copied out by pickle."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = MaskedStr(text)

    def reveal(self) -> str:
        """Return the key itself; its repr is still masked."""
        return self._text

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and str.__eq__(self._text, other._text)

    def __hash__(self) -> int:
        return hash(self._text)

    def __repr__(self) -> str:
        return "Secret('***')"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a key is not pickled: give the key to each process by its environment")
