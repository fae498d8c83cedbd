"""Gateways from outside the package: what other distributions have registered."""

from importlib.metadata import entry_points

from ..errors import ConfigurationError
from ..wire import Gateway

_GROUP = "kling_elements_async.gateways"


def registered_names() -> list[str]:
    """Return the names under which gateways are registered."""
    return [found.name for found in entry_points(group=_GROUP)]


def registered(name: str) -> type[Gateway] | None:
    """Return the gateway class registered under a name, or None.

    Raises:
        ConfigurationError: what is registered is no gateway.

    """
    for found in entry_points(group=_GROUP, name=name):
        kind = found.load()
        if isinstance(kind, type) and issubclass(kind, Gateway):
            return kind
        raise ConfigurationError(f"the entry point {name!r} is no subclass of wire.Gateway")
    return None
