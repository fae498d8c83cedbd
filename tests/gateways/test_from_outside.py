"""A sixth gateway, from a project of its own: one module and an entry point."""

import importlib
import sys

import pytest

from kling_elements_async import ConfigurationError, ElementsSession, Polling
from kling_elements_async.gateways import find, names
from kling_elements_async.sandbox import Sandbox

from .documents import SPEC

MODULE = '''
"""A gateway for Kling elements, from outside the package."""

from functools import partial

from kling_elements_async import ElementTask
from kling_elements_async.gateways.native import NativeGateway
from kling_elements_async.wire import Call, Carries, Gateway, NotOfferedError, Reply, Request


class Sixth(NativeGateway):
    """Speaks Kling's own API elsewhere, carries no callbacks and lists nothing."""

    name = "sixth"
    default_base_url = "https://sixth.example/kling"
    carries = Carries(external_ids=True, callbacks="none")

    def get_one(self, task_id: str) -> Call[ElementTask]:
        call = super().get_one(task_id)
        return Call(f"have a look at {task_id}", call.request, partial(self._read, call))

    def list_custom(self, page: int, page_size: int):
        raise NotOfferedError(self.name, "list elements")

    @staticmethod
    def _read(call: Call[ElementTask], reply: Reply) -> ElementTask:
        return call.read(reply)


NOT_A_GATEWAY = Request("GET", "/v1/")
'''
PROJECT = """
[project]
name = "sixth-gateway"
version = "1.0"
dependencies = ["kling-elements-async"]

[project.entry-points."kling_elements_async.gateways"]
sixth = "sixth_gateway:Sixth"
"""
ENTRY_POINTS = """
[kling_elements_async.gateways]
sixth = sixth_gateway:Sixth
broken = sixth_gateway:NOT_A_GATEWAY
kling = sixth_gateway:Sixth
"""


@pytest.fixture
def installed(tmp_path, monkeypatch):
    """The project, as an installer leaves it: the module, and a .dist-info that names the entry point."""
    info = tmp_path / "sixth_gateway-1.0.dist-info"
    info.mkdir()
    (tmp_path / "pyproject.toml").write_text(PROJECT)
    (tmp_path / "sixth_gateway.py").write_text(MODULE)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: sixth-gateway\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(ENTRY_POINTS)
    monkeypatch.syspath_prepend(str(tmp_path))
    importlib.invalidate_caches()
    yield
    sys.modules.pop("sixth_gateway", None)


async def test_a_sixth_gateway(installed, monkeypatch):
    """It is found by its name, set up by the environment, and creates and waits against a server."""
    assert names() == ["kling", "ezmodel", "kkiai", "anyfast", "evolink", "sixth", "broken"]
    async with Sandbox(durations=(0.0, 0.0)) as sandbox:
        monkeypatch.setenv("KLING_GATEWAY", "sixth")
        monkeypatch.setenv("KLING_API_KEY", sandbox.key)
        monkeypatch.setenv("KLING_BASE_URL", sandbox.url("ezmodel"))
        async with ElementsSession.from_env(polling=Polling(first=0.01, longest=0.01)) as session:
            assert type(session.gateway) is find("sixth")
            element = await session.create_and_wait(SPEC, timeout=5)
            assert element.name == SPEC.name
            await session.delete_element(element.element_id)
            with pytest.raises(Exception, match="sixth offers no call to list elements"):
                await session.list_elements()


def test_what_an_entry_point_may_name(installed):
    """A built-in name is never taken over, and what is no gateway class is refused."""
    assert find("kling").__module__ == "kling_elements_async.gateways.kling"
    with pytest.raises(ConfigurationError, match="'broken' is no subclass"):
        find("broken")
    with pytest.raises(ConfigurationError, match=r"no gateway 'seventh'; there are kling, .*, sixth"):
        find("seventh")


def test_nothing_installed():
    """Without the project there is no such gateway, and the error lists those that there are."""
    with pytest.raises(ConfigurationError, match=r"'sixth'; there are kling, ezmodel, kkiai, anyfast, evolink$"):
        find("sixth")
