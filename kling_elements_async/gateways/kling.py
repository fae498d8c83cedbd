"""Kling itself.

Sources: Kling's pages "Authentication" and "Error codes". Keys of the worldwide host and of the one in China
(https://api-beijing.klingai.com) do not mix.
"""

from typing import Any

from .. import optional
from ..errors import ApiError, ConfigurationError
from ..secret import hidden
from ..wire import checked_base_url, checked_key
from .native import NativeGateway


class Kling(NativeGateway):
    """``Kling(api_key=…)``, or ``Kling(access_key=…, secret_key=…)`` with the extra ``jwt``; all five calls.

    A pair of keys signs a token of half an hour, kept until shortly before its end; a token that the gateway
    calls not yet valid or expired (1003, 1004) is signed anew once.
    """

    name = "kling"
    default_base_url = "https://api-singapore.klingai.com"

    def __init__(
        self,
        *,
        api_key: str | None = None,
        access_key: str | None = None,
        secret_key: str | None = None,
        base_url: str | None = None,
    ) -> None:
        api_key, access_key, secret_key = hidden(api_key), hidden(access_key), hidden(secret_key)
        self._signer: Any = None
        if api_key is not None:
            if access_key is not None or secret_key is not None:
                raise ConfigurationError("kling takes api_key, or access_key and secret_key, not both")
            super().__init__(api_key=api_key, base_url=base_url)
        elif access_key is None or secret_key is None:
            raise ConfigurationError("kling needs api_key, or access_key and secret_key")
        else:
            self.base_url: str = checked_base_url(self.default_base_url if base_url is None else base_url)
            pair = checked_key(access_key, self.name), checked_key(secret_key, self.name)
            self._key = pair[0]  # of the two, the one that stays and names the account
            self._signer = optional.load("gateways.signing", extra="jwt").Signer(*pair)

    def authorization(self) -> str:
        return self._signer.token() if self._signer else super().authorization()

    def renew_authorization(self, refused: ApiError) -> bool:
        if self._signer and refused.code in (1003, 1004):
            self._signer.forget()
            return True
        return False
