"""The command ``kling-elements``: which subcommands there are, and how each of them ends.

Law: one file a subcommand; this one names them, runs one, and turns what it raises into a line and an exit
code: 0 done, 1 refused or failed, 2 asked wrongly, 130 stopped by Ctrl-C. The key comes from the environment.
"""

import asyncio
import io
import os
import sys
from argparse import ArgumentParser, Namespace, RawDescriptionHelpFormatter
from collections.abc import Sequence
from typing import NoReturn

from ..errors import ElementsError
from ..gateways import names
from ..version import __version__
from .batch import BATCH
from .check import CHECK
from .create import CREATE
from .delete import DELETE
from .demo import DEMO
from .failure import DONE, REFUSED, STOPPED, WRONG, UsageError, exit_code, lines_of
from .gallery import GALLERY
from .get import GET
from .list_own import LIST
from .output import Output
from .presets import PRESETS
from .sandbox import SANDBOX
from .subcommand import Subcommand
from .wait import WAIT

__all__ = ["main"]

PROGRAM = "kling-elements"
SUBCOMMANDS = (DEMO, SANDBOX, CREATE, BATCH, GET, WAIT, LIST, PRESETS, GALLERY, DELETE, CHECK)

_HELP = """\
Create, wait for, list and delete Kling elements: reusable characters and objects.
New here? "kling-elements demo" needs no key and sends nothing."""

_ENVIRONMENT = """\
environment:
  KLING_GATEWAY   {gateways}
                  (kling if unset)
  KLING_API_KEY   your key there; or, for kling,
                  KLING_ACCESS_KEY and KLING_SECRET_KEY
  KLING_BASE_URL  another address of the gateway

exit codes: 0 done, 1 refused or failed, 2 asked wrongly, 130 Ctrl-C"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command and return its exit code; ``arguments`` are those of the process if left out."""
    _replace_what_the_terminal_lacks()
    parser = _parser()
    try:
        parsed = parser.parse_args(arguments)
        if parsed.subcommand is None:
            parser.print_help()
            return WRONG
        return _run(parsed.subcommand, parsed, Output(is_json=parsed.json))
    except SystemExit as leaving:  # argparse, after --help or a mistake
        return int(leaving.code or 0)
    except BrokenPipeError:
        # The reader has what it wanted (| head). The interpreter flushes both once more at its end.
        for stream in (sys.stdout, sys.stderr):
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
        return DONE


def _run(subcommand: Subcommand, parsed: Namespace, output: Output) -> int:
    try:
        return asyncio.run(subcommand.run(parsed, output))
    except KeyboardInterrupt:
        return STOPPED
    except (ElementsError, UsageError) as error:
        output.error(*lines_of(error))
        return exit_code(error)
    except BrokenPipeError:
        raise
    except OSError as error:
        output.error(str(error))
        return REFUSED


class _Parser(ArgumentParser):
    """An argument parser whose complaint is one line."""

    def error(self, message: str) -> NoReturn:
        Output(is_json=False).error(f"{message}; see '{self.prog} --help'")
        self.exit(WRONG)


def _parser() -> ArgumentParser:
    parser = _Parser(
        PROGRAM,
        description=_HELP,
        epilog=_ENVIRONMENT.format(gateways=", ".join(names())),
        formatter_class=RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"{PROGRAM} {__version__}")
    parser.set_defaults(subcommand=None)
    added = parser.add_subparsers(title="subcommands", metavar="SUBCOMMAND")
    for subcommand in SUBCOMMANDS:
        own = added.add_parser(
            subcommand.name,
            help=subcommand.summary,
            description=f"{subcommand.summary[0].upper()}{subcommand.summary[1:]}.",
            epilog=f"example:\n  {PROGRAM} {subcommand.example}",
            formatter_class=RawDescriptionHelpFormatter,
            allow_abbrev=False,
        )
        subcommand.arguments(own)
        own.add_argument("--json", action="store_true", help="JSON on stdout, for scripts")
        own.set_defaults(subcommand=subcommand)
    return parser


def _replace_what_the_terminal_lacks() -> None:
    # A name may hold characters that this terminal's encoding lacks: "?" is better than a traceback.
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")
