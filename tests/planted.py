"""Bugs planted one by one into a copy of the package: each must turn a test of ours red.

Run it by ``python tests/planted.py`` in a checkout with the ``test`` extra. Each plant is a text of one file that
is replaced by another; where the text does not stand there exactly once, the plant no longer fits, and that is
said. Ends with 1 where a bug survives, where a plant does not fit, or where a test is red without any.
"""

import os
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = "kling_elements_async"
KEPT = (PACKAGE, "tests", "pyproject.toml", "README.md")


@dataclass(frozen=True)
class Plant:
    """A bug: ``old`` becomes ``new`` in one file of the package, and ``tests`` are those that must notice."""

    bug: str
    file: str
    old: str
    new: str
    tests: tuple[str, ...]


SETTLED = """\
            if task := await self._settled(failed):
                return Creation(task, "adopted", self.began)
"""
POSTED = """\
            return await self.exchange.perform(
                self.call, self.body, until=self.until, before_leaving=self._about_to_leave
            )
"""
POST = "await self.exchange.perform(self.call, self.body, until=self.until)\n"
NOTED = "            await self._about_to_leave()\n"
LOST = "tests/acceptance/test_lost_creates.py::"
LIVES = "tests/model/test_lives.py::"
PLANTS = [
    Plant(
        "blind re-POST",
        "settling.py",
        SETTLED,
        SETTLED.replace(
            "if task := await self._settled(failed)", "if self.may_exist and (task := await self._settled(failed))"
        ),
        (LOST + "test_an_answer_lost_after_the_effect", LOST + "test_unclear_looks"),
    ),
    Plant(
        "a new id on a re-POST",
        "settling.py",
        SETTLED,
        SETTLED
        + '            self.external_id = f"{self.external_id}x"\n'
        + "            self.call = self.gateway.create(self.spec, self.external_id)\n"
        + "            self.body = Body(self.call.request.body or {})\n",
        (LOST + "test_a_create_lost_before_the_effect", "tests/model/test_creates.py::test_creates"),
    ),
    Plant(
        "an echo of our id is adopted",
        "identity.py",
        "return task.task_id != external_id and task.external_task_id in (None, external_id)",
        "return task.external_task_id in (None, external_id)",
        (
            "tests/faults/test_whole_answers.py::test_an_echo_for_a_create",
            "tests/unit/test_creating.py::test_a_look_that_finds_something_else",
        ),
    ),
    Plant(
        "the HTTP library's own 400 is trusted",
        "transport.py",
        'return Reply(0, {}, b"", to, call.what).unexpected(f"is no HTTP ({type(error).__name__})")',
        'return __import__("kling_elements_async").InvalidRequestError(to, call.what, "bad", status=error.status)',
        (
            "tests/faults/test_unclear_answers.py::test_a_read_that_is_not_sent_again",
            "tests/faults/test_unclear_answers.py::test_a_create_that_landed",
        ),
    ),
    Plant(
        "a retry predicate swallows cancellation",
        "retries.py",
        "lambda error: isinstance(error, Exception) and worth(error)",
        "lambda error: not isinstance(error, Exception) or worth(error)",
        ("tests/faults/test_life.py::test_nothing_swallows_a_cancellation",),
    ),
    Plant(
        "a gate for each task",
        "exchange.py",
        "        self._gate = gate\n",
        "        self._gates = {}\n",
        ("tests/faults/test_statuses.py::test_refusals_under_way_together_close_the_gate_once",),
    ),
    Plant(
        "the intent is written after the POST",
        "settling.py",
        POSTED,
        f"            task = {POST}{NOTED}            return task\n",
        (
            "tests/bulk/test_journal.py::test_the_intent_is_on_disk_before_the_post_and_the_task_id_after_it",
            "tests/unit/test_creating.py::test_what_is_done_before_the_request_leaves",
        ),
    ),
    Plant(
        "the intent is written before the gate",
        "settling.py",
        POSTED,
        f"{NOTED}            return {POST}",
        (LIVES + "test_a_create_that_stood_long_at_a_closed_gate",),
    ),
    Plant(
        "a rerun that does not get through forgets an id",
        "job.py",
        "        if not self.item.may_exist:\n            await self.jobs.forget(self.item)\n",
        "        await self.jobs.forget(self.item)\n",
        (LIVES + "test_a_rerun_that_is_left_before_it_gets_through",),
    ),
    Plant(
        "the key is a plain string",
        "secret.py",
        "        return \"'***'\"\n",
        "        return str.__repr__(self)\n",
        (
            "tests/unit/test_secret.py::test_a_traceback_with_locals",
            "tests/faults/test_life.py::test_a_key_that_the_gateway_sends_back",
        ),
    ),
    Plant(
        "redirects are followed",
        "transport.py",
        "allow_redirects=False",
        "allow_redirects=True",
        ("tests/faults/test_statuses.py::test_a_redirect", "tests/acceptance/test_safety.py::test_a_redirect"),
    ),
    Plant(
        "no settling time before a re-POST",
        "settling.py",
        "_SETTLING = (0.0, 1.0, 2.0)",
        "_SETTLING = (0.0, 0.0, 0.0)",
        (
            LOST + "test_a_create_lost_before_the_effect",
            "tests/faults/test_unclear_answers.py::test_a_create_that_did_not_land",
        ),
    ),
    Plant(
        "total= bounds the making of a connection",
        "transport.py",
        "aiohttp.ClientTimeout(total=None, connect=CONNECT_TIMEOUT, sock_connect=None, sock_read=None)",
        "aiohttp.ClientTimeout(total=CONNECT_TIMEOUT, connect=None, sock_connect=None, sock_read=None)",
        ("tests/faults/test_connections.py::test_a_black_hole",),
    ),
    Plant(
        "adopted without a look at whose task it is",
        "settling.py",
        "                if is_made_here(task, self.external_id):\n                    return self._adopted(task, failed)\n",
        "                return self._adopted(task, failed)\n",
        (LOST + "test_a_look_that_finds_another_task",),
    ),
    Plant(
        "the first 1303 is ignored",
        "settling.py",
        "                self.slots.refused()\n",
        "                if first:\n                    self.slots.refused()\n",
        (
            "tests/unit/test_creating.py::test_a_refusal_while_a_task_of_ours_runs",
            "tests/bulk/test_slots.py::test_the_start_is_no_storm",
        ),
    ),
    Plant(
        "an unclear look counts as a miss",
        "settling.py",
        "            except ElementsError as unclear:\n",
        "            except ElementsError as unclear:\n                misses += 1\n",
        ("tests/unit/test_creating.py::test_unclear_looks_count_as_none",),
    ),
]
GATE_OF_A_TASK = """
    @property
    def _gate(self) -> Gate:
        import asyncio

        return self._gates.setdefault(asyncio.current_task(), Gate(self._lifecycle.clock))

    async def perform(
"""
# What a plant needs beside its own text, in the same file.
BESIDES = {
    "a gate for each task": (
        "\n    async def perform(\n",
        GATE_OF_A_TASK,
    )
}


