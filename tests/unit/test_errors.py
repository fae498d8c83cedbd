"""Errors are plain data: they pickle and copy with all their fields, and say what happened, to what, what next."""

import copy
import pickle
from datetime import UTC, datetime

import pytest

import kling_elements_async
from kling_elements_async import (
    ApiError,
    AuthenticationError,
    ConfigurationError,
    ContentPolicyError,
    CreateUncertainError,
    DuplicateTaskError,
    ElementFailedError,
    ElementsError,
    ElementTask,
    GatewayBrokenError,
    InsufficientBalanceError,
    InvalidElementError,
    InvalidIdError,
    InvalidRequestError,
    NoReplyError,
    NotFoundError,
    NotOfferedError,
    NotSentError,
    PermissionDeniedError,
    RateLimitedError,
    SessionUnusableError,
    TaskStatus,
    TooManyTasksError,
    UnexpectedReplyError,
    WaitTimeoutError,
    WebhookVerificationError,
)

TASK = ElementTask("860434405402222626", TaskStatus.FAILED, "failed", "No face", raw={"task_id": "8"})
WHEN = datetime(2026, 9, 1, tzinfo=UTC)
API_ERRORS = {
    ApiError,
    AuthenticationError,
    PermissionDeniedError,
    InsufficientBalanceError,
    InvalidRequestError,
    NotFoundError,
    DuplicateTaskError,
    ContentPolicyError,
    RateLimitedError,
    TooManyTasksError,
    GatewayBrokenError,
}


def refused(kind=ApiError):
    return kind("ezmodel", "get task 7", "Sorry", status=429, code=1302, request_id="req-1", retry_after=1.5)


LOOK = NoReplyError("ezmodel sent no whole answer")
ONE_OF_EACH = [
    ConfigurationError("no key"),
    InvalidIdError("'..' is no task id"),
    InvalidElementError("Mira", ["name: is empty", "tags: evolink carries none"]),
    NotOfferedError("evolink", "list elements"),
    NotSentError("no connection", permanent=True),
    LOOK,
    UnexpectedReplyError("not understood", status=502, excerpt="<html>", permanent=True),
    WebhookVerificationError("the callback is not signed"),
    *[refused(kind) for kind in sorted(API_ERRORS, key=lambda kind: kind.__name__)],
    CreateUncertainError("ezmodel", "Mira", "reset", external_task_id="mine-1", sent_at=WHEN),
    CreateUncertainError("evolink", "Mira", "reset", external_task_id=None, sent_at=None),
    ElementFailedError(TASK),
    WaitTimeoutError("7", task=TASK, elapsed=600.04, last_error=LOOK),
    WaitTimeoutError("7", task=None, elapsed=0.0, last_error=None),
    SessionUnusableError("the session is closed"),
]


@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy, lambda error: pickle.loads(pickle.dumps(error))])
@pytest.mark.parametrize("error", ONE_OF_EACH, ids=lambda error: type(error).__name__)
def test_an_error_survives_a_copy(error, copied):
    """Class, text, arguments, notes and every field come through pickle and copy; traceback and cause do not."""
    noted = copy.copy(error)
    noted.add_note("external_task_id=mine-1")
    try:
        raise noted from OSError("foreign")
    except ElementsError as raised:
        found = copied(raised)
    assert (type(found), str(found), found.args, repr(vars(found))) == (
        type(error),
        str(error),
        error.args,
        repr(vars(noted)),
    )
    assert (found.__traceback__, found.__cause__, found.__context__) == (None, None, None)


def test_each_class_is_among_them():
    """The list above leaves no class out, so each is proved to pickle."""
    ours = {getattr(kling_elements_async, name) for name in kling_elements_async.__all__}
    classes = {kind for kind in ours if isinstance(kind, type) and issubclass(kind, ElementsError)}
    assert {type(error) for error in ONE_OF_EACH} == classes - {ElementsError}


