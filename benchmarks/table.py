"""A table of results: what was measured, the figure, its goal, and whether it was reached."""

from attrs import frozen

_HEADS = ("", "figure", "goal", "reached")


@frozen
class Row:
    """One figure. Its goal, if it has one, is at ``most`` or at ``least`` so much."""

    what: str
    figure: float
    unit: str = ""
    most: float | None = None
    digits: int = 2
    least: float | None = None

    @property
    def is_reached(self) -> bool:
        is_low = self.most is None or self.figure <= self.most
        return is_low and (self.least is None or self.figure >= self.least)

    @property
    def cells(self) -> tuple[str, str, str, str]:
        figure = f"{self.figure:,.{self.digits}f}{self.unit}"
        goals = {"<=": self.most, ">=": self.least}
        goal = ", ".join(f"{sign} {limit:g}{self.unit}" for sign, limit in goals.items() if limit is not None)
        return self.what, figure, goal, ("yes" if self.is_reached else "NO") if goal else ""


@frozen
class Note:
    """A line without a figure, and why it has none."""

    what: str
    why: str
    is_reached: bool = True

    @property
    def cells(self) -> tuple[str, str, str, str]:
        return self.what, self.why, "", ""


@frozen
class Table:
    """The result of one suite."""

    title: str
    rows: tuple[Row | Note, ...]

    @property
    def is_reached(self) -> bool:
        return all(row.is_reached for row in self.rows)

    @property
    def markdown(self) -> str:
        lines = ["| | figure | goal | reached |", "|---|--:|--:|---|"]
        for what, *rest in (row.cells for row in self.rows):
            indent = "&emsp;" if what.startswith(" ") else ""
            lines.append(f"| {indent}{' | '.join((what.strip(), *rest))} |")
        return "\n".join([f"### {self.title}", "", *lines])

    def __str__(self) -> str:
        lines = [_HEADS, *(row.cells for row in self.rows)]
        widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
        rule = "  ".join("-" * width for width in widths)
        head, *rest = (_laid_out(line, widths) for line in lines)
        return "\n".join([self.title, head, rule, *rest])


def _laid_out(cells: tuple[str, str, str, str], widths: list[int]) -> str:
    what, figure, goal, reached = cells
    line = f"{what:<{widths[0]}}  {figure:>{widths[1]}}  {goal:>{widths[2]}}  {reached}"
    return line.rstrip()
