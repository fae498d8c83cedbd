"""Calling back: what an order's callback URL is told as its task goes on. Beside the server, the only file here
that opens a socket. From Kling's "Callback protocol" and evolink's page of the element model.
"""

import asyncio
import base64
import hashlib
import hmac
import json
import math
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import aiohttp
from attrs import field, frozen

from .account import Account, Called
from .task import Task

LOOKS_EVERY = 0.01  # seconds on the machine's clock, since the sandbox's may be one that a test moves
TIMEOUT = 10.0
PAUSES = (1.0, 2.0, 4.0)


@frozen
class Signer:
    """Signs by the Standard Webhooks scheme, with a secret `whsec_…`."""

    secret: str = field(repr=False)
    wall: Callable[[], float]

    def headers(self, body: bytes) -> dict[str, str]:
        """Build the three headers."""
        message_id, seconds = f"msg_{uuid4().hex}", str(int(self.wall()))
        key = base64.b64decode(self.secret.removeprefix("whsec_"))
        signed = f"{message_id}.{seconds}.".encode() + body
        signature = base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
        return {
            "webhook-id": message_id,
            "webhook-timestamp": seconds,
            "webhook-signature": f"v1,{signature}",
        }


class Callbacks:
    """Tells callback URLs of the changes in one account, as long as there are any to come."""

    def __init__(
        self, account: Account, spell: Callable[[Task, Account], dict[str, Any] | None], signer: Signer | None
    ) -> None:
        """Take the account, the dialect's words for a task, and what signs them."""
        self._account = account
        self._spell = spell
        self._signer = signer
        self._running: asyncio.Task[None] | None = None
        self._sending: set[asyncio.Task[None]] = set()
        self.in_flight: int = 0
        """How many are on their way."""

    def wake(self) -> None:
        """Begin to call, if there is anything to tell."""
        if self._account.next_change < math.inf and (self._running is None or self._running.done()):
            self._running = asyncio.get_running_loop().create_task(self._run())

    async def close(self) -> None:
        """Call no more."""
        tasks = [task for task in (self._running, *self._sending) if task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _run(self) -> None:
        while self._account.next_change < math.inf:  # again for an order that came while the session was closed
            async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=TIMEOUT)) as http:
                await self._watch(http)

    async def _watch(self, http: aiohttp.ClientSession) -> None:
        while self._account.next_change < math.inf or self._sending:
            self._account.settle()
            for task in self._account.changed():
                sending = asyncio.get_running_loop().create_task(self._tell(http, task))
                self._sending.add(sending)
                sending.add_done_callback(self._sending.discard)
            await asyncio.sleep(LOOKS_EVERY)

    async def _tell(self, http: aiohttp.ClientSession, task: Task) -> None:
        """Send the state as it is now, and again after a pause where nobody takes it."""
        spelled = self._spell(task, self._account)
        if spelled is None:
            return
        called = Called(task.order.callback_url, task.task_id, task.state(self._account.now()))
        self._account.called.append(called)
        body = json.dumps(spelled).encode()
        for pause in (*PAUSES, None):
            signature = self._signer.headers(body) if self._signer else {}
            headers = {"Content-Type": "application/json", **signature}
            self.in_flight += 1
            try:
                async with http.post(called.url, data=body, headers=headers, allow_redirects=False) as answer:
                    called.status = answer.status
            except (aiohttp.ClientError, OSError, ValueError):
                called.status = 0
            finally:
                self.in_flight -= 1
            if 200 <= called.status < 300 or pause is None:
                return
            await asyncio.sleep(pause)
