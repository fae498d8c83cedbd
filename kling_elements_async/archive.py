"""A finished task as text, and back: for the journal.

Law: what comes back equals what went in; the gateway's own record is left out.
"""

from typing import Any

from attrs import fields
from cattrs.gen import make_dict_unstructure_fn, override
from cattrs.preconf.json import make_converter

from .models import Element, ElementTask, Tag

_CONVERTER = make_converter()
_TAGS = {str(tag): tag for tag in Tag}


def _tags(values: Any, _: Any) -> tuple[Tag | str, ...]:
    return tuple(_TAGS.get(value, value) for value in values)


def _prepare() -> None:
    _CONVERTER.register_structure_hook_func(lambda kind: kind == fields(Element).tags.type, _tags)
    for model in (Element, ElementTask):
        hook = make_dict_unstructure_fn(model, _CONVERTER, raw=override(omit=True))
        _CONVERTER.register_unstructure_hook(model, hook)


_prepare()


def to_text(task: ElementTask) -> str:
    """Return a task as JSON."""
    return _CONVERTER.dumps(task)


def from_text(text: str) -> ElementTask:
    """Return the task that ``to_text`` wrote."""
    return _CONVERTER.loads(text, ElementTask)
