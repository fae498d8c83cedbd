"""The faults still to come, in the order in which they were written down."""

from attrs import define, frozen

from ..arguments import check, check_whole
from .fault import Fault

CALLS = frozenset({"create", "get", "list", "presets", "delete", "any"})


@frozen
class Line:
    """One fault, and the calls that it waits for."""

    call: str
    gateway: str | None
    fault: Fault

    def fits(self, gateway: str, call: str) -> bool:
        """Tell whether a call meets this fault."""
        return self.call in (call, "any") and self.gateway in (gateway, None)


@define
class Script:
    """Faults, each used once."""

    lines: tuple[Line, ...] = ()

    def add(self, call: str, faults: tuple[Fault, ...], *, gateway: str | None, times: int) -> None:
        """Write faults down at the end."""
        check_whole(times, "times", 1)
        for fault in faults:
            check(fault, "a fault", "Fault.… is expected", Fault)
        if not isinstance(call, str) or call not in CALLS:
            raise ValueError(f"no call is named {call!r}; there are: {', '.join(sorted(CALLS))}")
        self.lines += tuple(Line(call, gateway, fault) for fault in faults for _ in range(times))

    def take(self, gateway: str, call: str) -> Fault | None:
        """Use up the first fault that fits, if any does."""
        for index, line in enumerate(self.lines):
            if line.fits(gateway, call):
                self.lines = self.lines[:index] + self.lines[index + 1 :]
                return line.fault
        return None
