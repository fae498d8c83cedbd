"""evolink: its own unified task, for create and get one. It bills each create.

Source: evolink's page of the model kling-custom-element, with its OpenAPI text, and its page "Get task
detail". It knows no external id and no tags, takes images as URLs only, and a voice for video elements only.
Its text gives no number of images: the frontal one is recommended.
"""

from typing import Any, ClassVar

from ..models import ElementSpec, ElementTask, Images
from ..wire import Call, Carries, Gateway, Reply, Request
from .answers import elements_of, first_text, object_of, readable_task, status_of
from .native import image_list
from .records import exact_task_id, moment_or_none, text_or_none
from .refusals import refusal


class EvoLink(Gateway):
    """``EvoLink(api_key=…, base_url=…)``: create and get one."""

    name = "evolink"
    default_base_url = "https://api.evolink.ai"
    carries: ClassVar[Carries] = Carries(
        external_ids=False,
        least_others=0,
        most_others=None,
        local_images=False,
        tags=False,
        voice="video",
        callbacks="public",
    )

    def create(self, spec: ElementSpec, external_task_id: str | None) -> Call[ElementTask]:  # noqa: ARG002
        request = Request("POST", "/v1/videos/generations", _create_body(spec))
        return Call(f"create element {spec.name!r}", request, _read_task)

    def get_one(self, task_id: str) -> Call[ElementTask]:
        # An id that does not begin with task-unified- is answered with 400 invalid_task_id.
        return Call(f"get task {task_id}", Request("GET", f"/v1/tasks/{task_id}"), _read_task)


def _create_body(spec: ElementSpec) -> dict[str, Any]:
    params: dict[str, Any] = {"element_name": spec.name, "element_description": spec.description}
    if isinstance(spec.reference, Images):
        params |= {"reference_type": "image_refer", "element_image_list": image_list(spec.reference)}
    else:
        # One object, where Kling's own API has a list.
        params |= {"reference_type": "video_refer", "element_video_list": {"video_url": spec.reference.url}}
    if spec.voice_id:
        params["element_voice_id"] = spec.voice_id
    body = {"model": "kling-custom-element", "model_params": params}
    return body | ({"callback_url": spec.callback_url} if spec.callback_url else {})


def _read_task(reply: Reply) -> ElementTask:
    body = object_of(reply)
    error = body.get("error")
    # A failed task carries an error of its own; without a task around it, or under an error's status, it is a
    # refusal.
    if body.get("id") and "status" in body and reply.status < 400:
        return readable_task(reply, lambda: unified_task_of(body))
    if error:
        raise refusal(reply, error if isinstance(error, dict) else {"message": error})
    if body.get("code", 0) not in (0, "success"):
        raise refusal(reply, body)
    raise reply.unexpected("holds no task")


def unified_task_of(body: dict[str, Any]) -> ElementTask:
    """Return the task in a record, a create's answer, a query's or a callback's.

    Raises:
        ValueError: its id, or its element's, can't be one.

    """
    usage, error = body.get("usage"), body.get("error")
    word = first_text(body, "status")
    return ElementTask(
        task_id=exact_task_id(body["id"]),
        status=status_of(word),
        status_word=word,
        message=text_or_none(error.get("message") if isinstance(error, dict) else error),
        elements=elements_of(_element_rows(body.get("result_data")), skip=False),
        created_at=moment_or_none(body.get("created")),
        cost=text_or_none(usage.get("credits_reserved")) if isinstance(usage, dict) else None,
        raw=body,
    )


def _element_rows(result: Any) -> list[Any]:
    """Return the element records of ``result_data``: an object, a list, or an object that holds a list."""
    rows: list[Any] = []
    for item in result if isinstance(result, list) else [result]:
        held = item.get("elements") if isinstance(item, dict) else None
        rows += held if isinstance(held, list) and held else [item]
    return rows
