"""``gallery``: the library as one HTML page with its pictures, to look at and to copy ids from."""

import asyncio
from argparse import ArgumentParser, Namespace
from datetime import UTC, datetime
from pathlib import Path

from .. import optional
from ..session import ElementsSession
from .failure import DONE
from .library import Library
from .output import Output
from .subcommand import Subcommand
from .whole_file import check_place, write_whole
from .width import counted

_FILE = "kling-elements.html"


def _arguments(parser: ArgumentParser) -> None:
    parser.add_argument(
        "-o", "--output", metavar="FILE", type=Path, default=Path(_FILE), help=f"the page (default: {_FILE})"
    )
    parser.add_argument("--presets", action="store_true", help="Kling's own elements too")
    parser.add_argument("--deleted", action="store_true", help="deleted ones too, greyed")


async def _run(parsed: Namespace, output: Output) -> int:
    check_place(parsed.output)
    async with ElementsSession.from_env() as session, output.progress.during(f"asking {session.gateway.name}"):
        library = Library(session, output)
        await library.read(presets=parsed.presets, deleted=parsed.deleted)
    page = optional.load("gallery").page(library.entries, gateway=session.gateway.name, now=datetime.now(UTC))
    await asyncio.to_thread(write_whole, parsed.output, page)
    _tell(library, parsed.output, output)
    return DONE


def _tell(library: Library, path: Path, output: Output) -> None:
    elements = [entry.element for entry in library.entries]
    facts = {
        "file": str(path),
        "elements": len(elements),
        "presets": sum(element.is_preset for element in elements),
        "deleted": sum(element.is_deleted for element in elements),
    }
    if library.hidden:
        output.note(f"{library.hidden:,} deleted: show them with --deleted")
    if library.unfinished:
        output.note(f"{library.unfinished:,} not ready yet")
    output.note(f"{counted(len(elements), 'element')}; open this file in a browser:")
    output.result(facts, str(path))


GALLERY = Subcommand(
    "gallery",
    "write a page with the pictures of your elements",
    "gallery",
    _run,
    _arguments,
    more_examples=("gallery -o cast.html --presets --deleted",),
    when_stopped="stopped; no page was written",
)
