"""The demo: the first thing that a new user sees."""

import json
import time

import imagesize
import pytest

from kling_elements_async.command.demo import ANIMALS
from kling_elements_async.command.drawing import draw

from .process import Terminal, environment, run


def test_the_pictures_are_distinct_and_large_enough(tmp_path):
    """Forty files of 300 x 300 px, no two alike."""
    files = [file for number in range(len(ANIMALS)) for file in draw(tmp_path, number, len(ANIMALS))]
    assert {imagesize.get(file) for file in files} == {(300, 300)}
    assert len({file.read_bytes() for file in files}) == 2 * len(ANIMALS) == 40


@pytest.mark.slow
async def test_the_demo_does_the_main_job_within_six_seconds():
    """Without a key, and whatever the variables say."""
    began = time.monotonic()
    async with Terminal("demo", env=environment(KLING_GATEWAY="nonsense"), columns=60) as terminal:
        await terminal.see(r"\d+ of 20 ready")
        ran = await terminal.end()
    assert ran.code == 0
    assert time.monotonic() - began < 6
    assert all(f"  {animal} " in ran.out for animal in ANIMALS)
    assert "0 elements are left" in ran.out
    assert max(map(len, ran.out.split("\n"))) <= 60


@pytest.mark.slow
async def test_the_demo_in_json_is_one_document():
    """Ids and timing for a script, and nothing else."""
    ran = await run("demo", "--json", env=environment())
    document = json.loads(ran.out)
    assert (ran.code, ran.err) == (0, "")
    assert sorted(element["name"] for element in document["elements"]) == ANIMALS
    assert document["left"] == 0
    assert list(document["seconds"]) == ["draw", "create", "wait", "list", "delete", "total"]
