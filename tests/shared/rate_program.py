"""One of several workers that send as fast as they may: looks at one task, for so many seconds.

Run as a module; its one argument is JSON: url, key, rate, where, seconds, at_once. Starts when a line comes in, and
prints how many it sent.
"""

import asyncio
import json
import sys
import time
from pathlib import Path

from kling_elements_async import ElementsSession
from kling_elements_async.gateways import EzModel
from kling_elements_async.shared import Rate


async def main(*, url, key, rate, where, seconds, at_once) -> None:
    place = Path(where) if where and not where.startswith("redis:") else where
    async with ElementsSession(EzModel(api_key=key, base_url=url), max_rate=Rate(rate, place)) as session:
        sys.stdout.write("ready\n")
        sys.stdout.flush()
        await asyncio.to_thread(sys.stdin.readline)
        until = time.monotonic() + seconds
        sent = 0

        async def look() -> None:
            nonlocal sent
            while time.monotonic() < until:
                await session.list_elements(page_size=1)
                sent += 1

        await asyncio.gather(*(look() for _ in range(at_once)))
        sys.stdout.write(f"{sent}\n")


if __name__ == "__main__":
    asyncio.run(main(**json.loads(sys.argv[1])))
