"""What an account at each gateway holds, and the answers it gives: wire.md as a program, with no socket.

A body comes in as parsed JSON; an `(HTTP status, JSON value)` goes out. Nothing here is imported from the package.
"""

import itertools
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

BIG = 856528387816046601  # beyond 2^53, as recorded
FAILED_WORDS = {"failed", "FAILURE", "error", "cancelled"}
DONE_WORDS = {"succeed", "succeeded", "completed", "SUCCESS"}
TAGS = {f"o_{number}" for number in range(101, 109)}

Answer = tuple[int, Any]


@dataclass
class Task:
    """One create that happened."""

    task_id: str
    external_id: str | None
    element: dict[str, Any]
    born: float
    looks: int = 0
    words: tuple[str, ...] | None = None


@dataclass
class Account:
    """The native dialect: Kling itself, ezmodel and kkiai."""

    now: Callable[[], float] = time.monotonic
    words: tuple[str, ...] = ("succeed",)  # one for each look; the last one stays
    duration: float | None = None  # instead of words: processing until so many seconds have passed
    reason: str = "Failure to pass the risk control system"
    id_as: Callable[[int], Any] = int  # how an element id is written: int, str or float
    edit: Callable[[dict[str, Any]], dict[str, Any]] = field(default=lambda element: element)
    tasks: dict[str, Task] = field(default_factory=dict)
    presets: list[dict[str, Any]] = field(default_factory=list)
    numbers: Any = field(default_factory=itertools.count)

    # The calls.

    def create(self, body: Mapping[str, Any]) -> Answer:
        fault = _fault(body)
        external_id = body.get("external_task_id")
        if fault:
            return refusal(400, 1201, fault)
        if external_id is not None and self.find(external_id):
            return refusal(400, 1201, f"External_task_id {external_id} already exists")
        task = self.add(body)
        info = {"external_task_id": external_id} if external_id else {}
        times = {"created_at": 1772000000000, "updated_at": 1772000000000}
        return 200, envelope({"task_id": task.task_id, "task_status": "submitted", "task_info": info} | times)

    def get(self, ident: str) -> Answer:
        task = self.find(ident)
        if task is None:
            return refusal(400, 1201, f"Task not found by id/external id: {ident}")
        return 200, envelope(self.record(task, self.look(task)))

    def list_own(self, query: Mapping[str, str]) -> Answer:
        rows = [self.record(task, "succeed") for task in self.tasks.values()]
        return 200, envelope(_page(rows, query))

    def list_presets(self, query: Mapping[str, str]) -> Answer:
        rows = [
            {"task_id": f"preset-{number}", "task_result": {"elements": [element]}}
            for number, element in enumerate(self.presets)
        ]
        return 200, envelope(_page(rows, query))

    def delete(self, body: Mapping[str, Any]) -> Answer:
        wanted = body.get("element_id")
        if not isinstance(wanted, str):
            return refusal(400, 1200, "element_id must be a string")
        for task in self.tasks.values():
            if str(task.element["element_id"]) == wanted and task.element["status"] != "deleted":
                task.element["status"] = "deleted"
                return 200, {"code": 0, "message": "SUCCEED", "request_id": "req-delete"}
        return refusal(400, 1201, f"Element already be deleted for id: {wanted}")

    # The state.

    def find(self, ident: str) -> Task | None:
        return self.tasks.get(ident) or next((t for t in self.tasks.values() if t.external_id == ident), None)

    def add(self, body: Mapping[str, Any] | None = None, **element: Any) -> Task:
        """A create that happened, by a call or by the test itself."""
        number = next(self.numbers)
        record = _element(BIG + number, body or {"element_name": f"element {number}"}) | element
        external_id = (body or {}).get("external_task_id")
        task = Task(self.new_id(number), external_id, record, self.now())
        self.tasks[task.task_id] = task
        return task

    def new_id(self, number: int) -> str:
        return str(863121016086724692 + number)

    def look(self, task: Task) -> str:
        """The status word of this look at a task."""
        if self.duration is not None:
            return "succeed" if self.now() - task.born >= self.duration else "processing"
        words = task.words or self.words
        word = words[min(task.looks, len(words) - 1)]
        task.looks += 1
        return word

    def written(self, task: Task) -> dict[str, Any]:
        return self.edit(task.element | {"element_id": self.id_as(task.element["element_id"])})

    def record(self, task: Task, word: str) -> dict[str, Any]:
        record: dict[str, Any] = {
            "task_id": task.task_id,
            "task_status": word,
            "task_info": {"external_task_id": task.external_id} if task.external_id else {},
            "created_at": 1772000000000,
            "updated_at": 1772000005000,
        }
        if word in FAILED_WORDS:
            record["task_status_msg"] = self.reason
        if word in DONE_WORDS:
            record["task_result"] = {"elements": [self.written(task)]}
            record["final_unit_deduction"] = "0"
        return record


