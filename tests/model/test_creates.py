"""Whatever happens, in whatever order: one element for each create, and no id is lost."""

import asyncio
import os
import sys
from pathlib import Path

import pytest

from .machine import tried

TESTS = Path(__file__).parent.parent


def test_creates():
    """In fifteen lives of up to twenty-five steps."""
    tried(15, 25)


@pytest.mark.slow
def test_creates_at_length():
    """In more and longer ones."""
    tried(150, 50)


async def traces_of(hash_seed: str) -> str:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "model.trace_program"),
        stdout=asyncio.subprocess.PIPE,
        cwd=TESTS,
        env=os.environ | {"PYTHONPATH": str(TESTS.parent), "PYTHONHASHSEED": hash_seed},
    )
    output, _ = await process.communicate()
    assert process.returncode == 0
    return output.decode()


@pytest.mark.slow
async def test_the_same_rules_give_the_same_life():
    """To the last request and its time, in processes with other addresses and other hashes."""
    one, other = await asyncio.gather(traces_of("1"), traces_of("2"))
    assert len(one.splitlines()) > 500
    assert one == other
