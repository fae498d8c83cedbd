"""What goes wrong with one call: before the effect, after it, or in place of the answer. A value; it does
nothing by itself.
"""

import gzip
import json
from collections.abc import Callable
from functools import cache
from typing import Any, Literal, Self

from attrs import evolve, field, frozen

from .answer import Answer
from .refusal import RefusedError

Change = Callable[[Answer], Answer]
Ending = Literal["answer", "cut", "reset", "close", "never"]
WORDS = {"submitted": "SUBMITTED", "processing": "IN_PROGRESS", "succeed": "SUCCESS", "failed": "FAILURE"}


@frozen(kw_only=True)
class Fault:
    """One fault. Start from a named constructor; refine it with the methods that return a fault."""

    takes_effect: bool = False
    """Whether the call is carried out all the same."""
    reads_body: bool = True
    pause_before: float = 0.0
    pause_after: float = 0.0
    lands_after: float | None = None
    """The call is carried out so many seconds later, when its answer is long gone."""
    change: Change | None = None
    """What becomes of the answer; without an effect it gets an empty one."""
    ending: Ending = "answer"
    task_failure: str = ""
    headers: tuple[tuple[str, str], ...] = field(default=(), repr=False)

    @classmethod
    def answer(cls, status: int, body: str | bytes = b"", headers: tuple[tuple[str, str], ...] = ()) -> Self:
        """Answer this, whatever was asked; nothing happens."""
        return cls(change=instead(Answer(status, body.encode() if isinstance(body, str) else body, headers)))

    @classmethod
    def json(cls, value: Any, status: int = 200) -> Self:
        """Answer this JSON; nothing happens."""
        return cls(change=instead(Answer.json(value, status)))

    @classmethod
    def code(cls, code: int, message: str | None = None, *, status: int | None = None) -> Self:
        """Answer a native error under its documented HTTP status; nothing happens."""
        refused = RefusedError(code, message)
        request_id = "9984d27b-a408-4073-ae28-17ca6a13622d"
        body = {"code": code, "message": refused.message, "request_id": request_id}
        return cls.json(body, status or refused.status)

    @classmethod
    def wrapped_error(cls, message: str, *, status: int = 500, code: str | int = "") -> Self:
        """Answer an error as proxies wrap it; nothing happens."""
        text = f"{message} (request id: 20260901120000000000000000)"
        return cls.json({"error": {"message": text, "type": "new_api_error", "code": code}}, status)

    @classmethod
    def text_code(cls, code: str, message: str = "", *, status: int = 400) -> Self:
        """Answer an error whose code is a text; nothing happens."""
        return cls.json({"code": code, "message": message, "data": None}, status)

    @classmethod
    def html(cls, status: int = 502) -> Self:
        """Answer the page of a CDN; nothing happens."""
        return cls(change=instead(Answer.html(status)))

    @classmethod
    def redirect(cls, location: str, status: int = 307) -> Self:
        """Send the caller elsewhere; nothing happens."""
        return cls.answer(status, headers=(("Location", location),))

    @classmethod
    def empty_object(cls) -> Self:
        """Do the call and answer `{}`, as kkiai's page shows it."""
        return cls.json({}).after_effect()

    @classmethod
    def empty(cls, status: int = 200) -> Self:
        """Do the call and answer without a body."""
        return cls.answer(status).after_effect()

    @classmethod
    def cut_json(cls, share: float = 0.5) -> Self:
        """Do the call and answer a part of the JSON, under a length that fits the part."""
        return cls(
            takes_effect=True, change=lambda true: evolve(true, body=true.body[: int(len(true.body) * share)])
        )

    @classmethod
    def cut(cls) -> Self:
        """Do the call, promise the whole answer, send half of it and close."""
        return cls(takes_effect=True, ending="cut")

    @classmethod
    def rewrite(cls, change: Callable[[Any], Any]) -> Self:
        """Do the call and answer what the function makes of the true JSON."""
        return cls(takes_effect=True, change=lambda true: Answer.json(change(json.loads(true.body)), true.status))

    @classmethod
    def echo(cls) -> Self:
        """Do the call and name the task by the caller's own external id, as some proxies do."""
        return cls.rewrite(echoed)

    @classmethod
    def mistaken(cls) -> Self:
        """Do the call and answer with a task of someone else, as a cache that mixes things up."""
        return cls.rewrite(of_another)

    @classmethod
    def mislabelled(cls) -> Self:
        """Do the call and call its plain answer gzip."""
        return cls(takes_effect=True, headers=(("Content-Encoding", "gzip"),))

    @classmethod
    def wrapped_answer(cls) -> Self:
        """Do the query and wrap the record as some proxies do."""
        return cls.rewrite(wrapped)

    @classmethod
    def huge(cls, size: int = 9 * 1024 * 1024) -> Self:
        """Do the call and answer valid JSON that spaces blow up to `size` bytes."""
        return cls(takes_effect=True, change=lambda true: evolve(true, body=true.body.ljust(size)))

    @classmethod
    def bomb(cls, size: int = 64 * 1024 * 1024) -> Self:
        """Do the call and answer a little gzip that unpacks to `size` spaces."""
        headers = (("Content-Type", "application/json"), ("Content-Encoding", "gzip"))
        return cls(takes_effect=True, change=lambda _: Answer(200, packed_spaces(size), headers))

    @classmethod
    def reset(cls, *, politely: bool = False) -> Self:
        """Reset the connection before anything was read (`politely`: FIN, no RST); nothing happens."""
        return cls(reads_body=False, ending="close" if politely else "reset")

    @classmethod
    def lost_answer(cls, *, politely: bool = False) -> Self:
        """Do the call, then reset the connection instead of an answer."""
        return cls(takes_effect=True, ending="close" if politely else "reset")

    @classmethod
    def late(cls, seconds: float) -> Self:
        """Reset the connection now; the call takes effect so many seconds later."""
        return cls.lost_answer().landing(seconds)

    @classmethod
    def never(cls) -> Self:
        """Read the request and never answer; nothing happens (until the sandbox closes)."""
        return cls(ending="never")

    @classmethod
    def delay(cls, seconds: float) -> Self:
        """Do the call properly, but begin later."""
        return cls(takes_effect=True, pause_before=seconds)

    @classmethod
    def slow_answer(cls, seconds: float) -> Self:
        """Do the call at once, and answer later."""
        return cls(takes_effect=True, pause_after=seconds)

    @classmethod
    def task_fails(cls, message: str = "Failure to pass the risk control system") -> Self:
        """Accept the create; its task ends failed, for this reason."""
        return cls(takes_effect=True, task_failure=message)

    def delayed(self, seconds: float) -> Self:
        """Begin later."""
        return evolve(self, pause_before=seconds)

    def pausing(self, seconds: float) -> Self:
        """Stay silent for so long before the end, the effect behind or not."""
        return evolve(self, pause_after=seconds)

    def after_effect(self) -> Self:
        """Carry the call out, and only then go wrong."""
        return evolve(self, takes_effect=True, reads_body=True)

    def unread(self) -> Self:
        """Go wrong before the body of the request is read; nothing happens."""
        return evolve(self, takes_effect=False, reads_body=False)

    def landing(self, seconds: float) -> Self:
        """Let the call take effect so many seconds after the fault."""
        return evolve(self, takes_effect=False, reads_body=True, lands_after=seconds)

    def retry_after(self, value: float | str) -> Self:
        """Add a Retry-After header."""
        return evolve(self, headers=(*self.headers, ("Retry-After", str(value))))

    def spoil(self, true: Answer) -> Answer:
        """Make the answer that goes out from the true one."""
        answer = self.change(true) if self.change else true
        return evolve(answer, headers=answer.headers + self.headers)


