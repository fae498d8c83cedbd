"""One element for one create, whatever becomes of the answer."""

import asyncio
import json

import pytest
from tables import crossed, mostly_slow

from kling_elements_async import (
    CreateUncertainError,
    DuplicateTaskError,
    ElementsSession,
    NotSentError,
    Retries,
    UnexpectedReplyError,
)
from kling_elements_async.gateways import EzModel

from .account import envelope
from .errors import caught
from .materials import BLIND, NATIVE, a_spec, a_video_spec, links
from .server import CLOSE, CUT, CUT_JSON, HANG, HTML, KEY, RESET, TRUE, Act, late, refuses, says

MISS = refuses(400, 1201, "Task not found by id/external id: it")
UNCLEAR = {
    "a reset": RESET,
    "an early end": CLOSE,
    "a cut body": CUT,
    "cut JSON": CUT_JSON,
    "an empty object": says({}),
    "an empty body": says(b""),
    "null": says(b"null"),
    "a page": says(HTML),
    "a page with 502": says(HTML, 502),
    "a page with 403": says(HTML, 403),
    "500": refuses(500, 5000),
    "503": refuses(503, 5001),
    "504": refuses(504, 5002),
    "524 without a body": says(b"", 524),
    "408": says(b"", 408),
    "an unknown code": refuses(200, 9999),
    "success without a task": says(envelope({})),
    "no HTTP": Act(fate="raw", body=b"SSH-2.0-OpenSSH_9.6\r\n\r\n"),
    "deep nesting": says(b"[" * 1_000_000),
    "too much": says(b'{"code": 0, "x": "' + b"x" * 9 * 2**20 + b'"}'),
}
PLAIN = [
    "a reset",
    "a cut body",
    "an empty object",
    "an empty body",
    "a page with 502",
    "504",
    "an unknown code",
    "no HTTP",
]


@pytest.mark.parametrize("what", UNCLEAR)
async def test_an_answer_lost_after_the_effect(server, open_session, what):
    """The element is there: it is found by its external id and adopted, and no second one is made."""
    server.script("create", late(UNCLEAR[what]))
    task = await open_session().create_element(a_spec())
    assert list(server.accounts["ezmodel"].tasks) == [task.task_id]
    assert len(server.calls("create")) == 1
    assert task.external_task_id == server.calls("create")[0].body["external_task_id"]


@pytest.mark.parametrize("what", mostly_slow([what for what in UNCLEAR if what != "a page with 403"], *PLAIN))
async def test_a_create_lost_before_the_effect(server, open_session, what):
    """Three looks at 0, 1 and 3 seconds find nothing, then it goes once more with the same external id."""
    server.script("create", UNCLEAR[what])
    task = await open_session().create_element(a_spec())
    assert list(server.accounts["ezmodel"].tasks) == [task.task_id]
    first, second = server.calls("create")
    assert first.body == second.body
    looks = [seen.at - first.at for seen in server.seen if seen.call == "get" and seen.at <= second.at]
    assert len(looks) >= 3
    assert looks[0] <= 0.3
    assert second.at - first.at >= 2.4
    assert {seen.path.rpartition("/")[2] for seen in server.calls("get")} == {first.body["external_task_id"]}


@pytest.mark.slow
async def test_a_create_lost_before_the_effect_in_real_time(server, open_session):
    """The looks take three seconds on a real clock, too."""
    loop = asyncio.get_running_loop()
    start = loop.time()
    server.script("create", RESET)
    await open_session(clock=None).create_element(a_spec())
    assert len(server.calls("create")) == 2
    assert 2.4 <= loop.time() - start <= 20


@pytest.mark.parametrize("length", [True, False])
@pytest.mark.parametrize("step", [7, pytest.param(1, marks=pytest.mark.slow)])
async def test_an_answer_cut_at_each_byte(server, open_session, length, step):
    """Wherever the answer to a create breaks off, with a Content-Length or without: one element, one task."""
    account, session = server.accounts["ezmodel"], open_session()
    size = len(_written(account.create(_body("first"))[1], length))
    for place in sorted({*range(0, size, step), *range(size - 3, size + 1)}):
        server.script(
            "create",
            Act(fate="raw", body=lambda seen, n=place: _written(account.create(seen.body)[1], length)[:n]),
        )
        before = set(account.tasks)
        task = await session.create_element(a_spec(external_task_id=f"{place:05d}"))
        assert set(account.tasks) - before == {task.task_id}, place