class UnfitError(Exception):
    """The plant no longer fits."""


def planted(text: str, old: str, new: str, plant: Plant) -> str:
    if text.count(old) != 1:
        raise UnfitError(
            f"{plant.bug}: the plant no longer fits: its text stands {text.count(old)} times in {plant.file}"
        )
    return text.replace(old, new)


def copied(into: Path) -> None:
    """Copy what the tests need, so that the checkout stays as it is."""
    for name in KEPT:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, into / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, into / name)


def run(where: Path, tests: tuple[str, ...]) -> tuple[int, str]:
    """Run tests against the copy; 0 is green and 1 is red, and anything else is neither."""
    command = [sys.executable, "-B", "-m", "pytest", "-q", "-p", "no:cacheprovider", "--tb=line", "-x", *tests]
    environment = os.environ | {"PYTHONPATH": str(where), "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(
        command, cwd=where, env=environment, capture_output=True, text=True, timeout=300, check=False
    )
    return done.returncode, done.stdout + done.stderr


def each_is_noticed(where: Path, plant: Plant) -> tuple[list[str], list[str]]:
    """Plant one bug, run its tests one by one, take it out again; return which were red, and which were not."""
    path = where / PACKAGE / plant.file
    sound = path.read_text()
    try:
        spoilt = planted(sound, plant.old, plant.new, plant)
        if plant.bug in BESIDES:
            spoilt = planted(spoilt, *BESIDES[plant.bug], plant)
        path.write_text(spoilt)
        codes = {test: run(where, (test,))[0] for test in plant.tests}
    finally:
        path.write_text(sound)
    return [test for test, code in codes.items() if code == 1], [test for test, code in codes.items() if code != 1]


def say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def tried(where: Path) -> list[str]:
    """Try each plant, print its row of the table, and return what went wrong."""
    wrong = []
    for plant in PLANTS:
        begun = time.monotonic()
        try:
            red, green = each_is_noticed(where, plant)
        except UnfitError as error:
            say(f"UNFIT     {error}")
            wrong.append(str(error))
            continue
        seconds = time.monotonic() - begun
        for test in plant.tests:
            say(
                f"{'red' if test in red else 'SURVIVED':9} {plant.bug:44} {test.rpartition('/')[2]} ({seconds:.0f} s)"
            )
        wrong += [f"{plant.bug}: survived {test}" for test in green]
    return wrong


def main() -> int:
    with tempfile.TemporaryDirectory() as folder:
        where = Path(folder)
        copied(where)
        code, output = run(where, tuple(sorted({test for plant in PLANTS for test in plant.tests})))
        if code:
            say(f"the tests are not green without any plant:\n{output[-3000:]}")
            return 1
        wrong = tried(where)
    say(f"{len(PLANTS)} bugs, {len(wrong)} of their tests did not notice")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
