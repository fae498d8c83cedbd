"""What the subcommands do and print where a script reads it."""

import asyncio
import json

import pytest

from kling_elements_async import ElementSpec, ElementsSession, Images, Polling
from kling_elements_async.sandbox import Fault

from .process import COMMAND, Ran, environment, run

FRONT = "https://example.com/front.png"


async def filled(sandbox, *names):
    """Let elements of these names exist, and return their ids."""
    async with ElementsSession(sandbox.gateway("ezmodel"), polling=Polling(first=0.05)) as session:
        specs = [
            ElementSpec(name, "a thing", Images(FRONT, [FRONT]), external_task_id=f"mine-{n}")
            for n, name in enumerate(names)
        ]
        return [(await session.create_and_wait(spec)).element_id for spec in specs]


@pytest.mark.slow
async def test_create_writes_the_task_id_alone_and_wait_the_element_id_alone(sandbox, env, order):
    """Shell scripts take them by $(…), while stderr tells a person what to do with them."""
    created = await run(*order, "--tag", "animal", env=env)
    task_id = created.out.strip()
    assert created == Ran(0, f"{task_id}\n", f"created; wait for it with: kling-elements wait {task_id}\n")
    waited = await run("wait", task_id, env=env)
    assert waited == Ran(0, f"{next(iter(sandbox.account('ezmodel').elements))}\n", waited.err)
    assert waited.err.splitlines()[-1] == "the element is ready; its id:"


@pytest.mark.slow
async def test_create_with_wait_and_json_writes_one_document(sandbox, env, order):
    """One JSON document on stdout, nothing on stderr, ids as text."""
    ran = await run(*order, "--wait", "--json", env=env)
    (task,) = sandbox.account("ezmodel").tasks.values()
    document = json.loads(ran.out)
    assert (ran.code, ran.err) == (0, "")
    assert (document["task_id"], document["element_id"]) == (task.task_id, task.element_id)
    assert document["status"] == "succeeded"
    assert document["elements"][0]["name"] == "fox"
    assert "raw" not in document


async def test_links_are_sent_as_links_and_all_options_arrive(sandbox, env, run_here):
    """What begins with https:// is no file."""
    ran = await run_here(
        *("create", "--name", "fox", "--description", "a fox", "--frontal", FRONT, "--other", FRONT, FRONT),
        *("--tag", "animal", "--tag", "scene", "--voice", "v1", "--external-id", "mine-1", "--json"),
        *("--callback-url", "https://example.com/hook"),
        env=env,
    )
    assert ran.code == 0, ran.err
    (task,) = sandbox.account("ezmodel").tasks.values()
    assert task.order.frontal.url == FRONT
    assert len(task.order.others) == 2
    assert task.order.external_task_id == json.loads(ran.out)["external_task_id"] == "mine-1"


async def test_get_is_a_table_for_a_person_and_json_one_document_for_a_script(sandbox, env, run_here):
    """Both find a task by its external id, and with --json stderr is silent."""
    (element_id,) = await filled(sandbox, "fox")
    got = await run_here("get", "mine-0", env=env)
    waited = await run_here("wait", "mine-0", "--json", env=env)
    facts = dict(line.split(None, 1) for line in got.out.splitlines())
    assert (facts["status"], facts["element"]) == ("succeeded", f"{element_id}  fox")
    assert json.loads(waited.out)["element_id"] == element_id
    assert (waited.code, waited.err) == (0, "")


async def test_list_delete_list(sandbox, env, run_here):
    """A deleted element is hidden unless asked for; deleting twice is refused unless allowed."""
    first, second = await filled(sandbox, "fox", "b\x1b[31mär\n狐")
    listed = await run_here("list", env=env)
    assert listed.out.splitlines() == [
        f"{second}  b [31mär 狐           image",
        f"{first}  fox                   image",
    ]
    twice = await run_here("delete", first, first, env=env)
    assert (twice.code, twice.out) == (1, f"deleted {first}\n")
    assert twice.line.endswith("--missing-ok allows that")
    allowed = await run_here("delete", first, "--missing-ok", "--json", env=env)
    rest = await run_here("list", env=env)
    whole = await run_here("list", "--all", "--deleted", "--json", env=env)
    assert json.loads(allowed.out) == {"element_id": first, "deleted": True}
    assert (rest.out.count("\n"), rest.err) == (1, "1 deleted: show them with --deleted\n")
    assert [json.loads(line)["element_id"] for line in whole.out.splitlines()] == [second, first]


async def test_delete_with_one_impossible_id_deletes_none(sandbox, env, run_here):
    """All ids are looked at before the first is sent."""
    (kept,) = await filled(sandbox, "fox")
    ran = await run_here("delete", kept, "../x", env=env)
    assert ran.code == 2
    assert "no element id" in ran.line
    assert kept in sandbox.account("ezmodel").elements


@pytest.mark.slow
async def test_a_reader_that_goes_away_is_no_error(env):
    """After one line (| head) or before the first: the rest is not written, and nobody complains."""
    after_one, at_once = await asyncio.gather(
        run_in_shell(f"{' '.join(COMMAND)} presets --json | head -n 1; echo ${{PIPESTATUS[0]}}", env),
        run_in_shell(f"{' '.join(COMMAND)} presets --json | true; echo ${{PIPESTATUS[0]}}", env),
    )
    first, code = after_one.out.splitlines()
    assert json.loads(first)["name"]
    assert (code, after_one.err) == ("0", "")
    assert at_once == Ran(0, "0\n", "")


@pytest.mark.slow
async def test_a_failed_task_ends_with_1_and_its_reason(sandbox, env, order):
    """The gateway's own reason is the line."""
    sandbox.script("create", Fault.task_fails("Image pixel is invalid"))
    ran = await run(*order, "--wait", "--json", env=env)
    assert (ran.code, ran.out) == (1, "")
    assert "ended without an element: Image pixel is invalid. Change what it names" in ran.line


@pytest.mark.slow
async def test_a_task_not_ended_in_time_says_how_to_go_on(sandbox, env, order):
    """The deadline's line holds a command to copy."""
    sandbox.script("get", Fault.never(), times=9)
    ran = await run(*order, "--wait", "--timeout", "0.5", env=env)
    (task_id,) = sandbox.account("ezmodel").tasks
    assert ran.code == 1
    assert ran.err.splitlines()[-1].endswith(f"go on with: kling-elements wait {task_id}")


@pytest.mark.slow
@pytest.mark.parametrize("gateway", ["kling", "kkiai", "anyfast", "evolink"])
async def test_create_and_wait_at_every_gateway(sandbox, gateway):
    """With links and a tag wherever tags are carried, each dialect does the job."""
    tag = [] if gateway == "evolink" else ["--tag", "animal"]
    ran = await run(
        *("create", "--name", "fox", "--description", "a fox", "--frontal", FRONT, "--other", FRONT, *tag),
        "--wait",
        env=environment(sandbox, gateway),
    )
    assert ran.code == 0, ran.err
    assert ran.out.strip() in sandbox.account(gateway).elements


async def run_in_shell(line, env):
    process = await asyncio.create_subprocess_exec(
        "bash", "-c", line, env=env, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    out, err = await process.communicate()
    return Ran(process.returncode, out.decode(), err.decode())
