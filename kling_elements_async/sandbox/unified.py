"""The unified dialect: evolink's own task and its own errors. From the OpenAPI text on evolink's pages."""

from typing import Any, ClassVar
from urllib.parse import urlsplit

from attrs import frozen

from . import validation
from .account import Account
from .answer import Answer
from .body import Body
from .order import Order
from .picture import Picture
from .refusal import RefusedError, invalid
from .task import Task
from .visit import Call, Visit

MODEL = "kling-custom-element"
STATES = {"submitted": "pending", "processing": "processing", "succeed": "completed", "failed": "failed"}
PROGRESS = {"submitted": 0, "processing": 50, "succeed": 100, "failed": 0}
TYPES = {
    400: ("invalid_request", "invalid_request_error"),
    401: ("unauthorized", "authentication_error"),
    402: ("insufficient_quota", "insufficient_quota"),
    403: ("model_access_denied", "invalid_request_error"),
    404: ("task_not_found", "invalid_request_error"),  # not on its page; a guess
    429: ("rate_limit_exceeded", "rate_limit_error"),
    502: ("upstream_error", "upstream_error"),
}


class TaskIdError(RefusedError):
    """An id that is none of this gateway's."""


@frozen
class Unified:
    """A gateway with one kind of task for everything that it sells."""

    name: str
    prefix: str
    signed: ClassVar[bool] = False
    external_ids: ClassVar[bool] = False
    signs_callbacks: ClassVar[bool] = False

    def route(self, method: str, path: str) -> tuple[Call, str] | None:
        """Find the call behind a path (after `/v1/`), and the id in it."""
        if (method, path) == ("POST", "videos/generations"):
            return "create", ""
        identity = path.removeprefix("tasks/")
        if method == "GET" and identity != path and identity and "/" not in identity:
            return "get", identity
        return None

    def answer(self, visit: Visit, account: Account) -> Answer:
        """Do a call."""
        if visit.call == "create":
            task = account.create(order(visit.body), visit.failure)
            return Answer.json(record(task, account))
        if not visit.identity.startswith("task-unified-"):
            raise TaskIdError(1201, "Invalid task ID format, must start with 'task-unified-'")
        return Answer.json(record(account.find(visit.identity), account))

    def refuse(self, refused: RefusedError) -> Answer:
        """Spell a refusal."""
        status = 402 if refused.code in (1100, 1101, 1102) else refused.status
        if refused.message.startswith("Task not found"):
            status = 404
        code, kind = TYPES.get(status, ("internal_error", "api_error"))
        error = {"code": code, "message": refused.message, "type": kind}
        if isinstance(refused, TaskIdError):
            error |= {"code": "invalid_task_id", "param": "task_id"}
        return Answer.json({"error": error}, status)

    def callback(self, task: Task, account: Account) -> dict[str, Any] | None:
        """Spell what a callback URL is told: of an end only, what a query answers."""
        return record(task, account) if account.now() >= task.ends else None

    def task_id(self, number: int) -> str:
        """Name a task."""
        digits = str(number)
        return f"task-unified-{digits[:9]}-{digits[9:]}"


def order(body: Body) -> Order:
    """Read a create: links only, one video, no tags and no external id."""
    given = validation.fields(body)
    if given.get("model") != MODEL:
        raise RefusedError(1103, f"Token does not have access to model: {given.get('model')}")
    params = given.get("model_params")
    if not isinstance(params, dict):
        raise invalid("model_params is required")
    basics = validation.basics(params)
    callback_url = callback(given)
    if basics["kind"] == "video_refer":
        return Order(**basics, video=video(params), callback_url=callback_url)
    if basics["voice_id"]:
        raise invalid("element_voice_id is for video elements only")
    frontal, others = pictures(validation.images(params))
    return Order(**basics, frontal=frontal, others=others, callback_url=callback_url)


def pictures(images: dict[str, Any]) -> tuple[Picture | None, tuple[Picture, ...]]:
    """Expect links; a frontal image is only recommended, and no count of the others is given."""
    rows = images.get("refer_images", [])
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise invalid("refer_images must be a list of objects")
    frontal = linked(images["frontal_image"]) if "frontal_image" in images else None
    others = tuple(linked(row.get("image_url")) for row in rows)
    if frontal is None and not others:
        raise invalid("element_image_list is empty")
    return frontal, others


def linked(value: Any) -> Picture:
    """Expect a link to a picture."""
    if not validation.is_link(value):
        raise invalid("image must be a URL")
    return Picture(value)


def video(params: dict[str, Any]) -> str:
    """Expect the one video, an object and not a list."""
    holder = params.get("element_video_list")
    link = holder.get("video_url") if isinstance(holder, dict) else None
    if not validation.is_link(link):
        raise invalid("element_video_list.video_url must be a URL")
    return str(link)


def callback(given: dict[str, Any]) -> str:
    """Expect HTTPS; loopback is let through, since a sandbox's users have nothing else."""
    link = validation.optional_text(given, "callback_url")
    local = urlsplit(link).hostname in ("127.0.0.1", "localhost")
    if link and not (link.startswith("https://") or local):
        raise invalid("callback_url must be HTTPS")
    if len(link) > 2048:
        raise invalid("callback_url must not exceed 2048 characters")
    return link


def record(task: Task, account: Account) -> dict[str, Any]:
    """Spell a task; times are seconds here."""
    state = task.state(account.now())
    value: dict[str, Any] = {
        "created": int(task.created),
        "id": task.task_id,
        "model": MODEL,
        "object": "video.generation.task",
        "progress": PROGRESS[state],
        "status": STATES[state],
        "task_info": {"can_cancel": state == "submitted", "estimated_time": round(task.duration)},
        "type": "video",
        "usage": {"billing_rule": "per_call", "credits_reserved": 1, "user_group": "default"},
    }
    if state == "succeed":
        value["result_data"] = {"elements": [{"element_id": task.element_id, "element_name": task.order.name}]}
    if state == "failed":
        value["error"] = {"code": "content_policy_violation", "message": task.failure}
    return value
