"""The shared books without Redis: the package's own script in a Lua of the tests', on virtual time.

It knows the five commands that the script uses, and can be lost and emptied.
"""

import asyncio
import json
from typing import Any

import lupa.lua51
from attrs import frozen

from kling_elements_async.shared import books
from kling_elements_async.shared.visit import Answer, StoreLostError, Visit

_REDIS = """
hashes, redis, commands = {}, {}, {}
function redis.call(command, key, ...)
  commands[#commands + 1] = command
  if command == 'TIME' then return time() end
  local named, given = hashes[key] or {}, {...}
  hashes[key] = named
  if command == 'HGETALL' then
    local flat = {}
    for name, value in pairs(named) do flat[#flat + 1] = name; flat[#flat + 1] = value end
    return flat
  elseif command == 'HSET' then
    for at = 1, #given, 2 do named[given[at]] = tostring(given[at + 1]) end
  elseif command == 'HDEL' then
    for _, name in ipairs(given) do named[name] = nil end
  else
    assert(command == 'PEXPIRE')
  end
end
"""


class LuaBooks:
    """The hashes of all accounts, and the script over them."""

    def __init__(self, clock: Any, latency: float = 0.001, lua: Any = lupa.lua51) -> None:
        self.clock = clock
        self.latency = latency
        self.is_lost = False
        self.lost_for: set[str] = set()  # these workers
        self.keeps = True
        self.count = 0
        self.visits: list[tuple[str, Visit, Answer]] = []
        self._lua: Any = lua.LuaRuntime(unpack_returned_tuples=True)
        self._lua.globals().time = self._time
        self._lua.globals().cjson = self._lua.table_from({"decode": self._decode, "encode": self._encode})
        self._lua.execute(_REDIS)
        self._script: Any = self._lua.eval(f"function(KEYS, ARGV) {books.SCRIPT} end")

    def empty(self) -> None:
        """What a restart of Redis does that keeps nothing on disk."""
        self._lua.execute("hashes = {}")

    @property
    def keys(self) -> tuple[str, ...]:
        return tuple(self._lua.globals().hashes.keys())

    def commands(self) -> list[str]:
        """The commands since it was last asked."""
        made = list(self._lua.globals().commands.values())
        self._lua.execute("commands = {}")
        return made

    def fields(self, key: str) -> dict[str, str]:
        return dict(self._lua.globals().hashes[key].items())

    def run(self, key: str, question: str) -> str:
        answer: str = self._script(self._lua.table_from([key]), self._lua.table_from([question]))
        return answer

    def _time(self) -> Any:
        now = self.clock.now()
        return self._lua.table_from([str(int(now)), str(int(now % 1 * 1e6))])

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
        if self.books.is_lost or self.worker in self.books.lost_for:
            raise StoreLostError("the test's own")
        question = books.question(self.worker, self.lease, min(2.0, self.lease / 2), visit)
        answer = books.answer(self.books.run(self.key, question))
        self.books.count += 1
        if self.books.keeps:
            self.books.visits.append((self.worker, visit, answer))
        return answer

    async def close(self) -> None:
        self.is_closed = True
