"""What stands on a terminal's screen after all that was written to it: as much of one as the command makes use of."""

import re

_PARTS = re.compile(r"\x1b\[(?P<how>[?\d;]*)(?P<what>[A-Za-z])|(?P<text>[^\x1b\r\n]+)|(?P<move>[\r\n])")


def screen(text):
    lines, row, column = [""], 0, 0
    for part in _PARTS.finditer(text):
        if shown := part["text"]:
            lines[row] = f"{lines[row][:column]:<{column}}{shown}{lines[row][column + len(shown) :]}"
            column += len(shown)
        elif part["move"] == "\r":
            column = 0
        elif part["move"]:
            row, column = row + 1, 0
            lines += [""] * (row + 1 - len(lines))
        elif part["what"] == "A":
            row = max(0, row - int(part["how"] or 1))
        elif part["what"] == "K":
            assert part["how"] == "2"
            lines[row] = ""
        else:
            assert part["what"] in "mhl", part[0]
    return "\n".join(line.rstrip() for line in lines)
