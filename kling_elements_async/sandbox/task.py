"""A task and its life. Nothing ticks: its state follows from its birth and the clock, when someone looks."""

from typing import Literal

from attrs import frozen

from .order import Order

State = Literal["submitted", "processing", "succeed", "failed"]


@frozen
class Task:
    """One accepted create; `born` is on the sandbox's clock, `created` in seconds since 1970."""

    task_id: str
    element_id: str
    order: Order
    born: float
    created: float
    duration: float
    failure: str = ""

    @property
    def external_task_id(self) -> str:
        """The caller's own id, or an empty text."""
        return self.order.external_task_id

    @property
    def starts(self) -> float:
        """When it is worked on, on the sandbox's clock: a fifth of its time it only waits."""
        return self.born + self.duration / 5

    @property
    def ends(self) -> float:
        """When it is over, on the sandbox's clock."""
        return self.born + self.duration

    def state(self, now: float) -> State:
        """Tell where it stands."""
        if now >= self.ends:
            return "failed" if self.failure else "succeed"
        return "processing" if now >= self.starts else "submitted"

    def updated(self, now: float) -> float:
        """When its state last changed, in seconds since 1970."""
        shares = {"submitted": 0.0, "processing": 0.2}
        return self.created + self.duration * shares.get(self.state(now), 1.0)