class AnyFastAccount(Account):
    """A flat answer to a create, the native envelope for a query, no external ids."""

    def create(self, body: Mapping[str, Any]) -> Answer:
        fault = _fault(body) or ("" if "tag_list" in body else "tag_list is required")
        if fault:
            return refusal(400, 1201, fault)
        ident = self.add({**body, "external_task_id": None}).task_id
        flat = {"id": ident, "task_id": ident, "object": "video", "model": "kling-element"}
        return 200, flat | {"status": "", "progress": 0, "created_at": 1773812605}


class EvoLinkAccount(Account):
    """The unified task."""

    def new_id(self, number: int) -> str:
        return f"task-unified-1772618027-{number:08d}"

    def create(self, body: Mapping[str, Any]) -> Answer:
        params = body.get("model_params", {})
        if body.get("model") != "kling-custom-element" or not params.get("element_name"):
            return evolink_refusal(400, "invalid_request", "Invalid request parameters")
        return 200, self.unified(self.add(params), "pending")

    def get(self, ident: str) -> Answer:
        if not ident.startswith("task-unified-"):
            message = "Invalid task ID format, must start with 'task-unified-'"
            return evolink_refusal(400, "invalid_task_id", message)
        task = self.find(ident)
        if task is None:
            return evolink_refusal(404, "task_not_found", "Task not found")
        word = self.look(task)
        return 200, self.unified(task, "completed" if word == "succeed" else word)

    def unified(self, task: Task, word: str) -> dict[str, Any]:
        record: dict[str, Any] = {
            "created": 1772618027,
            "id": task.task_id,
            "model": "kling-custom-element",
            "object": "video.generation.task",
            "progress": 100 if word in DONE_WORDS else 0,
            "status": word,
            "task_info": {"can_cancel": word == "pending", "estimated_time": 5},
            "type": "video",
            "usage": {"billing_rule": "per_call", "credits_reserved": 0.1, "user_group": "vip"},
        }
        if word in DONE_WORDS:
            record["result_data"] = {"elements": [self.written(task)]}
        if word in FAILED_WORDS:
            record["error"] = {"code": "generation_failed", "message": self.reason}
        return record


def new_account(gateway: str) -> Account:
    return {"anyfast": AnyFastAccount, "evolink": EvoLinkAccount}.get(gateway, Account)()


def envelope(data: Any) -> dict[str, Any]:
    return {"code": 0, "message": "SUCCEED", "request_id": "req-1", "data": data}


def refusal(status: int, code: int | str, message: str) -> Answer:
    return status, {"code": code, "message": message, "request_id": "req-refused"}


def evolink_refusal(status: int, code: str, message: str) -> Answer:
    return status, {"error": {"code": code, "message": message, "type": "invalid_request_error"}}


def _page(rows: list[Any], query: Mapping[str, str]) -> list[Any]:
    number, size = int(query.get("pageNum", 1)), int(query.get("pageSize", 30))
    return rows[(number - 1) * size : number * size]


def _element(ident: int, body: Mapping[str, Any]) -> dict[str, Any]:
    """An element record; made of what a create carried."""
    tags = [{"id": tag["tag_id"], "name": "tag", "description": "None"} for tag in body.get("tag_list") or ()]
    return {
        "element_id": ident,
        "element_name": body.get("element_name", ""),
        "element_description": body.get("element_description", ""),
        "reference_type": body.get("reference_type", "image_refer"),
        "element_image_list": body.get("element_image_list") or {},
        "element_video_list": body.get("element_video_list") or {},
        "element_voice_info": {},
        "tag_list": tags,
        "owned_by": "7001",
        "status": "succeed",
    }


def _fault(body: Mapping[str, Any]) -> str:
    """What the native API refuses with 1201, or nothing."""
    images = body.get("element_image_list") or {}
    others = [image["image_url"] for image in images.get("refer_images", ())]
    if not 1 <= len(body.get("element_name", "")) <= 20:
        return "element_name is invalid"
    if not 1 <= len(body.get("element_description", "")) <= 100:
        return "element_description is invalid"
    if body.get("reference_type") not in {"image_refer", "video_refer"}:
        return "reference_type is invalid"
    if body["reference_type"] == "image_refer" and not (images.get("frontal_image") and 1 <= len(others) <= 3):
        return "element_image_list is invalid"
    if any(text.startswith("data:") for text in [images.get("frontal_image") or "", *others]):
        return "File is not in a valid base64 format"
    if {tag.get("tag_id") for tag in body.get("tag_list") or ()} - TAGS:
        return "tag_list is invalid"
    return ""
