"""Everything that can go wrong, as one tree.

::

    ElementsError
    ├── ConfigurationError (ValueError)        no key, unknown gateway, an insecure base URL
    ├── InvalidIdError (ValueError)            an id that cannot be one
    ├── InvalidElementError (ValueError)       the spec breaks a documented limit
    ├── NotOfferedError                        this gateway has no such call
    ├── NotSentError (ConnectionError)         never reached the gateway: nothing happened there
    ├── NoReplyError (ConnectionError)         sent, and no whole answer came back (reads and deletes)
    ├── UnexpectedReplyError                   an answer that can't be understood
    ├── ApiError                               refused by the gateway
    │   ├── AuthenticationError                401, 1000 to 1004
    │   ├── PermissionDeniedError              403, 1103, 1304
    │   ├── InsufficientBalanceError           402, 1100 to 1102
    │   ├── InvalidRequestError                400, 1200 to 1202
    │   │   ├── NotFoundError                  1201 by its text, 1203, task_not_exist
    │   │   └── DuplicateTaskError             1201 by its text
    │   ├── ContentPolicyError                 1300, 1301, content_policy_violation
    │   ├── RateLimitedError                   429, 1302
    │   │   └── TooManyTasksError              1303
    │   └── GatewayBrokenError                 5xx, 5000 to 5002
    ├── CreateUncertainError                   the element may or may not exist
    ├── ElementFailedError                     the task ended without an element
    ├── WaitTimeoutError (TimeoutError)        still running at the deadline
    ├── SessionUnusableError (RuntimeError)    used after close, from another event loop, or after a fork
    └── WebhookVerificationError               a callback that no secret of ours has signed

Law: every error is plain data. It pickles with all its fields, holds no request, no response and no error of
a library below (theirs hold the key), and its text says what happened, to what, and what to do next.
"""

from collections.abc import Iterable
from datetime import datetime
from typing import Any, ClassVar

from .models import ElementTask


def _restore(kind: type["ElementsError"], args: tuple[Any, ...], fields: dict[str, Any]) -> "ElementsError":
    error = kind.__new__(kind, *args)
    error.args = args
    error.__dict__.update(fields)
    return error


class ElementsError(Exception):
    """Anything that this package raises on purpose."""

    def __reduce__(self) -> tuple[Any, ...]:
        return _restore, (type(self), self.args, self.__dict__)


class ConfigurationError(ElementsError, ValueError):
    """The session or gateway cannot work as set up; nothing was sent."""


class InvalidIdError(ElementsError, ValueError):
    """An id that cannot be one; nothing was sent."""


class InvalidElementError(ElementsError, ValueError):
    """The spec breaks documented limits; ``problems`` lists all of them, each with its place. Nothing was sent."""

    def __init__(self, name: str, problems: Iterable[str]) -> None:
        self.problems: tuple[str, ...] = tuple(problems)
        listed = "".join(f"\n  - {problem}" for problem in self.problems)
        super().__init__(f"element {name[:40]!r} was not sent; mend this first:{listed}")


class NotOfferedError(ElementsError):
    """The gateway has no such call. The README's table shows which gateway offers what."""

    def __init__(self, gateway: str, call: str) -> None:
        self.gateway = gateway
        super().__init__(f"{gateway} offers no call to {call}; the README's table shows which gateways do")


class NotSentError(ElementsError, ConnectionError):
    """The request never reached the gateway: nothing happened there, and it may safely be sent again.

    ``permanent`` is True where sending again cannot help, such as a certificate that does not match.
    """

    def __init__(self, message: str, *, permanent: bool = False) -> None:
        self.permanent = permanent
        super().__init__(message)


class NoReplyError(ElementsError, ConnectionError):
    """The request was sent, and no whole answer came back. Reads and deletes may be sent again."""


class UnexpectedReplyError(ElementsError):
    """An answer that can't be understood: ``status`` is its HTTP status, ``excerpt`` its first characters.

    ``status`` is 0 where not even that could be read. ``permanent`` is True where asking again cannot help, as
    with a redirect.
    """

    def __init__(self, message: str, *, status: int, excerpt: str = "", permanent: bool = False) -> None:
        self.status = status
        self.excerpt = excerpt
        self.permanent = permanent
        super().__init__(message)


class ApiError(ElementsError):
    """The gateway refused. ``message`` is its own text, cleaned; ``retry_after`` is in seconds, or None.

    ``unsent_from`` is set where ``create_many`` raises it: the index of the first spec that was not sent.
    """

    unsent_from: int | None = None

    advice: ClassVar[str] = ""

    def __init__(
        self,
        gateway: str,
        what: str,
        message: str,
        *,
        status: int,
        code: int | str | None = None,
        request_id: str | None = None,
        retry_after: float | None = None,
    ) -> None:
        self.gateway = gateway
        self.status = status
        self.code = code
        self.message = message
        self.request_id = request_id
        self.retry_after = retry_after
        marks = [f"HTTP {status}"]
        if code is not None:
            marks.append(f"code {code}")
        if request_id:
            marks.append(f"request id {request_id}")
        text = f"{gateway} refused to {what}: {message or 'no reason given'} ({', '.join(marks)})"
        advice = self._advice_for(what)
        super().__init__(f"{text}. {advice}" if advice else text)

    @classmethod
    def _advice_for(cls, what: str) -> str:  # noqa: ARG003 - some advice depends on the call
        return cls.advice


