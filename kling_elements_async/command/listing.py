"""A list of elements, a line each: a page of it, or all. Shared by ``list`` and ``presets``."""

from argparse import ArgumentParser
from collections.abc import AsyncIterator

from ..models import Element, Page
from ..paging import LARGEST_PAGE, LAST_PAGE
from .output import Output
from .record import element_record
from .subcommand import whole
from .width import counted, padded

_PAGE_SIZE = 30


def paging_arguments(parser: ArgumentParser) -> None:
    """Add the options that say which part of a list is wanted."""
    part = parser.add_mutually_exclusive_group()
    part.add_argument("--page", metavar="N", type=whole(1, LAST_PAGE), default=1, help="which page (default: 1)")
    part.add_argument("--all", action="store_true", help="all pages")
    parser.add_argument(
        "--page-size",
        metavar="N",
        type=whole(1, LARGEST_PAGE),
        default=_PAGE_SIZE,
        help=f"elements on a page (default: {_PAGE_SIZE})",
    )


def show(element: Element, output: Output) -> None:
    """Write one element."""
    facts = (
        f"{element.element_id:<18}",
        padded(element.name or "", 20),
        padded("deleted" if element.is_deleted else element.reference_type or "", 7),
        " ".join(map(str, element.tags)),
    )
    output.row(element_record(element), "  ".join(facts).rstrip())


def show_page(page: Page, output: Output, *, with_deleted: bool) -> None:
    """Write one page, and say what it does not show."""
    shown = [element for element in page.elements if with_deleted or not element.is_deleted]
    for element in shown:
        show(element, output)
    if hidden := len(page.elements) - len(shown):
        output.note(f"{hidden} deleted: show them with --deleted")
    running = [task for task in page.tasks if not task.is_terminal and not task.elements]
    if running:
        output.note(f"{len(running)} not ready yet: kling-elements wait {running[0].task_id}")
    if not page.is_last:
        output.note(f"there is more: --page {page.number + 1}, or --all")
    elif not page.elements and not running:
        output.note("no elements yet" if page.number == 1 else f"no elements on page {page.number}")


async def show_all(elements: AsyncIterator[Element], output: Output) -> None:
    """Write a whole list as it comes in."""
    count = 0
    async for element in elements:
        show(element, output)
        count += 1
    output.note(counted(count, "element"))
