"""CPU of a ``get_element``, 16 in flight, as a multiple of bare aiohttp with ``json.loads``: see ``contest``.

Then of the clients that a user would pick instead, in a contest of their own; see ``peers``.
"""

import asyncio
from contextlib import AsyncExitStack
from importlib.util import find_spec
from statistics import median

from .contest import IN_FLIGHT, Call, Outcome, against_bare_aiohttp, bare, contest, session_to
from .gateway import BenchmarkGateway, served
from .peers import PEERS
from .table import Note, Row, Table

MOST = 1.20


async def _among_peers(gateway: BenchmarkGateway, rounds: int) -> Outcome:
    async with AsyncExitStack() as stack:
        calls: dict[str, Call] = {"bare": await stack.enter_async_context(bare(gateway.url))}
        calls["ours"] = (await stack.enter_async_context(session_to(gateway.url))).get_element
        for name, entered in PEERS.items():
            if find_spec(name):
                calls[name] = await stack.enter_async_context(entered(gateway.url))
        return await contest(gateway, calls, rounds)


def _row(name: str, outcome: Outcome) -> Row | Note:
    if name not in outcome.blocks:
        return Note(f"{name} / bare aiohttp", "not installed")
    return Row(f"{name} / bare aiohttp, {len(outcome.blocks[name])} rounds", median(outcome.ratios(name, "bare")))


def run(*, quick: bool) -> Table:
    own = against_bare_aiohttp(lambda session: session.get_element, quick=quick)
    with served() as gateway:
        among = asyncio.run(_among_peers(gateway, 8 if quick else 40))
    rows = [_row(name, among) for name in ("ours", *PEERS)]
    return Table(f"cpu: get_element, {IN_FLIGHT} in flight", (*own.rows("get_element", most=MOST), *rows))
