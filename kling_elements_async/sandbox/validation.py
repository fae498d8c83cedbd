"""What the upstream refuses at once, with 1201. Limits are those of Kling's documentation.

A picture's sides are not among them: too small a picture fails later, as a task.
"""

import re
from typing import Any

from .body import Body
from .order import Order
from .picture import Meter, Picture
from .refusal import RefusedError, invalid

TAGS = {
    "o_101": "trending",
    "o_102": "character",
    "o_103": "animal",
    "o_104": "prop",
    "o_105": "costume",
    "o_106": "scene",
    "o_107": "effect",
    "o_108": "other",
}
EXTERNAL_ID = re.compile(r"[!-~]{1,128}")  # what is not documented: taken as printable and without spaces
PATH_BREAKERS = frozenset("/?#%\\")  # the id has to fit into the path of the single-item query


def fields(body: Body) -> dict[str, Any]:
    """Expect a JSON object."""
    if not isinstance(body.value, dict):
        raise RefusedError(1200, "Request body is not a JSON object")
    return body.value


def order(body: Body) -> Order:
    """Read a native create."""
    given = fields(body)
    videos = given.get("reference_type") == "video_refer"
    return Order(
        **basics(given),
        frontal=None if videos else picture(images(given).get("frontal_image"), "frontal_image", body),
        others=() if videos else others(images(given), body),
        video=one_video(given) if videos else "",
        tags=tags(given),
        external_task_id=external_task_id(given),
        callback_url=optional_text(given, "callback_url"),
    )


def basics(given: dict[str, Any]) -> dict[str, Any]:
    """Read what an element of either kind has, in every dialect."""
    if given.get("reference_type") not in ("image_refer", "video_refer"):
        raise invalid("reference_type must be one of image_refer, video_refer")
    return {
        "name": text(given, "element_name", 20),
        "description": text(given, "element_description", 100),
        "kind": given["reference_type"],
        "voice_id": optional_text(given, "element_voice_id"),
    }


def text(given: dict[str, Any], key: str, longest: int) -> str:
    """Expect a text of 1 to `longest` characters."""
    value = given.get(key)
    if not isinstance(value, str) or not value:
        raise invalid(f"{key} can not be empty")
    if len(value) > longest:
        raise invalid(f"{key} can not exceed {longest} characters")
    return value


def optional_text(given: dict[str, Any], key: str) -> str:
    """Expect a text or nothing."""
    value = given.get(key)
    if not isinstance(value, str | None):
        raise invalid(f"{key} must be a string")
    return value or ""


def images(given: dict[str, Any]) -> dict[str, Any]:
    """Expect the object that holds the pictures."""
    value = given.get("element_image_list")
    if not isinstance(value, dict):
        raise invalid("element_image_list can not be empty")
    return value


def others(given: dict[str, Any], body: Body) -> tuple[Picture, ...]:
    """Expect one to three pictures beside the frontal one."""
    rows = given.get("refer_images")
    if not isinstance(rows, list) or not 1 <= len(rows) <= 3:
        raise invalid("refer_images must have 1 to 3 images")
    if not all(isinstance(row, dict) for row in rows):
        raise invalid("refer_images must be a list of objects")
    return tuple(picture(row.get("image_url"), "image_url", body) for row in rows)


def picture(value: Any, key: str, body: Body) -> Picture:
    """Expect a link or raw Base64."""
    if not isinstance(value, str) or not value:
        raise invalid(f"{key} can not be empty")
    if is_link(value):
        return Picture(value)
    meter = body.meters.get(value)
    if meter is None:
        meter = Meter()
        meter.feed(value.encode("utf-8", "replace"))
    return meter.picture()


def is_link(value: Any) -> bool:
    """Tell a link from everything else."""
    return isinstance(value, str) and value.startswith(("http://", "https://"))


def one_video(given: dict[str, Any]) -> str:
    """Expect exactly one link to a video."""
    holder = given.get("element_video_list")
    rows = holder.get("refer_videos") if isinstance(holder, dict) else None
    if not isinstance(rows, list) or len(rows) != 1 or not isinstance(rows[0], dict):
        raise invalid("refer_videos must have exactly 1 video")
    link = rows[0].get("video_url")
    if not is_link(link):
        raise invalid("video_url must be a link")
    return str(link)


def tags(given: dict[str, Any]) -> tuple[str, ...]:
    """Expect known tags, or none."""
    rows = given.get("tag_list")
    if rows is None:
        return ()
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise invalid("tag_list must be a list of objects")
    names = tuple(row.get("tag_id") for row in rows)
    for name in names:
        if not isinstance(name, str) or name not in TAGS:
            raise invalid(f"tag_id {name} does not exist")
    return names


def external_task_id(given: dict[str, Any]) -> str:
    """Expect an id that fits into a path, or none."""
    value = optional_text(given, "external_task_id")
    if value and (not EXTERNAL_ID.fullmatch(value) or PATH_BREAKERS & set(value)):
        raise invalid("external_task_id is invalid")
    return value
