"""The calls on each gateway: what crosses the wire, and what comes back."""

import re
import time

import pytest

from kling_elements_async import (
    ElementsSession,
    Images,
    InvalidElementError,
    InvalidIdError,
    InvalidRequestError,
    NotOfferedError,
    Page,
    Tag,
    TaskStatus,
    Video,
)
from kling_elements_async.gateways import Kling

from .errors import caught
from .materials import BLIND, FRONT, GATEWAYS, MOVIE, NATIVE, a_spec, a_video_spec, links, png
from .server import ACCESS_KEY, KEY, MOUNTS, SECRET_KEY, says

OWN = "/v1/general/advanced-custom-elements"
CODES = {
    Tag.TRENDING: "o_101",
    Tag.CHARACTER: "o_102",
    Tag.ANIMAL: "o_103",
    Tag.PROP: "o_104",
    Tag.CLOTHING: "o_105",
    Tag.SCENE: "o_106",
    Tag.EFFECT: "o_107",
    Tag.OTHER: "o_108",
}


@pytest.mark.parametrize("gateway", GATEWAYS)
async def test_the_first_script_of_the_manual(server, open_session, gateway):
    """Create, wait, and the element id is there, as text and exact."""
    session = open_session(gateway)
    task = await session.create_element(a_spec(gateway))
    element_id = await session.wait_for_element(task.task_id)
    assert task.task_id in server.accounts[gateway].tasks
    assert element_id == "856528387816046601"
    assert server.seen[0].call == "create"
    assert all(seen.bearer for seen in server.seen)


@pytest.mark.parametrize("gateway", GATEWAYS)
async def test_create_answers_a_task_that_is_not_done(server, open_session, gateway):
    """A fresh task is submitted, has an id and no element."""
    server.accounts[gateway].words = ("submitted" if gateway in NATIVE else "processing", "succeed")
    task = await open_session(gateway).create_element(a_spec(gateway))
    assert task.status in {TaskStatus.SUBMITTED, TaskStatus.PROCESSING}
    assert not task.is_terminal
    assert (task.element, task.element_id) == (None, None)
    assert len(server.accounts[gateway].tasks) == 1


@pytest.mark.parametrize("gateway", [*NATIVE, "anyfast"])
async def test_native_create_of_an_image_element(server, open_session, gateway):
    """One POST with the documented fields, a known length, and nothing chunked."""
    await open_session(gateway).create_element(a_spec(gateway, reference=links(3), tags=list(CODES)))
    (seen,) = server.calls("create")
    assert (seen.method, seen.path, seen.query) == ("POST", MOUNTS[gateway] + OWN, {})
    assert seen.headers["content-type"].startswith("application/json")
    assert int(seen.headers["content-length"]) == seen.size
    assert "transfer-encoding" not in seen.headers
    body = seen.body
    assert body["element_name"] == "my-character"
    assert body["element_description"] == "A protagonist for my video series"
    assert body["reference_type"] == "image_refer"
    assert body["tag_list"] == [{"tag_id": code} for code in CODES.values()]
    pictures = body["element_image_list"]
    assert pictures["frontal_image"] == FRONT
    assert [each["image_url"][-9:] for each in pictures["refer_images"]] == [
        "side0.png",
        "side1.png",
        "side2.png",
    ]
    assert not body.get("element_video_list")


@pytest.mark.parametrize("gateway", NATIVE)
async def test_native_create_of_a_video_element(server, open_session, gateway):
    """One video and its voice; no image list."""
    await open_session(gateway).create_element(
        a_video_spec(voice_id="voice-1", callback_url="https://example.com/hook")
    )
    body = server.calls("create")[0].body
    assert body["reference_type"] == "video_refer"
    assert body["element_video_list"] == {"refer_videos": [{"video_url": MOVIE}]}
    assert not body.get("element_image_list")
    assert (body["element_voice_id"], body["callback_url"]) == ("voice-1", "https://example.com/hook")


