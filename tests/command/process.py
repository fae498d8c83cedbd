"""The command as a process of its own: with pipes, as a script runs it, or in a terminal, as a person does."""

import asyncio
import contextlib
import os
import pty
import re
import signal
import sys
import time
from dataclasses import dataclass

# What is left open or never awaited is then a complaint on stderr, where each test sees it.
COMMAND = (sys.executable, "-W", "error", "-m", "kling_elements_async.command")
# Opening it again makes a terminal the controlling one of a new session, so that ^C becomes SIGINT.
IN_TERMINAL = "import os, sys; os.close(os.open(os.ttyname(0), os.O_RDWR)); os.execv(sys.argv[1], sys.argv[1:])"


@dataclass
class Ran:
    code: int
    out: str
    err: str = ""

    @property
    def line(self):
        """The only line of stderr."""
        (line,) = self.err.splitlines()
        return line


def environment(sandbox=None, gateway="ezmodel", **more):
    """No variable of whoever runs the tests gets through, but for the path and the home."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "COVERAGE_PROCESS_CONFIG") if name in os.environ}
    own = {}
    if sandbox:
        own = {
            "KLING_GATEWAY": gateway,
            "KLING_BASE_URL": sandbox.url(gateway),
            "KLING_API_KEY": sandbox.key,
        }
    return kept | own | more


async def run(*arguments, env):
    process = await asyncio.create_subprocess_exec(
        *COMMAND, *map(str, arguments), env=env, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    out, err = await process.communicate()
    return Ran(process.returncode, out.decode(), err.decode())


class Terminal:
    """A real pseudo-terminal with the command in it."""

    def __init__(self, *arguments, env, columns=80):
        self._arguments = map(str, arguments)
        self._env = {"TERM": "xterm"} | env | {"COLUMNS": str(columns)}
        self.text = ""
        self._closed = asyncio.Event()

    async def __aenter__(self):
        self._ours, theirs = pty.openpty()
        self._process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-I", "-S", "-c", IN_TERMINAL, *COMMAND, *self._arguments),
            env=self._env,
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            start_new_session=True,
        )
        os.close(theirs)
        os.set_blocking(self._ours, False)
        asyncio.get_running_loop().add_reader(self._ours, self._read)
        return self

    async def __aexit__(self, *_):
        if self._process.returncode is None:
            self._process.kill()
            await self._process.wait()
        asyncio.get_running_loop().remove_reader(self._ours)
        os.close(self._ours)

    def _read(self):
        try:
            self.text += os.read(self._ours, 65536).decode(errors="replace").replace("\r\n", "\n")
        except OSError:  # Linux says so when the other end is closed
            self._closed.set()
            asyncio.get_running_loop().remove_reader(self._ours)

    async def see(self, pattern, within=40.0):
        until = time.monotonic() + within
        while not (found := re.search(pattern, self.text)):
            assert time.monotonic() < until, f"no {pattern!r} in {self.text!r}"
            await asyncio.sleep(0.02)
        return found

    def press_ctrl_c(self):
        os.write(self._ours, b"\x03")

    def signal(self, number=signal.SIGINT):
        self._process.send_signal(number)

    async def end(self, within=40.0):
        """Wait for the end, and return the exit code and what stands on the screen."""
        async with asyncio.timeout(within):
            code = await self._process.wait()
        with contextlib.suppress(TimeoutError):  # elsewhere than on Linux nothing tells that all was read
            await asyncio.wait_for(self._closed.wait(), 1.0)
        return Ran(code, self.screen)

    @property
    def screen(self):
        """What a person sees: each \\r begins the line again, over what stood there."""
        return "\n".join(written_over(line) for line in self.text.split("\n"))


def written_over(line):
    shown = ""
    for part in line.split("\r"):
        shown = part + shown[len(part) :]
    return shown.rstrip()
