"""Each scripted fault: what the caller sees, and what happened all the same."""

import asyncio
import gzip
import json
import time

import aiohttp
import pytest

from kling_elements_async.sandbox import Fault

from .caller import Caller, images, png, raw

LOST = (aiohttp.ClientOSError, aiohttp.ServerDisconnectedError)


@pytest.mark.parametrize(
    ("fault", "status", "creates"),
    [
        (Fault.code(1303), 429, 0),
        (Fault.code(5002), 504, 0),
        (Fault.code(5002).after_effect(), 504, 1),
        (Fault.code(1102, status=200), 200, 0),
        (Fault.wrapped_error("upstream", status=502), 502, 0),
        (Fault.text_code("task_failed"), 400, 0),
        (Fault.html(), 502, 0),
        (Fault.html(200).after_effect(), 200, 1),
        (Fault.redirect("http://elsewhere.example.com/"), 307, 0),
        (Fault.empty_object(), 200, 1),
        (Fault.empty(), 200, 1),
        (Fault.answer(418, "tea"), 418, 0),
        (Fault.answer(413).unread(), 413, 0),
        (Fault.json([]), 200, 0),
    ],
)
async def test_an_answer_out_of_the_script(caller, sandbox, fault, status, creates):
    """Once, and then the truth again."""
    sandbox.script("create", fault)
    assert (await caller.create()).status == status
    assert sandbox.account("ezmodel").creates == creates
    await caller.created()


async def test_faults_come_in_order_and_at_their_calls_only(caller, sandbox):
    """By call, by gateway, several times."""
    sandbox.script("create", Fault.code(1302), times=2)
    sandbox.script("get", Fault.html(), gateway="kling")
    sandbox.script("any", Fault.code(5000), gateway="kling")
    kling = Caller(caller.http, sandbox, "kling")
    assert (await caller.get("x")).refusal == (400, 1201)
    assert [(await caller.create()).status for _ in range(3)] == [429, 429, 200]
    assert [(await kling.get("x")).status for _ in range(3)] == [502, 500, 400]


def test_a_call_of_no_such_name_is_a_mistake_of_the_script(sandbox):
    """The text names those that there are."""
    with pytest.raises(ValueError, match="create, delete, get"):
        sandbox.script("make", Fault.html())


async def test_a_fault_may_ask_for_patience(caller, sandbox):
    """Any text goes into the header."""
    sandbox.script("create", Fault.code(1302).retry_after(1.5), Fault.html(503).retry_after("junk"))
    assert (await caller.create()).headers["Retry-After"] == "1.5"
    assert (await caller.create()).headers["Retry-After"] == "junk"


@pytest.mark.parametrize("politely", [False, True])
async def test_a_connection_reset_before_anything_was_read(caller, sandbox, politely):
    """Nothing happened."""
    sandbox.script("create", Fault.reset(politely=politely))
    with pytest.raises(LOST):
        await caller.create(element_image_list=images(raw(png(size=3_000_000)), raw(png())))
    assert sandbox.account("ezmodel").creates == 0


@pytest.mark.parametrize("politely", [False, True])
async def test_an_answer_lost_after_the_effect(caller, sandbox, politely):
    """The element is there, and nobody was told."""
    sandbox.script("create", Fault.lost_answer(politely=politely))
    with pytest.raises(LOST):
        await caller.create(external_task_id="mine")
    account = sandbox.account("ezmodel")
    assert account.creates == 1
    assert account.requests[-1].status == 0
    assert (await caller.get("mine")).data["task_info"]["external_task_id"] == "mine"


async def test_a_create_that_lands_late(caller, sandbox, clock):
    """Looks miss it until its moment; from then on it runs."""
    sandbox.script("create", Fault.late(1.5))
    with pytest.raises(LOST):
        await caller.create(external_task_id="mine")
    clock.now += 1.4
    assert (await caller.get("mine")).refusal == (400, 1201)
    clock.now += 0.1
    assert (await caller.get("mine")).data["task_status"] == "submitted"
    assert sandbox.account("ezmodel").creates == 1
    assert (await caller.create(external_task_id="mine")).refusal == (400, 1201)


async def test_a_late_create_runs_from_its_landing_on(caller, sandbox, clock):
    """Not from the moment when someone looks."""
    sandbox.script("create", Fault.late(1))
    with pytest.raises(LOST):
        await caller.create(external_task_id="mine")
    clock.now += 11
    assert (await caller.get("mine")).data["task_status"] == "succeed"


async def test_an_error_before_a_late_landing(caller, sandbox, clock):
    """A 504, and the task after it."""
    sandbox.script("create", Fault.code(5002).landing(1))
    assert (await caller.create()).refusal == (504, 5002)
    assert sandbox.account("ezmodel").creates == 0
    clock.now += 1
    assert sandbox.account("ezmodel").creates == 1


async def test_a_late_landing_that_comes_second_lands_nowhere(caller, sandbox, clock):
    """An external id is good once, in whichever order."""
    sandbox.script("create", Fault.late(1))
    with pytest.raises(LOST):
        await caller.create(external_task_id="mine")
    await caller.created(external_task_id="mine")
    clock.now += 1
    assert sandbox.account("ezmodel").creates == 1


