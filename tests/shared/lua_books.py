"""The shared books without Redis: the package's own script in a Lua of the tests', on virtual time.

It knows the five commands that the script uses, and can be lost, hang, and be emptied.
"""

import asyncio
import json
from typing import Any

import lupa.lua51
from attrs import frozen

from kling_elements_async.shared import books
from kling_elements_async.shared.visit import Answer, StoreLostError, Visit


class LuaBooks:
    """The hashes of all accounts, and the script over them."""

    def __init__(self, clock: Any, latency: float = 0.001) -> None:
        self.clock = clock
        self.latency = latency
        self.hashes: dict[str, dict[str, str]] = {}
        self.is_lost = False
        self.visits: list[tuple[str, Visit, Answer]] = []
        self.keeps = True
        self._lua = lupa.lua51.LuaRuntime(unpack_returned_tuples=True)
        self._lua.globals().redis = self._lua.table_from({"call": self._call})
        self._lua.globals().cjson = self._lua.table_from({"decode": self._decode, "encode": self._encode})
        self._script = self._lua.eval(f"function(KEYS, ARGV) {books.SCRIPT} end")

    def empty(self) -> None:
        """What a restart of Redis does that keeps nothing on disk."""
        self.hashes.clear()

    def run(self, key: str, question: str) -> str:
        return self._script(self._lua.table_from([key]), self._lua.table_from([question]))

    def _call(self, command: str, *given: Any) -> Any:
        if command == "TIME":
            now = self.clock.now()
            return self._lua.table_from([str(int(now)), str(int(now % 1 * 1e6))])
        named = self.hashes.setdefault(given[0], {})
        if command == "HGETALL":
            return self._lua.table_from([each for pair in named.items() for each in pair])
        if command == "HSET":
            fields = [str(each) for each in given[1:]]
            named.update(zip(fields[::2], fields[1::2], strict=True))
        elif command == "HDEL":
            for field in given[1:]:
                named.pop(field, None)
        else:
            assert command == "PEXPIRE"
        return 1

    def _decode(self, text: str) -> Any:
        return self._lua.table_from(json.loads(text))

    def _encode(self, table: Any) -> str:
        return json.dumps({name: _whole(value) for name, value in table.items()})


def _whole(value: Any) -> Any:
    return int(value) if isinstance(value, float) and value.is_integer() else value


@frozen
class LuaSlots:
    """``ElementsSession(…, slots=LuaSlots(books, "a worker"))``."""

    books: LuaBooks
    worker: str
    lease: float = 15.0

    def store(self, account: str) -> "LuaStore":
        return LuaStore(self.books, account, self.worker, self.lease)


class LuaStore:
    def __init__(self, lua: LuaBooks, account: str, worker: str, lease: float) -> None:
        self.books, self.key, self.worker, self.lease = lua, books.key_of(account), worker, lease
        self.is_closed = False

    async def visit(self, visit: Visit) -> Answer:
        if self.books.latency:
            await self.books.clock.sleep(self.books.latency)
        else:
            await asyncio.sleep(0)
        if self.books.is_lost:
            raise StoreLostError("the test's own")
        question = books.question(self.worker, self.lease, min(2.0, self.lease / 2), visit)
        answer = books.answer(self.books.run(self.key, question))
        if self.books.keeps:
            self.books.visits.append((self.worker, visit, answer))
        return answer

    async def close(self) -> None:
        self.is_closed = True
