"""A sandbox on a thread and an event loop of its own.

Law: answers whatever the caller's loop does. A test client of a web framework blocks its thread or runs a loop of
its own; a sandbox on the same loop would never get its turn.
"""

import asyncio
import threading
from collections.abc import Callable
from types import TracebackType
from typing import Any, Self, TypeVar

from ..wire import Gateway
from .account import Account
from .fault import Fault
from .server import Sandbox

T = TypeVar("T")

PATIENCE = 10.0  # seconds that its loop may take to do as it is told


class SandboxThread:
    """A sandbox that any thread can use, with or without a loop; the options are those of `Sandbox`."""

    def __init__(self, **options: Any) -> None:
        """Prepare it; nothing is served before `start`."""
        self._options = options
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="kling-sandbox", daemon=True)
        self._sandbox: Sandbox | None = None

    def start(self) -> None:
        """Serve, until `close`."""
        self._thread.start()

        async def started() -> Sandbox:
            sandbox = Sandbox(**self._options)
            await sandbox.start()
            return sandbox

        self._sandbox = asyncio.run_coroutine_threadsafe(started(), self._loop).result(PATIENCE)

    def close(self) -> None:
        """Stop serving, and end the thread."""
        if self._sandbox is not None:
            asyncio.run_coroutine_threadsafe(self._sandbox.close(), self._loop).result(PATIENCE)
            self._sandbox = None
        if self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join(PATIENCE)
        if not self._loop.is_closed():
            self._loop.close()

    def __enter__(self) -> Self:
        """Start."""
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Close."""
        self.close()

    def ask(self, question: Callable[[Sandbox], T]) -> T:
        """Call a function with the sandbox on its own thread, and return the answer."""
        sandbox = self._sandbox
        if sandbox is None:
            raise RuntimeError("the sandbox is not open: start it first")

        async def asked() -> T:
            return question(sandbox)

        return asyncio.run_coroutine_threadsafe(asked(), self._loop).result(PATIENCE)

    @property
    def is_busy(self) -> bool:
        """Whether a callback is due or on its way."""
        return self.ask(lambda sandbox: sandbox.is_calling_back)

    @property
    def next_moment(self) -> float:
        """When a task with a callback URL changes next, on the sandbox's clock; infinite for never."""
        return self.ask(lambda sandbox: sandbox.next_change)

    @property
    def key(self) -> str:
        """The API key that opens it."""
        return self.ask(lambda sandbox: sandbox.key)

    def url(self, name: str = "kling") -> str:
        """Give what stands before `/v1/` at a gateway."""
        return self.ask(lambda sandbox: sandbox.url(name))

    def gateway(self, name: str = "kling") -> Gateway:
        """Build the client's gateway of that name, pointed at this sandbox."""
        return self.ask(lambda sandbox: sandbox.gateway(name))

    def environment(self, name: str = "kling") -> dict[str, str]:
        """Give the variables by which `ElementsSession.from_env` comes here."""
        return self.ask(lambda sandbox: sandbox.environment(name))

    def account(self, name: str = "kling") -> Account:
        """Show the truth of the account at a gateway. It goes on living: read it while nothing is under way."""
        return self.ask(lambda sandbox: sandbox.account(name))

    def script(self, call: str, *faults: Fault, gateway: str | None = None, times: int = 1) -> None:
        """Let the next calls of that name ("any": of any) meet these faults, each of them so many times."""
        self.ask(lambda sandbox: sandbox.script(call, *faults, gateway=gateway, times=times))
