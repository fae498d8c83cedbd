"""The script that keeps the books, and what goes in and out of it as JSON.

Law: knows no client of Redis: the same script runs in Redis and, in tests, in a Lua of their own.
"""

import json
from importlib import resources

from attrs import asdict

from ..throttle import GROW_AFTER, GROW_AFTER_SECONDS, SENT_AT_FIRST
from .visit import Answer, Visit

SCRIPT: str = (resources.files(__package__) / "visit.lua").read_text(encoding="utf-8")
# Seconds for which an error of the account holds the others back, and a dead worker's tasks may run on.
DENIED_FOR = 30.0
GONE_FOR = 120.0
# A believed limit is forgotten after a day without a visit.
KEPT_FOR = 86_400.0


def key_of(account: str) -> str:
    """Return the name of an account's hash."""
    return f"kling-elements:{{{account}}}:slots"


def question(worker: str, lease: float, fresh: float, visit: Visit) -> str:
    """Return the script's argument. Who waits is reckoned with if it was here within ``fresh`` seconds."""
    times = {
        "lease": lease,
        "fresh": fresh,
        "closed": visit.closed,
        "denial_ms": DENIED_FOR,
        "gone_ms": GONE_FOR,
        "kept_ms": KEPT_FOR,
        "grow_ms": GROW_AFTER_SECONDS,
    }
    settings = {"worker": worker, "window": SENT_AT_FIRST, "grow_after": GROW_AFTER}
    return json.dumps(asdict(visit) | settings | {name: round(1000 * each) for name, each in times.items()})


def answer(text: str | bytes) -> Answer:
    """Return the script's answer as a value."""
    told = json.loads(text)
    return Answer(**told | {"closed": told["closed"] / 1000})
