"""Answers that come whole and are wrong all the same: they say nothing, or too much."""

import asyncio
import logging

import pytest
from tables import crossed, mostly_slow

from kling_elements_async import (
    ApiError,
    CreateUncertainError,
    GatewayBrokenError,
    InvalidRequestError,
    NotFoundError,
    Retries,
    UnexpectedReplyError,
)

from .canary import caught
from .materials import BLIND, CALLS, KEY, READS, a_spec, blind_spec
from .wire_script import answer, envelope, fin, land, request, send

NOTHINGS = {"an object": "{}", "null": "null", "a list": "[]", "a text": '""', "no byte": "", "a number": "0"}
EACH_NOTHING = pytest.mark.parametrize("nothing", NOTHINGS.values(), ids=NOTHINGS)
BROKEN = [500, 502, 503, 504, *range(520, 525), 529]
EACH_BROKEN = pytest.mark.parametrize("status", mostly_slow(BROKEN, 500, 524))


def says(body, status=200):
    return send(answer(body, status)), fin


# ---------------------------------------------------------------- nothing


@EACH_NOTHING
@pytest.mark.parametrize("has_landed", [True, False], ids=["landed", "not landed"])
async def test_nothing_for_a_create(server, open_session, nothing, has_landed):
    """Fault 48: it is found out about; one task is made, by one POST or by two with the same id."""
    server.script(request, *((land,) if has_landed else ()), *says(nothing))
    task = await open_session().create_element(a_spec())
    assert list(server.ledger.tasks) == [task.task_id]
    assert len(server.posts) == (1 if has_landed else 2)
    assert len({seen.body for seen in server.posts}) == 1


@EACH_NOTHING
async def test_nothing_for_a_query(server, open_session, nothing):
    """Fault 48: it is asked again, four times in all, and is then no answer that can be understood."""
    server.otherwise = (request, *says(nothing))
    with caught(UnexpectedReplyError):
        await open_session().get_element("77")
    assert len(server.requests) == 4


# ---------------------------------------------------------------- an error beside data, and an echo


@pytest.mark.parametrize("error", [{"success": False, "message": "no"}, {"error": {"message": "no"}}], ids=str)
async def test_success_that_is_false(server, open_session, error):
    """Fault 47: an error wins over the data beside it; a create that names its task has made it all the same."""
    data = {"task_id": "77", "task_status": "succeed", "task_result": {"elements": [{"element_id": 977}]}}
    server.script(request, *says(envelope(data) | error))
    session = open_session(retries=Retries(attempts=1))
    with pytest.raises(ApiError):
        await session.get_element("77")
    server.script(request, *says(envelope({"task_id": "78", "task_status": "submitted"}) | error))
    assert (await session.create_element(a_spec())).task_id == "78"


async def test_an_echo_for_a_create(server, open_session):
    """Fault 57: an answer that repeats our external id as the task's is no proof of a task; it is looked up."""

    async def echo(connection):
        external_id = connection.requests[-1].json["external_task_id"]
        await send(answer(envelope({"task_id": external_id, "task_status": "submitted"})))(connection)

    server.script(request, land, echo, fin)
    task = await open_session().create_element(a_spec())
    assert list(server.ledger.tasks) == [task.task_id]
    assert (len(server.posts), len(server.looks)) == (1, 1)


# ---------------------------------------------------------------- a broken gateway


def broken(status, form):
    body = envelope(None, 5000, "broken") if form == "its own words" else "<html>"
    return (request, *says(body, status))


@EACH_BROKEN
@pytest.mark.parametrize(("call", "form"), crossed(READS, ["its own words", "a page"]))
async def test_a_broken_gateway_for_a_read(server, open_session, status, form, call):
    """Fault 45: sent again, and once more after the next."""
    server.script(*broken(status, form))
    server.script(*broken(status, form))
    await CALLS[call](open_session())
    assert len(server.requests) == 3


@EACH_BROKEN
async def test_a_gateway_that_stays_broken(server, open_session, status):
    """Fault 45: after four attempts the error names the status."""
    server.otherwise = broken(status, "its own words")
    with caught(GatewayBrokenError) as info:
        await open_session().list_elements()
    assert info.value.status == status
    assert len(server.requests) == 4


@EACH_BROKEN
@pytest.mark.parametrize("form", ["its own words", "a page"])
@pytest.mark.parametrize("has_landed", [True, False], ids=["landed", "not landed"])
async def test_a_broken_gateway_for_a_create(server, open_session, status, form, has_landed):
    """Fault 45: looked up, adopted where it landed, and else sent again after three definite misses."""
    read, *rest = broken(status, form)
    server.script(read, *((land,) if has_landed else ()), *rest)
    task = await open_session().create_element(a_spec())
    assert list(server.ledger.tasks) == [task.task_id]
    assert (len(server.posts), len(server.looks)) == ((1, 1) if has_landed else (2, 3))


@EACH_BROKEN
@pytest.mark.parametrize("gateway", BLIND)
async def test_a_broken_gateway_without_external_ids(server, open_session, status, gateway):
    """Fault 45: uncertain, at one POST."""
    server.otherwise = broken(status, "a page")
    with caught(CreateUncertainError):
        await open_session(lambda url: BLIND[gateway](api_key=KEY, base_url=url)).create_element(
            blind_spec(gateway)
        )
    assert len(server.requests) == 1


# ---------------------------------------------------------------- a refusal, and more than one task


@pytest.mark.parametrize(
    ("text", "kind"),
    [("Element is still processing", InvalidRequestError), ("Element not found for id: 977", NotFoundError)],
)
async def test_deleting_what_is_not_made_yet(server, open_session, clock, text, kind):
    """Fault 77: the gateway's own refusal, after one request; nothing is waited for."""
    server.otherwise = (request, *says(envelope(None, 1201, text), 400))
    with caught(kind) as info:
        await open_session().delete_element("977")
    assert text in info.value.message
    assert (len(server.requests), clock.slept) == (1, [])


async def test_one_element_for_two_tasks(server, open_session, caplog):
    """Fault 58: it is said once, with both tasks, and no caller gets it without a word."""
    made = {"elements": [{"element_id": 977}]}
    session = open_session()
    for task_id in ("77", "78"):
        record = {"task_id": task_id, "task_status": "succeed", "task_result": made}
        server.script(request, *says(envelope(record)))
    await asyncio.gather(*(session.wait_for_element(task_id) for task_id in ("77", "78")))
    (said,) = [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]
    assert all(word in said for word in ("77", "78", "977"))
