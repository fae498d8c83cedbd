"""``presets``: Kling's own elements."""

from argparse import Namespace

from ..session import ElementsSession
from .failure import DONE
from .listing import paging_arguments, show_all, show_page
from .output import Output
from .subcommand import NOTHING_CHANGED, Subcommand


async def _run(parsed: Namespace, output: Output) -> int:
    async with ElementsSession.from_env() as session, output.progress.during(f"asking {session.gateway.name}"):
        if parsed.all:
            await show_all(session.iter_preset_elements(), output)
        else:
            page = await session.list_preset_elements(page=parsed.page, page_size=parsed.page_size)
            show_page(page, output, with_deleted=True)
    return DONE


PRESETS = Subcommand(
    "presets",
    "list Kling's own elements",
    "presets --page 2",
    _run,
    paging_arguments,
    more_examples=("presets --all",),
    when_stopped=NOTHING_CHANGED,
)
