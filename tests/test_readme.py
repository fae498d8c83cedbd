"""The README is true: its code runs, and its table of calls is what the gateways offer."""

import re
import struct
import zlib
from pathlib import Path

import pytest
from sybil.document import Document
from sybil.parsers.markdown import PythonCodeBlockParser

from kling_elements_async import gateways
from kling_elements_async.sandbox import SandboxThread
from kling_elements_async.wire import Gateway

README = Path(__file__).parents[1] / "README.md"
# Those behind this heading need a framework each: tests/recipes runs them.
RECIPES = README.read_text().index("## In your program")
EXAMPLES = [
    example
    for example in Document.parse(str(README), PythonCodeBlockParser()).examples()
    if example.start < RECIPES
]
CALLS = ("create", "get_one", "list_custom", "list_presets", "delete")


def png(width: int = 400, height: int = 400) -> bytes:
    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    rows = zlib.compress(bytes((width + 1) * height))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


@pytest.fixture
def desk(tmp_path, monkeypatch, quick_looks, quick_tasks):
    """What the reader of the README has: a picture, a key, and a gateway that answers. The pace alone is another."""
    (tmp_path / "front.png").write_bytes(png())
    monkeypatch.chdir(tmp_path)
    with SandboxThread(durations=(0.02, 0.05)) as sandbox:
        monkeypatch.setenv("KLING_API_KEY", sandbox.key)
        monkeypatch.setattr(gateways.EzModel, "default_base_url", sandbox.url("ezmodel"))
        yield


def test_every_block_of_python_runs_as_printed(desk, capsys):
    """In the order of the page, in one namespace, as a reader would."""
    for example in EXAMPLES:
        example.evaluate()
    printed = capsys.readouterr().out.splitlines()
    assert re.fullmatch(r"\d{18}", printed[0])
    assert printed[1] == "10"
    assert printed[2] == "50"
    assert [line.partition(":")[0] for line in printed[3:]] == [
        "name",
        "description",
        "reference.others",
        "reference.frontal",
    ]


def test_the_table_of_calls_is_what_the_gateways_offer():
    """A call is offered where the gateway's class overrides it."""
    rows = re.findall(r"^\| `(\w+)` \|(.+)\|$", README.read_text(), re.MULTILINE)
    table = {name: [cell.strip().startswith("yes") for cell in cells.split("|")] for name, cells in rows}
    offered = {
        kind.__name__: [getattr(kind, call) is not getattr(Gateway, call) for call in CALLS]
        for kind in map(gateways.find, gateways.names())
    }
    assert table == offered


def test_the_two_commands_stand_in_the_ci_script():
    """What the README promises is what is run."""
    ci = (README.parent / ".ci" / "run").read_text().replace("--quiet ", "")
    commands = README.read_text().split("```\npython3", 1)[1].split("```", 1)[0]
    for line in f"python3{commands}".strip().splitlines():
        assert line in ci