class AuthenticationError(ApiError):
    """The key was not accepted (HTTP 401, codes 1000 to 1004)."""

    advice = "Check the key, and that it belongs to this gateway and region"


class PermissionDeniedError(ApiError):
    """The account may not do this (HTTP 403, codes 1103 and 1304)."""

    advice = "Check what the account is entitled to, and its IP allow-list"


class InsufficientBalanceError(ApiError):
    """The account is out of balance or suspended (HTTP 402, codes 1100 to 1102). Never sent again by itself."""

    advice = "Top up the account; the request had no effect"


class InvalidRequestError(ApiError):
    """The request was refused as wrong (HTTP 400, codes 1200 to 1202)."""

    advice = "Mend what the message names: sent again as it is, it is refused again"


class NotFoundError(InvalidRequestError):
    """No such task or element, or it is already deleted."""

    @classmethod
    def _advice_for(cls, what: str) -> str:
        if what.startswith("delete"):
            return "It may be deleted already: iter_elements shows what there is"
        return "A query takes a task id or an external task id: was an element id meant?"


class DuplicateTaskError(InvalidRequestError):
    """The external task id is taken by another task."""

    advice = "Give each element an external_task_id of its own, or none"


class ContentPolicyError(ApiError):
    """The content was refused (codes 1300 and 1301)."""

    advice = "Change the pictures or the text; sending the same again will be refused again"


class RateLimitedError(ApiError):
    """Too many requests (HTTP 429, code 1302)."""

    advice = "The request had no effect; try again later"


class TooManyTasksError(RateLimitedError):
    """More tasks at once than the account allows (code 1303). A slot frees when a task ends."""


class GatewayBrokenError(ApiError):
    """The gateway is at fault (HTTP 5xx, codes 5000 to 5002)."""

    advice = "Try again later"


class CreateUncertainError(ElementsError):
    """A create was sent and its outcome could not be found out: the element may or may not exist.

    ``reason`` says what came instead of an answer, ``sent_at`` when the request left (aware, in UTC), and
    ``external_task_id`` is the id to look for, or None where the gateway knows no such ids.
    """

    def __init__(
        self, gateway: str, name: str, reason: str, *, external_task_id: str | None, sent_at: datetime | None
    ) -> None:
        self.gateway = gateway
        self.name = name
        self.external_task_id = external_task_id
        self.sent_at = sent_at
        self.reason = reason
        if external_task_id:
            advice = f"ask get_element({external_task_id!r}) later, or create it again with this external_task_id"
        else:
            advice = f"look in your account at {gateway} before you create it again: each create may be billed"
        super().__init__(f"{gateway}: element {name[:40]!r} may or may not exist ({reason}); {advice}")


class ElementFailedError(ElementsError):
    """The task ended without an element; ``task`` is its last state."""

    def __init__(self, task: ElementTask) -> None:
        self.task = task
        reason = task.message or f"the gateway gives no reason, only the status {task.status_word!r}"
        super().__init__(
            f"task {task.task_id} ended without an element: {reason}. Change what it names, and create it anew"
        )


class WaitTimeoutError(ElementsError, TimeoutError):
    """The task was not seen to end before the deadline; what was seen running goes on at the gateway.

    ``task`` is the last state seen, or None where no look succeeded; ``elapsed`` is in seconds; ``last_error`` is
    why the last look failed, or None.
    """

    def __init__(
        self, task_id: str, *, task: ElementTask | None, elapsed: float, last_error: ElementsError | None
    ) -> None:
        self.task_id = task_id
        self.task = task
        self.elapsed = elapsed
        self.last_error = last_error
        missed = f"; the last look failed: {last_error}" if last_error else ""
        again = f"wait_for_element({task_id!r})"
        super().__init__(
            f"task {task_id} had not ended after {elapsed:.1f} s, last seen {task.status_word!r}{missed}. "
            f"It goes on at the gateway: {again} takes it up again"
            if task
            else f"task {task_id} was not seen once in {elapsed:.1f} s{missed}. "
            f"Whether it goes on at the gateway is not known: {again} looks again"
        )


class SessionUnusableError(ElementsError, RuntimeError):
    """The session was used after its close, from another event loop or thread, or after a fork."""


class WebhookVerificationError(ElementsError):
    """A callback whose signature, or its time, does not hold: believe nothing in it, and answer it with 4xx."""
