"""Everything public has a type that every checker reads alike."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.slow
def test_the_types_are_complete(tmp_path):
    """Pyright finds no symbol of the package without a known type."""
    pytest.importorskip("basedpyright", reason="basedpyright comes with the extra test-all")
    command = [sys.executable, "-m", "basedpyright", "--outputjson", "--ignoreexternal"]
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        [*command, "--verifytypes", "kling_elements_async"],
        env=os.environ | {"PATH": path},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    found = json.loads(done.stdout)["typeCompleteness"]
    unknown = [symbol["name"] for symbol in found["symbols"] if symbol["isExported"] and not symbol["isTypeKnown"]]
    assert unknown == []
    assert found["completenessScore"] == 1
