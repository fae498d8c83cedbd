"""What the readers make of a task, an element and a list that came well, in every documented shape."""

import logging
from datetime import UTC, datetime, timedelta

import pytest

from kling_elements_async import ElementsError, Tag, TaskStatus, UnexpectedReplyError, Voice
from kling_elements_async.gateways import answers

from .documents import (
    CREATED,
    ELEMENT,
    FAMILY,
    FLAT,
    LARGE_ID,
    LINK,
    MOVIE,
    NATIVE,
    PRESET,
    SIDE,
    TASK,
    TASK_ID,
    UNIFIED_CREATED,
    UNIFIED_DONE,
    UNIFIED_FAILED,
    UNIFIED_ID,
    enveloped,
    read,
    read_task,
    sample,
    with_element,
    without,
    wrapped,
)

FIRST = datetime(2024, 8, 4, 11, 5, 57, tzinfo=UTC)


# ---------------------------------------------------------------- whole answers


@pytest.mark.parametrize("gateway", FAMILY)
def test_a_finished_task(gateway):
    """Every field of the documented answer, at every gateway of the family."""
    task = read(gateway, "get", enveloped(TASK))
    assert (task.task_id, task.status, task.status_word) == (TASK_ID, TaskStatus.SUCCEEDED, "succeed")
    assert (task.message, task.external_task_id, task.cost, task.request_id) == (None, "mine-1", "0", "req-1")
    assert (task.created_at.replace(microsecond=0), task.updated_at - task.created_at) == (
        FIRST,
        timedelta(seconds=2),
    )
    assert (task.is_terminal, task.element_id, task.raw) == (True, str(LARGE_ID), TASK)
    element = task.element
    assert (element.element_id, element.name, element.description) == (str(LARGE_ID), "Mira", "A singer")
    assert (element.reference_type, element.frontal_image, element.other_images) == ("image", LINK, (SIDE,))
    assert (element.videos, element.voice) == ((MOVIE,), Voice("v1", "Alto", LINK, "kling"))
    assert (element.tags, element.owner, element.status) == ((Tag.CHARACTER,), "5837", "succeed")
    assert (element.is_preset, element.is_deleted, element.raw) == (False, False, ELEMENT)


@pytest.mark.parametrize("gateway", FAMILY)
@pytest.mark.parametrize(
    ("body", "task_id", "word", "external_id"),
    [
        (enveloped(CREATED), TASK_ID, "submitted", "mine-1"),
        (enveloped({"task_id": TASK_ID}), TASK_ID, "", None),
        (enveloped([CREATED]), TASK_ID, "submitted", "mine-1"),
        (enveloped(CREATED, code="success"), TASK_ID, "submitted", "mine-1"),
        (FLAT, FLAT["id"], "", None),
        (without(FLAT, "task_id"), FLAT["id"], "", None),
        (without(FLAT, "id", "object"), FLAT["id"], "", None),
        (FLAT | {"code": 0}, FLAT["id"], "", None),
    ],
    ids=[
        "envelope",
        "only an id",
        "list",
        "code success",
        "flat",
        "flat by id",
        "flat by task_id",
        "flat, code 0",
    ],
)
def test_a_created_task(gateway, body, task_id, word, external_id):
    """The envelope and the flat answer, whichever gateway sends it: one gateway mixes two shapes."""
    task = read(gateway, "create", body)
    assert (task.task_id, task.status, task.status_word) == (task_id, TaskStatus.SUBMITTED, word)
    assert (task.external_task_id, task.elements, task.is_terminal) == (external_id, (), False)


