"""The script ``kling-elements``: meets Ctrl-C from its first line on, and loads the command after that.

Law: imports nothing of the package before. Loading it takes the better part of a second on a slow machine, so this
file is installed beside the package, as ``kling_elements_script``.
"""

import os
import signal


def main() -> int:
    """Run the command, and return its exit code."""
    handler = signal.getsignal(signal.SIGINT)
    if handler is signal.default_int_handler:  # a shell's background job ignores Ctrl-C
        signal.signal(signal.SIGINT, _stopped)
    from kling_elements_async.command import main as run  # noqa: PLC0415 - now, and no earlier

    signal.signal(signal.SIGINT, handler)
    return run()


def _stopped(*_: object) -> None:
    """End here and now: an exception in the middle of an import is printed, or lost, by whoever meets it there."""
    os.write(2, b"kling-elements: stopped; nothing was done\n")
    os._exit(130)
