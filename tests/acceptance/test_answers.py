"""Answers that succeed, in every shape that a gateway has been seen to give them."""

import json
from datetime import UTC, datetime

import pytest
from tables import crossed

from kling_elements_async import ElementsError, Tag, TaskStatus

from .account import BIG, envelope
from .errors import caught
from .materials import GATEWAYS, MOVIE, SAMPLES, a_spec, a_video_spec
from .server import late, says

ALL = list(GATEWAYS)


def record(element=None, **changes):
    """A finished native task."""
    element = {"element_id": BIG, "element_name": "known", "status": "succeed"} | (element or {})
    return {"task_id": "1", "task_status": "succeed", "task_result": {"elements": [element]}} | changes


@pytest.mark.parametrize(("gateway", "written"), crossed(ALL, [int, str]))
async def test_an_element_id_beyond_2_to_the_53(server, open_session, gateway, written):
    """Number or text on the wire, it comes out as the exact text."""
    account = server.accounts[gateway]
    account.id_as = written
    known = account.add()
    session = open_session(gateway)
    assert await session.wait_for_element(known.task_id) == "856528387816046601"
    task = await session.get_element(known.task_id)
    assert task.element_id == task.element.element_id == "856528387816046601"


@pytest.mark.parametrize("gateway", ALL)
async def test_a_float_id_is_refused(server, open_session, gateway):
    """It has lost digits already: an error, never a wrong id."""
    account = server.accounts[gateway]
    account.id_as = float
    known = account.add()
    session = open_session(gateway)
    with caught(ElementsError):
        await session.get_element(known.task_id)
    with caught(ElementsError):
        await session.wait_for_element(known.task_id, timeout=20)


async def test_a_float_id_in_a_list(server, open_session):
    """One bad row does not hide the others, and is never given a wrong id."""
    server.script("list", says(envelope([record({"element_id": float(BIG)}), record()])))
    try:
        page = await open_session().list_elements()
    except ElementsError:
        return
    assert [element.element_id for element in page.elements] == ["856528387816046601"]


async def test_a_float_task_id_in_a_create(server, open_session):
    """The create is looked up by its external id instead."""
    server.script("create", late(says(envelope({"task_id": 8.63121016086724692e17}))))
    task = await open_session().create_element(a_spec())
    assert task.task_id in server.accounts["ezmodel"].tasks


@pytest.mark.parametrize(
    "element", [{"element_id": None}, {"element_id": ""}, None], ids=["null", "empty", "absent"]
)
async def test_no_element_id_is_never_the_text_none(server, open_session, element):
    """A task without an element has None."""
    body = record(element) if element else record(task_result={})
    server.script("get", says(envelope(body)))
    task = await open_session().get_element("1")
    assert task.element_id is None


@pytest.mark.parametrize("nothing", [None, {}, {"elements": None}, {"elements": []}])
async def test_a_task_without_a_result(server, open_session, nothing):
    """Null, absent and empty results are all no element."""
    body = record(task_status="processing", task_result=nothing, task_info=None, created_at=None)
    server.script("get", says(envelope(body)))
    task = await open_session().get_element("1")
    assert (task.elements, task.element, task.element_id) == ((), None, None)
    assert (task.external_task_id, task.created_at) == (None, None)


async def test_only_a_task_id(server, open_session):
    """Keys are left out rather than null: only `task_id` is sure."""
    server.script("get", says({"code": 0, "data": {"task_id": "1"}}))
    task = await open_session().get_element("1")
    assert (task.task_id, task.element_id, task.is_terminal) == ("1", None, False)


@pytest.mark.parametrize("key", ["reference_type", "element_type"])
@pytest.mark.parametrize(("word", "kind"), [("image_refer", "image"), ("video_refer", "video")])
async def test_both_spellings_of_the_reference_type(server, open_session, key, word, kind):
    """`reference_type` is documented and `element_type` recorded; neither is a guess from the pictures."""
    server.script("get", says(envelope(record({key: word}))))
    assert (await open_session().get_element("1")).element.reference_type == kind


async def test_an_absent_reference_type(server, open_session):
    """Unknown is None."""
    server.script("get", says(envelope(record())))
    assert (await open_session().get_element("1")).element.reference_type in {None, "image", "video"}


@pytest.mark.parametrize("written", [{}, {"element_video_list": {}}, {"element_video_list": None}])
async def test_no_videos(server, open_session, written):
    """An absent list and an empty one are both no videos."""
    server.script("get", says(envelope(record(written | {"element_image_list": {}, "element_voice_info": {}}))))
    element = (await open_session().get_element("1")).element
    assert (element.videos, element.voice, element.frontal_image, element.other_images) == (
        (),
        None,
        None,
        (),
    )


async def test_pictures_and_videos(server, open_session):
    """What was sent comes back as links."""
    session = open_session()
    task = await session.create_element(a_spec())
    element = (await session.get_element(task.task_id)).element
    assert element.frontal_image == "https://example.com/front.png"
    assert element.other_images == ("https://example.com/side0.png",)
    task = await session.create_element(a_video_spec())
    element = (await session.get_element(task.task_id)).element
    assert (element.reference_type, element.videos) == ("video", (MOVIE,))


async def test_tags(server, open_session):
    """A tag is ours where we know it, else a text; its description "None" is nobody's tag."""
    tags = [
        {"id": "o_102", "name": "character", "description": "None"},
        {"id": "o_999", "name": "new", "description": "None"},
    ]
    server.script("get", says(envelope(record({"tag_list": tags}))))
    known, unknown = (await open_session().get_element("1")).element.tags
    assert known is Tag.CHARACTER
    assert isinstance(unknown, str)
    assert unknown in {"o_999", "new"}


