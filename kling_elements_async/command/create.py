"""``create``: one element from pictures or a video; with ``--wait``, until it is ready."""

import asyncio
import time
from argparse import ArgumentParser, Namespace
from pathlib import Path

from ..models import ElementSpec, ElementTask, Images, ImageSource, Tag, Video
from ..pictures import is_link
from ..session import ElementsSession
from .failure import DONE, UsageError
from .missed import MissedLooks
from .output import Output
from .record import task_record
from .subcommand import Subcommand, one_of, seconds
from .waiting import wait_and_tell

_SECONDS = 120.0
_SECONDS_WITH_WAIT = 600.0


def _arguments(parser: ArgumentParser) -> None:
    parser.add_argument("--name", required=True, help="1 to 20 characters")
    parser.add_argument("--description", required=True, metavar="TEXT", help="1 to 100 characters")
    reference = parser.add_mutually_exclusive_group(required=True)
    reference.add_argument("--frontal", metavar="F", type=_source, help="the front: a file, or an http(s) link")
    reference.add_argument("--video", metavar="URL", type=Video, help="a link to a video instead of pictures")
    parser.add_argument(
        "--other", metavar="F", type=_source, nargs="+", action="extend", help="1 to 3 other views: files or links"
    )
    tags = [str(tag) for tag in Tag]
    several = f"{', '.join(tags)}; also several times"
    parser.add_argument("--tag", metavar="T", type=one_of("tag", tags), action="append", default=[], help=several)
    parser.add_argument("--voice", metavar="ID", help="the id of a voice to bind")
    parser.add_argument("--external-id", metavar="ID", help="your own id of the task")
    parser.add_argument("--callback-url", metavar="URL", help="where the gateway reports the end")
    parser.add_argument("--wait", action="store_true", help="until the element is ready")
    parser.add_argument(
        "--timeout", metavar="S", type=seconds, help="seconds for all of it (default: 120, with --wait 600)"
    )


def _source(text: str) -> ImageSource:
    return text if is_link(text) else Path(text)


async def _run(parsed: Namespace, output: Output) -> int:
    spec = _spec(parsed)
    timeout = parsed.timeout or (_SECONDS_WITH_WAIT if parsed.wait else _SECONDS)
    until = time.monotonic() + timeout
    async with ElementsSession.from_env(on_event=MissedLooks(output.progress)) as session:
        task = await _create(session, spec, timeout, output)
        if not parsed.wait:
            output.note(f"created; wait for it with: kling-elements wait {task.task_id}")
            output.result(task_record(task), task.task_id)
            return DONE
        output.note(f"created: task {task.task_id}")
        await wait_and_tell(session, task.task_id, max(0.0, until - time.monotonic()), output)
    return DONE


async def _create(session: ElementsSession, spec: ElementSpec, timeout: float, output: Output) -> ElementTask:
    try:
        async with output.progress.during(f"creating {spec.name}"):
            return await session.create_element(spec, timeout=timeout)
    except asyncio.CancelledError:
        output.error("stopped; the element may or may not be created. Look with: kling-elements list")
        raise


def _spec(parsed: Namespace) -> ElementSpec:
    if parsed.video and parsed.other:
        raise UsageError("--other goes with --frontal, not with --video")
    return ElementSpec(
        name=parsed.name,
        description=parsed.description,
        reference=parsed.video or Images(parsed.frontal, parsed.other or []),
        voice_id=parsed.voice,
        tags=parsed.tag,
        callback_url=parsed.callback_url,
        external_task_id=parsed.external_id,
    )


CREATE = Subcommand(
    "create",
    "create an element",
    'create --name my-character --description "A protagonist" \\\n'
    "      --frontal front.png --other side.png --tag character --wait",
    _run,
    _arguments,
    more_examples=(
        'create --name fox --description "A fox" \\\n      --video https://example.com/fox.mp4 --tag animal',
    ),
    when_stopped="stopped; nothing was sent",
)
