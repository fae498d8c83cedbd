"""The tests bite: each bug that is planted into a copy of the package turns those red that are named for it."""

import planted
import pytest


def test_each_plant_fits():
    """Its text stands once in the package as it is now, and its file compiles with it."""
    for plant in planted.PLANTS:
        text = (planted.ROOT / planted.PACKAGE / plant.file).read_text()
        spoilt = planted.planted(text, plant.old, plant.new, plant)
        if plant.bug in planted.BESIDES:
            spoilt = planted.planted(spoilt, *planted.BESIDES[plant.bug], plant)
        assert spoilt != text
        compile(spoilt, plant.file, "exec")


@pytest.mark.slow
def test_each_planted_bug_is_noticed():
    """By every test that is named for it, and by none before it is planted."""
    assert planted.main() == 0