@pytest.mark.parametrize(
    ("body", "task_id"),
    [
        (wrapped(TASK), TASK_ID),
        (wrapped(enveloped(TASK)), TASK_ID),
        (wrapped(without(TASK, "task_id")), "proxy-7"),
        (enveloped([TASK]), TASK_ID),
        (enveloped(TASK, code="success"), TASK_ID),
        (TASK, TASK_ID),
        (enveloped(without(TASK, "task_status")), TASK_ID),
    ],
    ids=["wrapper", "envelope in a wrapper", "id outside", "list", "code success", "bare", "no status"],
)
@pytest.mark.parametrize("gateway", FAMILY)
def test_a_wrapped_task(gateway, body, task_id):
    """data.data, a list of one and a bare record hold the same task."""
    task = read(gateway, "get", body)
    assert (task.task_id, task.status, task.element_id) == (task_id, TaskStatus.SUCCEEDED, str(LARGE_ID))


@pytest.mark.parametrize(
    ("word", "status"),
    [
        ("SUBMITTED", TaskStatus.SUBMITTED),
        ("NOT_START", TaskStatus.SUBMITTED),
        ("QUEUED", TaskStatus.SUBMITTED),
        ("IN_PROGRESS", TaskStatus.PROCESSING),
        ("FAILURE", TaskStatus.FAILED),
    ],
)
@pytest.mark.parametrize("inner", [None, {}, {"task_id": TASK_ID}], ids=["null", "empty", "without a status"])
def test_a_wrapper_around_nothing_much(inner, word, status):
    """The wrapper's own status and reason count where the record inside has none yet."""
    task = read("ezmodel", "get", wrapped(inner, word, fail_reason="No face"))
    assert (task.status, task.status_word, task.message, task.elements) == (status, word, "No face", ())


# ---------------------------------------------------------------- words, ids, times

WORDS = {
    TaskStatus.SUBMITTED: ("submitted", "pending", "queued", "", "SUBMITTED", "QUEUED", "NOT_START", "Submitted"),
    TaskStatus.PROCESSING: ("processing", "in_progress", "IN_PROGRESS", "Processing"),
    TaskStatus.SUCCEEDED: ("succeed", "succeeded", "completed", "SUCCESS", "SUCCEED", "success", "Completed"),
    TaskStatus.FAILED: (
        "failed",
        "FAILURE",
        "error",
        "cancelled",
        "Failed",
        "failure",
        "CANCELLED",
        "ERROR",
        "expired",
    ),
}


@pytest.mark.parametrize(
    ("word", "status"), [(word, status) for status, words in WORDS.items() for word in words], ids=repr
)
def test_every_status_word(word, status, caplog):
    """All words of the pages, in either case, at both dialects; the word itself is kept, and nobody is warned."""
    native = read_task(CREATED | {"task_status": word})
    unified = read("evolink", "get", UNIFIED_CREATED | {"status": word})
    for task in (native, unified):
        assert (task.status, task.status_word) == (status, word)
    assert not caplog.records


def test_an_unknown_word_is_warned_of_once(caplog, monkeypatch):
    """A word never seen before means not finished; a second look does not warn again."""
    monkeypatch.setattr(answers, "_unknown_words", set())
    for _ in range(2):
        task = read_task(TASK | {"task_status": "warming_up_v9"})
        assert (task.status, task.status_word, task.is_terminal) == (TaskStatus.UNKNOWN, "warming_up_v9", False)
    assert [(r.levelno, "warming_up_v9" in r.getMessage()) for r in caplog.records] == [(logging.WARNING, True)]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (LARGE_ID, str(LARGE_ID)),
        (9007199254740993, "9007199254740993"),
        (10**30 + 1, str(10**30 + 1)),
        (0, "0"),
        (str(LARGE_ID), str(LARGE_ID)),
        (f"  {LARGE_ID}\t", str(LARGE_ID)),
        ("el_abc-1", "el_abc-1"),
    ],
)
def test_an_element_id(value, text):
    """A whole number keeps every digit, a text loses its padding, at both dialects and in a list."""
    assert read_task(with_element(element_id=value)).element_id == text
    done = UNIFIED_CREATED | {
        "status": "completed",
        "result_data": {"elements": [ELEMENT | {"element_id": value}]},
    }
    assert read("evolink", "get", done).element_id == text
    page = read("ezmodel", "list", enveloped([with_element(element_id=value)]))
    assert [element.element_id for element in page.elements] == [text]


