"""The canary of callbacks: a webhook secret, its key or a good signature shows nowhere."""

import asyncio
import copy
import io
import logging
import pickle
import traceback
from pathlib import Path

import pytest

from kling_elements_async import (
    ConfigurationError,
    ElementsSession,
    UnexpectedReplyError,
    WebhookVerificationError,
    webhooks,
)
from kling_elements_async.gateways import EzModel
from kling_elements_async.secret import MaskedStr

from .materials import KEY, NEWER, NEXT_KEY, NEXT_SECRET, SECRET, content, headers, signature

BODY = content(NEWER)
# Neither the texts, nor the keys in them, nor the signature that a forger would like to learn.
CANARIES = [SECRET, NEXT_SECRET, SECRET.removeprefix("whsec_"), KEY.decode(), NEXT_KEY.decode()]
# Made when a test begins: what was signed five minutes before is old.
WRONG = {
    "unsigned": dict,
    "old": lambda: headers(BODY, sent=1),
    "forged": lambda: headers(BODY, key=b"another"),
    "listed": lambda: headers(BODY) | {"webhook-id": ["x"]},
}
EACH_WRONG = pytest.mark.parametrize("found", WRONG)


def shows(*texts):
    return [canary for canary in CANARIES for text in texts if canary in text]


PACKAGE = str(Path(webhooks.__file__).parents[1])


def frames(error):
    """The package's own frames with their locals, and all that the error and those before it say."""
    shown = traceback.TracebackException.from_exception(error, capture_locals=True)
    ours = [f"{frame.line} {frame.locals}" for frame in shown.stack if PACKAGE in frame.filename]
    assert ours
    return "".join([*ours, str(error), repr(error), repr(vars(error)), str(pickle.dumps(error))])


@pytest.fixture
async def session():
    async with ElementsSession(EzModel(api_key="no-real-key"), webhook_secrets=[SECRET, NEXT_SECRET]) as session:
        yield session


@EACH_WRONG
@pytest.mark.parametrize("held", [lambda: SECRET, lambda: [SECRET, NEXT_SECRET], lambda: iter([SECRET])])
def test_a_callback_that_is_refused(found, held):
    """The error's frames, locals included, show no secret and no key, nor the signature that would have been good."""
    given = WRONG[found]()
    with pytest.raises(WebhookVerificationError) as info:
        webhooks.verify(given, BODY, held())
    shown = frames(info.value)
    assert shows(shown) == []
    if found == "forged":
        assert signature(BODY, sent=int(given["webhook-timestamp"]))[3:] not in shown
    assert (info.value.__cause__, info.value.__context__) == (None, None)


@pytest.mark.parametrize(
    "build",
    [
        lambda secrets: webhooks.verify(headers(BODY), BODY, secrets),
        lambda secrets: ElementsSession(EzModel(api_key="no-real-key"), webhook_secrets=secrets),
    ],
    ids=["verify", "session"],
)
def test_a_secret_that_is_none(build):
    """A good one beside a bad one does not show where the bad one is refused."""
    for secrets in ([SECRET, "whsec_"], [SECRET, f"{SECRET}!"], f"{SECRET}!"):
        with pytest.raises(ConfigurationError) as info:
            build(secrets)
        assert shows(frames(info.value)) == []


def test_a_session_that_can_not_be_built():
    """What is refused beside the secrets does not show them."""
    with pytest.raises(ConfigurationError) as info:
        ElementsSession(EzModel(api_key="no-real-key"), webhook_secrets=[SECRET], max_connections=0)
    assert shows(frames(info.value)) == []


@EACH_WRONG
async def test_a_session_that_refuses(session, found):
    """Nor do the frames of a session, which holds them."""
    with pytest.raises(WebhookVerificationError) as info:
        await session.deliver_callback(WRONG[found](), BODY)
    assert shows(frames(info.value)) == []


@pytest.mark.parametrize(
    ("signed", "body"),
    [(headers, b"[1]"), (lambda _: {}, b"x" * 300_000)],
    ids=["signed nonsense", "too much"],
)
async def test_a_body_that_a_session_refuses(session, signed, body):
    """Nor where it is the body that is none."""
    with pytest.raises(UnexpectedReplyError) as info:
        await session.deliver_callback(signed(body), body)
    assert shows(frames(info.value)) == []


async def test_the_parts_of_a_session(session):
    """Its repr, what it holds and the endpoints made of it show none; it is neither pickled nor copied."""
    held = [repr(session), repr(vars(session))]
    held.append(repr(webhooks.asgi_app(session)))
    held.append(repr([cell.cell_contents for cell in webhooks.aiohttp_handler(session).__closure__]))
    for leave in (pickle.dumps, copy.deepcopy, copy.copy):
        with pytest.raises(TypeError) as info:
            leave(session)
        held.append(repr(info.value))
    assert shows(*held) == []
    assert all(isinstance(secret.reveal(), MaskedStr) for secret in session._webhook_secrets)


async def test_logs(session, caplog):
    """Whatever comes in, and whatever the session's state, DEBUG shows none."""
    caplog.set_level(logging.DEBUG)
    text = io.StringIO()
    handler = logging.StreamHandler(text)
    logging.getLogger().addHandler(handler)
    try:
        for found in WRONG.values():
            assert await webhooks.callback.status_for(session, found(), BODY) == 401
        assert await webhooks.callback.status_for(session, headers(BODY), BODY) == 204
        assert await webhooks.callback.status_for(session, headers(b"{}"), b"{}") == 400
        await session.close()
        assert await webhooks.callback.status_for(session, headers(BODY), BODY) == 503
        await asyncio.sleep(0)
    finally:
        logging.getLogger().removeHandler(handler)
    assert "can't take it" in text.getvalue()
    assert shows(text.getvalue(), *(repr(record.args) for record in caplog.records)) == []
