"""The gateways that a soak runs against, each in a process of its own: the adversary, and the sandbox in chaos.

Law: says what is true there, by what was asked for, and knows nothing of what the client was told.
"""

import asyncio
import multiprocessing
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection
from typing import Literal

from attrs import field, frozen

from kling_elements_async.gateways import AnyFast, EvoLink, Kling
from kling_elements_async.sandbox import Sandbox
from kling_elements_async.wire import Gateway

from .adversary import Dialect, adversary

Name = Literal["adversary", "sandbox"]

GATEWAYS: dict[str, type[Gateway]] = {"kling": Kling, "anyfast": AnyFast, "evolink": EvoLink}
_DIALECTS: dict[str, Dialect] = {"kling": "native", "anyfast": "flat", "evolink": "unified"}
_LASTING = (0.2, 0.6)


@frozen
class Setting:
    """Which opponent, as which gateway, and what share of the requests it spoils by which seed."""

    opponent: Name
    gateway: str
    rate: float
    seed: int
    key: str = field(repr=False)


@frozen
class Truth:
    """What is at the gateway: (task id, element id) of all that was made, by the name in the order."""

    made: dict[str, list[tuple[str, str]]]
    deleted: frozenset[str]
    requests: Counter[str]


@frozen
class Opponent:
    """An opponent that is being served."""

    url: str
    _pipe: "Connection"

    def truth(self) -> Truth:
        """Return what is true by now."""
        self._pipe.send(None)
        found: Truth = self._pipe.recv()
        return found


@contextmanager
def faced(setting: Setting) -> Iterator[Opponent]:
    """Serve an opponent for the length of a block."""
    spawn = multiprocessing.get_context("spawn")
    pipe, its_pipe = spawn.Pipe()
    serve = _Adversary if setting.opponent == "adversary" else _OurSandbox
    process = spawn.Process(target=_main, args=(serve, its_pipe, setting), daemon=True)
    process.start()
    its_pipe.close()
    try:
        yield Opponent(pipe.recv(), pipe)
    finally:
        process.terminate()
        process.join()
        process.close()
        pipe.close()


def _main(serve: "type[_Adversary | _OurSandbox]", pipe: Connection, setting: Setting) -> None:
    async def served() -> None:
        opponent = serve(setting)
        pipe.send(await opponent.start())
        over = asyncio.Event()

        def tell() -> None:
            try:
                pipe.recv()
            except EOFError:
                over.set()
                return
            pipe.send(opponent.truth())

        asyncio.get_running_loop().add_reader(pipe.fileno(), tell)
        await over.wait()

    asyncio.run(served())


class _Adversary:
    def __init__(self, setting: Setting) -> None:
        self._server = adversary(
            _DIALECTS[setting.gateway], rate=setting.rate, seed=setting.seed, key=setting.key, lasting=_LASTING
        )

    async def start(self) -> str:
        return await self._server.listen()

    def truth(self) -> Truth:
        found = self._server.truth
        made: dict[str, list[tuple[str, str]]] = defaultdict(list)
        for task_id, task in found.tasks.items():
            made[task.name].append((task_id, str(task.element_id)))
        deleted = frozenset(str(task.element_id) for task in found.tasks.values() if task.is_deleted)
        return Truth(dict(made), deleted, found.requests)


class _OurSandbox:
    def __init__(self, setting: Setting) -> None:
        self._gateway = setting.gateway
        self._sandbox = Sandbox(chaos=setting.rate, seed=setting.seed, key=setting.key, durations=_LASTING)

    async def start(self) -> str:
        await self._sandbox.start()
        return self._sandbox.url(self._gateway)

    def truth(self) -> Truth:
        account = self._sandbox.account(self._gateway)
        made: dict[str, list[tuple[str, str]]] = defaultdict(list)
        for task in account.tasks.values():
            made[task.order.name].append((task.task_id, task.element_id))
        return Truth(dict(made), frozenset(account.deleted), account.counts)
