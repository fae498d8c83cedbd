"""Documented answers, damaged at random: a reader makes a model or one of our errors of each, and nothing else."""

import copy
import json
import pickle
from contextlib import suppress
from typing import Any

from hypothesis import strategies as st
from tables import few_and_many

from kling_elements_async import ElementsError, ElementTask, Page

from .documents import (
    CREATED,
    FLAT,
    GATEWAYS,
    PRESET,
    TASK,
    UNIFIED_CREATED,
    UNIFIED_DONE,
    UNIFIED_FAILED,
    calls,
    enveloped,
    refused,
    reply,
    wrapped,
)

ANSWERS: list[Any] = [
    enveloped(CREATED),
    enveloped(TASK),
    enveloped([TASK, PRESET]),
    wrapped(TASK),
    wrapped(enveloped(TASK)),
    enveloped(CREATED, code=5000),
    enveloped(CREATED, error={"message": "It failed", "code": "x"}),
    FLAT,
    UNIFIED_CREATED,
    UNIFIED_DONE,
    UNIFIED_FAILED,
    refused(1201, "Task not found by id/external id: mine-1"),
    {"error": {"message": "No (request id: 1)", "type": "new_api_error", "code": "x"}},
]
LEAVES = st.sampled_from(
    [
        None,
        True,
        False,
        0,
        1,
        -1,
        1.5,
        8.5e17,
        10**25,
        "",
        " ",
        "0",
        "²",
        "x",
        "\ud800",
        [],
        [1],
        [None],
        {},
        {"a": 1},
    ]
)
STATUSES = st.sampled_from([200, 200, 200, 201, 400, 401, 402, 403, 404, 405, 413, 429, 500, 503])
READERS = {
    name: calls(GATEWAYS[gateway])[call].read
    for name, gateway, call in (
        ("native create", "ezmodel", "create"),
        ("native query", "ezmodel", "get"),
        ("native list", "ezmodel", "list"),
        ("native delete", "ezmodel", "delete"),
        ("unified task", "evolink", "get"),
    )
}


def places(value: Any) -> list[tuple[Any, Any]]:
    """Every (container, key) in a JSON value."""
    pairs = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    found = []
    for key, item in pairs:
        found += [(value, key), *places(item)]
    return found


@st.composite
def damaged(draw: st.DrawFn) -> bytes:
    """One documented answer after one to four mishaps, as bytes."""
    held = [copy.deepcopy(draw(st.sampled_from(ANSWERS)))]
    for _ in range(draw(st.integers(1, 4))):
        container, key = draw(st.sampled_from([(held, 0), *places(held[0])]))
        value = container[key]
        match draw(st.sampled_from(["drop", "retype", "list", "object", "data", "double"])):
            case "drop" if container is not held:
                del container[key]
            case "retype":
                container[key] = draw(LEAVES)
            case "list":
                container[key] = [value]
            case "object":
                container[key] = {"x": value}
            case "data":
                container[key] = {"data": value}
            case "double":
                container[key] = [value, copy.deepcopy(value)]
    content = json.dumps(held[0]).encode()
    return content[: draw(st.integers(0, len(content)))] if draw(st.integers(0, 9)) == 0 else content


def check(value: Any) -> None:
    tasks = value.tasks if isinstance(value, Page) else [value] if value is not None else []
    elements = value.elements if isinstance(value, Page) else [e for task in tasks for e in task.elements]
    for task in tasks:
        assert isinstance(task, ElementTask)
        assert isinstance(task.element_id, str | None)
    for found in [task.task_id for task in tasks] + [element.element_id for element in elements]:
        assert isinstance(found, str)
        assert found.strip() == found != ""
        assert found not in ("None", "True", "False", "[]", "{}")
    assert hash(value) == hash(pickle.loads(pickle.dumps(value)))
    assert repr(value)


def read_by_all(content: bytes, status: int) -> None:
    for name, reader in READERS.items():
        with suppress(ElementsError):
            check(reader(reply(content, status, name)))


@few_and_many(75, 300, content=damaged(), status=STATUSES)
def test_a_damaged_answer(content, status):
    """Every reader makes a model whose ids are texts, or one of our errors."""
    read_by_all(content, status)


@few_and_many(40, 150, content=st.binary(max_size=60), status=STATUSES)
def test_any_bytes(content, status):
    """Bytes of any kind, too."""
    read_by_all(content, status)
