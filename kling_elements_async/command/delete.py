"""``delete``: elements, by their ids.

A missing one does not keep the others; anything else that goes wrong ends it.
"""

from argparse import ArgumentParser, Namespace

from ..errors import NotFoundError
from ..ids import checked_id
from ..session import ElementsSession
from .failure import DONE, REFUSED
from .output import Output
from .subcommand import Subcommand


def _arguments(parser: ArgumentParser) -> None:
    parser.add_argument("element_ids", metavar="ELEMENT_ID", nargs="+", help="the id of an element")
    parser.add_argument("--missing-ok", action="store_true", help="an element that is gone already is fine")


async def _run(parsed: Namespace, output: Output) -> int:
    ids = [checked_id(given, "element id") for given in parsed.element_ids]  # all, before the first is gone
    code = DONE
    async with ElementsSession.from_env() as session, output.progress.during(f"asking {session.gateway.name}"):
        for element_id in ids:
            try:
                await session.delete_element(element_id, missing_ok=parsed.missing_ok)
            except NotFoundError as error:
                output.error(f"element {element_id} was not deleted: {error.message}; --missing-ok allows that")
                code = REFUSED
            else:
                output.result({"element_id": element_id, "deleted": True}, f"deleted {element_id}")
    return code


DELETE = Subcommand(
    "delete",
    "delete elements",
    "delete 856528387816046601",
    _run,
    _arguments,
    more_examples=("delete --missing-ok 856528387816046601 856528387816046602",),
    when_stopped="stopped; what was deleted stands above, and one more may be: see kling-elements list",
)
