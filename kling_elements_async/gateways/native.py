"""The native dialect: Kling's own five calls, which ezmodel and kkiai pass on unchanged.

Law: says what to send and how to read what comes back, and opens no socket.
Source: Kling's pages "Element" (create, query, lists, delete), as of 2026-09.
"""

from functools import partial
from typing import Any, ClassVar

from ..models import ElementSpec, ElementTask, Images, ImageSource, Page
from ..wire import Call, Carries, Gateway, Request
from .answers import TAG_IDS, read_created, read_nothing, read_one, read_page

CUSTOM = "/v1/general/advanced-custom-elements"
PRESETS = "/v1/general/advanced-presets-elements"
# Kling's video pages name it delete-advanced-elements; both reach one store (recorded).
DELETE = "/v1/general/delete-elements"


class NativeGateway(Gateway):
    """A gateway that speaks Kling's own API, all five calls."""

    carries: ClassVar[Carries] = Carries(external_ids=True)

    def create(self, spec: ElementSpec, external_task_id: str | None) -> Call[ElementTask]:
        return create_call(spec, external_task_id)

    def get_one(self, task_id: str) -> Call[ElementTask]:
        return query_call(task_id)

    def list_custom(self, page: int, page_size: int) -> Call[Page]:
        return _list_call("list elements", CUSTOM, page, page_size)

    def list_presets(self, page: int, page_size: int) -> Call[Page]:
        return _list_call("list preset elements", PRESETS, page, page_size)

    def delete(self, element_id: str) -> Call[None]:
        # The id goes as text, although the lists give it as a number.
        request = Request("POST", DELETE, {"element_id": element_id})
        return Call(f"delete element {element_id}", request, read_nothing)


def create_call(spec: ElementSpec, external_task_id: str | None) -> Call[ElementTask]:
    """Return the call that creates an element."""
    request = Request("POST", CUSTOM, create_body(spec, external_task_id))
    return Call(f"create element {spec.name!r}", request, read_created)


def query_call(task_id: str) -> Call[ElementTask]:
    """Return the single-item query, by task id or external task id."""
    return Call(f"get task {task_id}", Request("GET", f"{CUSTOM}/{task_id}"), read_one)


def _list_call(what: str, path: str, page: int, page_size: int) -> Call[Page]:
    # pageNum 1 to 1000, pageSize 1 to 500.
    request = Request("GET", f"{path}?pageNum={page}&pageSize={page_size}")
    return Call(what, request, partial(read_page, page, page_size))


def create_body(spec: ElementSpec, external_task_id: str | None) -> dict[str, Any]:
    """Return the body of a create; what the spec leaves out is left out."""
    body: dict[str, Any] = {"element_name": spec.name, "element_description": spec.description}
    if isinstance(spec.reference, Images):
        body |= {"reference_type": "image_refer", "element_image_list": image_list(spec.reference)}
    else:
        videos = {"refer_videos": [{"video_url": spec.reference.url}]}
        body |= {"reference_type": "video_refer", "element_video_list": videos}
    optional = {
        "element_voice_id": spec.voice_id,
        "tag_list": [{"tag_id": TAG_IDS[tag]} for tag in spec.tags],
        "callback_url": spec.callback_url,
        "external_task_id": external_task_id,
    }
    return body | {name: value for name, value in optional.items() if value}


def image_list(images: Images) -> dict[str, ImageSource | list[dict[str, ImageSource]]]:
    """Return the pictures as the dialects of this family want them."""
    others: list[dict[str, ImageSource]] = [{"image_url": image} for image in images.others]
    return {"frontal_image": images.frontal, "refer_images": others}
