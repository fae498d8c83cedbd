"""The doctor: each check says that all is well, or what is wrong and what to do, and never the key."""

import json
from email.utils import formatdate

import pytest
from aiohttp import web

from kling_elements_async.near_miss import nearest
from kling_elements_async.sandbox import Fault

from .process import environment

KEY = "the-key-of-nobody"


def marks(ran):
    """The checks in their order, each with its mark."""
    return {line.split()[1]: line.split()[0] for line in ran.out.splitlines()}


def line(ran, check):
    (found,) = [line for line in ran.out.splitlines() if line.split()[1] == check]
    return found


@pytest.fixture
async def host():
    """A host that answers each path with this text, these headers and this status; returns its address."""
    runners = []

    async def of(text="{}", status=200, **headers):
        async def serve(_):
            return web.Response(text=text, status=status, headers=headers)

        runner = web.ServerRunner(web.Server(serve))
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        runners.append(runner)
        return f"http://127.0.0.1:{runner.addresses[0][1]}"

    yield of
    for runner in runners:
        await runner.cleanup()


@pytest.mark.parametrize("gateway", ["kling", "ezmodel", "kkiai", "anyfast", "evolink"])
async def test_where_all_is_well_each_line_is_ok(sandbox, run_here, gateway):
    """Exit code 0 at every gateway, nothing changed there, and one harmless call."""
    ran = await run_here("doctor", env=environment(sandbox, gateway))
    assert (ran.code, ran.err) == (0, ""), ran.out
    assert marks(ran) == dict.fromkeys(("versions", "gateway", "key", "host", "clock", "call", "offers"), "ok")
    assert "the key was accepted" in line(ran, "call")
    assert sandbox.account(gateway).counts.total() == 1
    assert sandbox.account(gateway).creates == 0
    assert sandbox.key not in ran.out


async def test_what_a_gateway_offers_and_lacks_is_said(sandbox, run_here):
    """Before a job is built on it."""
    ran = await run_here("doctor", env=environment(sandbox, "evolink"))
    assert line(ran, "offers") == "ok   offers    create, get; without local pictures, tags, external ids"


async def test_in_json_each_check_is_a_document(sandbox, env, run_here):
    """With the same four fields."""
    ran = await run_here("doctor", "--json", env=env)
    documents = [json.loads(line) for line in ran.out.splitlines()]
    assert {tuple(document) for document in documents} == {("check", "ok", "says", "advice")}
    assert all(document["ok"] for document in documents)


async def test_without_a_key_the_rest_is_checked_all_the_same(sandbox, env, run_here):
    """Exit code 1; what was not tried says so."""
    ran = await run_here("doctor", env=env | {"KLING_API_KEY": ""})
    assert ran.code == 1
    assert marks(ran) | {"key": "bad", "call": "--"} == marks(ran)
    assert "set KLING_API_KEY" in line(ran, "key")
    assert line(ran, "host").startswith("ok")


async def test_a_refused_key_is_wrong_and_not_shown(sandbox, env, run_here):
    """The gateway's own words, and what to do."""
    ran = await run_here("doctor", env=env | {"KLING_API_KEY": KEY})
    assert (ran.code, marks(ran)["key"], marks(ran)["call"]) == (1, "ok", "bad")
    assert "Check the key" in line(ran, "call")
    assert KEY not in ran.out + ran.err


async def test_a_wrong_variable_is_named_with_the_right_one(sandbox, env, run_here):
    """A key in KLING_APIKEY is not read by anybody."""
    ran = await run_here("doctor", env=env | {"KLING_APIKEY": KEY})
    assert ran.code == 1
    assert line(ran, "variable") == "bad  variable  KLING_APIKEY is not read; KLING_API_KEY may be meant"
    assert KEY not in ran.out


@pytest.mark.parametrize(
    ("variables", "words"),
    [
        ({"KLING_GATEWAY": "ezmodl"}, "did you mean ezmodel?"),
        ({"KLING_BASE_URL": "http://example.com"}, "KLING_BASE_URL for example.com must be https"),
        ({"KLING_BASE_URL": KEY}, "KLING_BASE_URL is no URL"),
    ],
)
async def test_a_wrong_gateway_or_address_ends_it(run_here, variables, words):
    """Nothing else could be asked."""
    ran = await run_here("doctor", env={"KLING_API_KEY": KEY} | variables)
    assert ran.code == 1
    assert marks(ran) == {"versions": "ok", "gateway": "bad"}
    assert words in line(ran, "gateway")
    assert KEY not in ran.out


