"""Typed uses of the public names, read by the type checker and never run.

What a user writes has the types that the manual promises; what is wrong is an error, or the ``type: ignore`` beside it
would be one.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import assert_type

import aiohttp

from kling_elements_async import (
    ApiError,
    Created,
    CreateUncertainError,
    Element,
    ElementFailedError,
    ElementsError,
    ElementSpec,
    ElementsSession,
    ElementTask,
    Images,
    InvalidElementError,
    NotCreated,
    Outcome,
    Page,
    Polling,
    Retries,
    Tag,
    TaskStatus,
    Video,
    Voice,
    WaitTimeoutError,
    events,
    webhooks,
)
from kling_elements_async.gateways import AnyFast, EvoLink, EzModel, Kkiai, Kling
from kling_elements_async.sandbox import NO_FAULT, Fault, Sandbox, SandboxThread
from kling_elements_async.shared import Rate, RedisSlots
from kling_elements_async.testing import VirtualClock
from kling_elements_async.wire import Call, Carries, Gateway, Reply, Request


async def calls(session: ElementsSession, spec: ElementSpec) -> None:
    assert_type(await session.create_element(spec, timeout=20), ElementTask)
    assert_type(await session.get_element("77"), ElementTask)
    assert_type(await session.wait_for_element("77", timeout=None, on_update=print), str)
    assert_type(await session.create_and_wait(spec), Element)
    assert_type(await session.list_elements(page=2, page_size=100), Page)
    assert_type(await session.list_preset_elements(), Page)
    assert_type(await session.check_element(spec), list[str])
    assert_type(await session.delete_many(["7"]), dict[str, ElementsError | None])
    assert_type(await session.prune(older_than=3600), tuple[Element, ...])
    await session.delete_element("7", missing_ok=True)
    await session.deliver_callback({}, b"")
    async for element in session.iter_elements(include_deleted=True):
        assert_type(element, Element)
    await session.wait_for_element(77)  # type: ignore[arg-type]
    await session.create_element("a name")  # type: ignore[arg-type]


async def many(session: ElementsSession, specs: AsyncIterator[ElementSpec]) -> None:
    async with session.create_many(specs, journal="a.journal", ensure=True) as outcomes:
        async for outcome in outcomes:
            assert_type(outcome, Outcome)
            if isinstance(outcome, Created):
                assert_type(outcome.element, Element)
            else:
                assert_type(outcome, NotCreated)
                assert_type(outcome.error, ElementsError)


async def sessions(http: aiohttp.ClientSession) -> None:
    gateways: list[Gateway] = [
        Kling(access_key="…", secret_key="…"),
        EzModel(api_key="…", base_url="https://example.com/kling"),
        Kkiai(api_key="…"),
        AnyFast(api_key="…"),
        EvoLink(api_key="…"),
    ]
    async with ElementsSession(
        gateways[0],
        retries=Retries(attempts=2, within=10),
        polling=Polling(first=1, factor=2, longest=10),
        max_running_tasks=20,
        slots=RedisSlots("redis://localhost", lease=30),
        max_rate=Rate(300, "redis://localhost"),
        http=http,
        webhook_secrets=["whsec_…"],
        on_event=print,
        clock=VirtualClock(),
    ) as session:
        assert_type(session, ElementsSession)
    assert_type(ElementsSession.from_env(max_connections=10), ElementsSession)
    ElementsSession("kling")  # type: ignore[arg-type]
    ElementsSession(gateways[0], Retries())  # type: ignore[call-arg]


def values(task: ElementTask, element: Element) -> None:
    ElementSpec("a", "b", Images(Path("a.png"), [b"...", "https://example.com/b.png"]), tags=[Tag.CHARACTER])
    ElementSpec("a", "b", Video("https://example.com/a.mp4"), voice_id="v", callback_url="https://example.com/c")
    ElementSpec("a", "b", "https://example.com/a.png")  # type: ignore[arg-type]
    assert_type(task.status, TaskStatus)
    assert_type(task.is_terminal, bool)
    assert_type(task.element_id, str | None)
    assert_type(task.created_at, datetime | None)
    assert_type(element.voice, Voice | None)
    assert_type(element.tags, tuple[Tag | str, ...])
    element.name = "another"  # type: ignore[misc]


def errors(error: ElementsError) -> None:
    match error:
        case ApiError():
            assert_type(error.code, int | str | None)
            assert_type(error.retry_after, float | None)
        case InvalidElementError():
            assert_type(error.problems, tuple[str, ...])
        case CreateUncertainError():
            assert_type(error.external_task_id, str | None)
        case ElementFailedError():
            assert_type(error.task, ElementTask)
        case WaitTimeoutError():
            assert_type(error.task, ElementTask | None)


def callbacks(session: ElementsSession, headers: Mapping[str, str], body: bytes) -> None:
    webhooks.verify(headers, body, ["whsec_…"], now=0.0)
    assert_type(webhooks.parse(body), ElementTask)
    webhooks.asgi_app(session)
    webhooks.aiohttp_handler(session)


def told(event: events.Event) -> None:
    if isinstance(event, events.Sent):
        assert_type(event.status, int | None)


class Mine(Gateway):
    name = "mine"
    default_base_url = "https://example.com"
    carries = Carries(external_ids=True)

    def get_one(self, task_id: str) -> Call[ElementTask]:
        return Call(f"get task {task_id}", Request("GET", f"/v1/{task_id}"), self._read)

    def _read(self, reply: Reply) -> ElementTask:
        return ElementTask(reply.json()["id"], TaskStatus.UNKNOWN)


async def tests(sandbox: Sandbox, thread: SandboxThread) -> None:
    sandbox.script("create", NO_FAULT, Fault.code(1303), times=3)
    assert_type(thread.environment("kling"), dict[str, str])
    await asyncio.gather(VirtualClock().sleep(3))
