"""A sandbox with quick tasks, pictures to send to it, and the environment that points there."""

import asyncio
import os

import pytest

from kling_elements_async.command import main
from kling_elements_async.command.drawing import draw
from kling_elements_async.sandbox import Sandbox

from .process import Ran, environment


@pytest.fixture
async def sandbox():
    async with Sandbox(durations=(0.03, 0.03)) as sandbox:
        yield sandbox


@pytest.fixture
def env(sandbox):
    return environment(sandbox)


@pytest.fixture
def order(tmp_path):
    """The arguments of a create that is right."""
    front, side = draw(tmp_path, 1, 20)
    return ["create", "--name", "fox", "--description", "a fox", "--frontal", front, "--other", side]


@pytest.fixture
def run_here(monkeypatch, capsys):
    """Run the command in a thread of this process: what its process adds is tried once, and takes its time."""

    async def run(*arguments, env):
        for name in [name for name in os.environ if name.startswith("KLING_")]:
            monkeypatch.delenv(name)
        for name, value in env.items():
            monkeypatch.setenv(name, value)
        code = await asyncio.to_thread(main, [str(argument) for argument in arguments])
        return Ran(code, *capsys.readouterr())

    return run