@pytest.mark.parametrize("value", [8.565283878160466e17, 1.0, True, False, [1], {"id": 1}, "  "], ids=repr)
def test_an_element_id_that_is_none(value):
    """A float has lost digits and anything else was no id: refused in a query, left out of a list, kept in raw."""
    broken = with_element(element_id=value)
    with pytest.raises(UnexpectedReplyError, match="id") as info:
        read_task(broken)
    assert info.value.permanent == isinstance(value, float)
    page = read("ezmodel", "list", enveloped([TASK, broken]))
    assert ([task.element_id for task in page.tasks], page.raw) == ([str(LARGE_ID), None], [TASK, broken])


@pytest.mark.parametrize(
    "record", [ELEMENT | {"element_id": None}, ELEMENT | {"element_id": ""}, without(ELEMENT, "element_id")]
)
def test_an_element_without_an_id_yet(record):
    """No id is None, never the text "None"."""
    native = read_task(TASK | {"task_result": {"elements": [record]}})
    unified = read("evolink", "get", UNIFIED_DONE | {"result_data": {"elements": [record]}})
    assert (native.element_id, native.elements, unified.element_id) == (None, (), None)


@pytest.mark.parametrize("value", [1.5e17, True, [TASK_ID], {}, None, "", " "], ids=repr)
@pytest.mark.parametrize(
    ("gateway", "call", "record"),
    [("ezmodel", "create", CREATED), ("ezmodel", "get", TASK), ("evolink", "create", UNIFIED_CREATED)],
)
def test_a_task_id_that_is_none(gateway, call, record, value):
    """A task without a usable id can't be understood, whichever field was to hold it."""
    body = enveloped(record | {"task_id": value}) if gateway == "ezmodel" else record | {"id": value}
    with pytest.raises(UnexpectedReplyError):
        read(gateway, call, body)


@pytest.mark.parametrize(
    ("value", "moment"),
    [
        (1722769557708, datetime(2024, 8, 4, 11, 5, 57, 708000, UTC)),
        (1722769557, FIRST),
        (1722769557.5, datetime(2024, 8, 4, 11, 5, 57, 500000, UTC)),
        ("1722769557000", FIRST),
        ("2024-08-04T11:05:57Z", FIRST),
        ("2024-08-04T13:05:57+02:00", FIRST),
        ("2024-08-04T11:05:57", None),
        (0, None),
        (-1722769557, None),
        (31_556_952_000_000_000, None),
        (10**400, None),
        ("+1000000-01-01T00:00:00Z", None),
        ("0001-01-01T00:00:00+14:00", None),
        ("yesterday", None),
        ("²", None),
        ("", None),
        (True, None),
        (None, None),
        ([1722769557], None),
    ],
    ids=lambda value: str(value)[:30],
)
def test_a_time(value, moment):
    """Milliseconds, seconds and ISO with a zone become aware times in UTC; whatever makes no sense is None."""
    task = read_task(TASK | {"created_at": value, "updated_at": value})
    assert (task.created_at, task.updated_at) == (moment, moment)
    assert read("evolink", "get", UNIFIED_CREATED | {"created": value}).created_at == moment


# ---------------------------------------------------------------- the element record


