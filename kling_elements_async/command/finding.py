"""What one check of the doctor found: all is well, something is wrong and this helps, or it could not be tried."""

from typing import Any

from attrs import frozen

from .output import Output


@frozen
class Finding:
    """``is_ok`` is None where the check could not be tried."""

    check: str
    is_ok: bool | None
    says: str
    advice: str = ""

    def tell(self, output: Output) -> None:
        """Write it, as one line."""
        mark = {True: "ok  ", False: "bad ", None: "--  "}[self.is_ok]
        advice = f"; {self.advice}" if self.advice else ""
        output.result(self._record(), f"{mark} {self.check:<9} {self.says}{advice}")

    def _record(self) -> dict[str, Any]:
        return {"check": self.check, "ok": self.is_ok, "says": self.says, "advice": self.advice or None}


def fine(check: str, says: str) -> Finding:
    """All is well."""
    return Finding(check, True, says)  # noqa: FBT003 - it has a name here


def wrong(check: str, says: str, advice: str = "") -> Finding:
    """Something is wrong; ``advice`` says what to do, where ``says`` does not."""
    return Finding(check, False, says, advice)  # noqa: FBT003 - it has a name here


def untried(check: str, why: str) -> Finding:
    """It could not be tried."""
    return Finding(check, None, f"not tried: {why}")