NO_FAULT = Fault(takes_effect=True)


def instead(answer: Answer) -> Change:
    """Put one answer in place of whatever would be said."""
    return lambda _: answer


def wrapped(envelope: Any) -> Any:
    """Wrap a native record as the proxies of this family do on a query."""
    record = envelope.get("data")
    if not isinstance(record, dict):
        return envelope
    status = WORDS[record["task_status"]]
    outer = {
        "task_id": record["task_id"],
        "status": status,
        "fail_reason": record.get("task_status_msg", ""),
        "progress": "100%" if status in ("SUCCESS", "FAILURE") else "30%",
        "data": record,
    }
    return {"code": "success", "message": "", "data": outer}


def echoed(answer: Any) -> Any:
    """Put the external id, where there is one, in place of the task's."""
    record = answer.get("data")
    if isinstance(record, dict) and "task_info" in record:
        record["task_id"] = record["task_info"]["external_task_id"]
    return answer


def of_another(answer: Any) -> Any:
    """Give the record of a task, native or unified, the ids of a task that is nobody's here."""
    record = answer.get("data", answer)
    if not isinstance(record, dict):
        return answer
    for key in ("task_id", "id"):
        if key in record:
            record[key] = record[key].replace("8", "1", 1)  # where the sandbox's own ids begin
    if "external_task_id" in record.get("task_info", {}):
        record["task_info"]["external_task_id"] = "of-another"
    return answer


@cache
def packed_spaces(size: int) -> bytes:
    """Pack spaces; cached, since it takes a moment."""
    return gzip.compress(b" " * size, compresslevel=1)
