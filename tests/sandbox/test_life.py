"""From a create to an element and its end, in the native dialect."""

import asyncio

import pytest

from kling_elements_async.sandbox import Fault, Sandbox

from .caller import CUSTOM, PRESETS, Caller, video


async def test_a_create_is_answered_before_the_work_is_done(caller, sandbox):
    """`code` 0 and SUCCEED say nothing about the element."""
    said = await caller.create(external_task_id="mine-1")
    assert said.json["code"] == 0
    assert said.json["message"] == "SUCCEED"
    assert said.data["task_status"] == "submitted"
    assert said.data["task_info"] == {"external_task_id": "mine-1"}
    assert said.data["created_at"] == said.data["updated_at"] > 1_700_000_000_000
    assert sandbox.account("ezmodel").creates == 1


async def test_a_task_moves_on_with_the_clock_alone(caller, clock):
    """submitted, processing, succeed; `updated_at` follows."""
    task_id = await caller.created()
    seen = []
    for moment in (1001, 1002, 1009.9, 1010):
        clock.now = moment
        record = (await caller.get(task_id)).data
        seen.append((record["task_status"], record["updated_at"] - record["created_at"]))
    assert seen == [("submitted", 0), ("processing", 2000), ("processing", 2000), ("succeed", 10000)]


async def test_an_external_id_finds_the_task(caller):
    """The single-item query takes both ids."""
    task_id = await caller.created(external_task_id="mine:1~a.b_c-d")
    assert (await caller.get("mine:1~a.b_c-d")).data["task_id"] == task_id


async def test_an_external_id_is_good_once(caller, sandbox):
    """The second create is refused and makes nothing; another account is not concerned."""
    await caller.created(external_task_id="mine")
    said = await caller.create(external_task_id="mine")
    assert said.refusal == (400, 1201)
    assert said.json["message"] == "External_task_id mine already exists"
    assert sandbox.account("ezmodel").creates == 1
    await Caller(caller.http, sandbox, "kling").created(external_task_id="mine")


async def test_an_unknown_id_is_a_1201_and_no_404(caller):
    """Only the text tells."""
    said = await caller.get("nowhere")
    assert said.refusal == (400, 1201)
    assert said.json["message"] == "Task not found by id/external id: nowhere"


@pytest.mark.parametrize(
    ("gateway", "kind_key", "empty"),
    [("kling", "reference_type", {}), ("ezmodel", "element_type", None), ("kkiai", "element_type", {})],
)
async def test_an_element_is_spelled_as_its_gateway_does(http, sandbox, clock, gateway, kind_key, empty):
    """The id is a JSON number that no float holds."""
    caller = Caller(http, sandbox, gateway)
    task_id = await caller.created()
    clock.now += 10
    element = await caller.element(task_id)
    assert element["element_id"] >= 856528387816046601
    assert element[kind_key] == "image_refer"
    assert element.get("element_video_list") == empty
    assert element["element_image_list"]["frontal_image"] == "https://example.com/front.png"
    assert element["tag_list"] == [{"id": "o_102", "name": "character", "description": "None"}]
    assert element["owned_by"].isdigit()
    assert element["status"] == "succeed"


async def test_a_video_element_has_no_pictures(caller, clock):
    """And keeps its voice."""
    task_id = await caller.created(**video("https://example.com/a.mp4"), element_voice_id="v1")
    clock.now += 10
    element = await caller.element(task_id)
    assert element["element_image_list"] == {}
    assert element["element_video_list"] == {"refer_videos": [{"video_url": "https://example.com/a.mp4"}]}
    assert element["element_voice_info"]["voice_id"] == "v1"


async def test_a_failed_task_has_its_reason_and_no_result(caller, sandbox, clock):
    """The reason is a text without a code."""
    sandbox.script("create", Fault.task_fails())
    task_id = await caller.created()
    clock.now += 10
    record = (await caller.get(task_id)).data
    assert record["task_status"] == "failed"
    assert record["task_status_msg"] == "Failure to pass the risk control system"
    assert "task_result" not in record
    assert sandbox.account("ezmodel").elements == {}