def _body(external_id):
    """What a create carries."""
    images = {
        "frontal_image": "https://example.com/1.png",
        "refer_images": [{"image_url": "https://example.com/2.png"}],
    }
    fields = {"element_name": "x", "element_description": "y", "reference_type": "image_refer"}
    return fields | {"element_image_list": images, "external_task_id": external_id}


def _written(answer, length):
    body = json.dumps(answer).encode()
    return b"HTTP/1.1 200 OK\r\n" + (b"Content-Length: %d\r\n" % len(body) if length else b"") + b"\r\n" + body


@pytest.mark.parametrize("gateway", NATIVE)
@pytest.mark.parametrize("effect", [True, False])
async def test_each_gateway_with_external_ids(server, open_session, gateway, effect):
    """Kkiai's documented answer to a create, `{}`, says nothing at any of them."""
    server.script("create", late(says({})) if effect else says({}))
    session = open_session(gateway)
    task = await session.create_element(a_spec(gateway))
    assert list(server.accounts[gateway].tasks) == [task.task_id]
    assert len(server.calls("create")) == (1 if effect else 2)
    assert await session.wait_for_element(task.task_id) == "856528387816046601"


async def test_the_looks_come_after_a_while(server, open_session):
    """The create lands late: it is not seen at first, and adopted as soon as it is."""
    server.script("create", late(RESET))
    server.script("get", MISS, MISS)
    task = await open_session().create_element(a_spec())
    assert list(server.accounts["ezmodel"].tasks) == [task.task_id]
    assert len(server.calls("create")) == 1


async def test_a_duplicate_refusal_of_our_own_id(server, open_session):
    """It landed after all looks: the gateway refuses the second POST, and the first one's task is adopted."""
    server.script("create", late(RESET))
    server.script("get", MISS, MISS, MISS)
    task = await open_session().create_element(a_spec())
    assert list(server.accounts["ezmodel"].tasks) == [task.task_id]
    assert len(server.calls("create")) == 2


@pytest.mark.parametrize("what", ["a reset", "a page with 502", "an empty object"])
async def test_two_losses_in_a_row(server, open_session, what):
    """Lost before the effect, then after it: still one element and one answer."""
    server.script("create", UNCLEAR[what], late(UNCLEAR[what]))
    task = await open_session().create_element(a_spec())
    assert list(server.accounts["ezmodel"].tasks) == [task.task_id]
    assert len({seen.body["external_task_id"] for seen in server.calls("create")}) == 1


@pytest.mark.parametrize("look", ["a page with 502", "a reset", "a page", "an empty object", "503"])
async def test_unclear_looks(server, open_session, look):
    """Looks that tell nothing lead to no second POST; when they clear up, the task is adopted."""
    server.script("create", late(RESET))
    server.script("get", UNCLEAR[look], UNCLEAR[look])
    task = await open_session().create_element(a_spec())
    assert list(server.accounts["ezmodel"].tasks) == [task.task_id]
    assert len(server.calls("create")) == 1


@pytest.mark.parametrize("look", ["a page with 502", "a reset", "a page", "an empty object"])
async def test_looks_that_stay_unclear(server, open_session, clock, look):
    """At its timeout the create is uncertain, and it was sent once."""
    server.script("create", late(RESET))
    server.always("get", UNCLEAR[look])
    start = clock.now()
    with caught(CreateUncertainError) as info:
        await open_session().create_element(a_spec(external_task_id="mine-1"), timeout=20)
    assert (info.value.gateway, info.value.external_task_id) == ("ezmodel", "mine-1")
    assert info.value.reason
    assert info.value.sent_at is not None
    assert len(server.calls("create")) == 1
    assert clock.now() - start <= 20.1


async def test_a_look_that_finds_another_task(server, open_session):
    """Somebody else's task is never adopted."""
    account = server.accounts["ezmodel"]
    other = account.add({"element_name": "other", "external_task_id": "theirs"})
    server.script("create", RESET)
    server.always("get", says(envelope(account.record(other, "succeed"))))
    with caught(CreateUncertainError):
        await open_session().create_element(a_spec(), timeout=20)


