"""A job that is killed: `create_many` over so many items, with an outcome per line in a file.

Run as a module; its one argument is JSON: url, items, out, journal, ensure, speed, gateway. Prints "started" when
the job is entered.
"""

import asyncio
import json
import sys
from pathlib import Path

from kling_elements_async import Created, ElementSpec, ElementsSession, Images
from kling_elements_async.gateways import find

from .materials import QuickClock

REFERENCE = Images("https://example.com/front.png", ["https://example.com/side.png"])


def item(number: int) -> ElementSpec:
    return ElementSpec(f"item-{number}", "One of many", REFERENCE, tags=["character"])


async def main(*, url, items, out, key, journal=None, ensure=False, speed=1.0, gateway="ezmodel") -> None:
    specs = map(item, range(items))
    asyncio.get_running_loop().slow_callback_duration = 5  # a busy machine is no complaint
    there = find(gateway)(api_key=key, base_url=url)
    with Path(out).open("a") as file:  # noqa: ASYNC230 - a line at a time
        async with (
            ElementsSession(there, clock=QuickClock(speed)) as session,
            session.create_many(specs, journal=journal, ensure=ensure) as outcomes,
        ):
            sys.stdout.write("started\n")
            sys.stdout.flush()
            async for outcome in outcomes:
                made = isinstance(outcome, Created)
                line = {"index": outcome.index, "resolution": outcome.resolution if made else None}
                line["element"] = outcome.element.element_id if made else None
                line["error"] = None if made else repr(outcome.error)
                file.write(json.dumps(line) + "\n")
                file.flush()


if __name__ == "__main__":
    asyncio.run(main(**json.loads(sys.argv[1])))
