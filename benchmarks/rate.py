"""10,000 elements through one process, against a bare aiohttp loop that sends the same requests.

``create_many`` creates them and waits for all by lists, at a gateway in a process of its own where a task ends as
soon as it is made. The bare loop then sends the same POSTs with the same bodies, as many at once, and as many
lists of the same lengths as the session asked for, and reads each answer by ``json.loads``. The session is paced
to look every 0.1 s, so that its rate is what it can do and not what it waits for. Ours opens a connection for each
create, so that none is lost on one that the server just closes; the bare loop keeps its own, and one that does not
is beside it.
"""

import asyncio
import json
import time
from collections.abc import Iterator
from statistics import median
from typing import Any

import aiohttp
from attrs import define, field, frozen

from kling_elements_async import Created, ElementSpec, ElementsSession, Images, Polling
from kling_elements_async.gateways import EzModel
from kling_elements_async.wire import Call

from .contest import KEY
from .contest import PATH as CUSTOM
from .gateway import BenchmarkGateway, served
from .table import Row, Table

LEAST = 60
_AT_ONCE = 100
_POLLING = Polling(first=0.1, longest=0.1)


@define
class _Asked:
    """What a session sent: the bodies of its creates, and the lengths of its lists."""

    bodies: list[dict[str, Any]] = field(factory=list)
    singles: list[str] = field(factory=list)
    lists: list[str] = field(factory=list)

    def note(self, call: Call[Any]) -> None:
        if call.request.body is not None:
            self.bodies.append(dict(call.request.body))
        elif "?" in call.request.path:
            self.lists.append(call.request.path)
        else:
            self.singles.append(call.request.path)

    @property
    def requests(self) -> int:
        return len(self.bodies) + len(self.singles) + len(self.lists)


class _Noted(EzModel):
    """A gateway that writes down what is asked of it."""

    def __init__(self, url: str) -> None:
        super().__init__(api_key=KEY, base_url=url)
        self.asked = _Asked()

    def create(self, spec: ElementSpec, external_task_id: str | None) -> Call[Any]:
        return self._noted(super().create(spec, external_task_id))

    def get_one(self, task_id: str) -> Call[Any]:
        return self._noted(super().get_one(task_id))

    def list_custom(self, page: int, page_size: int) -> Call[Any]:
        return self._noted(super().list_custom(page, page_size))

    def _noted(self, call: Call[Any]) -> Call[Any]:
        self.asked.note(call)
        return call


@frozen
class _Run:
    seconds: float
    cpu: float
    gateway_cpu: float


@define
class _Stopwatch:
    gateway: BenchmarkGateway
    began: tuple[float, float, float] = (0.0, 0.0, 0.0)

    def _now(self) -> tuple[float, float, float]:
        return time.perf_counter(), time.process_time(), self.gateway.cpu()

    def start(self) -> None:
        self.began = self._now()

    def stop(self) -> _Run:
        return _Run(*(now - before for now, before in zip(self._now(), self.began, strict=True)))


def _specs(number: int) -> Iterator[ElementSpec]:
    side = ["https://cdn.example.com/side.png"]
    for index in range(number):
        front = f"https://cdn.example.com/{index}/frontal.png"
        yield ElementSpec(f"character-{index}", "A protagonist in a red coat", Images(front, side))


async def _ours(watch: _Stopwatch, elements: int) -> tuple[_Run, _Asked]:
    noted = _Noted(watch.gateway.url)
    async with ElementsSession(noted, polling=_POLLING) as session:
        watch.start()
        async with session.create_many(_specs(elements)) as outcomes:
            made = [outcome async for outcome in outcomes]
        run = watch.stop()
    assert len(made) == elements
    assert all(isinstance(outcome, Created) for outcome in made)
    return run, noted.asked


async def _bare(watch: _Stopwatch, asked: _Asked, *, keeps: bool) -> _Run:
    connector = aiohttp.TCPConnector(limit=_AT_ONCE, force_close=not keeps)
    headers = {"Authorization": f"Bearer {KEY}"}
    async with aiohttp.ClientSession(connector=connector, headers=headers) as http:
        requests = _mixed(asked)

        async def work() -> None:
            for path, body in requests:  # shared: each worker takes the next one
                method = "GET" if body is None else "POST"
                async with http.request(method, watch.gateway.url + path, json=body) as reply:
                    json.loads(await reply.read())

        watch.start()
        await asyncio.gather(*(work() for _ in range(_AT_ONCE)))
        return watch.stop()


def _mixed(asked: _Asked) -> Iterator[tuple[str, dict[str, Any] | None]]:
    """Yield the creates with the looks spread between them."""
    looks = [*asked.lists, *asked.singles]
    for index, body in enumerate(asked.bodies):
        yield CUSTOM, body
        first, last = (len(looks) * at // len(asked.bodies) for at in (index, index + 1))
        for path in looks[first:last]:
            yield path, None


async def _round(elements: int) -> tuple[_Run, _Run, _Run, _Asked]:
    with served() as gateway:
        watch = _Stopwatch(gateway)
        ours, asked = await _ours(watch, elements)
    # A gateway of its own: the lists would be longer at one that has all these tasks.
    with served() as gateway:
        kept = await _bare(_Stopwatch(gateway), asked, keeps=True)
    with served() as gateway:
        fresh = await _bare(_Stopwatch(gateway), asked, keeps=False)
    return ours, kept, fresh, asked


def run(*, quick: bool) -> Table:
    elements, rounds = (2_000, 2) if quick else (10_000, 3)
    done = [asyncio.run(_round(elements)) for _ in range(rounds)]
    asked = done[-1][-1]
    ours = [one[0] for one in done]
    shares = [kept.seconds / mine.seconds * 100 for mine, kept, *_ in done]
    rows = (
        Row(f"rate / bare aiohttp, median of {rounds}", median(shares), " %", least=LEAST, digits=0),
        Row("  lowest round", min(shares), " %", digits=0),
        Row("  highest round", max(shares), " %", digits=0),
        Row(
            "rate / bare, a connection each",
            median(b.seconds / a.seconds * 100 for a, _, b, _ in done),
            " %",
            digits=0,
        ),
        Row("  bare CPU / ours", median(kept.cpu / mine.cpu * 100 for mine, kept, *_ in done), " %", digits=0),
        Row("  the same, a connection each", median(b.cpu / a.cpu * 100 for a, _, b, _ in done), " %", digits=0),
        Row("  elements", median(elements / one.seconds for one in ours), " /s", digits=0),
        Row("  elements, bare", median(elements / kept.seconds for _, kept, *_ in done), " /s", digits=0),
        Row("  requests an element", asked.requests / elements, digits=3),
        Row("  lists", len(asked.lists), digits=0),
        Row("  single looks", len(asked.singles), digits=0),
        Row("  our share of a core", median(one.cpu / one.seconds * 100 for one in ours), " %", digits=0),
        Row("  the gateway's share", median(one.gateway_cpu / one.seconds * 100 for one in ours), " %", digits=0),
        Row("  the same, bare", median(k.gateway_cpu / k.seconds * 100 for _, k, *_ in done), " %", digits=0),
    )
    return Table(f"rate: {elements:,} elements through one process", rows)
