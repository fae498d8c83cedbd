"""What a sandbox tells a callback URL: when, in whose words, signed, and again where nobody listens."""

import asyncio
import base64
import hashlib
import hmac
import json
from collections import deque

import aiohttp
import pytest
from aiohttp import web

from kling_elements_async.sandbox import Fault, Sandbox, callbacks

from .caller import Caller, Clock

SECRET = "whsec_" + base64.b64encode(b"a secret of these tests").decode()


class Listener:
    """An HTTP server that keeps what it is told, and answers what it is bidden to."""

    def __init__(self):
        self.told = asyncio.Queue()
        self.statuses = deque()

    async def __aenter__(self):
        self._runner = web.ServerRunner(web.Server(self._hear), shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}/called"
        return self

    async def __aexit__(self, *_):
        await self._runner.cleanup()

    async def _hear(self, request):
        await self.told.put((request.headers, await request.read()))
        return web.Response(status=self.statuses.popleft() if self.statuses else 204)

    async def hears(self):
        return await asyncio.wait_for(self.told.get(), 5)


@pytest.fixture
async def listener():
    async with Listener() as listener:
        yield listener


@pytest.fixture(autouse=True)
def soon(monkeypatch):
    monkeypatch.setattr(callbacks, "PAUSES", (0.01, 0.01, 0.01))


async def heard(sandbox, listener, gateway, clock):
    """The bodies and headers of the callbacks for one task, up to its end."""
    async with aiohttp.ClientSession() as http:
        caller = Caller(http, sandbox, gateway)
        if gateway == "evolink":
            params = {
                "element_name": "a",
                "element_description": "b",
                "reference_type": "image_refer",
                "element_image_list": {"frontal_image": "https://example.com/a.png", "refer_images": []},
            }
            body = {"model": "kling-custom-element", "model_params": params, "callback_url": listener.url}
            await caller.ask("POST", "/v1/videos/generations", json=body)
            clock.now += 10
            return [await listener.hears()]
        await caller.created(callback_url=listener.url)
        clock.now += 3
        first = await listener.hears()
        clock.now += 10
        return [first, await listener.hears()]


@pytest.mark.parametrize(
    ("gateway", "words"),
    [
        ("kling", ["processing", "succeeded"]),
        ("ezmodel", ["processing", "succeed"]),
        ("kkiai", ["processing", "succeed"]),
        ("evolink", ["completed"]),
    ],
)
async def test_each_change_in_the_words_of_its_gateway(listener, gateway, words):
    """Kling in its newer shape, its proxies in the older, evolink its task, and only its end."""
    clock = Clock()
    async with Sandbox(durations=(10, 10), clock=clock) as sandbox:
        bodies = [json.loads(body) for _, body in await heard(sandbox, listener, gateway, clock)]
        assert [body.get("task_status") or body["status"] for body in bodies] == words
        (task,) = sandbox.account(gateway).tasks.values()
        assert {body.get("task_id") or body["id"] for body in bodies} == {task.task_id}
        assert task.element_id in json.dumps(bodies[-1])
        assert listener.told.empty()


async def test_a_failure_is_told(listener):
    """With its reason, and without an element."""
    clock = Clock()
    async with Sandbox(durations=(10, 10), clock=clock) as sandbox:
        sandbox.script("create", Fault.task_fails("No face"))
        _, (_, body) = await heard(sandbox, listener, "kling", clock)
        told = json.loads(body)
        assert (told["status"], told["message"], told["outputs"]) == ("failed", "No face", [])


async def test_signed_as_the_standard_says(listener):
    """HMAC-SHA256 over id, time and body, under the Base64 of the secret; evolink signs nothing."""
    clock = Clock()
    async with Sandbox(durations=(10, 10), clock=clock, webhook_secret=SECRET, wall=lambda: 1.7e9) as sandbox:
        for headers, body in await heard(sandbox, listener, "ezmodel", clock):
            signed = f"{headers['webhook-id']}.1700000000.".encode() + body
            key = base64.b64decode(SECRET[6:])
            expected = base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
            assert headers["webhook-timestamp"] == "1700000000"
            assert headers["webhook-signature"] == f"v1,{expected}"
        ((headers, _),) = await heard(sandbox, listener, "evolink", clock)
        assert "webhook-signature" not in headers


async def test_told_again_until_somebody_takes_it(listener):
    """Three times more at most, after a pause each."""
    clock = Clock()
    listener.statuses.extend([500, 404, 204])
    async with Sandbox(durations=(10, 10), clock=clock) as sandbox, aiohttp.ClientSession() as http:
        await Caller(http, sandbox).created(callback_url=listener.url)
        clock.now += 10
        bodies = [(await listener.hears())[1] for _ in range(3)]
        assert len(set(bodies)) == 1
        listener.statuses.extend([500] * 10)
        await Caller(http, sandbox).created(callback_url=listener.url)
        clock.now += 10
        for _ in range(4):
            await listener.hears()
        while sandbox.account("ezmodel").called[-1].status != 500:  # noqa: ASYNC110 - the last answer is on its way
            await asyncio.sleep(0.001)
        assert listener.told.empty()


async def test_an_order_that_comes_as_the_last_calls_are_wound_up(listener, monkeypatch):
    """It is told of as any other."""
    clock = Clock()
    async with Sandbox(durations=(10, 10), clock=clock) as sandbox, aiohttp.ClientSession() as http:
        caller, close, late = Caller(http, sandbox), aiohttp.ClientSession.close, []

        async def close_late(session):
            if session is not http and not late:
                late.append(await caller.created(callback_url=listener.url))
            await close(session)

        monkeypatch.setattr(aiohttp.ClientSession, "close", close_late)
        await caller.created(callback_url=listener.url)
        clock.now += 10
        await listener.hears()
        while not late:  # noqa: ASYNC110 - until all of the first was told
            await asyncio.sleep(0.001)
        clock.now += 10
        assert json.loads((await listener.hears())[1])["task_id"] == late[0]


@pytest.mark.parametrize("url", ["http://127.0.0.1:9/called", "http://", "not a URL"])
async def test_nobody_there(url):
    """The sandbox goes on, and closes at once although it would try again."""
    clock = Clock()
    async with Sandbox(durations=(10, 10), clock=clock) as sandbox, aiohttp.ClientSession() as http:
        await Caller(http, sandbox).created(callback_url=url)
        clock.now += 10
        while not sandbox.account("ezmodel").called:  # noqa: ASYNC110 - it looks every few milliseconds
            await asyncio.sleep(0.001)
        assert (await Caller(http, sandbox).list()).status == 200


async def test_no_url_no_callback():
    """Nothing runs for tasks that nobody wants to be told of."""
    clock = Clock()
    async with Sandbox(durations=(10, 10), clock=clock) as sandbox, aiohttp.ClientSession() as http:
        others = asyncio.all_tasks()
        await Caller(http, sandbox).created()
        clock.now += 10
        await Caller(http, sandbox).list()
        assert not sandbox.account("ezmodel").called
        assert not [task for task in asyncio.all_tasks() - others if "_run" in repr(task.get_coro())]
