"""An error that holds for every create of an account, as text that one worker leaves for the others.

Law: holds what the gateway said of the account, and nothing of the request that it refused.
"""

import json

from ..errors import ApiError, AuthenticationError, InsufficientBalanceError, PermissionDeniedError
from ..throttle import is_of_the_account

_KINDS = {kind.__name__: kind for kind in (AuthenticationError, InsufficientBalanceError, PermissionDeniedError)}


def written(error: ApiError) -> str:
    """Return an error as text, or the empty text for one that another create may not meet."""
    if not is_of_the_account(error) or type(error).__name__ not in _KINDS:
        return ""
    fields = {"status": error.status, "code": error.code, "message": error.message[:200]}
    return json.dumps({"kind": type(error).__name__, "gateway": error.gateway, **fields})


def read(text: str) -> ApiError:
    """Return the error that another worker has left, for a create that was not sent because of it.

    One of a kind that only a later version knows holds back, too.
    """
    told = json.loads(text)
    message = f"another worker of this account was told so, and nothing was sent: {told['message']}"
    return _KINDS.get(told["kind"], PermissionDeniedError)(
        told["gateway"], "create an element", message, status=told["status"], code=told["code"]
    )
