"""Bodies of callbacks: every shape gives its task, and anything else one kind of error."""

import copy
import json
import pickle
import re
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st
from tables import few_and_many

from kling_elements_async import (
    Element,
    ElementTask,
    Tag,
    TaskStatus,
    UnexpectedReplyError,
    Voice,
    webhooks,
)
from kling_elements_async.wire import readable

from .materials import (
    ELEMENT_ID,
    LINK,
    MOVIE,
    NEWER,
    OLDER,
    OLDER_BARE,
    OUTPUT,
    SHAPES,
    SIDE,
    SOUND,
    TASK_ID,
    TEST_CALL,
    UNIFIED,
    UNIFIED_FAILED,
    UNIFIED_ID,
    content,
)

SAMPLES = Path(__file__).parents[3] / "shared" / "samples"
BEGAN = datetime.fromtimestamp(1722769557.708, UTC)
ENDED = datetime.fromtimestamp(1722769559.708, UTC)


def parsed(record):
    return webhooks.parse(content(record))


def refusal(body):
    with pytest.raises(UnexpectedReplyError, match="no callback") as info:
        webhooks.parse(body)
    assert (info.value.__cause__, info.value.__context__, info.value.status) == (None, None, 0)
    return info.value


# ---------------------------------------------------------------- the shapes


def test_the_newer_body():
    """Everything that Kling's page names is read."""
    task = parsed(NEWER)
    assert task == ElementTask(
        TASK_ID,
        TaskStatus.SUCCEEDED,
        "succeeded",
        external_task_id="mine-1",
        elements=(
            Element(
                ELEMENT_ID,
                "Mira",
                "A singer",
                "image",
                LINK,
                (SIDE,),
                (MOVIE,),
                Voice("v1", "Alto", SOUND, "kling"),
                (Tag.CHARACTER, "7"),
                "5837",
                "succeeded",
            ),
        ),
        created_at=BEGAN,
        updated_at=ENDED,
        cost="0.5",
    )
    assert (task.raw, task.element.raw) == (NEWER, OUTPUT)


def test_the_newer_body_of_a_video_element():
    """Its kind is told, and what it lacks is left out."""
    bare = {"type": "element", "id": int(ELEMENT_ID), "element_type": "video_character_elements"}
    task = parsed(NEWER | {"outputs": [{"type": "video", "id": "1"}, bare], "billing": [], "external_id": ""})
    assert (task.elements, task.cost, task.external_task_id) == (
        (Element(ELEMENT_ID, reference_type="video"),),
        None,
        None,
    )


def test_materials_under_their_other_name():
    """The newer query calls them references; a second frontal picture and a voice without an id are left out."""
    materials = [
        {"type": "image", "role": "frontal", "url": LINK},
        {"type": "image", "role": "frontal", "url": SIDE},
        {"type": "image", "url": SIDE},
        {"type": "voice", "name": "Alto"},
        "x",
    ]
    record = {name: value for name, value in OUTPUT.items() if name != "materials"} | {"references": materials}
    element = parsed(NEWER | {"outputs": [record]}).element
    assert (element.frontal_image, element.other_images, element.voice) == (LINK, (SIDE,), None)


@pytest.mark.parametrize("nothing", [{}, {"id": None}, {"id": ""}])
def test_an_output_without_an_id(nothing):
    """An element that has none is not there yet, as in any answer; the rest is read."""
    bare = {name: value for name, value in OUTPUT.items() if name != "id"} | nothing
    task = parsed(NEWER | {"outputs": [bare]})
    assert (task.status, task.elements) == (TaskStatus.SUCCEEDED, ())
    assert parsed(NEWER | {"outputs": [bare, OUTPUT]}).element_id == ELEMENT_ID


def test_the_older_body():
    """It is the record of a task, bare, with an element or, as documented, with room for none."""
    task = parsed(OLDER)
    assert (task.task_id, task.status, task.element_id, task.external_task_id, task.cost) == (
        TASK_ID,
        TaskStatus.SUCCEEDED,
        ELEMENT_ID,
        "mine-1",
        "0.5",
    )
    assert (task.created_at, task.updated_at) == (BEGAN, ENDED)
    assert parsed(OLDER_BARE) == evolve(task, elements=())


