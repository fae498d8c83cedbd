"""Asyncio client for Kling elements: create them, wait for them, use their ids.

The session is in ``session``, the gateways in ``gateways``, the values in ``models``, the errors in ``errors``;
``wire`` is the contract for a gateway of your own, ``webhooks`` takes callbacks, ``sandbox`` is a gateway to try
things on.
"""

import logging

from .errors import (
    ApiError,
    AuthenticationError,
    ConfigurationError,
    ContentPolicyError,
    CreateUncertainError,
    DuplicateTaskError,
    ElementFailedError,
    ElementsError,
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
    TooManyTasksError,
    UnexpectedReplyError,
    WaitTimeoutError,
    WebhookVerificationError,
)
from .models import Element, ElementSpec, ElementTask, Images, Page, Tag, TaskStatus, Video, Voice
from .outcomes import Created, NotCreated, Outcome
from .polling import Polling
from .retries import Retries
from .session import ElementsSession

__all__ = [
    "ApiError",
    "AuthenticationError",
    "ConfigurationError",
    "ContentPolicyError",
    "CreateUncertainError",
    "Created",
    "DuplicateTaskError",
    "Element",
    "ElementFailedError",
    "ElementSpec",
    "ElementTask",
    "ElementsError",
    "ElementsSession",
    "GatewayBrokenError",
    "Images",
    "InsufficientBalanceError",
    "InvalidElementError",
    "InvalidIdError",
    "InvalidRequestError",
    "NoReplyError",
    "NotCreated",
    "NotFoundError",
    "NotOfferedError",
    "NotSentError",
    "Outcome",
    "Page",
    "PermissionDeniedError",
    "Polling",
    "RateLimitedError",
    "Retries",
    "SessionUnusableError",
    "Tag",
    "TaskStatus",
    "TooManyTasksError",
    "UnexpectedReplyError",
    "Video",
    "Voice",
    "WaitTimeoutError",
    "WebhookVerificationError",
]

logging.getLogger(__name__).addHandler(logging.NullHandler())
