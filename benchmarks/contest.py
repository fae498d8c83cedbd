"""CPU of several clients in one process, for the same requests to the same gateway.

They take turns in blocks of a hundred requests, 16 in flight, in the order A B B A …; a block's figure is the CPU
time of the process (``time.process_time``) per request. The result is the median of the ratios of the blocks of
one round. The gateway has a process of its own, and its share of a core is printed: well below 100 % it is not
what the client waits for.
"""

import asyncio
import gc
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import asynccontextmanager
from itertools import count, islice
from statistics import median

import aiohttp
from attrs import frozen

from kling_elements_async import ElementsSession
from kling_elements_async.gateways import EzModel

from .gateway import FIRST_TASK_ID, BenchmarkGateway, served
from .table import Row

IN_FLIGHT = 16
BLOCK = 100
KEY = "benchmark-key"
PATH = "/v1/general/advanced-custom-elements"
_WARM_UP = 300

Call = Callable[[str], Awaitable[object]]
Ours = Callable[[ElementsSession], Call]


@frozen
class Outcome:
    """CPU seconds per request of each block, round by round, and the gateway's share of a core."""

    blocks: dict[str, list[float]]
    gateway_share: float

    def ratios(self, one: str, other: str) -> list[float]:
        return [a / b for a, b in zip(self.blocks[one], self.blocks[other], strict=True)]

    def rows(self, what: str, *, most: float | None = None) -> tuple[Row, ...]:
        """Return the lines of a table; ``most`` is the goal of the ratio."""
        ratios = self.ratios("ours", "bare")
        return (
            Row(f"{what} / bare aiohttp, median of {len(ratios)} pairs", median(ratios), most=most, digits=3),
            Row("  lowest pair", min(ratios), digits=3),
            Row("  highest pair", max(ratios), digits=3),
            Row(f"  CPU per {what}", median(self.blocks["ours"]) * 1e6, " µs", digits=0),
            Row("  CPU per bare request", median(self.blocks["bare"]) * 1e6, " µs", digits=0),
            Row("  the gateway's share of its core", self.gateway_share * 100, " %", digits=0),
        )


def against_bare_aiohttp(ours: Ours, *, quick: bool) -> Outcome:
    """Compare a method of a session, which takes a task id and sends one request, with bare aiohttp."""

    async def held(gateway: BenchmarkGateway) -> Outcome:
        async with bare(gateway.url) as bare_call, session_to(gateway.url) as session:
            return await contest(gateway, {"ours": ours(session), "bare": bare_call}, 40 if quick else 300)

    with served() as gateway:
        return asyncio.run(held(gateway))


def session_to(url: str) -> ElementsSession:
    return ElementsSession(EzModel(api_key=KEY, base_url=url))


@asynccontextmanager
async def bare(url: str) -> AsyncIterator[Call]:
    """Ask for a task by aiohttp and ``json.loads``, and nothing else."""
    async with aiohttp.ClientSession(headers={"Authorization": f"Bearer {KEY}"}) as http:

        async def call(task_id: str) -> object:
            async with http.get(f"{url}{PATH}/{task_id}") as reply:
                return json.loads(await reply.read())

        yield call


async def contest(gateway: BenchmarkGateway, calls: Mapping[str, Call], rounds: int) -> Outcome:
    """Let these take turns."""
    # Distinct ids: waits on one id would share their looks.
    ids = map(str, count(FIRST_TASK_ID))
    for call in calls.values():
        await _cpu_per_request(call, islice(ids, _WARM_UP), _WARM_UP)
    blocks: dict[str, list[float]] = {name: [] for name in calls}
    taken, began = gateway.cpu(), time.perf_counter()
    for number in range(rounds):
        for name in calls if number % 2 else reversed(tuple(calls)):
            gc.collect()
            blocks[name].append(await _cpu_per_request(calls[name], islice(ids, BLOCK), BLOCK))
    return Outcome(blocks, (gateway.cpu() - taken) / (time.perf_counter() - began))


async def _cpu_per_request(call: Call, ids: Iterator[str], requests: int) -> float:
    async def work() -> None:
        for task_id in ids:  # shared: each worker takes the next id
            await call(task_id)

    before = time.process_time()
    await asyncio.gather(*(work() for _ in range(IN_FLIGHT)))
    return (time.process_time() - before) / requests
