"""Faults drawn by chance, of every kind that may pass: what a gateway on a bad day does to its callers.

Law: whatever is drawn, a careful caller can come through it. So nothing here is a definite refusal, a 429 never
has an effect, and a late landing comes within the seconds in which a lost create is still being looked for.
"""

from collections.abc import Callable
from random import Random
from typing import Literal

from attrs import frozen

from .fault import NO_FAULT, Fault
from .visit import Call

Draw = Callable[[Random], Fault]
LANDING = (0.3, 2.0)
SLOW = (0.05, 1.0)
SILENCE = (0.5, 2.0)


@frozen
class Kind:
    """Some faults that are drawn together: how often, at which calls, and when beside the effect."""

    weight: float
    faults: tuple[Fault | Draw, ...]
    moment: Literal["its own", "any"] = "its own"
    calls: frozenset[Call] = frozenset({"create", "get", "list", "presets", "delete"})
    needs_external_ids: bool = False

    def draw(self, call: Call, random: Random) -> Fault:
        """Draw one of them."""
        chosen = random.choice(self.faults)
        fault = chosen if isinstance(chosen, Fault) else chosen(random)
        if self.moment == "its own":
            return fault
        # What is read has no effect, and what is deleted late would be found deleted by another's delete.
        moments = ("before", "after", "late") if call == "create" else ("before", "after")
        match random.choice(moments):
            case "after":
                return fault.after_effect()
            case "late":
                return fault.landing(random.uniform(*LANDING))
        return fault


def silence(random: Random) -> Fault:
    """Say nothing for a while, then end the connection."""
    return Fault(ending=random.choice(("close", "reset"))).pausing(random.uniform(*SILENCE))


UNCLEAR = Kind(
    60,
    (
        Fault(ending="reset"),
        Fault(ending="close"),
        *map(Fault.code, (5000, 5001, 5002)),
        *(Fault.code(code, status=200) for code in (5000, 5002, 9999)),
        *(Fault.wrapped_error("upstream error", status=status) for status in (500, 502, 529)),
        *map(Fault.html, (200, 502, 503, 504, 522)),
        *map(Fault.answer, (200, 408, 425, 500)),
        *map(Fault.json, ({}, None, [], "")),
        Fault.answer(200, "\xff\xfe{", (("Content-Type", "application/json"),)),
        silence,
    ),
    "any",
)
UNREAD = Kind(8, (Fault.reset(), Fault.reset(politely=True)))
SPOILED = Kind(
    20,
    (
        Fault.cut(),
        lambda random: Fault.cut_json(random.random()),
        Fault.mislabelled(),
        Fault.rewrite(lambda true: [true]),
    ),
)
REFUSED = Kind(
    4,
    (
        Fault.code(1302),
        Fault.code(1302).retry_after(1),
        Fault.code(1302, status=200),
        Fault.html(429).retry_after(1),
        Fault.wrapped_error("too many requests", status=429),
    ),
)
SLOW_BUT_TRUE = Kind(
    6,
    (
        lambda random: Fault.delay(random.uniform(*SLOW)),
        lambda random: Fault.slow_answer(random.uniform(*SLOW)),
    ),
)
OF_ANOTHER_TASK = Kind(3, (Fault.mistaken(),), calls=frozenset({"get"}))
# A create that is answered with another's task can be told from the true one by its external id only.
NOT_THIS_TASK = Kind(6, (Fault.mistaken(), Fault.echo()), calls=frozenset({"create"}), needs_external_ids=True)
# Rare, since whoever meets one is held up until it gives up.
NEVER = Kind(0.1, (Fault.never(), Fault.never().after_effect()))
KINDS = (UNCLEAR, UNREAD, SPOILED, REFUSED, SLOW_BUT_TRUE, OF_ANOTHER_TASK, NOT_THIS_TASK, NEVER)


class Chaos:
    """Spoils a share of the requests to one account."""

    def __init__(self, share: float, random: Random, *, external_ids: bool) -> None:
        """Take the share, from 0 (none) to 1 (all)."""
        self._share = share
        self._random = random
        self._kinds = tuple(kind for kind in KINDS if external_ids or not kind.needs_external_ids)

    def draw(self, call: Call) -> Fault:
        """Draw what the next request meets; mostly nothing."""
        if self._random.random() >= self._share:
            return NO_FAULT
        kinds = [kind for kind in self._kinds if call in kind.calls]
        (kind,) = self._random.choices(kinds, [kind.weight for kind in kinds])
        return kind.draw(call, self._random)
