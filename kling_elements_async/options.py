"""The options of a session, checked before anything is built on them."""

from collections.abc import Callable, Mapping
from typing import Any

import aiohttp

from .arguments import shown
from .errors import ConfigurationError
from .polling import Polling
from .retries import Retries
from .wire import Gateway

MOST_CONNECTIONS = 100


def _has(*names: str) -> Callable[[Any], bool]:
    return lambda value: not isinstance(value, type) and all(hasattr(value, name) for name in names)


def _counts(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 1


def _or_none(fits: Callable[[Any], bool]) -> Callable[[Any], bool]:
    return lambda value: value is None or fits(value)


# What is expected, and whether a value is that.
_EXPECTED: dict[str, tuple[str, Callable[[Any], bool]]] = {
    "retries": ("Retries(…) is expected", lambda value: isinstance(value, Retries)),
    "polling": ("Polling(…) is expected", lambda value: isinstance(value, Polling)),
    "max_running_tasks": ("at least 1, or None, is needed", _or_none(_counts)),
    "slots": ("RedisSlots(…), or another place for slots, is expected", _or_none(_has("store", "lease"))),
    "http": (
        "an aiohttp.ClientSession is expected",
        _or_none(lambda value: isinstance(value, aiohttp.ClientSession)),
    ),
    "on_event": ("something to call is expected", _or_none(callable)),
    "clock": ("now, sleep and random are expected", _or_none(_has("now", "sleep", "random"))),
}


def check_options(gateway: object, max_connections: object, options: Mapping[str, object]) -> None:
    """Refuse what a session can't work with.

    Raises:
        ConfigurationError: so it is.

    """
    if not isinstance(gateway, Gateway):
        raise ConfigurationError("ElementsSession takes a gateway: ElementsSession(EzModel(api_key=…))")
    if options["http"] is not None and max_connections != MOST_CONNECTIONS:
        raise ConfigurationError("max_connections is the connector's of your own http session: set it there")
    if not _counts(max_connections):
        raise ConfigurationError(f"max_connections is {shown(max_connections)}: at least 1 is needed")
    for name, (expected, fits) in _EXPECTED.items():
        if not fits(options[name]):
            raise ConfigurationError(f"{name} is {shown(options[name])}: {expected}")
