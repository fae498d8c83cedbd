"""The time of ``import kling_elements_async`` as a multiple of importing what it stands on.

Each import runs in a fresh interpreter, whose own start is not counted, with its byte code already written. CPU
time; the two alternate; the result is the median of the pairwise ratios.
"""

import os
import subprocess
import sys
import tempfile
from statistics import median

from .table import Row, Table

MOST = 1.10
_OURS = "kling_elements_async"
_BASE = "aiohttp, attrs, cattrs, tenacity"
_CODE = "import time; began = time.process_time(); import {}; print(time.process_time() - began)"


def _seconds(modules: str, byte_code: str) -> float:
    # An environment that forbids writing byte code would have ours compiled anew each time, and not theirs.
    env = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    env |= {"PYTHONPYCACHEPREFIX": byte_code}
    command = [sys.executable, "-c", _CODE.format(modules)]
    return float(subprocess.run(command, check=True, capture_output=True, text=True, env=env).stdout)


def run(*, quick: bool) -> Table:
    with tempfile.TemporaryDirectory() as byte_code:
        return _measured(byte_code, quick=quick)


def _measured(byte_code: str, *, quick: bool) -> Table:
    runs = 8 if quick else 30
    times: dict[str, list[float]] = {_OURS: [], _BASE: []}
    for modules in times:
        _seconds(modules, byte_code)  # writes the byte code
    for number in range(runs):
        for modules in (_OURS, _BASE) if number % 2 else (_BASE, _OURS):
            times[modules].append(_seconds(modules, byte_code))
    ratios = [ours / base for ours, base in zip(times[_OURS], times[_BASE], strict=True)]
    rows = (
        Row(f"ours / its dependencies, median of {runs} pairs", median(ratios), most=MOST, digits=3),
        Row("  lowest pair", min(ratios), digits=3),
        Row("  highest pair", max(ratios), digits=3),
        Row(f"  import {_OURS}", median(times[_OURS]) * 1e3, " ms", digits=0),
        Row(f"  import {_BASE}", median(times[_BASE]) * 1e3, " ms", digits=0),
    )
    return Table("imports: in a fresh interpreter", rows)
