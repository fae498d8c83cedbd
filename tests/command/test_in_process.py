"""The subcommands in a thread of this process, at a quick pace: what each says, and with which code it ends."""

import json
import re

import pytest

from kling_elements_async import ElementSpec, ElementsSession, Images
from kling_elements_async.sandbox import NO_FAULT, Fault, Sandbox

from .process import environment

pytestmark = pytest.mark.usefixtures("quick_looks")
LINK = "https://example.com/a.png"


@pytest.fixture(autouse=True)
def quick_retries(monkeypatch):
    monkeypatch.setattr("kling_elements_async.retries.FIRST_PAUSE", 0.02)


@pytest.fixture
async def unending_sandbox():
    async with Sandbox(durations=(600, 600)) as sandbox:
        yield sandbox


async def created(sandbox, count):
    async with ElementsSession(sandbox.gateway("ezmodel")) as session:
        specs = [ElementSpec(f"thing {number}", "a thing", Images(LINK, [LINK])) for number in range(count)]
        return [await session.create_element(spec) for spec in specs]


async def test_a_create_that_is_waited_for(sandbox, env, order, run_here):
    """The id alone on stdout; as JSON one document that holds it."""
    plain = await run_here(*order, "--wait", env=env)
    written = await run_here(*order, "--wait", "--json", env=env)
    first, second = sandbox.account("ezmodel").elements
    assert (plain.code, plain.out) == (0, f"{first}\n")
    assert plain.err.splitlines()[-1] == "the element is ready; its id:"
    assert written.code == 0
    assert second in written.out
    json.loads(written.out)


async def test_a_create_and_then_a_wait(sandbox, env, order, run_here):
    """The first says what to type for the second."""
    first = await run_here(*order, "--tag", "animal", env=env)
    task_id = first.out.strip()
    assert f"kling-elements wait {task_id}" in first.err
    second = await run_here("wait", task_id, env=env)
    assert second.out.strip() in sandbox.account("ezmodel").elements


async def test_a_wait_that_takes_too_long(unending_sandbox, run_here):
    """The line says how it stands, and how to go on."""
    (task,) = await created(unending_sandbox, 1)
    ran = await run_here("wait", task.task_id, "--timeout", "0.2", env=environment(unending_sandbox))
    assert (ran.code, ran.out) == (1, "")
    assert f"go on with: kling-elements wait {task.task_id}" in ran.err
    assert "last seen submitted" in ran.err


async def test_a_wait_for_which_the_gateway_fails_on_the_way(sandbox, env, run_here):
    """It goes on, and says so, once for each thing that goes wrong."""
    (task,) = await created(sandbox, 1)
    sandbox.script("get", NO_FAULT, Fault.html(502), Fault.html(502), Fault.html(404), Fault.html(404))
    ran = await run_here("wait", task.task_id, env=env)
    assert (ran.code, ran.out.strip()) == (0, *sandbox.account("ezmodel").elements)
    first, second, _ = ran.err.splitlines()
    assert first.startswith("still trying: ezmodel, asked to look, sent HTTP 502")
    assert second.startswith(
        "still trying: ezmodel, asked to look, sent HTTP 404 with an answer that is not the JSON"
    )
    assert ("check KLING_BASE_URL" in first, "check KLING_BASE_URL" in second) == (False, True)


async def test_a_wait_that_begins_on_a_bad_day(sandbox, env, run_here):
    """What a proxy says of its gateway passes: only a wrong address ends a wait before it has begun."""
    (task,) = await created(sandbox, 1)
    sandbox.script("get", Fault.html(502), times=5)
    ran = await run_here("wait", task.task_id, env=env)
    assert (ran.code, ran.out.strip()) == (0, *sandbox.account("ezmodel").elements)


async def test_a_wait_that_never_sees_its_task(sandbox, env, run_here):
    """Nothing is claimed of the task, and what went wrong last stands in the last line."""
    sandbox.script("get", Fault.code(5000), times=99)
    ran = await run_here("wait", "mine-1", "--timeout", "0.4", env=env)
    assert ran.code == 1
    assert re.search(r"task mine-1 was not seen once in 0\.\d s.*go on with: kling-elements wait mine-1", ran.err)


async def test_a_gateway_that_does_not_answer_in_the_time_of_a_wait(sandbox, env, run_here):
    """The time holds for the first question, too."""
    sandbox.script("get", Fault.never())
    ran = await run_here("wait", "mine-1", "--timeout", "0.2", env=env)
    assert (ran.code, ran.line) == (
        1,
        "kling-elements: task mine-1 was not seen once in 0.2 s; go on with: kling-elements wait mine-1",
    )


async def test_a_list_of_tasks_that_are_not_done(unending_sandbox, run_here):
    """There are no elements yet, and it says how to wait for one."""
    tasks = await created(unending_sandbox, 2)
    ran = await run_here("list", env=environment(unending_sandbox))
    assert ran.code == 0
    assert "2 not ready yet: kling-elements wait" in ran.err
    assert any(task.task_id in ran.err for task in tasks)


async def test_a_list_with_more_behind_it(sandbox, env, run_here):
    """A full page says that there may be another; one behind the end says that it is empty."""
    async with ElementsSession(sandbox.gateway("ezmodel")) as session:
        made = [await session.wait_for_element(task.task_id) for task in await created(sandbox, 3)]
        await session.delete_element(made[0])
    full = await run_here("list", "--page-size", "2", env=env)
    behind = await run_here("list", "--page", "9", env=env)
    every = await run_here("list", "--all", "--json", env=env)
    assert "there is more: --page 2, or --all" in full.err
    assert "no elements on page 9" in behind.err
    assert {*made[1:]} <= set(every.out.replace('"', " ").split())


async def test_presets_and_one_task(sandbox, env, run_here):
    """Both as a table and as JSON."""
    (task,) = await created(sandbox, 1)
    table, document = await run_here("presets", env=env), await run_here("presets", "--json", env=env)
    assert (table.code, document.code) == (0, 0)
    assert table.out.split()[0] in document.out
    shown = await run_here("get", task.task_id, env=env)
    assert (shown.code, task.task_id in shown.out) == (0, True)


async def test_an_uncertain_create(sandbox, run_here, order):
    """Where the answer is lost and nothing can be looked up, the line says where to look."""
    sandbox.script("create", Fault.lost_answer(), gateway="anyfast")
    ran = await run_here(*order, "--tag", "animal", env=environment(sandbox, "anyfast"))
    assert ran.code == 1
    assert "look in your account there before you create it again" in ran.err


async def test_the_demo(run_here, monkeypatch):
    """Twenty elements made, waited for, listed and deleted; as JSON one document."""
    monkeypatch.setattr("kling_elements_async.command.demo._SECONDS", (0.02, 0.05))
    plain = await run_here("demo", env=environment())
    assert plain.code == 0, plain.err
    assert "0 elements are left" in plain.out
    written = await run_here("demo", "--json", env=environment())
    assert len(json.loads(written.out)["elements"]) == 20