@pytest.mark.parametrize(
    ("written", "kind"),
    [
        ({"reference_type": "image_refer"}, "image"),
        ({"reference_type": "video_refer"}, "video"),
        ({"element_type": "image_refer"}, "image"),
        ({"element_type": "video_refer"}, "video"),
        ({"reference_type": "", "element_type": "video_refer"}, "video"),
        ({"reference_type": None, "element_type": "video_refer"}, "video"),
        ({"reference_type": "hologram"}, None),
        ({"reference_type": ["image_refer"]}, None),
        ({}, None),
    ],
    ids=str,
)
def test_both_spellings_of_the_reference_type(written, kind):
    """`reference_type` is documented, `element_type` was recorded: both are read."""
    record = without(ELEMENT, "reference_type") | written
    assert read_task(TASK | {"task_result": {"elements": [record]}}).element.reference_type == kind


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"element_image_list": {}}, {"frontal_image": None, "other_images": ()}),
        ({"element_image_list": None}, {"frontal_image": None, "other_images": ()}),
        (
            {"element_image_list": {"frontal_image": [], "refer_images": {}}},
            {"frontal_image": None, "other_images": ()},
        ),
        (
            {"element_image_list": {"refer_images": [{"image_url": SIDE}, {}, None, {"image_url": 5}]}},
            {"other_images": (SIDE,)},
        ),
        ({"element_video_list": {}}, {"videos": ()}),
        ({"element_video_list": "none"}, {"videos": ()}),
        ({"element_voice_info": {}}, {"voice": None}),
        ({"element_voice_info": []}, {"voice": None}),
        ({"element_voice_info": {"voice_id": 1.5}}, {"voice": None}),
        ({"element_voice_info": {"voice_id": 77}}, {"voice": Voice("77")}),
        ({"element_voice_info": {"voice_id": "v", "voice_name": []}}, {"voice": Voice("v")}),
        ({"tag_list": None}, {"tags": ()}),
        ({"tag_list": "o_101"}, {"tags": ()}),
        (
            {"tag_list": [{"id": "o_101"}, {"id": "o_999"}, {}, None, {"id": []}]},
            {"tags": (Tag.TRENDING, "o_999")},
        ),
        ({"tag_list": [{"tag_id": "o_108"}, "o_105"]}, {"tags": (Tag.OTHER, Tag.CLOTHING)}),
        ({"owned_by": "kling"}, {"owner": "kling", "is_preset": True}),
        ({"owned_by": {}}, {"owner": None, "is_preset": False}),
        ({"status": "deleted"}, {"status": "deleted", "is_deleted": True}),
        ({"element_name": [], "element_description": {}}, {"name": None, "description": None}),
        ({"element_name": True}, {"name": None}),
    ],
    ids=lambda value: str(value)[:50],
)
def test_fields_of_an_element_that_are_optional(changes, expected):
    """What is absent, empty or of the wrong type becomes None or empty, and the rest is read."""
    element = read_task(with_element(**changes)).element
    assert {name: getattr(element, name) for name in expected} == expected
    assert element.element_id == str(LARGE_ID)


@pytest.mark.parametrize("wrong", [None, True, [], {}, ["x"], {"x": 1}], ids=repr)
def test_fields_of_a_task_that_are_of_the_wrong_type(wrong):
    """No optional field of a task can spoil it: each becomes None or empty, and the id is still there."""
    names = without(TASK, "task_id")
    task = read("ezmodel", "get", enveloped({"task_id": TASK_ID} | dict.fromkeys(names, wrong), request_id=wrong))
    assert (task.task_id, task.status, task.elements) == (TASK_ID, TaskStatus.SUBMITTED, ())
    assert {task.message, task.external_task_id, task.created_at, task.cost, task.request_id} == {None}


def test_a_cost_from_either_field():
    """Units, else the quota of the balance, as text."""
    assert read_task(TASK | {"final_unit_deduction": "2.5"}).cost == "2.5"
    assert (
        read_task(without(TASK, "final_unit_deduction") | {"final_balance_deduction": {"quota": "0.3"}}).cost
        == "0.3"
    )
    assert read_task(without(TASK, "final_unit_deduction", "final_balance_deduction")).cost is None


# ---------------------------------------------------------------- lists and delete


