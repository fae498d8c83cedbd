"""Waiting for one task, for ``wait`` and ``create``: with a progress line, and a way to go on after Ctrl-C."""

import asyncio

from ..models import ElementTask
from ..session import ElementsSession
from .output import Output
from .record import status_of, task_record


async def wait_and_tell(session: ElementsSession, task_id: str, timeout: float, output: Output) -> None:
    """Wait for a task and write the id of its element; with ``--json``, the task as last seen."""
    seen: list[ElementTask] = []

    def show(task: ElementTask) -> None:
        seen.append(task)
        if not task.is_terminal:
            output.progress.show(f"{status_of(task)}: task {task_id}")

    try:
        async with output.progress.during(f"waiting: task {task_id}"):
            element_id = await session.wait_for_element(task_id, timeout=timeout, on_update=show)
    except asyncio.CancelledError:
        output.error(f"stopped; the task goes on at the gateway. Go on with: kling-elements wait {task_id}")
        raise
    output.note("the element is ready; its id:")
    output.result(task_record(seen[-1]) | {"element_id": element_id}, element_id)
