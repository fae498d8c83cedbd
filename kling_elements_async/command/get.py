"""``get``: one task as it is now, by its id or its external id."""

from argparse import ArgumentParser, Namespace
from datetime import datetime

from ..models import ElementTask
from ..session import ElementsSession
from .failure import DONE
from .output import Output
from .record import status_of, task_record
from .subcommand import NOTHING_CHANGED, Subcommand


def _arguments(parser: ArgumentParser) -> None:
    parser.add_argument("task_id", metavar="TASK_ID", help="the id of a task, or your own external id of it")


async def _run(parsed: Namespace, output: Output) -> int:
    async with ElementsSession.from_env() as session, output.progress.during(f"asking {session.gateway.name}"):
        task = await session.get_element(parsed.task_id)
    output.result(task_record(task), *_lines(task))
    return DONE


def _lines(task: ElementTask) -> list[str]:
    element = task.element
    facts = {
        "task": task.task_id,
        "status": status_of(task),
        "message": task.message,
        "element": element and f"{element.element_id}  {element.name or ''}",
        "external id": task.external_task_id,
        "created": _moment(task.created_at),
        "updated": _moment(task.updated_at),
        "cost": task.cost,
    }
    return [f"{name:<11}  {fact}".rstrip() for name, fact in facts.items() if fact]


def _moment(moment: datetime | None) -> str:
    return f"{moment:%Y-%m-%d %H:%M:%S} UTC" if moment else ""


GET = Subcommand(
    "get", "show a task and its element", "get 860434405402222626", _run, _arguments, when_stopped=NOTHING_CHANGED
)
