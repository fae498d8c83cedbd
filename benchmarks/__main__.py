"""Runs the suites, each in a fresh process of its own, and prints their tables.

Ends with 1 when a goal was missed. ``chart`` writes ``results.svg``; ``--save`` writes the tables of this run to
``results.md``, with date and machine.
"""

import argparse
import multiprocessing
import os
import platform
import sys
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from . import (
    chart,
    cpu,
    imports,
    journal,
    learned,
    limited,
    memory,
    pace,
    rate,
    shared,
    shared_slots,
    soak,
    switch,
    uploads,
    waits,
)
from .table import Table

SUITES: dict[str, Callable[..., Table]] = {
    "cpu": cpu.run,
    "waits": waits.run,
    "shared": shared.run,
    "shared_slots": shared_slots.run,
    "limited": limited.run,
    "learned": learned.run,
    "switch": switch.run,
    "memory": memory.run,
    "rate": rate.run,
    "uploads": uploads.run,
    "pace": pace.run,
    "imports": imports.run,
    "journal": journal.run,
    "soak": soak.run,
}
_HERE = Path(__file__).parent


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="What the client costs.")
    names = f"{', '.join(SUITES)}; all by default; chart writes results.svg"
    parser.add_argument("suites", nargs="*", metavar="suite", help=names)
    parser.add_argument("--quick", action="store_true", help="a short run, with more noise")
    parser.add_argument("--save", action="store_true", help="write results.md")
    options = parser.parse_args()
    if unknown := set(options.suites) - set(SUITES) - {"chart"}:
        parser.error(f"no such suite: {', '.join(sorted(unknown))}; there are {', '.join(SUITES)}, chart")
    print(_machine())
    if "chart" in options.suites:
        chart.write(_HERE / "results.svg", quick=options.quick)
    suites = [name for name in options.suites if name in SUITES] or ([] if options.suites else list(SUITES))
    tables = [_run(name, quick=options.quick) for name in suites]
    if options.save:
        _save(tables, quick=options.quick)
    return 0 if all(table.is_reached for table in tables) else 1


def _machine() -> str:
    now = datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC")
    python = f"{platform.python_implementation()} {platform.python_version()}"
    machine = f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores"
    load = f"load {os.getloadavg()[0]:.1f}"
    return f"{now} · {python} · aiohttp {version('aiohttp')} · {machine}, {load} at the start"


def _run(name: str, *, quick: bool) -> Table:
    # A fresh process: memory that an earlier suite freed would hide what this one takes.
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as process:
        table = process.submit(SUITES[name], quick=quick).result()
    print(f"\n{table}", flush=True)
    return table


def _save(tables: list[Table], *, quick: bool) -> None:
    how = " · a quick run, with more noise" if quick else ""
    parts = ["# Results", f"{_machine()}{how}", *(table.markdown for table in tables)]
    (_HERE / "results.md").write_text("\n\n".join(parts) + "\n", encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
