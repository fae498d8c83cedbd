"""100 creates at once, each with a picture of 10 MB from a ``Path``: memory and the loop of the client.

Memory is the resident size of this process (read every 20 ms by a thread) above what it was after a warm-up. The
loop's longest block is the longest time by which a task that sleeps 1 ms came late; what it took of the CPU is
beside it, for other processes hold it up too. The gateway has a process of its own, which takes the bodies as fast
as they come. Linux only: it reads ``/proc/self/statm``.
"""

import asyncio
import gc
import os
import struct
import threading
import time
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from attrs import define

from kling_elements_async import ElementSpec, ElementsSession, Images
from kling_elements_async.gateways import EzModel

from .gateway import BenchmarkGateway, served
from .table import Row, Table

MOST_MEGABYTES = 60
LONGEST_BLOCK = 50
_PICTURE = 10 * 1024 * 1024
_TICK = 0.001
_SAMPLED_EVERY = 0.02
_PAGE = os.sysconf("SC_PAGESIZE")


def resident() -> int:
    return int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1]) * _PAGE


@define
class _Peak:
    resident: int = 0


@contextmanager
def _sampled() -> Iterator[_Peak]:
    """Watch the resident size of this process during a block."""
    peak, is_over = _Peak(resident()), threading.Event()

    def sample() -> None:
        while not is_over.wait(_SAMPLED_EVERY):
            peak.resident = max(peak.resident, resident())

    thread = threading.Thread(target=sample)
    thread.start()
    try:
        yield peak
    finally:
        is_over.set()
        thread.join()


async def _longest_block(is_over: asyncio.Event) -> tuple[float, float]:
    """Return the longest time that the loop was busy, and the most CPU time that its thread took meanwhile."""
    longest = most_cpu = 0.0
    while not is_over.is_set():
        before, cpu_before = time.perf_counter(), time.thread_time()
        await asyncio.sleep(_TICK)
        longest = max(longest, time.perf_counter() - before - _TICK)
        most_cpu = max(most_cpu, time.thread_time() - cpu_before)
    return longest, most_cpu


def _pictures(folder: Path, number: int) -> list[Path]:
    """Write one picture of 10 MB, under so many names."""
    size = struct.pack(">IIBBBBB", 1024, 1024, 8, 2, 0, 0, 0)
    header = b"IHDR" + size
    content = b"\x89PNG\r\n\x1a\n" + struct.pack(">I", len(size)) + header + struct.pack(">I", zlib.crc32(header))
    paths = [folder / f"{index}.png" for index in range(number)]
    paths[0].write_bytes(content + os.urandom(_PICTURE - len(content)))
    for path in paths[1:]:
        path.hardlink_to(paths[0])
    return paths


async def _upload(session: ElementsSession, paths: list[Path]) -> None:
    side = ["https://cdn.example.com/side.png"]
    specs = [ElementSpec("my-character", "A protagonist", Images(path, side)) for path in paths]
    tasks = await asyncio.gather(*map(session.create_element, specs))
    assert len({task.task_id for task in tasks}) == len(paths)


async def _measured(gateway: BenchmarkGateway, paths: list[Path]) -> tuple[Row, ...]:
    async with ElementsSession(EzModel(api_key="benchmark-key", base_url=gateway.url)) as session:
        await _upload(session, paths[:2])
        gc.collect()
        idle, gateway_idle = resident(), gateway.cpu()
        is_over = asyncio.Event()
        block = asyncio.create_task(_longest_block(is_over))
        with _sampled() as peak:
            began, cpu = time.perf_counter(), time.process_time()
            await _upload(session, paths)
            seconds, cpu = time.perf_counter() - began, time.process_time() - cpu
        is_over.set()
        longest, most_cpu = await block
    return (
        Row("peak memory above idle", (peak.resident - idle) / 1e6, " MB", most=MOST_MEGABYTES, digits=1),
        Row("longest block of the loop", longest * 1e3, " ms", most=LONGEST_BLOCK, digits=1),
        Row("  most CPU time of its thread in one", most_cpu * 1e3, " ms", digits=1),
        Row("  idle memory", idle / 1e6, " MB", digits=1),
        Row("  pictures sent", len(paths) * _PICTURE / 1e6 / seconds, " MB/s", digits=0),
        Row("  the client's share of its core", cpu / seconds * 100, " %", digits=0),
        Row("  the gateway's share of its core", (gateway.cpu() - gateway_idle) / seconds * 100, " %", digits=0),
    )


def run(*, quick: bool) -> Table:
    creates = 40 if quick else 100
    with TemporaryDirectory() as folder, served() as gateway:
        rows = asyncio.run(_measured(gateway, _pictures(Path(folder), creates)))
    return Table(f"uploads: {creates} creates at once, a picture of 10 MB each", rows)