def test_the_older_body_of_a_failure():
    """Why a task failed is in its message."""
    task = parsed(OLDER_BARE | {"task_status": "failed", "task_status_msg": "No face"})
    assert (task.status, task.message, task.is_terminal) == (TaskStatus.FAILED, "No face", True)


def test_the_newer_body_of_a_failure():
    """The same, with the newer words."""
    task = parsed(NEWER | {"status": "failed", "message": "No face", "outputs": []})
    assert (task.status, task.message, task.elements) == (TaskStatus.FAILED, "No face", ())


def test_the_test_callback():
    """The console's is a task like any, that has made nothing."""
    task = parsed(TEST_CALL)
    assert (task.task_id, task.status, task.elements) == (TEST_CALL["id"], TaskStatus.SUBMITTED, ())


def test_the_unified_task():
    """evolink sends what its query answers, by another pair of words."""
    task, failed = parsed(UNIFIED), parsed(UNIFIED_FAILED)
    assert (task.task_id, task.status, task.element_id, task.cost) == (
        UNIFIED_ID,
        TaskStatus.SUCCEEDED,
        ELEMENT_ID,
        "4.5",
    )
    assert (failed.status, failed.message) == (TaskStatus.FAILED, "Content policy violation.")


def test_text_and_bytes():
    """A body may be text, bytes of any kind, or begin with a byte-order mark."""
    body = content(NEWER)
    forms = [body, body.decode(), bytearray(body), memoryview(body), b"\xef\xbb\xbf" + body, b" " + body + b"\n"]
    assert {webhooks.parse(form).element_id for form in forms} == {ELEMENT_ID}


@pytest.mark.skipif(not SAMPLES.is_dir(), reason="the gateways' published samples are not here")
@pytest.mark.parametrize(
    ("name", "elements"),
    [
        ("11_official_callback_new_standard.jsonc", 1),
        ("12_official_callback_legacy.jsonc", 0),
        ("13_official_callback_test_body.json", 0),
        ("16_evolink_task_detail_completed.json", 0),
        ("17_evolink_task_failed.json", 0),
    ],
)
def test_published_samples(name, elements):
    """Each is read, once its comments and placeholders are gone."""
    text = re.sub(r"(?<=[,{\[ ])\s*// .*$", "", (SAMPLES / name).read_text(), flags=re.MULTILINE)
    task = webhooks.parse(text.replace(": int,", ": 1,"))
    assert len(task.elements) == elements


@pytest.mark.skipif(not SAMPLES.is_dir(), reason="the gateways' published samples are not here")
def test_a_published_record_of_all_outputs():
    """Of pictures, videos, sounds and elements only the last are ours."""
    [record] = json.loads((SAMPLES / "14_new_standard_tasks_get.json").read_text())["data"]
    task = parsed(record)
    assert (task.status, len(task.elements), task.element.reference_type) == (TaskStatus.SUCCEEDED, 1, "video")


# ---------------------------------------------------------------- what is none


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"null",
        b"[]",
        b"5",
        b'"x"',
        b"{}",
        b"<html>",
        b"\xff\xfe{}",
        b'{"id": "1"}',
        b'{"id": "", "status": "x"}',
        b'{"status": "succeed"}',
        b'{"task_id": null}',
        b'{"task_id": 8.6e17, "task_status": "succeed"}',
        b'{"id": true, "status": "x"}',
        b'{"id": [1], "status": "x", "outputs": []}',
        b'{"id": "1", "status": "x"} {}',
        b'{"id": "1", "status": "x", "id": "2"}',
        b'{"id": "1", "status": "x", "a": NaN}',
        b'{"id": "1", "status": "x", "a": -Infinity}',
        b'{"id": "1", "status": "x", "a": 1e400}',
        b'{"id": "1", "status": "\\ud800"}',
        '{"id": "1", "status": "\ud800"}',
        b'{"id": "1", "status": "x", "a": ' + b"[" * 100_000,
        b'{"id": "1", "status": "x", "a": ' + b'{"a":' * 40_000,
        b'{"id": ' + b"9" * 5000 + b', "status": "x"}',
        content(NEWER | {"outputs": [OUTPUT | {"id": 8.6e17}]}),
        content(NEWER | {"outputs": [OUTPUT | {"id": [1]}]}),
        content(NEWER | {"name": "x" * webhooks.MOST_BYTES}),
    ],
    ids=lambda body: repr(body[:30]),
)
def test_no_callback(body):
    """It is refused by the rules for answers, in an error that pickles and is short and clean."""
    error = refusal(body)
    assert str(pickle.loads(pickle.dumps(error))) == str(error) == readable(str(error), 600)
    assert len(error.excerpt) <= 200


