"""An account on virtual time: tasks that end when the test says, a query of each, and a list where it is offered."""

import asyncio
import math

from kling_elements_async import Element, ElementTask, NotFoundError, NotOfferedError, Page, TaskStatus


def task(task_id, status=TaskStatus.SUCCEEDED, element_id=None, external_id=None, word=None):
    """A state as any source tells it; a success makes `e<task id>` unless told."""
    made = element_id or f"e{task_id}"
    elements = (
        (Element(made, reference_type="image"),) if status is TaskStatus.SUCCEEDED and made != "none" else ()
    )
    return ElementTask(
        task_id, status, word or str(status), "No face", external_task_id=external_id, elements=elements
    )


class Account:
    """`ends` and `external_ids` are by task id; `looks` and `lists` are when each request came; `takes` seconds."""

    def __init__(self, clock):
        self.clock = clock
        self.ends = {}
        self.external_ids = {}
        self.failed = set()
        self.without_element = False
        self.error = None
        self.takes = 0.0
        self.looks = []
        self.lists = []
        self.in_flight = self.most_in_flight = 0
        self.has_lists = False

    def add(self, *task_ids, after=math.inf):
        self.ends |= dict.fromkeys(task_ids, self.clock.elapsed + after)

    def end(self, *task_ids):
        self.add(*task_ids, after=0)

    def state(self, task_id):
        status = TaskStatus.PROCESSING
        if self.ends[task_id] <= self.clock.elapsed:
            status = TaskStatus.FAILED if task_id in self.failed else TaskStatus.SUCCEEDED
        element_id = "none" if self.without_element else None
        return task(task_id, status, element_id, self.external_ids.get(task_id))

    async def look(self, name, until):
        self.looks.append(self.clock.elapsed)
        self.in_flight += 1
        self.most_in_flight = max(self.in_flight, self.most_in_flight)
        try:
            await (self.clock.sleep(self.takes) if self.takes else asyncio.sleep(0))
        finally:
            self.in_flight -= 1
        if self.error:
            raise self.error
        owners = {external_id: task_id for task_id, external_id in self.external_ids.items()}
        task_id = owners.get(name, name)
        if task_id not in self.ends:
            raise NotFoundError("ezmodel", "get task", "Sorry", status=400)
        return self.state(task_id)

    async def list_page(self, number, size):
        if not self.has_lists:
            raise NotOfferedError("ezmodel", "list elements")
        self.lists.append(self.clock.elapsed)
        await asyncio.sleep(0)
        rows = [self.state(task_id) for task_id in self.ends][::-1][(number - 1) * size : number * size]
        return Page((), tuple(rows), number, size, raw=rows)
