"""The one door to parts that are loaded when they are used: what needs an extra, and what few programs need.

Law: a file that imports an optional dependency does so at its top, and is loaded from here. So importing the
package costs little more than importing what it is built on.
"""

from importlib import import_module
from typing import Any

from .errors import ConfigurationError


def load(module: str, *, extra: str | None = None) -> Any:
    """Return a module of this package, named from its top (``"gateways.signing"``).

    Raises:
        ConfigurationError: it needs an ``extra`` that is not installed; the text names it.

    """
    try:
        return import_module(f"{__package__}.{module}")
    except ModuleNotFoundError as error:
        if extra is None:
            raise
        missing = error.name
    raise ConfigurationError(f"this needs {missing}: pip install 'kling-elements-async[{extra}]'")