@pytest.mark.parametrize("gateway", NATIVE)
def test_a_list_is_a_list_of_tasks(gateway):
    """Tasks in their order, their elements, deleted ones included, and the numbers that were asked for."""
    unfinished = {"task_id": "2", "task_status": "processing"}
    deleted = with_element(element_id=3, status="deleted") | {"task_id": "3"}
    page = read(gateway, "list", enveloped([TASK, unfinished, deleted]))
    assert [task.task_id for task in page.tasks] == [TASK_ID, "2", "3"]
    assert [(e.element_id, e.is_deleted) for e in page.elements] == [(str(LARGE_ID), False), ("3", True)]
    assert (page.number, page.size, page.is_last) == (2, 50, True)


@pytest.mark.parametrize("gateway", NATIVE)
def test_presets_without_a_status(gateway):
    """A preset that shows its element has succeeded, although it may not say so."""
    (task,) = read(gateway, "presets", enveloped([PRESET])).tasks
    assert (task.status, task.element.is_preset, task.cost) == (TaskStatus.SUCCEEDED, True, None)


@pytest.mark.parametrize(
    "row",
    [None, 7, "task", [TASK], {}, TASK | {"task_id": 1.5e17}, {"task_status": "succeed"}],
    ids=lambda r: str(r)[:30],
)
def test_a_bad_row_of_a_list(row, caplog):
    """One row that can't be read is skipped with one warning and kept in raw; the others are returned."""
    rows = [TASK, row, TASK | {"task_id": "3"}]
    page = read("ezmodel", "list", enveloped(rows))
    assert ([task.task_id for task in page.tasks], page.raw) == ([TASK_ID, "3"], rows)
    assert [record.levelno for record in caplog.records] == [logging.WARNING]


@pytest.mark.parametrize("call", ["list", "presets"])
@pytest.mark.parametrize("data", [None, {}, "none", 3, TASK], ids=lambda d: str(d)[:20])
def test_a_list_that_is_none(call, data):
    """Anything but a list is no page; nothing at all is no empty page."""
    with pytest.raises(UnexpectedReplyError):
        read("ezmodel", call, enveloped(data))


def test_the_end_of_a_list():
    """A page with fewer rows than asked for is the last; bad rows count as rows."""
    assert read("ezmodel", "list", enveloped([])).is_last
    assert read("ezmodel", "list", enveloped([None] * 49)).is_last
    assert not read("ezmodel", "list", enveloped([TASK | {"task_id": str(n)} for n in range(49)] + [None])).is_last


@pytest.mark.parametrize("gateway", NATIVE)
@pytest.mark.parametrize(
    "body",
    [
        {"code": 0, "message": "SUCCEED", "request_id": "r"},
        enveloped({"task_id": "1", "task_status": "succeed"}),
        enveloped(None),
        {"code": "success"},
    ],
    ids=["no data", "a task", "null", "a word"],
)
def test_a_delete_that_succeeded(gateway, body):
    """Success comes with no data at all, or with a task: both are None."""
    assert read(gateway, "delete", body) is None


@pytest.mark.parametrize("body", [{}, [], {"message": "SUCCEED"}, {"data": {}}, None], ids=str)
def test_a_delete_that_says_nothing(body):
    """An answer without a code says neither yes nor no."""
    with pytest.raises(UnexpectedReplyError):
        read("ezmodel", "delete", body)


# ---------------------------------------------------------------- evolink


@pytest.mark.parametrize(
    "result",
    [
        {"elements": [ELEMENT]},
        {"element_id": LARGE_ID},
        [ELEMENT],
        [{"element_id": str(LARGE_ID)}],
        {"elements": [], "element_id": LARGE_ID},
        {"elements": None, "element_id": str(LARGE_ID)},
        [{"elements": [ELEMENT]}],
    ],
    ids=["elements", "bare id", "list", "list of ids", "empty elements", "null elements", "elements in a list"],
)
def test_the_places_of_an_id_at_evolink(result):
    """`result_data` is an object or a list, and the id stands in it or in its elements."""
    task = read("evolink", "get", UNIFIED_CREATED | {"status": "completed", "result_data": result})
    assert (task.status, task.element_id) == (TaskStatus.SUCCEEDED, str(LARGE_ID))


