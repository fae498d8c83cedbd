"""``demo``: the main job on the sandbox, in a few seconds: create many at once, wait, list, delete."""

import asyncio
import tempfile
import time
from argparse import Namespace
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from ..models import ElementSpec, ElementTask, Images, Tag
from ..sandbox import Sandbox
from ..session import ElementsSession
from .drawing import draw
from .failure import DONE
from .output import Output
from .subcommand import Subcommand

_NAMES = "bear cat crane deer dog fox frog goat hare heron horse lynx mole otter owl panda seal swan tiger wolf"
ANIMALS = _NAMES.split()
_SECONDS = (0.3, 1.7)
_NEXT = """
The same with your own key, for one element:
  export KLING_GATEWAY=kling KLING_API_KEY=...
  kling-elements create --name fox --description "A fox" \\
      --frontal front.png --other side.png --wait"""


class Demo:
    """One run: says what it does, with the seconds that each step took."""

    def __init__(self, session: ElementsSession, output: Output) -> None:
        self._session = session
        self._output = output
        self._steps: dict[str, float] = {}
        self._began = time.monotonic()

    async def run(self, folder: Path) -> None:
        """Do the main job, and tell."""
        async with self._step("draw", f"drew {2 * len(ANIMALS)} pictures, a front and a side of each animal"):
            specs = await asyncio.to_thread(_specs, folder)
        async with self._step("create", f"created {len(specs)} elements at once"):
            tasks = await asyncio.gather(*map(self._session.create_element, specs))
        async with self._step("wait", "waited until all were ready"):
            ready = await self._wait(tasks)
        async with self._step("list", "listed them, newest first"):
            listed = [element async for element in self._session.iter_elements()]
        elements = [
            {"element_id": element.element_id, "name": element.name, "ready_after": ready[element.element_id]}
            for element in listed
        ]
        self._tell(elements)
        async with self._step("delete", f"deleted the {len(listed)}"):
            await asyncio.gather(*(self._session.delete_element(element.element_id) for element in listed))
        left = [element async for element in self._session.iter_elements()]
        self._sum_up(elements, len(left))

    async def _wait(self, tasks: list[ElementTask]) -> dict[str, float]:
        """Wait for all at once, and return how many seconds after its creation each was ready."""
        began = time.monotonic()
        ready: dict[str, float] = {}

        async def wait(task: ElementTask) -> None:
            element_id = await self._session.wait_for_element(task.task_id)
            ready[element_id] = round(time.monotonic() - began, 1)
            self._output.progress.show(f"{len(ready)} of {len(tasks)} ready", on_terminal_only=True)

        await asyncio.gather(*map(wait, tasks))
        return ready

    def _tell(self, elements: list[dict[str, Any]]) -> None:
        for element in elements:
            self._output.say(
                f"         {element['element_id']}  {element['name']:<5}  after {element['ready_after']:.1f} s"
            )

    def _sum_up(self, elements: list[dict[str, Any]], left: int) -> None:
        total = time.monotonic() - self._began
        record = {"elements": elements, "left": left, "seconds": self._steps | {"total": round(total, 2)}}
        self._output.result(record, f"{total:5.1f} s  in all; {left} elements are left", *_NEXT.split("\n"))

    @asynccontextmanager
    async def _step(self, name: str, done: str) -> AsyncIterator[None]:
        began = time.monotonic()
        async with self._output.progress.during(name):
            yield
        self._steps[name] = round(time.monotonic() - began, 2)
        self._output.say(f"{self._steps[name]:5.1f} s  {done}")


def _specs(folder: Path) -> list[ElementSpec]:
    return [_spec(folder, number) for number in range(len(ANIMALS))]


def _spec(folder: Path, number: int) -> ElementSpec:
    front, side = draw(folder, number, len(ANIMALS))
    name = ANIMALS[number]
    return ElementSpec(name, f"A {name} from the demo", Images(front, [side]), tags=[Tag.ANIMAL])


async def _run(_: Namespace, output: Output) -> int:
    output.say("The main job, on a sandbox inside this command:")
    output.say("nothing leaves this machine, nothing is billed.")
    output.say("")
    with tempfile.TemporaryDirectory(prefix="kling-elements-") as folder:
        async with Sandbox(durations=_SECONDS) as sandbox, ElementsSession(sandbox.gateway("kling")) as session:
            await Demo(session, output).run(Path(folder))
    return DONE


DEMO = Subcommand(
    "demo",
    "see the main job in a few seconds, without a key",
    "demo",
    _run,
    when_stopped="stopped; nothing is left of it",
)
