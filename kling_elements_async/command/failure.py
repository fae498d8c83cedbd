"""What went wrong, in the words of the command line: which exit code, which lines.

Law: a library's error speaks of arguments and methods; here it speaks of options, variables and subcommands.
"""

import os
import re

from ..errors import (
    ApiError,
    ConfigurationError,
    CreateUncertainError,
    ElementsError,
    InvalidElementError,
    InvalidIdError,
    NotOfferedError,
    UnexpectedReplyError,
    WaitTimeoutError,
)
from ..gateways import names
from ..near_miss import did_you_mean
from .record import status_of

DONE = 0
REFUSED = 1
WRONG = 2
STOPPED = 130

_VARIABLE = re.compile(r"\b(base_url|api_key|access_key|secret_key)\b")
_OF_AIOHTTP = re.compile(r"\((?:Client|Server|Connection)\w*: ")
_OPTIONS = {
    "name": "--name",
    "description": "--description",
    "reference.frontal": "--frontal",
    "reference.others": "--other",
    "reference.url": "--video",
    "reference": "--video",
    "voice_id": "--voice",
    "tags": "--tag",
    "callback_url": "--callback-url",
    "external_task_id": "--external-id",
}


class UsageError(Exception):
    """Options that do not go together."""


def exit_code(error: Exception) -> int:
    """Return 2 for what the caller asked wrongly, 1 for what the gateway or the network made of it."""
    wrong = UsageError | ConfigurationError | InvalidIdError | InvalidElementError | NotOfferedError
    return WRONG if isinstance(error, wrong) else REFUSED


def lines_of(error: ElementsError | UsageError) -> list[str]:
    """Return what to say: one line, or a line and the problems of a spec."""
    if isinstance(error, InvalidElementError):
        return _problem_lines(error)
    if isinstance(error, WaitTimeoutError):
        return [_too_late(error)]
    if isinstance(error, CreateUncertainError):
        return [_uncertain(error)]
    if isinstance(error, ApiError):  # a gateway's own words stay as they are
        return [str(error)]
    return [_VARIABLE.sub(lambda word: f"KLING_{word[0].upper()}", _brief(error)) + _way_out(error)]


def _brief(error: Exception) -> str:
    """Return the text of an error without what helps a programmer only: a page of HTML, a class of aiohttp's."""
    text = str(error)
    if isinstance(error, UnexpectedReplyError) and error.excerpt.startswith("<"):
        text = text.removesuffix(f": {error.excerpt}")
    return _OF_AIOHTTP.sub("(", text)


def _problem_lines(error: InvalidElementError) -> list[str]:
    problems = [_with_option(problem) for problem in error.problems]
    if len(problems) == 1:
        return [f"nothing was sent: {problems[0]}"]
    return [f"nothing was sent; {len(problems)} things to mend:", *problems]


def _with_option(problem: str) -> str:
    place, colon, text = problem.partition(": ")
    place, bracket, number = place.partition("[")
    if bracket:
        text = f"picture {int(number.rstrip(']')) + 1}: {text}"
    return f"{_OPTIONS.get(place, place)}{colon}{text}"


def _too_late(error: WaitTimeoutError) -> str:
    missed = f", the last look failed: {' '.join(lines_of(error.last_error))}" if error.last_error else ""
    task, seconds, again = error.task, f"{error.elapsed:.1f} s", f"kling-elements wait {error.task_id}"
    if task is None:
        return f"task {error.task_id} was not seen once in {seconds}{missed}; go on with: {again}"
    return (
        f"task {error.task_id} has not ended after {seconds}, last seen {status_of(task)}{missed}. "
        f"It goes on at the gateway; go on with: {again}"
    )


def _uncertain(error: CreateUncertainError) -> str:
    known = error.external_task_id
    if known:
        advice = f"look with: kling-elements get {known}; or create it again with --external-id {known}"
    else:
        advice = "look in your account there before you create it again: each create may be billed"
    return f"{error.gateway} may or may not have created the element ({error.reason}); {advice}"


def _way_out(error: Exception) -> str:
    if not isinstance(error, ConfigurationError):
        return ""
    if str(error).startswith("no key"):
        return "; to try it without one: kling-elements demo"
    if str(error).startswith("there is no gateway"):
        return did_you_mean(os.environ.get("KLING_GATEWAY", ""), names())
    return ""
