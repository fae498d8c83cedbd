"""What is at the adversary: every task by each of its names, and how its dialect spells them.

Law: it is never spoiled itself. What it says was made was made.
"""

import asyncio
from collections import Counter
from random import Random
from typing import Any, Literal

from attrs import define, field

Dialect = Literal["native", "flat", "unified"]
Value = dict[str, Any]

UNIFIED = {"submitted": "pending", "processing": "processing", "succeed": "completed"}


@define
class Task:
    """One element on its way, and when it will be there."""

    number: int
    name: str
    external_id: str
    begun: float
    ends: float
    is_deleted: bool = False

    @property
    def element_id(self) -> int:
        return 900_000_000_000_000_000 + self.number * 7

    def state(self, now: float) -> str:
        return "succeed" if now >= self.ends else "processing" if now >= self.begun + 0.05 else "submitted"


class RefusedError(Exception):
    """No, under this status and code; nothing happened."""


@define
class Truth:
    """What is at this gateway: every task, by each of its names."""

    dialect: Dialect
    random: Random
    lasting: tuple[float, float]
    tasks: dict[str, Task] = field(factory=dict)
    by_external_id: dict[str, Task] = field(factory=dict)
    by_element_id: dict[str, Task] = field(factory=dict)
    requests: Counter[str] = field(factory=Counter)

    def task_id(self, number: int) -> str:
        return (
            f"task-unified-{1757000000 + number}-{number:08x}"
            if self.dialect == "unified"
            else str(10**17 + number)
        )

    def create(self, body: Value) -> Value:
        given = body.get("model_params") if self.dialect == "unified" else body
        if not isinstance(given, dict) or not given.get("element_name"):
            raise RefusedError(400, 1201, "element_name can not be empty")
        external_id = str(given.get("external_task_id") or "") if self.dialect == "native" else ""
        if external_id in self.by_external_id:
            raise RefusedError(400, 1201, f"External_task_id {external_id} already exists")
        now = asyncio.get_running_loop().time()
        number = len(self.tasks)
        task = Task(number, given["element_name"], external_id, now, now + self.random.uniform(*self.lasting))
        self.tasks[self.task_id(number)] = self.by_element_id[str(task.element_id)] = task
        if external_id:
            self.by_external_id[external_id] = task
        if self.dialect == "flat":
            task_id = self.task_id(number)
            return {"id": task_id, "task_id": task_id, "object": "video", "status": "", "created_at": 1757000000}
        return self.record(task) if self.dialect == "unified" else self.data(self.record(task))

    def record(self, task: Task) -> Value:
        state = task.state(asyncio.get_running_loop().time())
        rows = [{"element_id": task.element_id, "element_name": task.name, "reference_type": "image_refer"}]
        task_id = self.task_id(task.number)
        if self.dialect == "unified":
            result = {"result_data": {"elements": rows}} if state == "succeed" else {}
            return {"id": task_id, "object": "video.generation.task", "status": UNIFIED[state], **result}
        stamps = {"created_at": int(task.begun * 1000), "updated_at": int(task.begun * 1000)}
        record: Value = {"task_id": task_id, "task_status": state, **stamps}
        if task.external_id:
            record["task_info"] = {"external_task_id": task.external_id}
        if state == "succeed":
            rows[0]["status"] = "deleted" if task.is_deleted else "succeed"
            record["task_result"] = {"elements": rows}
        return record

    def find(self, identity: str) -> Value:
        task = self.tasks.get(identity) or self.by_external_id.get(identity)
        if task is None:
            raise RefusedError(400, 1201, f"Task not found by id/external id: {identity}")
        return self.record(task) if self.dialect == "unified" else self.data(self.record(task))

    def page(self, query: dict[str, list[str]]) -> Value:
        number, size = (
            int(query.get(key, [default])[0]) for key, default in (("pageNum", "1"), ("pageSize", "30"))
        )
        newest_first = list(self.tasks.values())[::-1][(number - 1) * size : number * size]
        return self.data([self.record(task) for task in newest_first])

    def delete(self, body: Value) -> Value:
        task = self.by_element_id.get(body.get("element_id", ""))
        if task is None or task.is_deleted:
            raise RefusedError(400, 1201, f"Element already be deleted for id: {body.get('element_id')}")
        task.is_deleted = True
        return {"code": 0, "message": "SUCCEED", "request_id": "a"}

    @staticmethod
    def data(data: Any) -> Value:
        return {"code": 0, "message": "SUCCEED", "request_id": "a", "data": data}
