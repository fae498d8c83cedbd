"""``wait``: until a task has ended; writes the id of its element."""

from argparse import ArgumentParser, Namespace

from ..session import ElementsSession
from .failure import DONE
from .output import Output
from .subcommand import NOTHING_CHANGED, Subcommand, seconds
from .waiting import wait_and_tell


def _arguments(parser: ArgumentParser) -> None:
    parser.add_argument("task_id", metavar="TASK_ID", help="the id of a task, or your own external id of it")
    parser.add_argument(
        "--timeout", metavar="S", type=seconds, default=600.0, help="seconds to wait, or inf (default: 600)"
    )


async def _run(parsed: Namespace, output: Output) -> int:
    async with ElementsSession.from_env() as session:
        await wait_and_tell(session, parsed.task_id, parsed.timeout, output)
    return DONE


WAIT = Subcommand(
    "wait", "wait for a task to end", "wait 860434405402222626", _run, _arguments, when_stopped=NOTHING_CHANGED
)
