"""The server itself: addresses, closing, load."""

import asyncio
import time

import aiohttp
import pytest

from kling_elements_async.sandbox import Fault, Sandbox

from .caller import Caller


async def test_each_gateway_has_a_path_of_its_own(sandbox):
    """What stands before `/v1/`."""
    port = sandbox.url("kling").split(":")[2].split("/")[0]
    assert {name: sandbox.url(name) for name in sandbox.gateways} == {
        "kling": f"http://127.0.0.1:{port}/kling",
        "ezmodel": f"http://127.0.0.1:{port}/ezmodel/kling",
        "kkiai": f"http://127.0.0.1:{port}/kkiai/kling",
        "anyfast": f"http://127.0.0.1:{port}/anyfast/kling",
        "evolink": f"http://127.0.0.1:{port}/evolink",
    }


async def test_a_gateway_of_the_client_points_here(sandbox):
    """The only place where the sandbox meets the client."""
    for name in sandbox.gateways:
        gateway = sandbox.gateway(name)
        assert gateway.name == name
        assert gateway.base_url == sandbox.url(name)


def test_there_is_no_address_before_the_start():
    """And the text says so."""
    with pytest.raises(RuntimeError, match="before it is started"):
        Sandbox().url("kling")


async def test_no_key_is_shown(sandbox):
    """Neither in the sandbox nor in what it logs."""
    account = sandbox.account("kling")
    assert "sandbox-key" not in repr(sandbox) + repr(vars(sandbox)["_keys"]) + repr(account.requests)


async def test_closing_is_quick_whatever_hangs(http):
    """An idle connection, a caller without an answer, one in the middle of its body."""
    sandbox = Sandbox()
    async with sandbox:
        caller = Caller(http, sandbox)
        await caller.list()
        sandbox.script("any", Fault.never(), Fault.delay(60))
        hanging = [asyncio.create_task(caller.list()), asyncio.create_task(caller.create())]
        port = int(sandbox.url("kling").split(":")[2].split("/")[0])
        _, half_sent = await asyncio.open_connection("127.0.0.1", port)
        head = "POST /kling/v1/general/advanced-custom-elements HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\n{"
        half_sent.write(head.encode())
        while sandbox.account("ezmodel").counts["create"] < 1:  # noqa: ASYNC110 - the account is a plain record
            await asyncio.sleep(0.01)
        await asyncio.sleep(0.1)
        began = time.monotonic()
    assert time.monotonic() - began < 10
    results = await asyncio.gather(*hanging, return_exceptions=True)
    assert isinstance(results[0], aiohttp.ClientError)
    half_sent.close()
    assert len(asyncio.all_tasks()) == 1


async def test_a_caller_that_leaves_in_the_middle_of_its_body_made_nothing(sandbox, caplog):
    """And nothing is said about it."""
    port = int(sandbox.url("kling").split(":")[2].split("/")[0])
    _, writer = await asyncio.open_connection("127.0.0.1", port)
    head = "POST /kling/v1/general/advanced-custom-elements HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\n{"
    writer.write(head.encode())
    account = sandbox.account("kling")
    while not account.counts["create"]:  # noqa: ASYNC110 - the account is a plain record
        await asyncio.sleep(0.001)
    writer.close()
    await writer.wait_closed()
    while len(asyncio.all_tasks()) > 1:  # noqa: ASYNC110 - until it has noticed
        await asyncio.sleep(0.001)
    assert (account.creates, account.counts["create"], account.requests[0].status) == (0, 1, 0)
    assert caplog.records == []


async def test_a_sandbox_can_be_started_again_on_its_port(http):
    """A gateway that goes away and comes back; its accounts live on."""
    sandbox = Sandbox()
    async with sandbox:
        url = sandbox.url("ezmodel")
        await Caller(http, sandbox).created(external_task_id="mine")
    async with sandbox:
        assert sandbox.url("ezmodel") == url
        assert (await Caller(http, sandbox).get("mine")).status == 200


async def test_many_callers_at_once(caller, sandbox):
    """Every one gets an id of its own, and a list of 500 comes in one piece."""
    ids = await asyncio.gather(*(caller.created() for _ in range(500)))
    assert len(set(ids)) == 500
    assert len({task.element_id for task in sandbox.account("ezmodel").tasks.values()}) == 500
    assert len((await caller.list(pageSize=500)).data) == 500
