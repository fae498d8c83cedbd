"""Chunks under real engines, with real workers: one is killed, and nothing is lost or made twice."""

import asyncio
import importlib
import os
import signal
import subprocess
import sys
import uuid
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import pytest
from recipes.readme import source

from kling_elements_async.chunks import chunks
from kling_elements_async.journals import PostgresJournal

TESTS = Path(__file__).parents[1]
LINKS = {"frontal": "https://cdn.example.com/front.png", "others": ["https://cdn.example.com/side.png"]}
KEY = "key-of-the-engines"

pytestmark = [pytest.mark.slow, pytest.mark.services]


def rows(many):
    return ({"name": f"item-{number}", "description": "One of many", **LINKS} for number in range(many))


@contextmanager
def opponent(rate, seed=7):
    """The adversary, in a process of its own; it keeps the truth of what was made."""
    pytest.importorskip("benchmarks", reason="the benchmarks are not here")
    from benchmarks.opponents import Setting, faced

    with faced(Setting("adversary", "kling", rate, seed, KEY)) as there:
        yield there


@contextmanager
def workers(many, command, environment, log, folder=TESTS):
    """So many worker processes, ended with the block."""
    where = {"PYTHONPATH": os.pathsep.join(map(str, (TESTS, TESTS.parent, folder))), "KLING_GATEWAY": "kling"}
    processes = [
        subprocess.Popen(
            [sys.executable, "-m", *command],
            cwd=folder,
            start_new_session=True,
            env=os.environ | where | environment,
            stdout=log,
            stderr=log,
        )
        for _ in range(many)
    ]
    try:
        yield processes
    finally:
        for process in processes:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
        for process in processes:
            process.wait()


async def begun(there, many):
    """Wait until so many creates have reached the gateway."""
    async with asyncio.timeout(60):
        while (await asyncio.to_thread(there.truth)).requests["create"] < many:  # noqa: ASYNC110 - it tells nobody
            await asyncio.sleep(0.05)


async def results(tasks):
    """The outcomes of all rows, in their order."""
    found = [await task.result(timeout=60) for task in tasks]
    assert [each.exception for each in found if not each.success] == []
    return [outcome for each in found for outcome in each.result]


def checked(there, outcomes, many):
    """Each row has one outcome, an element that exists, and the gateway has no other."""
    made = there.truth().made
    told = {f"item-{number}": outcome["element_id"] for number, outcome in enumerate(outcomes)}
    twice = [name for name, ids in made.items() if len(ids) > 1]
    lost = [name for name in told if told[name] not in {element for _, element in made.get(name, ())}]
    sys.stdout.write(f"{many} rows: {len(lost)} lost, {len(twice)} made twice, {there.truth().requests}\n")
    assert len(outcomes) == many
    assert (lost, twice) == ([], [])


@pytest.mark.parametrize("rate", [0.0, 0.2], ids=["calm", "a fifth spoiled"])
@pytest.mark.parametrize("kept", ["no journal", "postgres"])
async def test_a_worker_is_killed_under_streaq(redis_url, request, tmp_path, kept, rate):
    """Its chunks are delivered to the other one, and at the end each row has one element."""
    pytest.importorskip("streaq", reason="streaQ is not installed: the extra streaq")
    environment = {"REDIS_URL": redis_url, "QUEUE": uuid.uuid4().hex, "KLING_API_KEY": KEY}
    with ExitStack() as stack:
        there = stack.enter_context(opponent(rate))
        environment["KLING_BASE_URL"] = there.url
        if kept == "postgres":
            environment["JOURNAL_DSN"] = request.getfixturevalue("database")
        log = stack.enter_context((tmp_path / "workers.log").open("w"))
        command = ["streaq", "run", "chunks.streaq_program:worker"]
        running = stack.enter_context(workers(2, command, environment, log))
        from kling_elements_async.engines.streaq import chunk_worker

        queue = {"redis_url": redis_url, "queue_name": environment["QUEUE"]}
        worker, run_rows = chunk_worker(lambda: None, **queue)
        async with worker:
            tasks = [await run_rows.enqueue(chunk) for chunk in chunks(rows(120), 15)]
            await begun(there, 25)
            running[0].send_signal(signal.SIGKILL)
            outcomes = await results(tasks)
            checked(there, outcomes, 120)
            # Delivered once more, after their end: not one create.
            before = there.truth().requests["create"]
            again = [await run_rows.enqueue(chunk) for chunk in chunks(rows(120), 15)]
            repeated = await results(again)
            assert [outcome["element_id"] for outcome in repeated] == [
                outcome["element_id"] for outcome in outcomes
            ]
            assert there.truth().requests["create"] == before
        if kept == "postgres":
            async with PostgresJournal(environment["JOURNAL_DSN"], job=environment["QUEUE"]) as journal:
                assert (await journal.progress()).created == 120


async def test_the_recipe_for_celery(redis_url, database, tmp_path):
    """As printed; a worker is killed with all its processes, and its chunks are delivered again."""
    pytest.importorskip("celery", reason="Celery is not installed")
    (tmp_path / "props.py").write_text(source("Celery"))
    environment = {"REDIS_URL": redis_url, "KLING_API_KEY": KEY, "JOURNAL_DSN": database, "VISIBILITY": "4"}
    command = ["celery", "-A", "props", "worker", "--concurrency", "2", "--loglevel", "INFO", "--without-mingle"]
    with ExitStack() as stack:
        there = stack.enter_context(opponent(0.0))
        environment |= {"KLING_BASE_URL": there.url}
        log = stack.enter_context((tmp_path / "workers.log").open("w"))
        running = stack.enter_context(workers(2, command, environment, log, tmp_path))
        make = stack.enter_context(celery_task(tmp_path, environment))
        results = [await asyncio.to_thread(make.delay, chunk) for chunk in chunks(rows(40), 5)]
        await begun(there, 12)
        os.killpg(running[0].pid, signal.SIGKILL)
        await asyncio.sleep(5)
        # As a supervisor would. Celery looks for what a dead worker held when a worker starts, else every 100 s.
        stack.enter_context(workers(1, command, environment, log, tmp_path))
        outcomes = [outcome for each in results for outcome in await asyncio.to_thread(each.get, timeout=200)]
        checked(there, outcomes, 40)
        for each in results:
            await asyncio.to_thread(each.forget)


@contextmanager
def celery_task(folder, environment):
    """The recipe's task, for a caller."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in environment.items():
            patch.setenv(name, value)
        patch.syspath_prepend(str(folder))
        module = importlib.import_module("props")
        yield module.make
        module.app.close()
        del sys.modules["props"]
