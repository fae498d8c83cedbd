"""The records of the native API: a task and its element, in the spellings that were recorded.

Keys are left out rather than null, and an element id is a JSON number beyond 2^53.
"""

from typing import Any

from attrs import frozen

from .account import Account
from .order import Order
from .task import Task
from .validation import TAGS

OWNER = "13724809"


@frozen
class Spelling:
    """How a gateway spells what the others spell differently."""

    kind_key: str = "reference_type"
    """Documented as `reference_type`; recorded live answers say `element_type`."""
    empty_lists: bool = True
    """Whether what an element lacks is an empty object, or left out."""

    def task(self, task: Task, account: Account) -> dict[str, Any]:
        """Spell what the answer to a create holds."""
        now = account.now()
        return {
            "task_id": task.task_id,
            "task_status": task.state(now),
            **external(task),
            "created_at": int(task.created * 1000),
            "updated_at": int(task.updated(now) * 1000),
        }

    def ending(self, task: Task, account: Account) -> dict[str, Any]:
        """Spell what a query answers: the task, and how it ended."""
        record = self.task(task, account)
        if record["task_status"] == "failed":
            record["task_status_msg"] = task.failure
        if record["task_status"] == "succeed":
            status = "deleted" if task.element_id in account.deleted else "succeed"
            record["task_result"] = {"elements": [self.element(task, OWNER, status)]}
            record["final_unit_deduction"] = "0"  # recorded: an image element cost nothing
            record["final_balance_deduction"] = {"quota": "0", "list_price": "0"}
        return record

    def preset(self, task: Task) -> dict[str, Any]:
        """Spell a preset: no status of the task, and no deduction."""
        stamp = int(task.created * 1000)
        elements = [self.element(task, "kling", "succeed")]
        return {
            "task_id": task.task_id,
            "task_result": {"elements": elements},
            "created_at": stamp,
            "updated_at": stamp,
        }

    def element(self, task: Task, owner: str, status: str) -> dict[str, Any]:
        """Spell an element."""
        order = task.order
        record = {
            "element_id": int(task.element_id),
            "element_name": order.name,
            "element_description": order.description,
            self.kind_key: order.kind,
            "element_image_list": image_list(order),
            "element_video_list": video_list(order),
            "element_voice_info": voice(order),
            "tag_list": [{"id": tag, "name": TAGS[tag], "description": "None"} for tag in order.tags],
            "owned_by": owner,
            "status": status,
        }
        if not self.empty_lists:
            for key in ("element_video_list", "element_voice_info"):
                if not record[key]:
                    del record[key]
        return record


def external(task: Task) -> dict[str, Any]:
    """Spell the parameters that a task repeats."""
    return {"task_info": {"external_task_id": task.external_task_id}} if task.external_task_id else {}


def image_list(order: Order) -> dict[str, Any]:
    """Spell the pictures; `{}` for a video element."""
    if order.frontal is None:
        return {}
    rows = [{"image_url": picture.url} for picture in order.others]
    return {"frontal_image": order.frontal.url, "refer_images": rows}


def video_list(order: Order) -> dict[str, Any]:
    """Spell the video, if any."""
    return {"refer_videos": [{"video_url": order.video}]} if order.video else {}


def voice(order: Order) -> dict[str, Any]:
    """Spell the voice, if any."""
    if not order.voice_id:
        return {}
    return {
        "voice_id": order.voice_id,
        "voice_name": "Sandbox voice",
        "trial_url": f"https://cdn.example.com/voices/{order.voice_id}.mp3",
        "owned_by": "kling",
    }


def newer(task: Task, account: Account) -> dict[str, Any]:
    """Spell a callback in the newer shape, which has other words for everything."""
    now = account.now()
    state = task.state(now)
    return {
        "id": task.task_id,
        "status": "succeeded" if state == "succeed" else state,
        "message": task.failure if state == "failed" else "",
        "create_time": int(task.created * 1000),
        "update_time": int(task.updated(now) * 1000),
        **({"external_id": task.external_task_id} if task.external_task_id else {}),
        "outputs": [output(task)] if state == "succeed" else [],
        "billing": [],
    }


def output(task: Task) -> dict[str, Any]:
    """Spell an element in the newer shape."""
    order = task.order
    pictures = [("frontal", order.frontal), *(("refer", picture) for picture in order.others)]
    materials = [{"type": "image", "role": role, "url": picture.url} for role, picture in pictures if picture]
    if order.video:
        materials.append({"type": "video", "role": "refer", "url": order.video})
    return {
        "type": "element",
        "id": task.element_id,
        "name": order.name,
        "description": order.description,
        "element_type": "multi_image_elements" if order.kind == "image_refer" else "video_character_elements",
        "materials": materials,
        "owned_by": OWNER,
        "status": "succeeded",
        "tags": [{"id": tag, "name": TAGS[tag], "description": "None"} for tag in order.tags],
    }
