"""One soak: many elements made at a gateway that spoils requests, in bulk and one by one.

Law: uses the public calls only, and notes what it was told; it judges nothing.
"""

import asyncio
import contextlib
import resource
import secrets
import time
from collections import Counter
from collections.abc import Iterator
from typing import Any

from attrs import define, field, frozen

from kling_elements_async import (
    Created,
    ElementsError,
    ElementSpec,
    ElementsSession,
    Images,
    Polling,
    Tag,
)

from .findings import Findings, Told, compared
from .leaks import Before, Log, errors_with_key
from .opponents import GATEWAYS, Name, Opponent, Setting, faced

SINGLE = 5  # each fifth element is made by create_element and wait_for_element, the others by create_many
_DELETED = 50  # each fiftieth is deleted again
_OTHER_CALLS = 40
_LATEST_LANDING = 2.5
_TICK = 0.005
_POLLING = Polling(first=0.05, longest=0.2)


@frozen
class Plan:
    """What is to be done: so many elements, at such a gateway, so many requests in flight."""

    elements: int = 2000
    rate: float = 0.2
    concurrency: int = 100
    seed: int = 1
    gateway: str = "kling"
    opponent: Name = "adversary"

    @property
    def has_external_ids(self) -> bool:
        return GATEWAYS[self.gateway].carries.external_ids


@define
class _Lag:
    seconds: list[float] = field(factory=list)
    own_seconds: list[float] = field(factory=list)

    async def watch(self) -> None:
        now = asyncio.get_running_loop().time
        while True:
            before, cpu_before = now(), time.thread_time()
            await asyncio.sleep(_TICK)
            late = now() - before - _TICK
            self.seconds.append(late)
            self.own_seconds.append(min(late, time.thread_time() - cpu_before))


def _quantile(values: list[float], share: float) -> float:
    return sorted(values)[int(share * (len(values) - 1))]


@define
class Soak:
    """A plan being carried out."""

    plan: Plan
    session: ElementsSession
    told: dict[int, Told] = field(factory=dict)
    resolutions: Counter[str] = field(factory=Counter)
    other_errors: list[BaseException] = field(factory=list)

    async def run(self) -> None:
        """Make all elements, most of them in bulk."""
        single = [index for index in range(self.plan.elements) if index % SINGLE == 0]
        room = asyncio.Semaphore(self.plan.concurrency)
        async with asyncio.TaskGroup() as group:
            group.create_task(self._bulk())
            for index in single:
                group.create_task(self._single(index, room))

    async def _bulk(self) -> None:
        indices = [index for index in range(self.plan.elements) if index % SINGLE]
        specs = (_spec(self.plan.gateway, index) for index in indices)
        async with self.session.create_many(specs, timeout=1800.0) as outcomes:
            async for outcome in outcomes:
                name = outcome.spec.name
                if isinstance(outcome, Created):
                    self.resolutions[outcome.resolution] += 1
                    told = Told(name, (outcome.task.task_id, outcome.element.element_id))
                else:
                    told = Told(name, error=outcome.error)
                self.told[indices[outcome.index]] = told

    async def _single(self, index: int, room: asyncio.Semaphore) -> None:
        spec = _spec(self.plan.gateway, index)
        async with room:
            try:
                task = await self.session.create_element(spec, timeout=1800.0)
                element_id = await self.session.wait_for_element(task.task_id, timeout=1800.0)
            except ElementsError as error:
                self.told[index] = Told(spec.name, error=error)
            else:
                self.told[index] = Told(spec.name, (task.task_id, element_id))

    async def other_calls(self) -> list[str]:
        """Delete some, and make the other calls; return the ids of those that were said to be deleted."""
        gateway = self.session.gateway
        ids = [told.ids for told in self.told.values() if told.ids]
        calls: list[Any] = [self.session.get_element(task_id) for task_id, _ in ids[:_OTHER_CALLS]]
        if not GATEWAYS[gateway.name].carries.external_ids:
            self._note(await asyncio.gather(*calls, return_exceptions=True))
            return []
        calls += [self.session.list_elements(page=page + 1) for page in range(_OTHER_CALLS)]
        calls += [self.session.list_preset_elements() for _ in range(_OTHER_CALLS)]
        self._note(await asyncio.gather(*calls, return_exceptions=True))
        outcomes = await self.session.delete_many(element_id for _, element_id in ids[::_DELETED])
        self._note(list(outcomes.values()))
        return [element_id for element_id, error in outcomes.items() if error is None]

    def _note(self, results: list[Any]) -> None:
        self.other_errors += [result for result in results if isinstance(result, BaseException)]

    @property
    def errors(self) -> list[BaseException]:
        return [told.error for told in self.told.values() if told.error] + self.other_errors


def _spec(gateway: str, index: int) -> ElementSpec:
    images = Images("https://cdn.example.com/front.png", ["https://cdn.example.com/side.png"])
    tags = () if gateway == "evolink" else (Tag.CHARACTER,)
    return ElementSpec(f"element {index}", "One of many", images, tags=tags)


def carry_out(plan: Plan) -> Findings:
    """Carry a plan out in this process, the gateway in another."""
    key = f"key-{secrets.token_hex(12)}"
    with faced(Setting(plan.opponent, plan.gateway, plan.rate, plan.seed, key)) as opponent, Log(key) as log:
        return asyncio.run(_carried_out(plan, opponent, key, log))


async def _carried_out(plan: Plan, opponent: Opponent, key: str, log: Log) -> Findings:
    complaints: list[str] = []
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda _, about: complaints.append(about["message"]))
    before, began, lag = Before(), loop.time(), _Lag()
    gateway = GATEWAYS[plan.gateway](api_key=key, base_url=opponent.url)
    async with ElementsSession(gateway, polling=_POLLING, max_connections=plan.concurrency) as session:
        soak = Soak(plan, session)
        with _running(lag):
            await soak.run()
        seconds = loop.time() - began
        await asyncio.sleep(_LATEST_LANDING if plan.rate else 0)
        truth = opponent.truth()
        deleted = await soak.other_calls()
    leaked = before.leaked() + complaints
    keys = log.with_key + errors_with_key(soak.errors, key)
    gone = opponent.truth().deleted
    return Findings(
        **compared(soak.told.values(), truth, plan.elements),
        undeleted=sum(element_id not in gone for element_id in deleted),
        leaked=len(leaked) + keys,
        calls=dict(truth.requests),
        requests=sum(truth.requests.values()) / plan.elements,
        seconds=seconds,
        lag=(_quantile(lag.seconds, 0.5), _quantile(lag.seconds, 0.99)),
        own_lag=_quantile(lag.own_seconds, 0.99),
        megabytes=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        resolutions=dict(soak.resolutions),
        errors=dict(Counter(type(told.error).__name__ for told in soak.told.values() if told.error)),
        left=tuple(leaked[:10]),
    )


@contextlib.contextmanager
def _running(lag: _Lag) -> Iterator[None]:
    task = asyncio.get_running_loop().create_task(lag.watch())
    try:
        yield
    finally:
        task.cancel()