async def test_a_create_that_hangs_is_uncertain_at_its_timeout(server, open_session):
    """Real time: the answer does not come, nothing can be looked up, the timeout holds, and one POST was sent."""
    server.script("create", late(HANG))
    server.always("get", HANG)
    loop = asyncio.get_running_loop()
    start = loop.time()
    with caught(CreateUncertainError):
        await open_session(clock=None).create_element(a_spec(), timeout=0.4)
    assert 0.3 <= loop.time() - start < 5
    assert len(server.calls("create")) == 1


@pytest.mark.parametrize(("what", "gateway"), crossed(UNCLEAR, BLIND))
@pytest.mark.parametrize("effect", [True, pytest.param(False, marks=pytest.mark.slow)])
async def test_a_gateway_without_external_ids(server, open_session, gateway, what, effect):
    """A create that may have happened is never sent again: the caller is told that nobody knows."""
    server.script("create", late(UNCLEAR[what]) if effect else UNCLEAR[what])
    with caught(CreateUncertainError) as info:
        await open_session(gateway).create_element(a_spec(gateway))
    assert info.value.gateway == gateway
    assert info.value.reason
    assert len(server.calls("create")) == 1


@pytest.mark.parametrize("gateway", [*NATIVE, *BLIND])
async def test_nobody_listens(server, open_session, gateway):
    """A refused connection is free to be tried again; nothing happened at the gateway."""
    session = open_session(gateway, retries=Retries(attempts=2))
    await server.__aexit__()
    with caught(NotSentError):
        await session.create_element(a_spec(gateway))


async def test_a_name_that_does_not_resolve():
    """The error names the host."""
    gateway = EzModel(api_key=KEY, base_url="https://nobody.invalid/kling")
    async with ElementsSession(gateway, retries=Retries(attempts=1)) as session:
        with caught(NotSentError) as info:
            await session.create_element(a_spec())
    assert "nobody.invalid" in str(info.value)


async def test_an_external_id_that_is_taken_by_the_same(server, open_session):
    """A rerun of a script with its own id gets the element that it made before."""
    first = await open_session().create_element(a_spec(external_task_id="mine-1"))
    second = await open_session().create_element(a_spec(external_task_id="mine-1"))
    assert first.task_id == second.task_id
    assert len(server.accounts["ezmodel"].tasks) == 1


@pytest.mark.parametrize("other", [a_spec(name="another"), a_video_spec()], ids=["name", "kind"])
async def test_an_external_id_that_is_taken_by_another(server, open_session, other):
    """The finished element has another name or kind: it is not what was asked for."""
    await open_session().create_element(a_spec(external_task_id="mine-1"))
    changed = a_spec(name=other.name, reference=other.reference, external_task_id="mine-1")
    with caught(DuplicateTaskError):
        await open_session().create_element(changed)
    assert len(server.accounts["ezmodel"].tasks) == 1


async def test_two_creates_with_one_external_id_at_once(server, open_session):
    """One flight: both get the same task."""
    session = open_session()
    spec = a_spec(external_task_id="mine-1")
    first, second = await asyncio.gather(session.create_element(spec), session.create_element(spec))
    assert first.task_id == second.task_id
    assert len(server.accounts["ezmodel"].tasks) == 1


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_create_that_is_sent_elsewhere(server, open_session, status):
    """A redirect came from a door and not from the gateway: it is an error at once, at the first POST."""
    server.always("create", says(b"", status, Location=f"{server.origin}/elsewhere"))
    with caught(UnexpectedReplyError):
        await open_session().create_element(a_spec())
    assert [seen.call for seen in server.seen] == ["create"]


@pytest.mark.parametrize("gateway", mostly_slow([*NATIVE, *BLIND], "ezmodel", "evolink"))
async def test_a_cancelled_create(server, open_session, gateway):
    """Cancelling takes effect at once, the session stays usable, and nothing more is sent."""
    session = open_session(gateway, clock=None)
    server.script("create", late(HANG), TRUE)
    task = asyncio.create_task(session.create_element(a_spec(gateway)))
    await server.until("create", 1)
    task.cancel()
    async with asyncio.timeout(5):
        with pytest.raises(asyncio.CancelledError):
            await task
    await asyncio.sleep(0.05)
    assert len(server.seen) == 1
    await session.create_element(a_spec(gateway, reference=links(2)))
    assert len(server.accounts[gateway].tasks) == 2