@pytest.mark.parametrize("gateway", NATIVE)
async def test_each_native_create_carries_an_external_id(server, open_session, gateway):
    """The caller's, or a fresh one that differs each time."""
    session = open_session(gateway)
    for number in range(2):
        await session.create_element(a_spec(name=f"number {number}"))
    task = await session.create_element(a_spec(external_task_id="mine:1"))
    sent = [seen.body["external_task_id"] for seen in server.calls("create")]
    assert sent[2] == task.external_task_id == "mine:1"
    assert len(set(sent)) == 3
    assert all(re.fullmatch(r"[A-Za-z0-9._:~-]{1,64}", each) for each in sent)


async def test_evolink_create_of_an_image_element(server, open_session):
    """Evolink has a body of its own, with neither tags nor an external id."""
    spec = a_spec("evolink", callback_url="https://example.com/hook")
    await open_session("evolink").create_element(spec)
    (seen,) = server.calls("create")
    assert (seen.method, seen.path) == ("POST", "/evolink/v1/videos/generations")
    assert int(seen.headers["content-length"]) == seen.size
    assert seen.body["model"] == "kling-custom-element"
    assert seen.body["callback_url"] == "https://example.com/hook"
    params = seen.body["model_params"]
    assert params["element_name"] == "my-character"
    assert params["element_description"] == "A protagonist for my video series"
    assert params["reference_type"] == "image_refer"
    assert params["element_image_list"]["frontal_image"] == FRONT
    assert not {"tag_list", "external_task_id"} & (set(params) | set(seen.body))


async def test_evolink_create_of_a_video_element(server, open_session):
    """One video object instead of a list."""
    await open_session("evolink").create_element(a_video_spec(voice_id="voice-1"))
    params = server.calls("create")[0].body["model_params"]
    assert params["reference_type"] == "video_refer"
    assert params["element_video_list"] == {"video_url": MOVIE}
    assert params["element_voice_id"] == "voice-1"


@pytest.mark.parametrize("gateway", GATEWAYS)
async def test_get_one(server, open_session, gateway):
    """The task with its element, by the task id, on the path of the gateway."""
    known = server.accounts[gateway].add(element_name="known")
    task = await open_session(gateway).get_element(known.task_id)
    (seen,) = server.seen
    place = "/v1/tasks/" if gateway == "evolink" else OWN + "/"
    assert (seen.method, seen.path) == ("GET", MOUNTS[gateway] + place + known.task_id)
    assert (task.task_id, task.status, task.is_terminal) == (known.task_id, TaskStatus.SUCCEEDED, True)
    assert (task.element.name, task.element_id) == ("known", "856528387816046601")
    assert task.created_at.utcoffset().total_seconds() == 0


@pytest.mark.parametrize("gateway", NATIVE)
async def test_get_by_external_id(server, open_session, gateway):
    """The single-item query takes an external task id, too."""
    session = open_session(gateway)
    task = await session.create_element(a_spec(external_task_id="mine~1"))
    assert (await session.get_element("mine~1")).task_id == task.task_id


@pytest.mark.parametrize("gateway", NATIVE)
@pytest.mark.parametrize("call", ["list_elements", "list_preset_elements"])
async def test_lists(server, open_session, gateway, call):
    """Page and size go by the documented query names; defaults are 1 and 30."""
    session = open_session(gateway)
    assert isinstance(await getattr(session, call)(), Page)
    page = await getattr(session, call)(page=3, page_size=7)
    assert [seen.query for seen in server.seen] == [
        {"pageNum": "1", "pageSize": "30"},
        {"pageNum": "3", "pageSize": "7"},
    ]
    place = OWN if call == "list_elements" else "/v1/general/advanced-presets-elements"
    assert {(seen.method, seen.path) for seen in server.seen} == {("GET", MOUNTS[gateway] + place)}
    assert (page.number, page.size, page.elements, page.tasks) == (3, 7, (), ())


@pytest.mark.parametrize("gateway", NATIVE)
@pytest.mark.parametrize("written", [str, int])
async def test_delete(server, open_session, gateway, written):
    """The id goes as text in a POST, also where the caller has an int, and an answer without data is a success."""
    known = server.accounts[gateway].add()
    element_id = known.element["element_id"]
    assert await open_session(gateway).delete_element(written(element_id)) is None
    (seen,) = server.seen
    assert (seen.method, seen.path) == ("POST", MOUNTS[gateway] + "/v1/general/delete-elements")
    assert seen.body == {"element_id": str(element_id)}
    assert known.element["status"] == "deleted"


