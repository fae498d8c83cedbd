"""How soon a wait notices, and at what price: many seeds in virtual time over a real network."""

import statistics

import pytest
from tables import mostly_slow

from kling_elements_async import ElementsSession
from kling_elements_async.gateways import EzModel

from .clock import VirtualClock
from .conftest import follow
from .server import KEY


async def one_wait(server, duration, seed):
    """The lag of one wait, and its requests."""
    clock = VirtualClock(server, seed=seed, patience=0)
    follow(server, clock)
    account = server.accounts["ezmodel"]
    account.duration = duration
    task, before = account.add(), len(server.seen)
    async with ElementsSession(EzModel(api_key=KEY, base_url=server.base_url("ezmodel")), clock=clock) as session:
        await session.wait_for_element(task.task_id)
    lag = clock.now() - task.born - duration
    account.tasks.clear()
    return lag, len(server.seen) - before


@pytest.mark.parametrize("seeds", mostly_slow([15, 30, 200], 15))
@pytest.mark.parametrize(("duration", "lag", "requests"), [(5.0, 1.0, 12), (30.0, 2.5, 12)])
async def test_a_wait_alone(server, duration, lag, requests, seeds):
    """A 5 s task is noticed within 1 s and a 30 s task within 2.5 s at the median, the latter in 12 requests."""
    waits = [await one_wait(server, duration, seed) for seed in range(seeds)]
    lags, counts = zip(*waits, strict=True)
    assert min(lags) >= -1e-6
    assert statistics.median(lags) <= lag
    assert statistics.median(counts) <= requests
    assert max(lags) <= 6.1
    assert len({round(each, 3) for each in lags}) > seeds / 4, "jitter spreads the looks"
