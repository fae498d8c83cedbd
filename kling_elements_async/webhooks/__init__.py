"""Callbacks: a gateway's word that a task has changed, checked, read, and handed to those who wait.

``verify`` checks a signature and ``parse`` reads a body; ``session.deliver_callback`` does both, and ends the
waits. ``aiohttp_handler`` and ``asgi_app`` are endpoints that need no more than a session::

    app.router.add_post("/kling/callback", webhooks.aiohttp_handler(session))  # aiohttp.web
    app.add_route("/kling/callback", webhooks.asgi_app(session))  # FastAPI, Starlette

They answer 204, or 401 for a bad signature, 405 for another method than POST, 413 for a body over 256 KiB and 400
for what is no callback, each without a word of detail. Their URL goes into ``ElementSpec(callback_url=…)``. Where
Starlette mounts the path, that URL ends in "/": it redirects from the other one, and no gateway follows.
"""

from typing import Any

from .. import optional
from .asgi import asgi_app
from .callback import MOST_BYTES, Receiver, parse
from .signature import verify

__all__ = ["MOST_BYTES", "aiohttp_handler", "asgi_app", "parse", "verify"]


def aiohttp_handler(session: Receiver) -> Any:
    """Return a request handler for ``aiohttp.web`` that hands callbacks to a session."""
    return optional.load("webhooks.aiohttp_web").handler(session)
