"""The clients that a user would pick instead: one GET of JSON each, in its own way, from the gateway here.

Not needed by the package, and left out where not installed: ``pip install httpx openai runwayml fal-client
replicate``. Each gets an answer of about the same size, in its own words where it insists on them.
"""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from importlib import import_module

Call = Callable[[str], Awaitable[object]]
_KEY = "benchmark-key"


@asynccontextmanager
async def _httpx(url: str) -> AsyncIterator[Call]:
    async with import_module("httpx").AsyncClient(headers={"Authorization": f"Bearer {_KEY}"}) as client:

        async def call(task_id: str) -> object:
            return (await client.get(f"{url}/v1/general/advanced-custom-elements/{task_id}")).json()

        yield call


@asynccontextmanager
async def _openai(url: str) -> AsyncIterator[Call]:
    async with import_module("openai").AsyncOpenAI(api_key=_KEY, base_url=f"{url}/v1") as client:
        yield client.models.retrieve


@asynccontextmanager
async def _runwayml(url: str) -> AsyncIterator[Call]:
    async with import_module("runwayml").AsyncRunwayML(api_key=_KEY, base_url=url) as client:
        yield client.tasks.retrieve


@asynccontextmanager
async def _fal_client(url: str) -> AsyncIterator[Call]:
    """Its host is always https; the URL of a task's status is one that the server names."""
    fal, httpx = import_module("fal_client"), import_module("httpx")
    async with httpx.AsyncClient(headers={"Authorization": f"Key {_KEY}"}) as client:

        async def call(task_id: str) -> object:
            address = f"{url}/queue/{task_id}"
            return await fal.AsyncRequestHandle(task_id, address, address, address, client).status()

        yield call


@asynccontextmanager
async def _replicate(url: str) -> AsyncIterator[Call]:
    client = import_module("replicate").Client(api_token=_KEY, base_url=url)
    yield client.predictions.async_get


PEERS: dict[str, Callable[[str], AbstractAsyncContextManager[Call]]] = {
    "httpx": _httpx,
    "openai": _openai,
    "runwayml": _runwayml,
    "fal_client": _fal_client,
    "replicate": _replicate,
}