async def test_a_deleted_element_stays_listed(caller, sandbox, clock):
    """Deleting answers without `data`; the second time it is refused."""
    task_id = await caller.created()
    clock.now += 10
    element_id = str((await caller.element(task_id))["element_id"])
    assert list(sandbox.account("ezmodel").elements) == [element_id]
    said = await caller.delete(element_id)
    assert said.json.keys() == {"code", "message", "request_id"}
    again = await caller.delete(element_id, "/v1/general/delete-advanced-elements")
    assert again.refusal == (400, 1201)
    assert again.json["message"] == f"Element already be deleted for id: {element_id}"
    (task,) = (await caller.list()).data
    assert task["task_result"]["elements"][0]["status"] == "deleted"
    assert sandbox.account("ezmodel").elements == {}


async def test_deleting_takes_a_finished_element_by_its_id_as_a_string(caller, clock):
    """A number, an unknown id and one that is still in the making are refused."""
    await caller.created()
    for element_id in (856528387816046601, "856528387816046601", "7", "", None):
        assert (await caller.delete(element_id)).refusal == (400, 1201)
    clock.now += 10
    assert (await caller.delete("856528387816046601")).json["code"] == 0


async def test_a_list_is_an_array_of_tasks_newest_first(caller):
    """The end is a page with fewer rows than asked for."""
    made = [await caller.created() for _ in range(5)]
    pages = [(await caller.list(pageNum=number, pageSize=2)).data for number in (1, 2, 3, 4)]
    ids = [[task["task_id"] for task in page] for page in pages]
    assert ids == [made[:2:-1], made[2:0:-1], made[:1], []]


@pytest.mark.parametrize("path", [CUSTOM, PRESETS])
@pytest.mark.parametrize(
    "query", [{"pageNum": 0}, {"pageNum": 1001}, {"pageSize": 0}, {"pageSize": 501}, {"pageSize": "x"}]
)
async def test_paging_has_limits(caller, path, query):
    """pageNum 1 to 1000, pageSize 1 to 500."""
    assert (await caller.list(path, **query)).refusal == (400, 1201)


async def test_presets_belong_to_the_vendor(caller):
    """Tasks without status and deduction."""
    tasks = (await caller.list(PRESETS, pageSize=500)).data
    assert 5 <= len(tasks) <= 30
    for task in tasks:
        assert task.keys() == {"task_id", "task_result", "created_at", "updated_at"}
        assert task["task_result"]["elements"][0]["owned_by"] == "kling"
    assert (await caller.list(PRESETS, pageNum=2, pageSize=500)).data == []


async def test_slots_are_taken_while_a_task_runs(caller, sandbox, clock):
    """1303 under 429, nothing made; the end of a task frees its slot."""
    account = sandbox.account("ezmodel")
    account.slots = 2
    await caller.created()
    clock.now += 5
    await caller.created()
    said = await caller.create()
    assert said.refusal == (429, 1303)
    assert said.json["message"] == "parallel task over resource pack limit"
    clock.now += 5
    await caller.created()
    assert (account.creates, account.running, account.most_running) == (3, 2, 2)


async def test_an_exhausted_account_is_a_429_too(caller, sandbox):
    """1102, which no patience helps."""
    sandbox.account("ezmodel").exhausted = True
    assert (await caller.create()).refusal == (429, 1102)
    assert sandbox.account("ezmodel").creates == 0


async def test_the_same_seed_gives_the_same_durations(http):
    """Another seed gives others; a function of the generator does as well as a range."""

    async def durations(**choice):
        async with Sandbox(**choice) as sandbox:
            caller = Caller(http, sandbox)
            for _ in range(5):
                await caller.created()
            return [task.duration for task in sandbox.account("ezmodel").tasks.values()]

    first, same, other = await asyncio.gather(durations(seed=1), durations(seed=1), durations(seed=2))
    assert first == same != other
    assert all(0.2 <= duration <= 0.6 for duration in first)
    assert await durations(durations=lambda random: random.choice([7])) == [7] * 5


async def test_every_request_is_counted_and_logged(caller, sandbox):
    """Call, moment, status; no more."""
    await caller.create()
    await caller.get("nowhere")
    await caller.list()
    account = sandbox.account("ezmodel")
    assert [(seen.call, seen.at, seen.status) for seen in account.requests] == [
        ("create", 1000.0, 200),
        ("get", 1000.0, 400),
        ("list", 1000.0, 200),
    ]
    assert account.counts == {"create": 1, "get": 1, "list": 1}