@pytest.mark.parametrize(
    "result", [None, {}, [], "done", 5, {"elements": [None]}, {"character_name": "x"}], ids=str
)
def test_no_id_at_evolink(result):
    """A completed task whose result shows no element has none yet."""
    task = read("evolink", "get", UNIFIED_CREATED | {"status": "completed", "result_data": result})
    assert (task.status, task.element_id, task.elements) == (TaskStatus.SUCCEEDED, None, ())


def test_a_created_task_at_evolink():
    """Seconds become a time, the reserved credits the cost; there is no external id."""
    task = read("evolink", "create", UNIFIED_CREATED)
    assert (task.task_id, task.status, task.cost) == (UNIFIED_ID, TaskStatus.SUBMITTED, "0.1")
    assert (task.created_at.year, task.updated_at, task.external_task_id) == (2026, None, None)


@pytest.mark.parametrize("call", ["create", "get"])
@pytest.mark.parametrize(
    ("error", "message"),
    [
        (UNIFIED_FAILED["error"], "Blocked by\nsafety filters"),
        ("No face", "No face"),
        ({}, None),
        (None, None),
        ([1], None),
    ],
    ids=str,
)
def test_a_failed_task_at_evolink(call, error, message):
    """An error beside a task is why the task failed, and no refusal of the call."""
    task = read("evolink", call, UNIFIED_FAILED | {"error": error})
    assert (task.status, task.message, task.task_id) == (TaskStatus.FAILED, message, UNIFIED_ID)


# ---------------------------------------------------------------- published samples


@pytest.mark.parametrize(
    ("name", "gateway", "call", "expected"),
    [
        ("01_official_create.jsonc", "kling", "create", ("string", TaskStatus.UNKNOWN, None)),
        ("02_official_get_one.jsonc", "ezmodel", "get", ("string", TaskStatus.UNKNOWN, "0")),
        ("06_official_early2026_get_one.jsonc", "kkiai", "get", ("string", TaskStatus.UNKNOWN, str(LARGE_ID))),
        ("08_anyfast_create.json", "anyfast", "create", ("863121016086724692", TaskStatus.SUBMITTED, None)),
        (
            "16_evolink_task_detail_completed.json",
            "evolink",
            "get",
            ("task-unified-1756817821-4x3rx6ny", TaskStatus.SUCCEEDED, None),
        ),
        (
            "17_evolink_task_failed.json",
            "evolink",
            "get",
            ("task-unified-1772618027-cmeisy8h", TaskStatus.FAILED, None),
        ),
        (
            "18_evolink_sora_character_create_result_data_OBJECT.json",
            "evolink",
            "create",
            ("task-unified-1767917446-5lqy8zzv", TaskStatus.SUBMITTED, None),
        ),
    ],
)
def test_a_published_task(name, gateway, call, expected):
    """The vendors' own examples are read, with "string" standing for each word."""
    task = read(gateway, call, sample(name))
    assert (task.task_id, task.status, task.element_id) == expected


@pytest.mark.parametrize(
    ("name", "call"), [("03_official_list_custom.jsonc", "list"), ("04_official_list_presets.jsonc", "presets")]
)
def test_a_published_list(name, call):
    """Kling's examples of its two lists: one task, one preset element each."""
    page = read("kling", call, sample(name))
    assert [(e.element_id, e.is_preset, e.reference_type) for e in page.elements] == [("0", True, "video")]


def test_other_published_answers():
    """Kling's delete is a success, its 1303 a refusal."""
    assert read("kling", "delete", sample("05_official_delete.jsonc")) is None
    with pytest.raises(ElementsError, match="1303"):
        read("kling", "create", sample("10_official_error_1303.jsonc"), 429)
