"""``check``: whether local pictures fit for an element. Needs no key and sends nothing."""

from argparse import ArgumentParser, Namespace
from pathlib import Path

from ..pictures import is_link, picture_problems
from .failure import DONE, REFUSED
from .output import Output
from .subcommand import NOTHING_CHANGED, Subcommand


def _arguments(parser: ArgumentParser) -> None:
    parser.add_argument("images", metavar="IMAGE", nargs="+", help="a JPEG or PNG file")


async def _run(parsed: Namespace, output: Output) -> int:
    found = [_check(image, output) for image in parsed.images]
    return DONE if all(found) else REFUSED


def _check(image: str, output: Output) -> bool:
    if is_link(image):
        problems = [f"{image} is a link: only files are checked"]
    else:
        problems = list(picture_problems(Path(image)))
    lines = [f"bad  {problem}" for problem in problems] or [f"ok   {image}"]
    output.result({"image": image, "ok": not problems, "problems": problems}, *lines)
    return not problems


CHECK = Subcommand(
    "check",
    "check local pictures, sending nothing",
    "check front.png side.png",
    _run,
    _arguments,
    when_stopped=NOTHING_CHANGED,
)
