"""The recipes for web frameworks, under the framework's own test client where it has one, with a real callback."""

import asyncio
import socket
import threading
import time

import pytest

from .readme import recipe

pytestmark = pytest.mark.slow

GIVEN = {
    "name": "Mira",
    "front": "https://example.com/front.png",
    "side": "https://example.com/side.png",
}


def patiently(look):
    """Ask a sync client again until it has the answer."""
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        if found := look():
            return found
        time.sleep(0.02)
    raise AssertionError("it never came")


def test_fastapi(kling_sandbox):
    """Create, wait in the background, and take a callback, under Starlette's blocking test client."""
    pytest.importorskip("fastapi")
    pytest.importorskip("httpx")
    from fastapi.testclient import TestClient

    with TestClient(recipe("FastAPI").create_app()) as client:
        answer = client.post("/characters", params=GIVEN)
        assert answer.status_code == 202
        task_id = answer.json()["task_id"]
        element_id = patiently(lambda: client.get(f"/characters/{task_id}").json()["element_id"])
        assert element_id in kling_sandbox.ask(lambda sandbox: sandbox.account("kling").elements)
        assert client.post("/kling", content=b'{"task_id": "77", "task_status": "succeed"}').status_code == 204
        assert client.post("/kling", content=b"?").status_code == 400
        assert client.get("/kling").status_code == 405
        assert client.post("/kling", content=b" " * 300_000).status_code == 413


def test_litestar(kling_sandbox):
    """The same under Litestar's test client, which runs the app on a loop and thread of its own."""
    pytest.importorskip("litestar")
    pytest.importorskip("httpx")
    from litestar.testing import TestClient

    with TestClient(recipe("Litestar").create_app()) as client:
        answer = client.post("/characters", json=GIVEN)
        assert answer.status_code == 202
        element_id = client.get(f"/characters/{answer.json()['task_id']}").json()["element_id"]
        assert element_id in kling_sandbox.ask(lambda sandbox: sandbox.account("kling").elements)
        assert client.post("/kling", content=b'{"task_id": "77", "task_status": "succeed"}').status_code == 204
        assert client.get("/kling").status_code == 405


async def test_aiohttp_web(kling_sandbox):
    """On a real port, so that the sandbox can call it back."""
    from aiohttp.test_utils import TestClient, TestServer, unused_port

    port = unused_port()
    app = recipe("aiohttp.web").create_app(f"http://127.0.0.1:{port}/kling")
    async with TestClient(TestServer(app, port=port)) as client:
        answer = await client.post("/characters", json=GIVEN)
        assert answer.status == 202
        task_id = (await answer.json())["task_id"]
        waited = await client.get(f"/characters/{task_id}")
        element_id = (await waited.json())["element_id"]
        assert element_id in kling_sandbox.account().elements
        assert (await client.get("/kling")).status == 405
        while [called.status for called in kling_sandbox.account().called] != [204, 204]:  # noqa: ASYNC110
            await asyncio.sleep(0.005)


@pytest.mark.parametrize("name", ["FastAPI", "Litestar"])
def test_a_callback_over_http(name, kling_sandbox):
    """A real server takes the sandbox's callback for the app that is mounted in it."""
    uvicorn = pytest.importorskip("uvicorn")
    pytest.importorskip(name.lower())
    import urllib.request

    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    app = recipe(name).create_app(f"http://127.0.0.1:{port}/kling")
    server = uvicorn.Server(uvicorn.Config(app, port=port, log_level="error", ws="none"))
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        patiently(lambda: server.started)
        query = "&".join(f"{key}={value}" for key, value in GIVEN.items())
        body = str(GIVEN).replace("'", '"').encode() if name == "Litestar" else b""
        url = f"http://127.0.0.1:{port}/characters" + ("" if name == "Litestar" else f"?{query}")
        request = urllib.request.Request(url, body, {"Content-Type": "application/json"})
        with urllib.request.urlopen(request) as answer:
            assert answer.status == 202
        patiently(lambda: [called.status for called in kling_sandbox.account().called] == [204, 204])
    finally:
        server.should_exit = True
        thread.join(20)
