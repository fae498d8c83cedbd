"""Whether an answer is about the task that was asked for.

Law: an element id must never reach a caller who asked for another task. Caches mix answers up, some proxies
only echo the id that they were sent, and keys are left out of an answer rather than sent empty.
"""

from .models import ElementTask


def is_about(task: ElementTask, asked: str, *, external_ids: bool) -> bool:
    """Whether a query's answer is about the id that was asked for, be it a task id or an external one.

    An answer may leave the external id out. It is believed then only if the id asked for can be an external
    one: Kling's own are all digits.
    """
    if asked in (task.task_id, task.external_task_id):
        return True
    return external_ids and not asked.isdigit() and task.external_task_id is None


def is_made_here(task: ElementTask, external_id: str | None) -> bool:
    """Whether a task is the one created under this external id, and no mere echo of it."""
    if external_id is None:
        return True
    return task.task_id != external_id and task.external_task_id in (None, external_id)
