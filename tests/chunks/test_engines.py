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

from kling_elements_async.chunks import chunks, key_of
from kling_elements_async.journals import PostgresJournal

TESTS = Path(__file__).parents[1]
LINKS = {"frontal": "https://cdn.example.com/front.png", "others": ["https://cdn.example.com/side.png"]}
KEY = "key-of-the-engines"

pytestmark = [pytest.mark.slow, pytest.mark.services]


def rows(many):
    return ({"name": f"item-{number}", "description": "One of many", **LINKS} for number in range(many))


@pytest.fixture
async def empty_database(database):
    """A database of the test's own: the recipes all name their job alike."""
    import asyncpg

    name = f"test_{uuid.uuid4().hex}"
    connection = await asyncpg.connect(database)
    await connection.execute(f"CREATE DATABASE {name}")
    await connection.close()
    return f"{database.rpartition('/')[0]}/{name}"


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


@contextmanager
def printed(name, environment, folder):
    """A recipe as the module `props`, here and for workers: the gateway, the module, and how to start some."""
    (folder / "props.py").write_text(source(name))
    with ExitStack() as stack:
        there = stack.enter_context(opponent(0.0))
        environment |= {"KLING_API_KEY": KEY, "KLING_BASE_URL": there.url}
        log = stack.enter_context((folder / "workers.log").open("w"))
        patch = stack.enter_context(pytest.MonkeyPatch.context())
        for variable, value in environment.items():
            patch.setenv(variable, value)
        patch.syspath_prepend(str(folder))
        patch.delitem(sys.modules, "props", raising=False)
        props = importlib.import_module("props")

        def start(many, *command):
            return stack.enter_context(workers(many, command, environment, log, folder))

        yield there, props, start


async def test_the_recipe_for_celery(redis_url, empty_database, tmp_path):
    """As printed; a worker is killed with all its processes, and its chunks are delivered again."""
    pytest.importorskip("celery", reason="Celery is not installed")
    environment = {"REDIS_URL": redis_url, "JOURNAL_DSN": empty_database, "VISIBILITY": "4"}
    command = ["celery", "-A", "props", "worker", "--concurrency", "2", "--loglevel", "INFO", "--without-mingle"]
    with printed("Celery", environment, tmp_path) as (there, props, start):
        killed, _ = start(2, *command)
        results = [await asyncio.to_thread(props.make.delay, chunk) for chunk in chunks(rows(40), 5)]
        await begun(there, 12)
        os.killpg(killed.pid, signal.SIGKILL)
        await asyncio.sleep(5)
        # As a supervisor would. Celery looks for what a dead worker held when a worker starts, else every 100 s.
        start(1, *command)
        outcomes = [outcome for each in results for outcome in await asyncio.to_thread(each.get, timeout=200)]
        checked(there, outcomes, 40)
        for each in results:
            await asyncio.to_thread(each.forget)
        props.app.close()


async def test_the_recipe_for_taskiq(redis_url, empty_database, tmp_path):
    """As printed; a worker is killed with all its processes, and its chunks are delivered again."""
    pytest.importorskip("taskiq_redis", reason="taskiq-redis is not installed")
    environment = {"REDIS_URL": redis_url, "JOURNAL_DSN": empty_database, "VISIBILITY": "5"}
    with printed("taskiq", environment, tmp_path) as (there, props, start):
        killed, _ = start(2, "taskiq", "worker", "props:broker", "--workers", "1", "--max-async-tasks", "2")
        await props.broker.startup()
        tasks = [await props.make.kiq(chunk) for chunk in chunks(rows(40), 5)]
        await begun(there, 12)
        os.killpg(killed.pid, signal.SIGKILL)
        await asyncio.sleep(5)
        await props.make.kiq([])
        found = [await task.wait_result(timeout=60) for task in tasks]
        await props.broker.shutdown()
        assert [each.error for each in found if each.is_err] == []
        checked(there, [outcome for each in found for outcome in each.return_value], 40)


async def succeeded(app, job):
    while (await app.job_manager.get_job_status_async(job)).value != "succeeded":  # noqa: ASYNC110 - it tells nobody
        await asyncio.sleep(0.1)


async def test_the_recipe_for_procrastinate(empty_database, tmp_path):
    """As printed; a worker is killed, and its chunks are run again when it has been silent for long."""
    pytest.importorskip("procrastinate", reason="Procrastinate is not installed")
    given = list(rows(40))
    with printed("Procrastinate", {"JOURNAL_DSN": empty_database, "SILENCE": "3"}, tmp_path) as (
        there,
        props,
        start,
    ):
        async with props.app.open_async():
            await props.app.schema_manager.apply_schema_async()
            killed, _ = start(2, "props")
            jobs = [await props.make.defer_async(rows=chunk) for chunk in chunks(given, 5)]
            await begun(there, 12)
            killed.kill()
            await asyncio.sleep(5)
            await props.again.defer_async(timestamp=0)
            async with asyncio.timeout(60):
                await asyncio.gather(*(succeeded(props.app, job) for job in jobs))
        async with PostgresJournal(empty_database, job="props") as journal:
            found = {result.key: {"element_id": result.element_id} async for result in journal.results()}
        checked(there, [found[key_of(row)] for row in given], 40)
