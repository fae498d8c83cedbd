"""An argument of a wrong type, or a number that cannot be meant, is answered with the argument's name, and nothing is sent."""

import asyncio
import math

import pytest

from kling_elements_async import (
    ConfigurationError,
    ElementSpec,
    ElementsSession,
    Images,
    Polling,
    Retries,
    Video,
    webhooks,
)
from kling_elements_async.chunks import chunks, key_of, run_chunk
from kling_elements_async.gateways import EzModel
from kling_elements_async.sandbox import Fault, Sandbox, SandboxThread
from kling_elements_async.shared import RedisSlots
from kling_elements_async.telemetry import Telemetry

LINK = "https://example.com/a.png"
SPEC = ElementSpec("x", "x", Images(LINK, [LINK]))
SECRET = "whsec_" + "QUFB" * 8
SIGNED = {"webhook-id": "a", "webhook-timestamp": "100", "webhook-signature": "v1,x"}
GIVEN = {repr(value): value for value in (None, 3, -1, 1.5, math.nan, math.inf, True, "x", b"x", [], {}, object)}
NUMBERS = {"3", "1.5", "inf"}
FLAGS = {"True"}
NOTHING = {"None"}


def option(name):
    return lambda session, value: ElementsSession(session.gateway, **{name: value})


def many(**named):
    async def outcomes(session, value):
        arguments = {"specs": [SPEC]} | dict.fromkeys(named, value)
        async with session.create_many(arguments.pop("specs"), **arguments) as outcomes:
            return [outcome async for outcome in outcomes]

    return outcomes


