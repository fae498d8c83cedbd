"""Signatures of callbacks, by the Standard Webhooks scheme.

Law: an attacker chooses the headers and the body, so nothing in them raises but ``WebhookVerificationError``.
Source: Kling's page "Callback protocol" (2026-08): headers ``webhook-id``, ``webhook-timestamp`` (Unix seconds)
and ``webhook-signature`` (``v1,<Base64>``, several separated by spaces), HMAC-SHA256 over
``{id}.{timestamp}.{body}`` under the Base64 after ``whsec_``.
"""

import base64
import hashlib
import hmac
import re
import time
from collections.abc import Iterable, Mapping
from numbers import Real
from typing import Any

from ..arguments import check, shown
from ..errors import ConfigurationError, WebhookVerificationError
from ..secret import Secret, hidden

TOLERANCE = 300.0  # seconds, before and after
_PREFIX = "whsec_"
_SECONDS = re.compile(r"[0-9]{1,15}")


def verify(
    headers: Mapping[str, str],
    body: bytes | str,
    secrets: str | Secret | Iterable[str | Secret],
    *,
    now: float | None = None,
) -> None:
    """Return if a callback is signed with one of the secrets, and no older or newer than five minutes.

    ``secrets`` are the ``whsec_…`` of the account, several while they rotate; the names of ``headers`` are
    compared without regard to case; ``body`` is what came, byte by byte; ``now`` is in Unix seconds.

    Raises:
        WebhookVerificationError: it is not. Answer 4xx, and believe nothing in it.
        ConfigurationError: there is no secret, or one that is none.

    """
    secrets = _masked(secrets)
    if not hasattr(headers, "items"):
        raise TypeError(f"headers is {shown(headers)}: a mapping is expected")
    if now is not None:
        check(now, "now", "Unix seconds are expected", Real)
    if not checked_secrets(secrets):
        raise ConfigurationError("no webhook secret is given: nothing can be verified")
    message_id, sent, given = (_header(headers, f"webhook-{name}") for name in ("id", "timestamp", "signature"))
    if not (message_id and sent and given):
        raise WebhookVerificationError(
            "the callback is not signed: webhook-id, -timestamp or -signature is missing"
        )
    moment = time.time() if now is None else now
    if not _SECONDS.fullmatch(sent) or not abs(moment - int(sent)) <= TOLERANCE:
        raise WebhookVerificationError("the callback's webhook-timestamp is not within five minutes of now")
    signed = b".".join((message_id.encode("utf-8", "replace"), sent.encode(), content_of(body)))
    signatures = [each[3:].encode("utf-8", "replace") for each in given.split() if each.startswith("v1,")]
    if not any(_signs(secret, signed, signatures) for secret in secrets):
        raise WebhookVerificationError("the callback's signature fits none of the secrets")


def content_of(body: Any) -> bytes:
    """Return the body of a callback as it came over the wire."""
    check(body, "body", "bytes or text is expected", (bytes, bytearray, memoryview, str))
    return body.encode("utf-8", "surrogatepass") if isinstance(body, str) else bytes(body)


def checked_secrets(secrets: str | Secret | Iterable[str | Secret]) -> tuple[Secret, ...]:
    """Return webhook secrets, masked.

    Raises:
        ConfigurationError: one of them is no ``whsec_…`` with Base64 behind it.

    """
    secrets = _masked(secrets)
    for secret in secrets:
        _key_of(secret)
    return secrets


def _masked(secrets: str | Secret | Iterable[str | Secret]) -> tuple[Secret, ...]:
    """Hide secrets from the frames of whoever may raise; what is no text becomes a secret that is none."""
    several = (secrets,) if isinstance(secrets, str | bytes | Secret) else secrets
    if not isinstance(several, Iterable):
        raise ConfigurationError("webhook_secrets is a list of whsec_…")
    return tuple(
        each if isinstance(each, Secret) else Secret(each if isinstance(each, str) else "") for each in several
    )


def _key_of(secret: Secret) -> bytes:
    text = hidden(secret.reveal().strip().removeprefix(_PREFIX))
    try:
        key = base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
    except ValueError:
        key = b""
    if not key:
        raise ConfigurationError("a webhook secret looks like whsec_ and Base64 behind it: copy it whole")
    return key


def _header(headers: Mapping[str, str], name: str) -> str:
    """Return a header, or the empty text: also for a list of texts, which a caller makes of a repeated one."""
    for key, value in headers.items():
        if isinstance(key, str) and key.lower() == name:
            return value if isinstance(value, str) else ""
    return ""


def _signs(secret: Secret, signed: bytes, signatures: list[bytes]) -> bool:
    # Made once for all of them: a header has room for thousands, and a body may be large. Here it is in no
    # frame that raises.
    made = base64.b64encode(hmac.digest(_key_of(secret), signed, hashlib.sha256))
    return any(hmac.compare_digest(made, each) for each in signatures)
