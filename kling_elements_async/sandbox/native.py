"""The native dialect: Kling's own envelope, and the proxies that pass it on. From Kling's documentation and
recorded answers; where a proxy differs, the difference is a field here.
"""

from typing import Any
from uuid import uuid4

from attrs import evolve, field, frozen

from . import presets, validation
from .account import Account
from .answer import Answer
from .order import Order
from .record import Spelling, newer
from .refusal import RefusedError, invalid
from .task import Task
from .visit import Call, Visit

CUSTOM = "general/advanced-custom-elements"
ROUTES: dict[tuple[str, str], Call] = {
    ("POST", CUSTOM): "create",
    ("GET", CUSTOM): "list",
    ("GET", "general/advanced-presets-elements"): "presets",
    ("POST", "general/delete-elements"): "delete",
    ("POST", "general/delete-advanced-elements"): "delete",  # the name on the vendor's video pages
}
ALL_CALLS: frozenset[Call] = frozenset({"create", "get", "list", "presets", "delete"})


@frozen
class Native:
    """A gateway of the native family."""

    name: str
    prefix: str
    signed: bool = False
    """Whether tokens signed by a key pair are taken, beside the API key."""
    offers: frozenset[Call] = ALL_CALLS
    spelling: Spelling = field(factory=Spelling)
    images_with_voice: bool = True
    images_only: bool = False
    tags_required: bool = False
    external_ids: bool = True
    flat_create: bool = False
    signs_callbacks: bool = True
    new_callbacks: bool = False
    """Whether callbacks come in the newer shape; the older is the bare record."""

    def route(self, method: str, path: str) -> tuple[Call, str] | None:
        """Find the call behind a path (after `/v1/`), and the id in it."""
        call = ROUTES.get((method, path))
        identity = ""
        if call is None and method == "GET" and path.startswith(f"{CUSTOM}/"):
            call, identity = "get", path.removeprefix(f"{CUSTOM}/")
            if not identity or "/" in identity:
                return None
        return (call, identity) if call in self.offers else None

    def answer(self, visit: Visit, account: Account) -> Answer:
        """Do a call."""
        match visit.call:
            case "create":
                return self._create(visit, account)
            case "get":
                task = account.find(visit.identity)
                return success(data=self.spelling.ending(task, account))
            case "list":
                tasks = account.page(*paging(visit))
                return success(data=[self.spelling.ending(task, account) for task in tasks])
            case "presets":
                return success(data=[self.spelling.preset(task) for task in presets.page(*paging(visit))])
            case "delete":
                account.delete(doomed(visit))
                return success()  # documented with `data`, recorded without

    def refuse(self, refused: RefusedError) -> Answer:
        """Spell a refusal: an error has no `data`."""
        body = {"code": refused.code, "message": refused.message, "request_id": str(uuid4())}
        return Answer.json(body, refused.status)

    def callback(self, task: Task, account: Account) -> dict[str, Any]:
        """Spell what a callback URL is told."""
        return newer(task, account) if self.new_callbacks else self.spelling.ending(task, account)

    def task_id(self, number: int) -> str:
        """Name a task."""
        return str(number)

    def _create(self, visit: Visit, account: Account) -> Answer:
        order = validation.order(visit.body)
        self._check(order)
        if not self.external_ids:
            order = evolve(order, external_task_id="")
        task = account.create(order, visit.failure)
        if self.flat_create:
            return Answer.json(flat(task))
        return success(data=self.spelling.task(task, account))

    def _check(self, order: Order) -> None:
        if self.images_only and order.kind != "image_refer":
            raise invalid("reference_type must be image_refer")
        if self.tags_required and not order.tags:
            raise invalid("tag_list can not be empty")
        if order.voice_id and order.kind == "image_refer" and not self.images_with_voice:
            raise invalid("element_voice_id is for video elements only")


def success(**rest: Any) -> Answer:
    """Build an envelope; its message is SUCCEED even while the task is only submitted."""
    return Answer.json({"code": 0, "message": "SUCCEED", "request_id": str(uuid4()), **rest})


def flat(task: Task) -> dict[str, Any]:
    """Build the flat answer to a create, from the example on anyfast's page."""
    return {
        "id": task.task_id,
        "task_id": task.task_id,
        "object": "video",
        "model": "kling-element",
        "status": "",
        "progress": 0,
        "created_at": int(task.created),
    }


def paging(visit: Visit) -> tuple[int, int]:
    """Read number and size of a page within the documented limits."""
    return bounded(visit, "pageNum", 1, 1000), bounded(visit, "pageSize", 30, 500)


def bounded(visit: Visit, key: str, default: int, largest: int) -> int:
    """Read a number from 1 to `largest`."""
    value = visit.query.get(key, str(default))
    if not value.isascii() or not value.isdigit() or len(value) > 4 or not 1 <= int(value) <= largest:
        raise invalid(f"{key} must be between 1 and {largest}")
    return int(value)


def doomed(visit: Visit) -> str:
    """Read the id of the element to delete: a string, although answers spell it as a number."""
    value = validation.fields(visit.body).get("element_id")
    if not isinstance(value, str) or not value:
        raise invalid("element_id must be a string")
    return value
