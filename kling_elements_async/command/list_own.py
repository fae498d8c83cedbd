"""``list``: the account's own elements."""

from argparse import ArgumentParser, Namespace

from ..session import ElementsSession
from .failure import DONE
from .listing import paging_arguments, show_all, show_page
from .output import Output
from .subcommand import NOTHING_CHANGED, Subcommand


def _arguments(parser: ArgumentParser) -> None:
    paging_arguments(parser)
    parser.add_argument("--deleted", action="store_true", help="deleted ones too")


async def _run(parsed: Namespace, output: Output) -> int:
    async with ElementsSession.from_env() as session, output.progress.during(f"asking {session.gateway.name}"):
        if parsed.all:
            await show_all(session.iter_elements(include_deleted=parsed.deleted), output)
        else:
            page = await session.list_elements(page=parsed.page, page_size=parsed.page_size)
            show_page(page, output, with_deleted=parsed.deleted)
    return DONE


LIST = Subcommand(
    "list",
    "list your elements",
    "list",
    _run,
    _arguments,
    more_examples=("list --all --json",),
    when_stopped=NOTHING_CHANGED,
)