async def test_an_answer_cut_in_its_json(caller, sandbox):
    """The length fits; the JSON does not."""
    sandbox.script("list", Fault.cut_json())
    with pytest.raises(json.JSONDecodeError):
        await caller.list()


async def test_an_answer_cut_in_its_body(caller, sandbox):
    """The length promises more."""
    sandbox.script("create", Fault.cut())
    with pytest.raises(aiohttp.ClientPayloadError):
        await caller.create()
    assert sandbox.account("ezmodel").creates == 1


async def test_an_answer_that_comes_late(caller, sandbox):
    """Before the effect or after it."""
    sandbox.script("create", Fault.delay(0.05), Fault.slow_answer(0.05), Fault.code(1302).delayed(0.05))
    for creates in (1, 2, 2):
        began = time.monotonic()
        await caller.create()
        assert time.monotonic() - began >= 0.045
        assert sandbox.account("ezmodel").creates == creates


async def test_no_answer_at_all(caller, sandbox):
    """The request is logged while it hangs."""
    sandbox.script("create", Fault.never())
    account = sandbox.account("ezmodel")
    hanging = asyncio.ensure_future(caller.create())
    while not account.counts["create"]:  # noqa: ASYNC110 - the account is a plain record
        await asyncio.sleep(0.001)
    _, unanswered = await asyncio.wait([hanging], timeout=0.1)
    assert unanswered
    hanging.cancel()
    await asyncio.wait([hanging])
    assert (account.creates, account.counts["create"], account.requests[0].status) == (0, 1, 0)


async def test_an_answer_larger_than_anyone_wants(caller, sandbox):
    """9 MiB of valid JSON."""
    sandbox.script("create", Fault.huge())
    said = await caller.create()
    assert len(said.body) == 9 * 1024 * 1024
    assert said.data["task_status"] == "submitted"


async def test_an_answer_that_unpacks_to_far_more(http, sandbox):
    """A gzip bomb, small on the wire."""
    sandbox.script("list", Fault.bomb(20_000_000))
    caller = Caller(http, sandbox)
    async with aiohttp.ClientSession(auto_decompress=False) as plain:
        headers = {"Authorization": "Bearer sandbox-key"}
        url = f"{caller.sandbox.url('ezmodel')}/v1/general/advanced-custom-elements"
        async with plain.get(url, headers=headers) as response:
            body = await response.read()
            assert response.headers["Content-Encoding"] == "gzip"
    assert len(body) < 200_000
    assert len(gzip.decompress(body)) == 20_000_000


async def test_an_answer_rewritten(caller, sandbox):
    """For every odd word and type that a proxy may say."""

    def odd(envelope):
        envelope["data"]["task_status"] = "warming_up"
        return envelope

    task_id = await caller.created()
    sandbox.script("get", Fault.rewrite(odd))
    assert (await caller.get(task_id)).data["task_status"] == "warming_up"
    assert (await caller.get(task_id)).data["task_status"] == "submitted"


async def test_an_answer_wrapped_by_a_proxy(caller, sandbox, clock):
    """The native record lies one level deeper, beside words in capitals; an error stays as it is."""
    task_id = await caller.created()
    clock.now += 10
    sandbox.script("get", Fault.wrapped_answer(), Fault.wrapped_answer())
    said = await caller.get(task_id)
    assert (said.json["code"], said.data["status"], said.data["progress"]) == ("success", "SUCCESS", "100%")
    assert said.data["data"]["task_result"]["elements"][0]["element_id"] > 2**53
    assert (await caller.get("nowhere")).refusal == (400, 1201)


async def test_an_answer_that_names_the_task_by_the_callers_id(caller, sandbox):
    """The task itself has an id of its own."""
    sandbox.script("create", Fault.echo(), times=2)
    assert await caller.created(external_task_id="mine") == "mine"
    assert (await caller.get("mine")).data["task_id"] != "mine"
    assert (await caller.created()).isdigit()


async def test_an_answer_about_another_task(caller, sandbox):
    """Neither of its ids is known here, in whichever dialect; a refusal stays what it is."""
    sandbox.script("create", Fault.mistaken())
    other = await caller.created(external_task_id="mine")
    assert other not in sandbox.account("ezmodel").tasks
    sandbox.script("get", Fault.mistaken(), Fault.mistaken())
    assert (await caller.get("mine")).data["task_info"]["external_task_id"] == "of-another"
    assert (await caller.get("nowhere")).refusal == (400, 1201)


async def test_plain_text_that_calls_itself_gzip(caller, sandbox):
    """No reader can unpack it; the call was carried out."""
    sandbox.script("create", Fault.mislabelled())
    with pytest.raises(aiohttp.ClientPayloadError):
        await caller.create()
    assert sandbox.account("ezmodel").creates == 1


async def test_silence_before_the_end(caller, sandbox):
    """And then a reset, with nothing done."""
    sandbox.script("create", Fault(ending="reset").pausing(0.05))
    began = time.monotonic()
    with pytest.raises(LOST):
        await caller.create()
    assert time.monotonic() - began >= 0.045
    assert sandbox.account("ezmodel").creates == 0
