"""A program that tries some lives, and prints every request and answer in them."""

import sys

import conftest  # the profile of hypothesis

from model.machine import Creates, tried


class Told(Creates):
    """A life that is told when it is over."""

    def teardown(self) -> None:
        super().teardown()
        sys.stdout.writelines(f"{each}\n" for each in self.world.trace)


if __name__ == "__main__":
    assert conftest
    tried(12, 25, Told)