@pytest.mark.parametrize(
    ("kind", "bases"),
    [
        (ConfigurationError, {ElementsError, ValueError}),
        (InvalidIdError, {ElementsError, ValueError}),
        (InvalidElementError, {ElementsError, ValueError}),
        (NotOfferedError, {ElementsError}),
        (NotSentError, {ElementsError, ConnectionError}),
        (NoReplyError, {ElementsError, ConnectionError}),
        (UnexpectedReplyError, {ElementsError}),
        (ApiError, {ElementsError}),
        *[
            (kind, {ApiError})
            for kind in (
                AuthenticationError,
                PermissionDeniedError,
                InsufficientBalanceError,
                InvalidRequestError,
                ContentPolicyError,
                RateLimitedError,
                GatewayBrokenError,
            )
        ],
        (NotFoundError, {InvalidRequestError}),
        (DuplicateTaskError, {InvalidRequestError}),
        (TooManyTasksError, {RateLimitedError}),
        (CreateUncertainError, {ElementsError}),
        (ElementFailedError, {ElementsError}),
        (WaitTimeoutError, {ElementsError, TimeoutError}),
        (SessionUnusableError, {ElementsError, RuntimeError}),
        (WebhookVerificationError, {ElementsError}),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_the_tree(kind, bases):
    """Each class stands where the manual draws it."""
    assert set(kind.__bases__) == bases


@pytest.mark.parametrize(
    ("error", "fields"),
    [
        (ONE_OF_EACH[2], {"problems": ("name: is empty", "tags: evolink carries none")}),
        (ONE_OF_EACH[6], {"status": 502, "excerpt": "<html>"}),
        (
            refused(),
            {
                "gateway": "ezmodel",
                "status": 429,
                "code": 1302,
                "message": "Sorry",
                "request_id": "req-1",
                "retry_after": 1.5,
            },
        ),
        (
            ONE_OF_EACH[-6 + 1],
            {"gateway": "evolink", "external_task_id": None, "sent_at": None, "reason": "reset"},
        ),
        (ElementFailedError(TASK), {"task": TASK}),
        (ONE_OF_EACH[-3], {"task_id": "7", "task": TASK, "elapsed": 600.04, "last_error": LOOK}),
    ],
    ids=lambda value: type(value).__name__,
)
def test_the_fields_of_an_error(error, fields):
    """Every field that the manual names is there, as plain data."""
    assert {name: getattr(error, name) for name in fields} == fields


@pytest.mark.parametrize(
    ("error", "parts"),
    [
        (ONE_OF_EACH[2], ["'Mira'", "not sent", "name: is empty", "tags: evolink carries none"]),
        (ONE_OF_EACH[3], ["evolink", "no call", "list elements", "README"]),
        (refused(), ["ezmodel refused", "get task 7", "Sorry", "429", "1302", "req-1"]),
        (refused(AuthenticationError), ["get task 7", "key", "region"]),
        (refused(InsufficientBalanceError), ["op up", "had no effect"]),
        (refused(NotFoundError), ["element id", "task id"]),
        (refused(RateLimitedError), ["had no effect", "later"]),
        (refused(ContentPolicyError), ["Change the pictures"]),
        (ONE_OF_EACH[-6], ["ezmodel", "'Mira'", "may or may not exist", "reset", "get_element('mine-1')"]),
        (ONE_OF_EACH[-5], ["evolink", "may or may not exist", "look in your account", "billed"]),
        (ElementFailedError(TASK), ["860434405402222626", "without an element", "No face"]),
        (ElementFailedError(ElementTask("7", TaskStatus.FAILED, "FAILURE")), ["7", "no reason", "'FAILURE'"]),
        (ONE_OF_EACH[-3], ["task 7", "600.0 s", "'failed'", "no whole answer", "wait_for_element('7')"]),
        (ONE_OF_EACH[-2], ["task 7", "0.0 s", "not seen once", "wait_for_element('7')"]),
    ],
    ids=lambda value: type(value).__name__,
)
def test_the_text_of_an_error(error, parts):
    """It says what happened, to what, and what to do next."""
    assert [part for part in parts if part not in str(error)] == []
