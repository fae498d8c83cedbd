"""The recipes for plain programs, and for the users' own tests."""

import ast
import inspect
import subprocess
import sys
import types

import pytest

from kling_elements_async import ElementSpec, Images

from .readme import names, recipe, source

pytestmark = pytest.mark.usefixtures("quick_looks", "quick_tasks")
SPEC = ElementSpec("prop", "A prop", Images("https://example.com/a.png", ["https://example.com/b.png"]))


def test_every_recipe_has_a_test():
    """Those of the page are those that are run here."""
    assert names() == [
        "FastAPI",
        "aiohttp.web",
        "Litestar",
        "aiogram 3",
        "discord.py",
        "A job with asyncio.TaskGroup",
        "A notebook",
        "A script that is not asynchronous",
        "streaQ",  # these four in tests/chunks, with the engine
        "Celery",
        "taskiq",
        "Procrastinate",
    ]


async def test_a_job(kling_sandbox):
    """All at once, in their order."""
    specs = [ElementSpec(f"prop {number}", "A prop", SPEC.reference) for number in range(5)]
    elements = await recipe("A job with asyncio.TaskGroup").job(specs)
    assert [element.name for element in elements] == [spec.name for spec in specs]


async def test_a_notebook(kling_sandbox):
    """Top-level await, as a notebook has it."""
    code = compile(source("A notebook"), "notebook", "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
    space = {}
    cell = types.FunctionType(code, space)()
    assert inspect.iscoroutine(cell)
    await cell
    assert list(kling_sandbox.account().elements) == [space["element_id"]]


def test_a_script(kling_sandbox):
    """Called twice, each time on a loop of its own."""
    create = recipe("A script that is not asynchronous").create
    assert len({create(SPEC), create(SPEC)}) == 2


async def test_seeing_what_it_does(kling_sandbox):
    """The session takes OpenTelemetry for its hook."""
    session = recipe("Seeing what it does").session
    assert type(session._exchange._events._on_event).__name__ == "Telemetry"
    await session.close()


async def test_several_workers(kling_sandbox):
    """The session is built without a word to Redis, and closed without one."""
    session = recipe("Several workers, one account").session
    await session.close()


@pytest.mark.slow
def test_the_tests_of_users(tmp_path):
    """They pass as printed, in a project of their own, warnings as errors."""
    (tmp_path / "test_studio.py").write_text(source("Your tests"))
    (tmp_path / "pytest.ini").write_text(
        "[pytest]\nasyncio_mode = auto\nasyncio_default_fixture_loop_scope = function\nfilterwarnings = error\n"
    )
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"]
    done = subprocess.run(command, check=False, cwd=tmp_path, capture_output=True, text=True)
    assert "2 passed" in done.stdout, done.stdout + done.stderr
