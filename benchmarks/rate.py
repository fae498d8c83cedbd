"""10,000 elements through one process, against a bare aiohttp loop that sends the same requests.

``create_many`` creates them and waits for all by lists, at a gateway in a process of its own where a task ends as
soon as it is made. The bare loop then sends the same POSTs with the same bodies, as many at once, and as many
lists of the same lengths as the session asked for, and reads each answer by ``json.loads``. The session is paced
to look every 0.01 s, so that its rate is what it can do and not what it waits for: when a thousand tasks are open,
nothing is left to do until the next look. Ours opens a connection for each create, so that none is lost on one
that the server just closes; the bare loop keeps its own, and one that does not is beside it. Neither side keeps
what it was answered: the garbage collector would walk over it again and again.
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
from kling_elements_async.gateways.native import create_body
from kling_elements_async.wire import Call

from .contest import KEY
from .contest import PATH as CUSTOM
from .gateway import BenchmarkGateway, served
from .table import Row, Table

LEAST = 60
_AT_ONCE = 100
_POLLING = Polling(first=0.01, longest=0.01)
_NAME, _DESCRIPTION = "character-{}", "A protagonist in a red coat"
_FRONT, _SIDE = "https://cdn.example.com/{}/frontal.png", "https://cdn.example.com/side.png"


@define
class _Asked:
    """What a session sent: the external ids of its creates, its single looks and its lists."""

    creates: list[str | None] = field(factory=list)
    singles: list[str] = field(factory=list)
    lists: list[str] = field(factory=list)

    @property
    def requests(self) -> int:
        return len(self.creates) + len(self.singles) + len(self.lists)


class _Noted(EzModel):
    """A gateway that writes down what is asked of it."""

    def __init__(self, url: str) -> None:
        super().__init__(api_key=KEY, base_url=url)
        self.asked = _Asked()

    def create(self, spec: ElementSpec, external_task_id: str | None) -> Call[Any]:
        self.asked.creates.append(external_task_id)
        return super().create(spec, external_task_id)

    def get_one(self, task_id: str) -> Call[Any]:
        call = super().get_one(task_id)
        self.asked.singles.append(call.request.path)
        return call

    def list_custom(self, page: int, page_size: int) -> Call[Any]:
        call = super().list_custom(page, page_size)
        self.asked.lists.append(call.request.path)
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
    for index in range(number):
        yield ElementSpec(_NAME.format(index), _DESCRIPTION, Images(_FRONT.format(index), [_SIDE]))


def _body(index: int, external_task_id: str | None) -> dict[str, Any]:
    """Return the body that is sent for such a spec."""
    return {
        "element_name": _NAME.format(index),
        "element_description": _DESCRIPTION,
        "reference_type": "image_refer",
        "element_image_list": {"frontal_image": _FRONT.format(index), "refer_images": [{"image_url": _SIDE}]},
        "external_task_id": external_task_id,
    }


async def _ours(watch: _Stopwatch, elements: int) -> tuple[_Run, _Asked]:
    noted = _Noted(watch.gateway.url)
    async with ElementsSession(noted, polling=_POLLING) as session:
        made = 0
        watch.start()
        async with session.create_many(_specs(elements)) as outcomes:
            async for outcome in outcomes:
                made += isinstance(outcome, Created)
        run = watch.stop()
    assert made == elements
    assert create_body(next(_specs(1)), "id") == _body(0, "id")
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
    for index, external_task_id in enumerate(asked.creates):
        yield CUSTOM, _body(index, external_task_id)
        first, last = (len(looks) * at // len(asked.creates) for at in (index, index + 1))
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