async def test_delete_answered_with_a_task(server, open_session):
    """The documented answer, which nobody has recorded, is a success, too."""
    body = {"code": 0, "message": "SUCCEED", "data": {"task_id": "1", "task_status": "submitted"}}
    server.script("delete", says(body))
    assert await open_session().delete_element("856528387816046601") is None


LACKING = ["list_elements", "list_preset_elements", "delete_element", "iter_elements", "iter_preset_elements"]


@pytest.mark.parametrize("gateway", BLIND)
@pytest.mark.parametrize("call", LACKING)
async def test_a_call_that_the_gateway_lacks(server, open_session, gateway, call):
    """It is refused before anything is sent."""
    session = open_session(gateway)
    with caught(NotOfferedError):
        if call.startswith("iter"):
            _ = [element async for element in getattr(session, call)()]
        else:
            await getattr(session, call)(*(["856528387816046601"] if call == "delete_element" else []))
    assert server.accepted == 0


@pytest.mark.parametrize(
    ("gateway", "changes"),
    [
        ("evolink", {"tags": [Tag.PROP]}),
        ("evolink", {"reference": Images(frontal=png(), others=[FRONT])}),
        ("anyfast", {"reference": Video(MOVIE)}),
    ],
    ids=["a tag at evolink", "bytes at evolink", "a video at anyfast"],
)
async def test_what_a_gateway_cannot_carry(server, open_session, gateway, changes):
    """It is a problem, and nothing is dropped silently."""
    session = open_session(gateway)
    spec = a_spec(gateway, **changes)
    assert await session.check_element(spec)
    with caught(InvalidElementError):
        await session.create_element(spec)
    assert server.accepted == 0


@pytest.mark.parametrize("gateway", BLIND)
async def test_an_external_id_where_there_is_none(server, open_session, gateway):
    """It is refused or it is carried; it is never dropped."""
    session = open_session(gateway)
    try:
        await session.create_element(a_spec(gateway, external_task_id="mine-1"))
    except InvalidElementError:
        assert server.accepted == 0
    else:
        assert "mine-1" in repr(server.calls("create")[0].body)


async def test_no_tags_at_anyfast(server, open_session):
    """Anyfast requires a tag list: a spec without tags is refused, or the list is sent all the same."""
    try:
        await open_session("anyfast").create_element(a_spec("anyfast", tags=()))
    except InvalidElementError:
        assert server.accepted == 0
    else:
        assert "tag_list" in server.calls("create")[0].body


async def test_an_evolink_id_of_another_shape(server, open_session):
    """It is refused here or there; a native id is no evolink id."""
    with caught(InvalidIdError, InvalidRequestError):
        await open_session("evolink").get_element("863121016086724692")
    assert len(server.seen) <= 1


async def test_kling_signs_with_the_pair_of_keys(server):
    """A JWT that lives half an hour, with the documented claims."""
    gateway = Kling(access_key=ACCESS_KEY, secret_key=SECRET_KEY, base_url=server.origin)
    async with ElementsSession(gateway) as session:
        await session.list_elements()
    claims = server.seen[0].signed
    assert claims["header"] == {"alg": "HS256", "typ": "JWT"}
    assert claims["iss"] == ACCESS_KEY
    assert 1790 <= claims["exp"] - claims["nbf"] - 5 <= 1810
    assert abs(claims["exp"] - 1800 - time.time()) < 30


async def test_a_pasted_bearer_is_no_part_of_the_key(server):
    """A key that was copied with its scheme is sent once with it."""
    for pasted in (f"Bearer {KEY}", f"bearer {KEY}"):
        async with ElementsSession(Kling(api_key=pasted, base_url=server.origin)) as session:
            await session.list_elements()
    assert [seen.bearer for seen in server.seen] == [True, True]