async def test_a_host_that_is_not_there_is_said_once(run_here, host, monkeypatch):
    """What needs it is not tried; a proxy that is set, and not used, is named."""
    env = {"KLING_API_KEY": KEY, "KLING_BASE_URL": "http://127.0.0.1:1"}
    ran = await run_here("doctor", env=env)
    assert (ran.code, marks(ran)["host"], marks(ran)["clock"], marks(ran)["call"]) == (1, "bad", "--", "--")
    assert "127.0.0.1:1 can't be reached" in line(ran, "host")
    assert "check KLING_BASE_URL, the network" in line(ran, "host")
    monkeypatch.setenv("HTTPS_PROXY", "http://user:password@example.com")
    ran = await run_here("doctor", env=env)
    assert line(ran, "host").endswith("HTTPS_PROXY is set, and is not used here")


@pytest.mark.parametrize(
    ("there", "pair", "mark", "words"),
    [
        (0, True, "ok", "is right"),
        (-3, True, "ok", "3 s ahead of the host's"),
        (-60, True, "bad", "60 s ahead of the host's: signed keys are then refused; set the clock"),
        (60, True, "bad", "60 s behind the host's: signed keys are then refused; set the clock"),
        (-60, False, "ok", "60 s ahead of the host's"),
        (900, False, "bad", "900 s behind the host's: signed callbacks are then refused"),
    ],
)
async def test_a_clock_that_differs_is_wrong_where_it_matters(
    run_here, host, there, pair, mark, words, monkeypatch
):
    """For a signed token some seconds do, for a plain key some minutes."""
    now = 1_790_000_000.5
    monkeypatch.setattr("kling_elements_async.command.probe.time.time", lambda: now)
    keys = {"KLING_ACCESS_KEY": "a", "KLING_SECRET_KEY": KEY} if pair else {"KLING_API_KEY": KEY}
    url = await host(Date=formatdate(int(now) + there, usegmt=True))
    ran = await run_here("doctor", env=keys | {"KLING_BASE_URL": url})
    assert marks(ran)["clock"] == mark
    assert words in line(ran, "clock")


@pytest.mark.parametrize(
    "date", [{"Date": "yesterday"}, {"Date": formatdate(0, usegmt=True), "Age": str(10**12)}, {"Age": "x"}]
)
async def test_a_date_that_makes_no_sense_is_no_crash(run_here, host, date):
    """Whatever a host may send."""
    ran = await run_here("doctor", env={"KLING_API_KEY": KEY, "KLING_BASE_URL": await host(**date)})
    assert "clock" in marks(ran)


async def test_an_old_answer_of_a_cache_is_no_wrong_clock(run_here, host):
    """Its Date was right when it was made, ``Age`` seconds ago."""
    import time

    url = await host(Date=formatdate(time.time() - 4000, usegmt=True), Age="4000")
    ran = await run_here("doctor", env={"KLING_API_KEY": KEY, "KLING_BASE_URL": url})
    assert line(ran, "clock").startswith("ok")


async def test_a_page_that_is_not_there_does_not_pass_for_a_missing_task(run_here, host):
    """At a gateway without lists, 404 without a code is a wrong address."""
    url = await host('{"error": {"message": "no such page"}}', status=404)
    env = {"KLING_GATEWAY": "evolink", "KLING_API_KEY": KEY, "KLING_BASE_URL": url}
    ran = await run_here("doctor", env=env)
    assert (ran.code, marks(ran)["call"]) == (1, "bad")
    assert line(ran, "call").endswith("check KLING_BASE_URL")


async def test_a_broken_gateway_is_asked_once(sandbox, env, run_here):
    """The doctor looks, and does not insist."""
    sandbox.script("list", Fault.html(503), times=9)
    ran = await run_here("doctor", env=env)
    assert (ran.code, marks(ran)["call"]) == (1, "bad")
    assert sandbox.account("ezmodel").counts.total() == 1


@pytest.mark.parametrize(
    ("word", "meant"),
    [("galery", "gallery"), ("LIST", "list"), ("del", "delete"), ("preset", "presets"), ("xyz", None), ("", None)],
)
def test_a_near_miss_has_one_right_name(word, meant):
    """What is near to none has none."""
    assert nearest(word, ["gallery", "list", "delete", "presets"]) == meant