async def test_times_are_aware(server, open_session):
    """Milliseconds become UTC; nonsense becomes None."""
    server.script("get", says(envelope(record(created_at=1722769557708, updated_at=-(10**30)))))
    task = await open_session().get_element("1")
    assert task.created_at == datetime(2024, 8, 4, 11, 5, 57, 708000, UTC)
    assert task.updated_at is None


async def test_times_in_seconds(server, open_session):
    """Anyfast's create and evolink count seconds."""
    task = await open_session("anyfast").create_element(a_spec("anyfast"))
    assert task.created_at == datetime.fromtimestamp(1773812605, UTC)
    task = await open_session("evolink").create_element(a_spec("evolink"))
    assert task.created_at == datetime.fromtimestamp(1772618027, UTC)


async def test_a_list_is_a_list_of_tasks(server, open_session):
    """Its elements are theirs, deleted ones included; a page with fewer rows than asked for is the last."""
    account = server.accounts["ezmodel"]
    for number in range(3):
        account.add(element_name=f"number {number}", status="deleted" if number == 1 else "succeed")
    session = open_session()
    page = await session.list_elements(page=1, page_size=2)
    assert [element.name for element in page.elements] == ["number 0", "number 1"]
    assert [element.is_deleted for element in page.elements] == [False, True]
    assert [task.task_id for task in page.tasks] == list(account.tasks)[:2]
    assert not page.is_last
    assert (await session.list_elements(page=2, page_size=2)).is_last


async def test_an_empty_list(server, open_session):
    """No rows are a last page without elements."""
    page = await open_session().list_elements()
    assert (page.elements, page.tasks, page.is_last) == ((), (), True)


async def test_a_list_with_an_unfinished_and_a_failed_task(server, open_session):
    """Rows without an element are tasks and not elements."""
    rows = [
        record(task_id="1", task_status="processing", task_result={}),
        {"task_id": "2", "task_status": "failed"},
        record(),
    ]
    server.script("list", says(envelope(rows)))
    page = await open_session().list_elements(page_size=3)
    assert (len(page.tasks), len(page.elements), page.is_last) == (3, 1, False)


async def test_presets_without_a_status(server, open_session):
    """Presets may lack `task_status`; they are owned by kling."""
    server.accounts["kling"].presets = [
        {"element_id": BIG, "element_name": "Preset", "owned_by": "kling", "status": "succeed"}
    ]
    page = await open_session("kling").list_preset_elements()
    (element,) = page.elements
    assert (element.name, element.owner, element.is_preset, element.is_deleted) == (
        "Preset",
        "kling",
        True,
        False,
    )


@pytest.mark.parametrize(
    ("word", "gateway"),
    crossed(["SUBMITTED", "QUEUED", "IN_PROGRESS", "SUCCESS", "FAILURE"], ["ezmodel", "anyfast"]),
)
async def test_a_wrapped_query(server, open_session, gateway, word):
    """`data.data` holds the native record; the wrapper has words of its own."""
    inner = record(task_id="1") if word == "SUCCESS" else {"task_id": "1"}
    data = {
        "task_id": "1",
        "status": word,
        "fail_reason": "Image pixel is invalid",
        "progress": "100%",
        "data": inner,
    }
    server.script("get", says({"code": "success", "message": "", "data": data}))
    task = await open_session(gateway).get_element("1")
    assert task.task_id == "1"
    assert task.is_terminal == (word in {"SUCCESS", "FAILURE"})
    assert task.element_id == ("856528387816046601" if word == "SUCCESS" else None)


@pytest.mark.parametrize(
    "found", [{"elements": [{"element_id": BIG}]}, {"element_id": BIG}, [{"element_id": BIG}]]
)
async def test_the_places_of_an_id_at_evolink(server, open_session, found):
    """`result_data` has the id itself, or a list of elements, or is a list."""
    body = {
        "id": "task-unified-1",
        "object": "video.generation.task",
        "status": "completed",
        "result_data": found,
    }
    server.always("get", says(body))
    session = open_session("evolink")
    assert (await session.get_element("task-unified-1")).element_id == "856528387816046601"
    assert await session.wait_for_element("task-unified-1") == "856528387816046601"


@pytest.mark.parametrize("kind", ["text/plain", "application/octet-stream", ""])
async def test_json_under_another_content_type(server, open_session, kind):
    """Many gateways label JSON wrongly; it is JSON all the same."""
    body = json.dumps(envelope(record())).encode()
    server.script("get", says(body, Content_Type=kind))
    assert (await open_session().get_element("1")).element_id == "856528387816046601"


async def test_fields_never_seen_before(server, open_session):
    """They stay in `raw`, which takes no part in equality or repr."""
    server.script("get", says(envelope(record({"aura": "blue"}, mood="fine"))), says(envelope(record())))
    session = open_session()
    first, second = await session.get_element("1"), await session.get_element("1")
    assert first == second
    assert hash(first) == hash(second)
    assert "fine" in str(first.raw)
    assert "fine" not in repr(first)


async def test_a_list_among_the_published_samples(server, open_session):
    """The vendor's own example of a list, with its comments taken out, is read."""
    path = SAMPLES / "03_official_list_custom.jsonc"
    if not path.exists():
        pytest.skip("the published samples are not here")
    body = json.loads("\n".join(line.split(" //")[0] for line in path.read_text().splitlines()))
    server.script("list", says(body))
    page = await open_session("kling").list_elements()
    (task,) = page.tasks
    assert (task.task_id, task.status, task.external_task_id) == ("string", TaskStatus.UNKNOWN, "string")