def test_the_cap():
    """A body of exactly 256 KiB is read; one byte more is not."""
    body = content(NEWER)
    room = webhooks.MOST_BYTES - len(body)
    assert webhooks.parse(body + b" " * room).element_id == ELEMENT_ID
    assert "256 KiB" in str(refusal(body + b" " * room + b" "))
    assert "256 KiB" in str(refusal("é" * (webhooks.MOST_BYTES // 2 + 1)))


def test_control_characters_in_a_refusal():
    """What a stranger sends can't draw on a terminal or forge a line of a log."""
    error = refusal(b'{"id": "\x1b[31m\\u001b\nroot: all is well", "a": 1}')
    assert readable(str(error), 600) == str(error)


@pytest.mark.parametrize("role", ["frontal", "refer"])
def test_a_body_of_ten_thousand_pictures(role):
    """It is read in a moment: no part of it is compared with each other part."""
    frontal, other = ({"type": "image", "role": each} for each in ("frontal", role))
    outputs = [OUTPUT | {"materials": [frontal] * 3300 + [other] * 3300}]
    began = time.process_time()
    assert parsed(NEWER | {"outputs": outputs}).element_id == ELEMENT_ID
    assert time.process_time() - began < 0.3


# ---------------------------------------------------------------- anything

LEAVES = st.sampled_from(
    [
        None,
        True,
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
        "succeed",
        "\ud800",
        [],
        [1],
        [None],
        {},
        {"a": 1},
    ]
)


def places(value):
    """Every (container, key) in a JSON value."""
    pairs = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    found = []
    for key, item in pairs:
        found += [(value, key), *places(item)]
    return found


@st.composite
def damaged(draw):
    """One callback after one to four mishaps, as bytes."""
    held = [copy.deepcopy(draw(st.sampled_from(list(SHAPES.values()))))]
    for _ in range(draw(st.integers(1, 4))):
        container, key = draw(st.sampled_from([(held, 0), *places(held[0])]))
        value = container[key]
        match draw(st.sampled_from(["drop", "retype", "list", "object", "data", "double", "rename"])):
            case "drop" if container is not held:
                del container[key]
            case "retype":
                container[key] = copy.deepcopy(draw(LEAVES))
            case "list":
                container[key] = [value]
            case "object":
                container[key] = {"x": value}
            case "data":
                container[key] = {"data": value}
            case "double":
                container[key] = [value, copy.deepcopy(value)]
            case "rename" if isinstance(container, dict):
                container[draw(st.sampled_from(["id", "task_id", "status", "outputs", "result_data"]))] = (
                    copy.deepcopy(value)
                )
    body = content(held[0])
    return body[: draw(st.integers(0, len(body)))] if draw(st.integers(0, 9)) == 0 else body


def check_task_or_refusal(body):
    try:
        task = webhooks.parse(body)
    except UnexpectedReplyError as error:
        said = str(error)
    else:
        check_task(task)
        said = ""
    assert readable(said, 600) == said


def check_task(task):
    assert isinstance(task, ElementTask)
    for found in (task.task_id, *(element.element_id for element in task.elements)):
        assert isinstance(found, str)
        assert found.strip() == found != ""
        assert found not in ("None", "True", "False", "[]", "{}")
    assert hash(task) == hash(pickle.loads(pickle.dumps(task)))
    assert repr(task)


@few_and_many(30, 100, damaged())
def test_a_damaged_body(body):
    """It is a task or a refusal: no other error, and no id made of nothing."""
    check_task_or_refusal(body)


@given(st.one_of(st.binary(max_size=60), st.text(max_size=60)))
def test_any_bytes(body):
    """The same for what is no JSON at all."""
    check_task_or_refusal(body)
