"""`caught`: pytest.raises, and the error is one of ours, pickles whole, and shows no key anywhere."""

import pickle
import traceback
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from kling_elements_async import (
    ApiError,
    CreateUncertainError,
    ElementFailedError,
    ElementsError,
    InvalidElementError,
    UnexpectedReplyError,
    WaitTimeoutError,
)

from .server import KEY, SECRET_KEY

FIELDS: dict[type[ElementsError], tuple[str, ...]] = {
    ApiError: ("gateway", "status", "code", "message", "request_id", "retry_after"),
    CreateUncertainError: ("gateway", "external_task_id", "sent_at", "reason"),
    ElementFailedError: ("task",),
    InvalidElementError: ("problems",),
    UnexpectedReplyError: ("status", "excerpt"),
    WaitTimeoutError: ("task_id", "task", "elapsed", "last_error"),
}


@contextmanager
def caught(*classes: type[BaseException]) -> Iterator[pytest.ExceptionInfo[BaseException]]:
    with pytest.raises(classes) as info:
        yield info
    check_error(info.value)


def check_error(error: BaseException) -> None:
    """What holds for every error that a user can meet."""
    __tracebackhide__ = True
    assert isinstance(error, ElementsError), f"a foreign class: {type(error)!r}"
    assert str(error).strip(), "an error says something"
    copy = pickle.loads(pickle.dumps(error))
    assert (type(copy), str(copy)) == (type(error), str(error))
    for kind, names in FIELDS.items():
        for name in names if isinstance(error, kind) else ():
            assert repr(getattr(copy, name)) == repr(getattr(error, name)), name
    check_no_secret(*shown(error))


def shown(error: BaseException) -> Iterator[str]:
    """All texts in which an error, and what it came from, can turn up; frames with their locals included."""
    link: BaseException | None = error
    while link is not None:
        yield from (str(link), repr(link), repr(vars(link)))
        yield "".join(traceback.TracebackException.from_exception(link, capture_locals=True).format(chain=False))
        link = link.__cause__ or link.__context__
    yield pickle.dumps(error).decode("latin-1")


def check_no_secret(*texts: str) -> None:
    __tracebackhide__ = True
    for text in texts:
        for secret in (KEY, SECRET_KEY):
            place = text.find(secret)
            assert place < 0, f"a key shows: …{text[max(0, place - 200) : place]}<here>"