# What is called, with a wrong value for one argument; the argument; and the values that are right there.
CALLS = {
    **{
        f"ElementsSession({name})": (option(name), name, right)
        for name, right in {
            "retries": set(),
            "polling": set(),
            "max_connections": {"3"},
            "max_running_tasks": {"3"} | NOTHING,
            "slots": NOTHING,
            "http": NOTHING,
            "on_event": NOTHING | {"<class 'object'>"},
            "clock": NOTHING,
        }.items()
    },
    "ElementsSession(webhook_secrets)": (option("webhook_secrets"), "secret", {"[]", "{}"}),
    "create_element": (lambda session, value: session.create_element(SPEC, timeout=value), "timeout", NUMBERS),
    "create_and_wait": (lambda session, value: session.create_and_wait(SPEC, timeout=value), "timeout", NUMBERS),
    "create_and_wait, on_update": (
        lambda session, value: session.create_and_wait(SPEC, on_update=value),
        "on_update",
        NOTHING | {"<class 'object'>"},
    ),
    "wait_for_element": (
        lambda session, value: session.wait_for_element("1", timeout=value),
        "timeout",
        NUMBERS | NOTHING,
    ),
    "wait_for_element, on_update": (
        lambda session, value: session.wait_for_element("1", on_update=value),
        "on_update",
        NOTHING | {"<class 'object'>"},
    ),
    "list_elements": (lambda session, value: session.list_elements(page=value), "page", {"3"}),
    "list_preset_elements": (
        lambda session, value: session.list_preset_elements(page_size=value),
        "page_size",
        {"3"},
    ),
    "delete_many": (lambda session, value: session.delete_many(value), "element_ids", {"[]", "{}"}),
    "prune, name": (lambda session, value: session.prune(name=value), "name", {"'x'"}),
    "prune, older_than": (lambda session, value: session.prune(older_than=value), "older_than", {"3", "1.5"}),
    "prune, dry_run": (lambda session, value: session.prune(name="x", dry_run=value), "dry_run", FLAGS),
    "create_many, specs": (many(specs=...), "specs", {"[]", "{}"}),
    "create_many, timeout": (many(timeout=...), "timeout", NUMBERS),
    "create_many, journal": (many(journal=...), "journal", NOTHING | {"'x'"}),
    "deliver_callback": (lambda session, value: session.deliver_callback({}, value), "body", {"'x'", "b'x'"}),
    "run_chunk, rows": (lambda session, value: run_chunk(value, session), "rows", {"[]", "{}"}),
    "run_chunk, a row": (lambda session, value: run_chunk([value], session), "row", {"{}"}),
    "run_chunk, session": (lambda _, value: run_chunk([], value), "session", set()),
    "run_chunk, journal": (lambda session, value: run_chunk([], session, value), "journal", NOTHING),
    "run_chunk, timeout": (lambda session, value: run_chunk([SPEC], session, timeout=value), "timeout", NUMBERS),
    "chunks": (lambda _, value: chunks(value), "manifest", {"[]", "{}", "'x'"}),
    "chunks, a row": (lambda _, value: list(chunks([value])), "row", {"{}"}),
    "chunks, size": (lambda _, value: chunks([], value), "size", {"3"}),
    "key_of": (lambda _, value: key_of(value), "row", {"{}"}),
    "webhooks.parse": (lambda _, value: webhooks.parse(value), "body", {"'x'", "b'x'"}),
    "webhooks.verify, headers": (lambda _, value: webhooks.verify(value, b"", SECRET), "headers", {"{}"}),
    "webhooks.verify, body": (
        lambda _, value: webhooks.verify(SIGNED, value, SECRET, now=100),
        "body",
        {"'x'", "b'x'"},
    ),
    "webhooks.verify, secrets": (lambda _, value: webhooks.verify(SIGNED, b"", value), "secret", set()),
    "webhooks.verify, now": (
        lambda _, value: webhooks.verify(SIGNED, b"", SECRET, now=value),
        "now",
        NUMBERS | NOTHING | {"-1", "nan"},
    ),
    "webhooks.asgi_app": (lambda _, value: webhooks.asgi_app(value), "session", set()),
    "webhooks.aiohttp_handler": (lambda _, value: webhooks.aiohttp_handler(value), "session", set()),
    "Retries, attempts": (lambda _, value: Retries(attempts=value), "attempts", {"3"}),
    "Retries, within": (lambda _, value: Retries(within=value), "within", NUMBERS),
    "Polling, first": (lambda _, value: Polling(first=value), "first", {"3", "1.5"}),
    "Polling, factor": (lambda _, value: Polling(factor=value), "factor", {"3", "1.5"}),
    "Polling, longest": (lambda _, value: Polling(longest=value), "longest", {"3", "1.5"}),
    "ElementSpec, name": (lambda _, value: ElementSpec(value, "x", SPEC.reference), "name", {"'x'"}),
    "ElementSpec, reference": (lambda _, value: ElementSpec("x", "x", value), "reference", set()),
    "ElementSpec, voice_id": (
        lambda _, value: ElementSpec("x", "x", SPEC.reference, voice_id=value),
        "voice_id",
        NOTHING | {"'x'"},
    ),
    "ElementSpec, tags": (
        lambda _, value: ElementSpec("x", "x", SPEC.reference, tags=value),
        "tag",
        {"[]", "{}"},
    ),
    "Images, frontal": (lambda _, value: Images(value, [LINK]), "image", {"'x'", "b'x'"}),
    "Images, others": (lambda _, value: Images(LINK, value), "others", {"[]", "{}"}),
    "Video": (lambda _, value: Video(value), "url", {"'x'"}),
    "RedisSlots, lease": (lambda _, value: RedisSlots("redis://localhost", value), "lease", {"3", "1.5"}),
    "Telemetry": (lambda _, value: Telemetry(value), "gateway", set()),
    "Sandbox, slots": (lambda _, value: Sandbox(slots=value), "slots", {"3"} | NOTHING),
    "Sandbox, durations": (lambda _, value: Sandbox(durations=value), "durations", {"<class 'object'>"}),
    "Sandbox, chaos": (lambda _, value: Sandbox(chaos=value), "chaos", set()),
    "Sandbox, port": (lambda _, value: Sandbox(port=value), "port", {"3"}),
    "Sandbox, key": (lambda _, value: Sandbox(key=value), "key", {"'x'"}),
    "Sandbox, webhook_secret": (
        lambda _, value: Sandbox(webhook_secret=value),
        "webhook_secret",
        NOTHING | {"'x'"},
    ),
    "Sandbox, clock": (lambda _, value: Sandbox(clock=value), "clock", {"<class 'object'>"}),
    "Sandbox.url": (lambda _, value: Sandbox().url(value), "gateway", set()),
    "Sandbox.account": (lambda _, value: Sandbox().account(value), "gateway", set()),
    "Sandbox.script": (lambda _, value: Sandbox().script(value), "call", set()),
    "Sandbox.script, fault": (lambda _, value: Sandbox().script("get", value), "fault", set()),
    "Sandbox.script, gateway": (
        lambda _, value: Sandbox().script("get", Fault.html(), gateway=value),
        "gateway",
        NOTHING,
    ),
    "Sandbox.script, times": (
        lambda _, value: Sandbox().script("get", Fault.html(), times=value),
        "times",
        {"3"},
    ),
}


@pytest.fixture(scope="module")
def sandbox():
    with SandboxThread() as sandbox:
        yield sandbox


@pytest.mark.parametrize("call", CALLS)
async def test_a_wrong_argument(sandbox, call):
    """Its error names it, and nothing has left by then."""
    do, name, right = CALLS[call]
    said = {}
    async with ElementsSession(sandbox.gateway("ezmodel")) as session:
        for given in GIVEN.keys() - right:
            try:
                made = do(session, GIVEN[given])
                said[given] = await made if asyncio.iscoroutine(made) else made
            except (TypeError, ValueError) as error:  # ConfigurationError is one of them
                said[given] = str(error)
    assert {given: text for given, text in said.items() if name not in str(text) or "support" in str(text)} == {}
    assert not sandbox.account("ezmodel").requests


def test_what_was_given_is_not_repeated():
    """It may be a picture of ten megabytes, or a key."""
    with pytest.raises(TypeError) as info:
        ElementSpec("x", "x", b"a picture")
    assert str(info.value) == "reference is of type bytes: Images or Video is expected"
    with pytest.raises(TypeError, match=r"^url is of type bytes: text is expected$"):
        Video(b"a video")


@pytest.mark.parametrize("option", ["retries", "polling", "on_event"])
def test_a_session_set_up_wrongly(option):
    """As everything that is wrong with a session: a ConfigurationError."""
    with pytest.raises(ConfigurationError, match=f"{option} is 3: "):
        ElementsSession(EzModel(api_key="k"), **{option: 3})
