"""The table in numbers.md is true: each number of the catalogue has its row, and each test named there exists."""

import os
import re
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]
ROWS = dict(re.findall(r"^\| (\d+) \|(.*)\|$", (TESTS / "faults" / "numbers.md").read_text(), re.MULTILINE))
NAMED = {
    number: [(f"{folder}/test_{file}.py", test) for folder, file, test in re.findall(r"`(\w+)/(\w+)::(\w+)`", row)]
    for number, row in ROWS.items()
}


@cache
def functions_in(file: str) -> set[str]:
    path = TESTS / file
    return set(re.findall(r"^(?:async )?def (\w+)\(", path.read_text(), re.MULTILINE)) if path.exists() else set()


def test_each_number_has_one_row():
    """1 to 127, in order."""
    lines = (TESTS / "faults" / "numbers.md").read_text().splitlines()
    numbers = [int(found[1]) for line in lines if (found := re.match(r"\| (\d+) \|", line))]
    assert numbers == list(range(1, 128))


def test_the_tests_of_each_number_exist():
    """Each is a function of the file that the row names, and no row is without one."""
    assert [number for number, tests in NAMED.items() if not tests] == []
    missing = [
        f"{number}: {file}::{test}"
        for number, tests in NAMED.items()
        for file, test in tests
        if test not in functions_in(file)
    ]
    assert missing == []
    unread = [number for number, row in ROWS.items() if "::" in re.sub(r"`(\w+)/(\w+)::(\w+)`", "", row)]
    assert unread == [], "references that the pattern does not read"


@pytest.mark.slow
def test_pytest_collects_them():
    """Each of them is found by pytest itself, and not only by its name."""
    files = sorted({str(TESTS / file) for named in NAMED.values() for file, _ in named})
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "--collect-only", "-q", "-m", "", "-p", "no:cacheprovider", *files],
        cwd=TESTS.parent,
        env=os.environ | {"PYTHONPATH": str(TESTS.parent)},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    collected = set(re.findall(r"^tests/(\S+?::\w+)", done.stdout, re.MULTILINE))
    named = {f"{file}::{test}" for tests in NAMED.values() for file, test in tests}
    assert named - collected == set(), done.stdout[-2000:]
