"""The arguments of the command: how they are read, and how a mistake in them is answered.

Law: a complaint is one line with what to do; a near miss of a name is answered with the right one.
"""

import re
from argparse import ArgumentParser, Namespace, RawDescriptionHelpFormatter
from collections.abc import Iterable, Mapping, Sequence
from itertools import takewhile
from typing import NoReturn

from ..gateways import names
from ..near_miss import did_you_mean
from ..version import __version__
from .failure import WRONG
from .output import Output
from .subcommand import Subcommand

PROGRAM = "kling-elements"

_HELP = """\
Create, wait for, list and delete Kling elements: reusable characters and objects.
New here? "kling-elements demo" needs no key and sends nothing."""

_EPILOG = """\
examples:
  {program} doctor
  {program} create --name fox --description "A fox" \\
      --frontal front.png --other side.png --wait
  {program} gallery

environment:
  KLING_GATEWAY   {gateways}
                  (kling if unset)
  KLING_API_KEY   your key there; or, for kling,
                  KLING_ACCESS_KEY and KLING_SECRET_KEY
  KLING_BASE_URL  another address of the gateway

exit codes: 0 done, 1 refused or failed, 2 asked wrongly, 130 Ctrl-C"""

_OPTION = re.compile(r"--[a-z][a-z-]*")


class _Parser(ArgumentParser):
    """An argument parser whose complaint is one line."""

    def error(self, message: str) -> NoReturn:
        see = " See" if message.endswith("?") else "; see"
        Output(is_json=False).error(f"{message}{see} '{self.prog} --help'")
        self.exit(WRONG)


class Parser:
    """The parser of the command with these subcommands."""

    def __init__(self, subcommands: Iterable[Subcommand]) -> None:
        self._main = _Parser(
            PROGRAM,
            description=_HELP,
            epilog=_EPILOG.format(program=PROGRAM, gateways=", ".join(names())),
            formatter_class=RawDescriptionHelpFormatter,
            allow_abbrev=False,
        )
        self._main.add_argument("--version", action="version", version=f"{PROGRAM} {__version__}")
        self._main.set_defaults(subcommand=None)
        added = self._main.add_subparsers(title="subcommands", metavar="SUBCOMMAND")
        self._own: dict[str, ArgumentParser] = {}
        for each in subcommands:
            self._own[each.name] = own = added.add_parser(
                each.name,
                help=each.summary,
                description=f"{each.summary[0].upper()}{each.summary[1:]}.",
                epilog=_epilog(each),
                formatter_class=RawDescriptionHelpFormatter,
                allow_abbrev=False,
            )
            each.arguments(own)
            own.add_argument("--json", action="store_true", help="JSON on stdout, for scripts")
            own.set_defaults(subcommand=each)

    def parse(self, arguments: Sequence[str]) -> Namespace:
        """Read the arguments; ``subcommand`` is None where there is none.

        Raises:
            SystemExit: after ``--help``, or a complaint.

        """
        _check_names(arguments, self._main, self._own)
        return self._main.parse_args(arguments)

    def print_help(self) -> None:
        """Print the help of the whole command."""
        self._main.print_help()


def _epilog(subcommand: Subcommand) -> str:
    examples = (subcommand.example, *subcommand.more_examples)
    lines = "".join(f"\n  {PROGRAM} {example}" for example in examples)
    notes = f"\n\n{subcommand.notes}" if subcommand.notes else ""
    return f"example{'s' * (len(examples) > 1)}:{lines}{notes}"


def _check_names(arguments: Sequence[str], main: ArgumentParser, own: Mapping[str, ArgumentParser]) -> None:
    """Complain of a subcommand or an option that there is not, before argparse does, which knows no near miss."""
    before = list(takewhile(lambda word: word.startswith("-"), arguments))
    rest = arguments[len(before) :]
    _check_options(before, main, "", own.values())
    if not rest:
        return
    name, *given = rest
    if name not in own:
        main.error(f"there is no subcommand {name!r}{did_you_mean(name, own)}")
    _check_options(takewhile(lambda word: word != "--", given), own[name], f"{name} ", ())


def _check_options(
    words: Iterable[str], parser: ArgumentParser, whose: str, others: Iterable[ArgumentParser]
) -> None:
    known = _options(parser)
    for word in words:
        option = word.partition("=")[0]
        # As argparse has it: what holds a space is a value.
        if not word.startswith("--") or " " in word or word == "--" or option in known:
            continue
        if any(option in _options(other) for other in others):
            parser.error(f"{option} stands behind the subcommand, not before it")
        parser.error(f"{whose}has no option {option}{did_you_mean(option, known)}".strip())


def _options(parser: ArgumentParser) -> set[str]:
    return {"--help", *_OPTION.findall(parser.format_usage())}
