"""Who is let in."""

import base64
import hashlib
import hmac
import json
import time

import pytest

from .caller import Caller


def token(secret="sandbox-secret-key-for-tests-only", alg="HS256", **claims):
    now = int(time.time())
    head = {"alg": alg, "typ": "JWT"}
    claims = {"iss": "sandbox-access-key", "exp": now + 1800, "nbf": now - 5, **claims}
    return signed(json.dumps(head), json.dumps(claims), secret)


def signed(head, claims, secret="sandbox-secret-key-for-tests-only"):
    text = f"{part(head.encode())}.{part(claims.encode())}"
    return f"Bearer {text}.{part(hmac.digest(secret.encode(), text.encode(), hashlib.sha256))}"


def part(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


@pytest.mark.parametrize(
    ("authorization", "refusal"),
    [
        (None, (401, 1001)),
        ("", (401, 1001)),
        ("Bearer", (401, 1002)),
        ("Bearer wrong", (401, 1002)),
        ("sandbox-key", (401, 1002)),
        ("Bearer sandbox-key ", (401, 1002)),
        ("Bearer Bearer sandbox-key", (401, 1002)),
        ("Bearer schlüssel", (401, 1002)),
    ],
)
async def test_a_header_that_proves_nothing_is_refused(http, sandbox, authorization, refusal):
    """On every call, before anything happens."""
    caller = Caller(http, sandbox, "ezmodel", authorization)
    if authorization != "Bearer sandbox-key ":  # a client strips it
        assert (await caller.create()).refusal == refusal
        assert (await caller.list()).refusal == refusal
    assert sandbox.account("ezmodel").creates == 0


async def test_a_signed_token_opens_kling(http, sandbox):
    """And only Kling itself: a proxy does not know the secret."""
    await Caller(http, sandbox, "kling", token()).created()
    assert (await Caller(http, sandbox, "ezmodel", token()).create()).refusal == (401, 1002)


@pytest.mark.parametrize(
    ("authorization", "code"),
    [
        (token(secret="another"), 1002),
        (token(alg="none"), 1002),
        (token(iss="another"), 1002),
        (token(exp=None), 1002),
        (token(nbf=int(time.time()) + 3600), 1003),
        (token(exp=int(time.time()) - 1), 1004),
        (signed('{"alg": "HS256"}', "{"), 1002),
        (signed('{"alg": "HS256"}', "[]"), 1002),
        (token(nbf="soon"), 1002),
        ("Bearer a.b.c", 1002),
        ("Bearer ..", 1002),
        ("Bearer é.é.é", 1002),
    ],
)
async def test_a_token_that_is_not_right_is_refused(http, sandbox, authorization, code):
    """Not yet valid and expired have codes of their own."""
    assert (await Caller(http, sandbox, "kling", authorization).create()).refusal == (401, code)


async def test_evolink_refuses_in_its_own_words(http, sandbox):
    """An `error` object, and no code beside it."""
    said = await Caller(http, sandbox, "evolink", "Bearer wrong").ask("GET", "/v1/tasks/task-unified-1-a")
    assert said.status == 401
    assert said.json["error"]["code"] == "unauthorized"
    assert said.json["error"]["type"] == "authentication_error"
