"""One of several workers of an account: `create_many` over its part of the items, an outcome per line in a file.

Run as a module; its one argument is JSON: url, key, redis, first, items, out, journal, lease, limit, at_once. Prints "started".
"""

import asyncio
import json
import sys
from pathlib import Path

from kling_elements_async import Created, ElementSpec, ElementsSession, Images, Polling
from kling_elements_async.gateways import EzModel
from kling_elements_async.shared import RedisSlots

REFERENCE = Images("https://example.com/front.png", ["https://example.com/side.png"])
QUICK = Polling(first=0.15, longest=0.3)


def item(number: int) -> ElementSpec:
    return ElementSpec(
        f"item-{number}", "One of many", REFERENCE, tags=["character"], external_task_id=f"item-{number}"
    )


async def main(*, url, key, redis, first, items, out, lease, limit=None, journal=None) -> None:
    def tell(event) -> None:
        if type(event).__name__ == "SharedLost":
            sys.stderr.write(f"{event}\n")

    there = EzModel(api_key=key, base_url=url)
    slots = RedisSlots(redis, lease=lease)
    with Path(out).open("a") as file:  # noqa: ASYNC230 - a line at a time
        async with (
            ElementsSession(there, slots=slots, max_running_tasks=limit, polling=QUICK, on_event=tell) as session,
            session.create_many(map(item, range(first, first + items)), journal=journal) as outcomes,
        ):
            sys.stdout.write("started\n")
            sys.stdout.flush()
            async for outcome in outcomes:
                made = isinstance(outcome, Created)
                line = {"item": first + outcome.index, "how": outcome.resolution if made else None}
                line["element"] = outcome.element.element_id if made else None
                line["error"] = None if made else repr(outcome.error)
                file.write(json.dumps(line) + "\n")
                file.flush()


if __name__ == "__main__":
    asyncio.run(main(**json.loads(sys.argv[1])))
