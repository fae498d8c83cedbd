"""The command ``kling-elements``: which subcommands there are, and how each of them ends.

Law: one file a subcommand; this one names them, runs one, and turns what it raises into a line and an exit
code: 0 done, 1 refused or failed, 2 asked wrongly, 130 stopped by Ctrl-C. The key comes from the environment.
"""

import asyncio
import io
import os
import signal
import sys
from argparse import Namespace
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from ..errors import ElementsError
from .batch import BATCH
from .check import CHECK
from .create import CREATE
from .delete import DELETE
from .demo import DEMO
from .doctor import DOCTOR
from .failure import DONE, REFUSED, STOPPED, WRONG, UsageError, exit_code, lines_of
from .gallery import GALLERY
from .get import GET
from .list_own import LIST
from .output import Output
from .parser import Parser
from .presets import PRESETS
from .sandbox import SANDBOX
from .subcommand import Subcommand
from .wait import WAIT

__all__ = ["main"]

SUBCOMMANDS = (DEMO, SANDBOX, DOCTOR, CREATE, BATCH, GET, WAIT, LIST, PRESETS, GALLERY, DELETE, CHECK)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command and return its exit code; ``arguments`` are those of the process if left out."""
    try:
        if not _can_speak():
            return WRONG
        _replace_what_the_terminal_lacks()
        parser = Parser(SUBCOMMANDS)
        parsed = parser.parse(sys.argv[1:] if arguments is None else arguments)
        if parsed.subcommand is None:
            parser.print_help()
            return WRONG
        return _run(parsed.subcommand, parsed, Output(is_json=parsed.json))
    except KeyboardInterrupt:  # before anything began
        print("kling-elements: stopped; nothing was done", file=sys.stderr)
        return STOPPED
    except SystemExit as leaving:  # argparse, after --help or a mistake
        return int(leaving.code or 0)
    except BrokenPipeError:
        # The reader has what it wanted (| head). The interpreter flushes both once more at its end.
        for stream in (sys.stdout, sys.stderr):
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
        return DONE


def _can_speak() -> bool:
    """Whether results have somewhere to go: what a closed output would swallow is not begun."""
    if sys.stderr is None:
        sys.stderr = Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115 - until the end of the process
    if sys.stdout is None:
        print("kling-elements: the standard output is closed, so nothing was done", file=sys.stderr)
    return sys.stdout is not None


def _run(subcommand: Subcommand, parsed: Namespace, output: Output) -> int:
    try:
        return asyncio.run(subcommand.run(parsed, output))
    except KeyboardInterrupt:
        with suppress(ValueError):  # in another thread than the first, which alone meets Ctrl-C
            signal.signal(signal.SIGINT, signal.SIG_IGN)  # on the way out already: a second one changes nothing
        if subcommand.when_stopped and not output.has_complained:
            output.error(subcommand.when_stopped)
        return STOPPED
    except (ElementsError, UsageError) as error:
        output.error(*lines_of(error))
        return exit_code(error)
    except BrokenPipeError:
        raise
    except OSError as error:
        output.error(error.strerror or str(error))
        return REFUSED


def _replace_what_the_terminal_lacks() -> None:
    # A name may hold characters that this terminal's encoding lacks: "?" is better than a traceback.
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")
