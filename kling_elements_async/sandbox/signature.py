"""The keys of an account, and whether an Authorization header proves one. Needs no JWT library, so it
cannot share a mistake with the client's.

Kling's documentation: HS256 over a header and the claims `iss` (access key), `exp` and `nbf`.
"""

import base64
import binascii
import hashlib
import hmac
import json
from typing import Any

from attrs import field, frozen

from .refusal import RefusedError


@frozen
class Keys:
    """What opens an account: an API key, or a token signed by the pair."""

    api_key: str = field(repr=False)
    access_key: str = field(repr=False)
    secret_key: str = field(repr=False)

    def check(self, header: str, *, signed: bool, now: float) -> None:
        """Refuse a header that proves nothing; `signed` tells whether the gateway takes tokens too."""
        if not header.strip():
            raise RefusedError(1001)
        scheme, _, token = header.partition(" ")
        if scheme != "Bearer":
            raise RefusedError(1002)
        if same(token, self.api_key):
            return
        if not signed or token.count(".") != 2:
            raise RefusedError(1002)
        self._check_claims(self._claims(token), now)

    def _claims(self, token: str) -> dict[str, Any]:
        text, _, signature = token.rpartition(".")
        expected = hmac.digest(self.secret_key.encode(), text.encode("utf-8", "replace"), hashlib.sha256)
        head, _, claims = text.partition(".")
        if not hmac.compare_digest(decoded(signature), expected) or part(head).get("alg") != "HS256":
            raise RefusedError(1002)
        return part(claims)

    def _check_claims(self, claims: dict[str, Any], now: float) -> None:
        begins, ends = claims.get("nbf", 0), claims.get("exp")
        if not isinstance(begins, int | float) or not isinstance(ends, int | float):
            raise RefusedError(1002)
        if claims.get("iss") != self.access_key:
            raise RefusedError(1002)
        if begins > now:
            raise RefusedError(1003)
        if ends <= now:
            raise RefusedError(1004)


def same(one: str, other: str) -> bool:
    """Compare two texts in constant time, whatever bytes a header holds."""
    return hmac.compare_digest(one.encode("utf-8", "replace"), other.encode("utf-8", "replace"))


def decoded(text: str) -> bytes:
    """Decode Base64 in its URL alphabet, without padding."""
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        raise RefusedError(1002) from None


def part(text: str) -> dict[str, Any]:
    """Read one part of a token."""
    try:
        value = json.loads(decoded(text))
    except ValueError:
        raise RefusedError(1002) from None
    if not isinstance(value, dict):
        raise RefusedError(1002)
    return value
