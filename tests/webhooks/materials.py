"""Callbacks as gateways send them, and their signatures. Law: signs by the vendor's page, not by our code."""

import base64
import hashlib
import hmac
import json
import time
from typing import Any

# Made-up bytes: no key of anyone, and none that could be taken for one.
KEY, NEXT_KEY = b"canary canary canary", b"canary of the rotation"
SECRET, NEXT_SECRET = (f"whsec_{base64.b64encode(key).decode()}" for key in (KEY, NEXT_KEY))
NOW = 1_790_000_000.25

TASK_ID, ELEMENT_ID = "860434405402222626", "856528387816046601"
UNIFIED_ID = "task-unified-1756817821-4x3rx6ny"
LINK, SIDE, MOVIE, SOUND = (f"https://example.com/{name}" for name in ("f.png", "s.png", "w.mp4", "v.mp3"))

OUTPUT: dict[str, Any] = {
    "type": "element",
    "id": ELEMENT_ID,
    "name": "Mira",
    "description": "A singer",
    "element_type": "multi_image_elements",
    "materials": [
        {"type": "image", "role": "frontal", "url": LINK},
        {"type": "image", "role": "refer", "url": SIDE},
        {"type": "video", "role": "refer", "url": MOVIE},
        {"type": "voice", "role": "refer", "url": SOUND, "id": "v1", "name": "Alto", "owned_by": "kling"},
    ],
    "owned_by": "5837",
    "status": "succeeded",
    "tags": [{"id": "o_102", "name": "character", "description": "x"}, {"id": 7, "name": "y", "description": "z"}],
}
NEWER: dict[str, Any] = {
    "id": TASK_ID,
    "status": "succeeded",
    "message": "",
    "create_time": 1722769557708,
    "update_time": 1722769559708,
    "external_id": "mine-1",
    "outputs": [OUTPUT],
    "billing": [{"charge_type": "unit", "amount": "0.5", "package_type": "image"}],
}
ELEMENT: dict[str, Any] = {
    "element_id": int(ELEMENT_ID),
    "element_name": "Mira",
    "reference_type": "image_refer",
    "element_image_list": {"frontal_image": LINK, "refer_images": [{"image_url": SIDE}]},
    "owned_by": "5837",
    "status": "succeed",
}
OLDER: dict[str, Any] = {
    "task_id": TASK_ID,
    "task_status": "succeed",
    "task_status_msg": "",
    "created_at": 1722769557708,
    "updated_at": 1722769559708,
    "final_unit_deduction": "0.5",
    "task_info": {"external_task_id": "mine-1"},
    "task_result": {"elements": [ELEMENT]},
}
# As Kling's page has it: with room for pictures and videos, and none for an element.
OLDER_BARE = OLDER | {"task_result": {"images": [{"index": 0, "url": LINK}], "videos": []}}
# Recorded: what the console sends to try a URL.
TEST_CALL: dict[str, Any] = {
    "id": "913827032734642185",
    "status": "submitted",
    "outputs": [],
    "message": "",
    "create_time": 1785901861504,
    "update_time": 1785901861504,
}
UNIFIED: dict[str, Any] = {
    "created": 1756817821,
    "id": UNIFIED_ID,
    "model": "kling-custom-element",
    "object": "video.generation.task",
    "progress": 100,
    "result_data": {"elements": [ELEMENT]},
    "status": "completed",
    "task_info": {"can_cancel": False},
    "type": "video",
    "usage": {"credits_reserved": 4.5},
}
UNIFIED_FAILED: dict[str, Any] = {
    "id": UNIFIED_ID,
    "object": "video.generation.task",
    "status": "failed",
    "model": "kling-custom-element",
    "progress": 0,
    "error": {"code": "content_policy_violation", "message": "Content policy violation."},
}
SHAPES = {
    "newer": NEWER,
    "older": OLDER,
    "older, bare": OLDER_BARE,
    "test": TEST_CALL,
    "unified": UNIFIED,
    "unified, failed": UNIFIED_FAILED,
}


def content(record: Any) -> bytes:
    return json.dumps(record).encode()


def signature(body: bytes, *, message_id: str = "msg-1", sent: int = int(NOW), key: bytes = KEY) -> str:
    signed = f"{message_id}.{sent}.".encode() + body
    return "v1," + base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()


def headers(
    body: bytes, *, message_id: str = "msg-1", sent: int | None = None, key: bytes = KEY
) -> dict[str, str]:
    """The three headers of a signed callback, sent now by the machine's clock unless told."""
    moment = int(time.time()) if sent is None else sent
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(moment),
        "webhook-signature": signature(body, message_id=message_id, sent=moment, key=key),
    }
