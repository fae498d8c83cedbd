"""Programs that must end with nothing left over: run with ``-X dev -W error::ResourceWarning``.

``work``: two hundred creates, waits, cancellations and failures. ``no-descriptors``: the process may open few
files; ``one-warning``: it is warned of that once. ``tls``: a session over TLS in asyncio.run. ``interrupted``: Ctrl-C in the middle. ``sink``: no test,
but a server in a process of its own, which prints its address.
"""

import asyncio
import contextlib
import gc
import logging
import os
import resource
import signal
import ssl
import sys
import tempfile
from collections.abc import Awaitable
from pathlib import Path
from typing import Any

import aiohttp
import trustme

from kling_elements_async import ElementsError, ElementsSession, Images, NotSentError, Polling, Retries

from .materials import QuickClock, a_spec, ezmodel, png
from .wire_script import WireServer, answer, envelope, fin, land, request, rst, send, silence

complaints: list[str] = []


def watch_the_loop() -> None:
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda _, about: complaints.append(about["message"]))
    loop.slow_callback_duration = 5
    sys.unraisablehook = lambda about: complaints.append(repr(about.exc_value))


def open_files() -> list[str]:
    """What this process has open, but for the listing itself."""
    found = []
    for each in Path("/proc/self/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):  # closed meanwhile, by a thread
            found.append(os.readlink(each))  # noqa: PTH115
    return found


async def failed(call: Awaitable[Any]) -> None:
    try:
        await call
    except ElementsError:
        return
    raise AssertionError("it succeeded")


async def cancelled(call: Awaitable[Any], after: float | Awaitable[object]) -> None:
    running = asyncio.ensure_future(call)
    await (asyncio.sleep(after) if isinstance(after, float) else after)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


async def one_round(server: WireServer, session: ElementsSession, picture: Path, number: int) -> None:
    spec = a_spec(reference=Images(picture, [picture]))
    kind = number % 10
    if kind in (0, 1):
        task = await session.create_element(spec)
        await session.wait_for_element(task.task_id)
    elif kind == 2:
        await cancelled(session.create_element(spec), number / 20_000)
        await session.get_element(
            "77"
        )  # a connection that was cut at once is accepted by then, and takes no script
    elif kind == 3:
        await cancelled(session.wait_for_element("77", timeout=5), number / 50_000)
    elif kind == 4:
        server.script(request, land, send(answer("")[:-4]), rst)
        await session.create_element(spec)
    elif kind == 5:
        server.script(request, silence)
        posts = len(server.posts)
        await cancelled(session.create_element(spec), server.until(lambda: len(server.posts) > posts))
    elif kind == 6:
        server.script(request, send(answer(envelope(None, 1201, "no"), 400)), fin)
        await failed(session.create_element(spec))
    elif kind == 7:
        server.ledger.status = "processing"
        await failed(session.wait_for_element(f"77{number}", timeout=0.005))
        server.ledger.status = "succeed"
    elif kind == 8:
        await asyncio.gather(*(session.wait_for_element("77", timeout=5) for _ in range(5)))
    else:
        await session.delete_element("977")


async def work() -> None:
    watch_the_loop()
    loop = asyncio.get_running_loop()
    await asyncio.to_thread(lambda: None)  # the pool of threads stays: it is asyncio's
    with tempfile.TemporaryDirectory() as folder:
        picture = Path(folder) / "front.png"
        picture.write_bytes(png())
        async with WireServer() as server:
            before = len(open_files()), asyncio.all_tasks()
            settings: dict[str, Any] = {"clock": QuickClock(), "polling": Polling(first=0.01, longest=0.01)}
            async with ElementsSession(ezmodel(server.url), **settings) as session:
                for number in range(200):
                    await one_round(server, session, picture, number)
                for client in (session._transport._shared, session._transport._creates):
                    assert client is not None
                    assert not client.connector._acquired, "a connection is still taken"
                assert not session._waiting.watches.by_id
                assert not session._waiting._at_work
            await server.until(lambda: not server.tasks)
            await loop.shutdown_default_executor()
            gc.collect()
            after = len(open_files()), asyncio.all_tasks()
            assert str(picture) not in open_files()
            assert after == before, f"{before} became {after}"


async def no_descriptors() -> None:
    """Fault 29: EMFILE is "not sent", is tried again, is warned of once, and does not harm the loop."""
    watch_the_loop()
    records: list[logging.LogRecord] = []
    handler = logging.Handler(logging.WARNING)
    handler.emit = records.append  # type: ignore[method-assign]
    logging.getLogger("kling_elements_async").addHandler(handler)
    async with WireServer() as server:
        clock = QuickClock()
        async with ElementsSession(ezmodel(server.url), clock=clock, retries=Retries(attempts=3)) as session:
            await session.get_element("77")
            await session.create_element(a_spec())
            used = len(server.requests)
            await server.until(lambda: len(server.tasks) <= 1)  # the other end has closed its sockets, too
            resource.setrlimit(resource.RLIMIT_NOFILE, (64, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
            held = []
            try:
                while True:
                    held.append(os.open("/dev/null", os.O_RDONLY))
            except OSError:
                pass
            try:
                await session.create_element(a_spec())
            except NotSentError as error:
                said = str(error)
            else:
                said = "it was sent"
            assert "Too many open files" in said, said
            assert len(clock.slept) == 2
            assert len(server.requests) == used

            async def free_some() -> None:
                while held:
                    os.close(held.pop())

            clock.before_waking = free_some
            await session.create_element(a_spec())
    if "one-warning" in sys.argv:
        assert len(records) == 1, f"{len(records)} warnings"


async def tls() -> None:
    """Fault 108: several connections over TLS are open when the session ends, and asyncio.run right after it."""
    watch_the_loop()
    authority = trustme.CA()
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    trust = ssl.create_default_context()
    authority.configure_trust(trust)
    aiohttp.connector._SSL_CONTEXT_VERIFIED = trust
    async with WireServer(context) as server:
        session = ElementsSession(ezmodel(server.url))
        await asyncio.gather(*(session.get_element("77") for _ in range(10)), session.create_element(a_spec()))
        await session.close()


async def interrupted() -> None:
    """Fault 98: Ctrl-C while thirty creates and waits run."""
    watch_the_loop()
    async with WireServer() as server:
        server.otherwise = (request, silence)
        async with ElementsSession(ezmodel(server.url)) as session, asyncio.TaskGroup() as group:
            for number in range(15):
                group.create_task(session.create_element(a_spec()))
                group.create_task(session.wait_for_element(str(number)))
            await server.until(lambda: len(server.posts) == 15 and len(server.requests) > 15)  # and a look
            os.kill(os.getpid(), signal.SIGINT)
            await asyncio.sleep(5)


async def sink() -> None:
    async with WireServer() as server:
        print(server.url, flush=True)  # noqa: T201
        await asyncio.Event().wait()


PROGRAMS = {
    "work": work,
    "no-descriptors": no_descriptors,
    "one-warning": no_descriptors,
    "tls": tls,
    "interrupted": interrupted,
    "sink": sink,
}


def main() -> None:
    try:
        asyncio.run(PROGRAMS[sys.argv[1]]())
    except KeyboardInterrupt:
        if sys.argv[1] != "interrupted":
            raise
    gc.collect()
    print("\n".join(complaints) or "clean")  # noqa: T201


if __name__ == "__main__":
    main()
