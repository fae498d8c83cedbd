"""What the package shows: complete lists, a docstring for each public thing, and a tree that is drawn as it is."""

import inspect
import re

import pytest

import kling_elements_async
from kling_elements_async import ElementsError, errors, gateways, models, polling, retries, wire

ERRORS = {
    name for name, kind in vars(errors).items() if isinstance(kind, type) and issubclass(kind, ElementsError)
}
OUTCOMES = {"Created", "NotCreated", "Outcome"}
PUBLIC = {
    f"{kind.__module__}.{kind.__qualname__}": kind
    for module in (kling_elements_async, gateways, wire)
    for name, kind in vars(module).items()
    if not name.startswith("_")
    and (isinstance(kind, type) or inspect.isfunction(kind))
    and kind.__module__.startswith("kling_elements_async")
}


def own(module):
    return {
        name
        for name, kind in vars(module).items()
        if isinstance(kind, type) and kind.__module__ == module.__name__
    }


@pytest.mark.parametrize("module", [kling_elements_async, gateways], ids=lambda module: module.__name__)
def test_the_list_of_names(module):
    """It is sorted as ruff sorts, names each thing once, and each of them exists."""
    names = module.__all__
    assert sorted(names) == sorted(set(names))
    assert [name for name in names if not hasattr(module, name)] == []
    kinds = [name for name in names if not name.islower()]
    assert names == sorted(kinds) + sorted(set(names) - set(kinds))


def test_the_list_is_complete():
    """Every error, value and outcome, both policies and the session are exported, and nothing private."""
    wanted = ERRORS | own(models) | own(polling) | {"Retries", "ElementsSession"} | OUTCOMES
    assert set(kling_elements_async.__all__) == wanted
    assert retries.Retries is kling_elements_async.Retries
    assert {kind.__name__ for kind in gateways._BUILT_IN.values()} | {"find", "names"} == set(gateways.__all__)


@pytest.mark.parametrize("name", sorted(PUBLIC))
def test_a_public_thing_is_documented(name):
    """The class or function has a docstring, and so has each of its public methods and properties."""
    kind = PUBLIC[name]
    members = [
        member
        for member, value in inspect.getmembers(kind)
        if isinstance(kind, type)
        and not member.startswith("_")
        and (inspect.isfunction(value) or inspect.ismethod(value) or isinstance(value, property))
        and (getattr(value, "fget", None) or value).__module__.startswith("kling_elements_async")
    ]
    assert kind.__doc__
    assert [member for member in members if not inspect.getdoc(getattr(kind, member))] == []


def test_the_tree_of_errors_is_drawn_as_it_is():
    """Names, places and second bases in the docstring are those of the classes."""
    drawn, path = {}, []
    for line in errors.__doc__.splitlines():
        if found := re.match(r"( {4}[│├└─ ]*)([A-Z]\w*Error)(?: \((\w+)\))?", line):
            depth = (len(found[1]) - 4) // 4
            path[depth:] = [found[2]]
            drawn[found[2]] = ({path[depth - 1]} if depth else {"Exception"}) | ({found[3]} if found[3] else set())
    assert drawn == {name: {base.__name__ for base in getattr(errors, name).__bases__} for name in ERRORS}


def test_the_session_shows_its_defaults():
    """Its signature says how often a call is sent again and at what pace a wait looks."""
    shown = inspect.signature(kling_elements_async.ElementsSession).parameters
    assert shown["retries"].default == kling_elements_async.Retries(attempts=4, within=30.0)
    assert shown["polling"].default == kling_elements_async.Polling(first=1.0, factor=1.5, longest=5.0)
