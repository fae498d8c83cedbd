"""Documented and recorded answers, and a reply made of one. Law: says what gateways send, nothing of the client."""

import copy
import json
import re
from pathlib import Path
from typing import Any

import pytest

from kling_elements_async import ElementSpec, Images, Tag, Video
from kling_elements_async.gateways import AnyFast, EvoLink, EzModel, Kkiai, Kling
from kling_elements_async.wire import Call, Gateway, Reply

KEY = "no-real-key"
GATEWAYS: dict[str, Gateway] = {kind.name: kind(api_key=KEY) for kind in (Kling, EzModel, Kkiai, AnyFast, EvoLink)}
NATIVE = ("kling", "ezmodel", "kkiai")
FAMILY = (*NATIVE, "anyfast")  # all that speak Kling's envelope
LARGE_ID = 856528387816046601  # beyond 2^53: recorded
TASK_ID = "860434405402222626"
UNIFIED_ID = "task-unified-1756817821-4x3rx6ny"
LINK, SIDE, MOVIE = "https://example.com/f.png", "https://example.com/s.png", "https://example.com/w.mp4"
SPEC = ElementSpec("Mira", "A singer", Images(LINK, [SIDE]))
VIDEO_SPEC = ElementSpec("Mira", "A singer", Video(MOVIE), voice_id="voice-1")
TAGGED_SPEC = ElementSpec("Mira", "A singer", Images(LINK, [SIDE]), tags=[Tag.CHARACTER])

ELEMENT: dict[str, Any] = {
    "element_id": LARGE_ID,
    "element_name": "Mira",
    "element_description": "A singer",
    "reference_type": "image_refer",
    "element_image_list": {"frontal_image": LINK, "refer_images": [{"image_url": SIDE}]},
    "element_video_list": {"refer_videos": [{"video_url": MOVIE}]},
    "element_voice_info": {"voice_id": "v1", "voice_name": "Alto", "trial_url": LINK, "owned_by": "kling"},
    "tag_list": [{"id": "o_102", "name": "character", "description": "None"}],
    "owned_by": "5837",
    "status": "succeed",
}
TASK: dict[str, Any] = {
    "task_id": TASK_ID,
    "task_status": "succeed",
    "task_status_msg": "",
    "task_info": {"external_task_id": "mine-1"},
    "task_result": {"elements": [ELEMENT]},
    "final_unit_deduction": "0",
    "final_balance_deduction": {"quota": "0", "list_price": "0"},
    "created_at": 1722769557708,
    "updated_at": 1722769559708,
}
CREATED = {name: TASK[name] for name in ("task_id", "task_info", "created_at", "updated_at")} | {
    "task_status": "submitted"
}
PRESET = {"task_id": "1", "task_result": {"elements": [ELEMENT | {"owned_by": "kling"}]}}  # no task_status
FLAT = {
    "id": "863121016086724692",
    "task_id": "863121016086724692",
    "object": "video",
    "model": "kling-element",
    "status": "",
    "progress": 0,
    "created_at": 1773812605,
}
UNIFIED_CREATED: dict[str, Any] = {
    "created": 1767917446,
    "id": UNIFIED_ID,
    "model": "kling-custom-element",
    "object": "video.generation.task",
    "progress": 0,
    "status": "pending",
    "task_info": {"can_cancel": True, "estimated_time": 150},
    "type": "video",
    "usage": {"billing_rule": "per_call", "credits_reserved": 0.1, "user_group": "vip"},
}
UNIFIED_DONE = UNIFIED_CREATED | {"status": "completed", "result_data": {"elements": [ELEMENT]}}
UNIFIED_FAILED = UNIFIED_CREATED | {
    "status": "failed",
    "error": {"code": "content_policy_violation", "message": "Blocked by\nsafety filters"},
}
HTML = "<!DOCTYPE html><html><title>502</title><body>It is not here</body></html>"


def enveloped(data: Any, **changes: Any) -> dict[str, Any]:
    """Kling's envelope of a success."""
    return {"code": 0, "message": "SUCCEED", "request_id": "req-1", "data": data} | changes


def wrapped(record: Any, status: str = "SUCCESS", **changes: Any) -> dict[str, Any]:
    """The wrapper that some proxies put around a query's answer."""
    outer = {"task_id": "proxy-7", "status": status, "fail_reason": "", "progress": "100%", "data": record}
    return {"code": "success", "message": "", "data": outer | changes}


def refused(code: Any, message: str = "It failed") -> dict[str, Any]:
    return {"code": code, "message": message, "request_id": "req-1"}


def calls(gateway: Gateway) -> dict[str, Call[Any]]:
    """The calls that a gateway offers, by name."""
    spec = TAGGED_SPEC if gateway.name == "anyfast" else SPEC
    offered: dict[str, Call[Any]] = {
        "create": gateway.create(spec, "mine-1" if gateway.carries.external_ids else None),
        "get": gateway.get_one(UNIFIED_ID if gateway.name == "evolink" else TASK_ID),
    }
    if gateway.name in NATIVE:
        offered["list"] = gateway.list_custom(2, 50)
        offered["presets"] = gateway.list_presets(1, 30)
        offered["delete"] = gateway.delete(str(LARGE_ID))
    return offered


CALLS = [(name, call) for name, gateway in GATEWAYS.items() for call in calls(gateway).values()]
KEYED = [(name, call) for name, call in CALLS if name != "evolink"]


def reply(body: Any, status: int = 200, gateway: str = "ezmodel", **headers: str) -> Reply:
    """One answer; `body` is JSON, or bytes as they come."""
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Reply(status, {k.replace("_", "-"): v for k, v in headers.items()}, content, gateway, "do it")


def read(gateway: str, call: str, body: Any, status: int = 200, **headers: str) -> Any:
    """What the reader of a gateway's call makes of an answer."""
    return calls(GATEWAYS[gateway])[call].read(reply(body, status, gateway, **headers))


def read_task(record: Any, gateway: str = "ezmodel") -> Any:
    """What the query makes of a native record."""
    return read(gateway, "get", enveloped(record))


def with_element(**changes: Any) -> dict[str, Any]:
    """A finished task whose element differs."""
    return TASK | {"task_result": {"elements": [ELEMENT | changes]}}


def without(record: dict[str, Any], *names: str) -> dict[str, Any]:
    return {name: copy.deepcopy(value) for name, value in record.items() if name not in names}


SAMPLES = Path(__file__).parents[3] / "shared" / "samples"
_COMMENT = re.compile(r'("(?:[^"\\]|\\.)*")|//[^\n]*')


def sample(name: str) -> Any:
    """A published example, without its comments and with a number where it says `long`."""
    path = SAMPLES / name
    if not path.exists():
        pytest.skip("the published samples are not on this machine")
    text = _COMMENT.sub(lambda found: found[1] or "", path.read_text())
    return json.loads(text.replace(": long", f": {LARGE_ID}"))
