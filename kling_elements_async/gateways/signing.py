"""Tokens signed by a pair of keys. The only file that needs the extra ``jwt``.

Source: Kling's page "Authentication": HS256, ``iss`` the access key, ``exp`` half an hour from now, ``nbf``
five seconds ago.
"""

import time

import jwt

from ..secret import MaskedStr, Secret

_LIFETIME = 1800
_SIGN_ANEW_BEFORE_END = 300


class Signer:
    """Signs a token, and keeps it until shortly before it ends."""

    def __init__(self, access_key: Secret, secret_key: Secret) -> None:
        self._access_key = access_key
        self._secret_key = secret_key
        self._token = MaskedStr("")
        self._signed_at = self._good_until = 0.0

    def token(self) -> str:
        """Return a token that is valid now by this machine's wall clock."""
        now = time.time()
        if now >= self._good_until or now < self._signed_at:
            claims = {"iss": self._access_key.reveal(), "exp": int(now) + _LIFETIME, "nbf": int(now) - 5}
            self._token = MaskedStr(jwt.encode(claims, self._filled_key(), "HS256", {"typ": "JWT"}))
            self._signed_at = now
            self._good_until = now + _LIFETIME - _SIGN_ANEW_BEFORE_END
        return self._token

    def _filled_key(self) -> bytes:
        # HMAC fills a short key with zeros itself, so this changes no signature; it spares the caller a warning
        # about the length of a key that the vendor chose.
        return self._secret_key.reveal().encode().ljust(32, b"\0")

    def forget(self) -> None:
        """Have the next token signed anew."""
        self._good_until = 0.0
