"""anyfast: a flat answer to create, Kling's envelope to the query, and nothing else.

Source: anyfast's page "Create Custom Element": image elements only, tags required, neither an external id,
a voice nor a callback among its parameters, and ``created_at`` in seconds.
"""

from typing import ClassVar

from ..models import ElementSpec, ElementTask
from ..wire import Call, Carries, Gateway
from .native import create_call, query_call


class AnyFast(Gateway):
    """``AnyFast(api_key=…, base_url=…)``: create and get one."""

    name = "anyfast"
    default_base_url = "https://www.anyfast.ai/kling"
    carries: ClassVar[Carries] = Carries(
        external_ids=False, videos=False, tags_required=True, voice="none", callbacks="none"
    )

    def create(self, spec: ElementSpec, external_task_id: str | None) -> Call[ElementTask]:
        return create_call(spec, external_task_id)

    def get_one(self, task_id: str) -> Call[ElementTask]:
        return query_call(task_id)
