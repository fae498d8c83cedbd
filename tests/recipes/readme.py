"""The recipes of the README, by their names."""

import re
import sys
import types
from pathlib import Path
from typing import Any

_README = Path(__file__).parents[2] / "README.md"
_BLOCK = r"```python\n(.+?)```"


def source(name: str) -> str:
    """The code of a recipe, as printed."""
    text = _README.read_text()
    return re.search(rf"(?:<summary>|### ){re.escape(name)}\b.*?{_BLOCK}", text, re.DOTALL)[1]


def recipe(name: str) -> Any:
    """A recipe as a module, once it has run: frameworks look for the names of annotations there."""
    module = types.ModuleType("recipe")
    sys.modules["recipe"] = module
    exec(compile(source(name), f"README.md, {name}", "exec"), vars(module))
    return module


def names() -> list[str]:
    """The names of all recipes."""
    return re.findall(r"<summary>(.+?)</summary>", _README.read_text())
