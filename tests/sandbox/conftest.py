"""A sandbox on a clock that moves by hand, and someone who calls it."""

import aiohttp
import pytest

from kling_elements_async.sandbox import Sandbox

from .caller import Caller, Clock


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
async def sandbox(clock):
    async with Sandbox(durations=(10, 10), clock=clock) as sandbox:
        yield sandbox


@pytest.fixture
async def http():
    async with aiohttp.ClientSession() as http:
        yield http


@pytest.fixture
def caller(http, sandbox):
    return Caller(http, sandbox)
