"""``wait``: until a task has ended; writes the id of its element.

Law: asks once before it waits, for to a wait each failed look is only a missed one: a wrong host, path or network
is said at once, as ``get`` says it.
"""

import asyncio
import time
from argparse import ArgumentParser, Namespace

from ..errors import ApiError, NoReplyError, UnexpectedReplyError, WaitTimeoutError
from ..session import ElementsSession
from .failure import DONE
from .missed import MissedLooks
from .output import Output
from .subcommand import NOTHING_CHANGED, Subcommand, seconds
from .waiting import wait_and_tell


def _arguments(parser: ArgumentParser) -> None:
    parser.add_argument("task_id", metavar="TASK_ID", help="the id of a task, or your own external id of it")
    parser.add_argument(
        "--timeout", metavar="S", type=seconds, default=600.0, help="seconds to wait, or inf (default: 600)"
    )


async def _run(parsed: Namespace, output: Output) -> int:
    until = time.monotonic() + parsed.timeout
    async with ElementsSession.from_env(on_event=MissedLooks(output.progress)) as session:
        async with output.progress.during(f"asking {session.gateway.name}"):
            await _meet(session, parsed.task_id, parsed.timeout)
        await wait_and_tell(session, parsed.task_id, max(0.0, until - time.monotonic()), output)
    return DONE


async def _meet(session: ElementsSession, task_id: str, timeout: float) -> None:
    """See that the gateway is there: whatever it says of the task is for the wait to judge."""
    try:
        async with asyncio.timeout(timeout):
            await session.get_element(task_id)
    except TimeoutError:
        raise WaitTimeoutError(task_id, task=None, elapsed=timeout, last_error=None) from None
    except (ApiError, NoReplyError):
        return
    except UnexpectedReplyError as error:
        if error.status < 500:
            raise


WAIT = Subcommand(
    "wait", "wait for a task to end", "wait 860434405402222626", _run, _arguments, when_stopped=NOTHING_CHANGED
)
