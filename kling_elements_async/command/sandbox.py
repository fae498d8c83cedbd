"""``sandbox``: serve a sandbox for all gateways on this machine, until Ctrl-C."""

import asyncio
import math
from argparse import ArgumentParser, ArgumentTypeError, Namespace

from ..sandbox import Sandbox
from .failure import DONE, REFUSED, UsageError
from .output import Output
from .subcommand import Subcommand, seconds, whole


def _arguments(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--port", metavar="N", type=whole(1, 65535), default=0, help="where to listen (default: any free port)"
    )
    parser.add_argument(
        "--slots", metavar="N", type=whole(1, 1_000_000), help="tasks at a time in an account (default: any)"
    )
    parser.add_argument(
        "--seconds",
        metavar=("MIN", "MAX"),
        type=seconds,
        nargs=2,
        default=(2.0, 5.0),
        help="how long a task takes (default: 2 5)",
    )
    parser.add_argument(
        "--chaos",
        metavar="SHARE",
        type=_share,
        default=0.0,
        help="spoil this share of the requests, 0 to 1: resets, lost and broken answers, 429, 5xx (default: 0)",
    )
    parser.add_argument(
        "--seed", metavar="N", type=whole(0, 2**32), default=0, help="what chaos and durations are drawn by"
    )


def _share(text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not 0 <= number <= 1:
        raise ArgumentTypeError(f"{text!r} is no share from 0 to 1")
    return number


async def _run(parsed: Namespace, output: Output) -> int:
    low, high = parsed.seconds
    if not low <= high < float("inf"):
        raise UsageError("--seconds takes the shorter time first, and an end")
    sandbox = Sandbox(
        port=parsed.port, slots=parsed.slots, durations=(low, high), chaos=parsed.chaos, seed=parsed.seed
    )
    try:
        await sandbox.start()
    except OSError:
        output.error(f"port {parsed.port} can't be opened; leave --port out for any free one")
        return REFUSED
    try:
        _tell(sandbox, output)
        if parsed.chaos:
            output.note(f"It spoils {parsed.chaos:.0%} of the requests.")
        await asyncio.Event().wait()
    finally:
        await sandbox.close()
        output.note("")  # below the ^C
        output.note("the sandbox is closed, and what was in it is gone")
    return DONE


def _tell(sandbox: Sandbox, output: Output) -> None:
    output.note("A sandbox is open on this machine until Ctrl-C. Nothing leaves it, nothing is billed.")
    output.note("Use it from another terminal with the line of one gateway:")
    output.note("")
    settings = {name: sandbox.environment(name) for name in sandbox.gateways}
    lines = (" ".join(f"{key}={value}" for key, value in setting.items()) for setting in settings.values())
    output.result(settings, *(f"export {line}" for line in lines))


SANDBOX = Subcommand(
    "sandbox", "serve a sandbox to try things on", "sandbox --port 8900 --slots 5 --chaos 0.2", _run, _arguments
)
