"""The gateways: one file each, and the way to find one by its name.

Law: a gateway says what to send and how to read what comes back. A further one is a file like these, in this
package or in yours, registered under the entry-point group ``kling_elements_async.gateways``.
"""

from .. import optional
from ..arguments import check
from ..errors import ConfigurationError
from ..wire import Gateway
from .anyfast import AnyFast
from .evolink import EvoLink
from .ezmodel import EzModel
from .kkiai import Kkiai
from .kling import Kling

__all__ = ["AnyFast", "EvoLink", "EzModel", "Kkiai", "Kling", "find", "names"]

_BUILT_IN: dict[str, type[Gateway]] = {kind.name: kind for kind in (Kling, EzModel, Kkiai, AnyFast, EvoLink)}


def names() -> list[str]:
    """Return the names of all gateways, the built-in ones first."""
    return list(dict.fromkeys([*_BUILT_IN, *optional.load("gateways.registry").registered_names()]))


def find(name: str) -> type[Gateway]:
    """Return the gateway class of this name.

    Raises:
        ConfigurationError: there is none; the text lists those that there are.

    """
    check(name, "the name of a gateway", "text is expected", str)
    kind: type[Gateway] | None = _BUILT_IN.get(name) or optional.load("gateways.registry").registered(name)
    if kind is None:
        raise ConfigurationError(f"there is no gateway {name!r}; there are {', '.join(names())}")
    return kind
