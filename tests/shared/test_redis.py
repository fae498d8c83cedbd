"""The shared books and the shared rate in a real Redis."""

import asyncio
import signal
import time

import pytest
from attrs import evolve

from kling_elements_async.shared import Rate, RedisSlots
from kling_elements_async.shared.visit import StoreLostError
from kling_elements_async.testing import VirtualClock

from .test_visits import NOTHING

pytestmark = pytest.mark.services

LEASE = 2.0


@pytest.fixture
async def stores(redis):
    """Two workers at the books of one account."""
    slots = RedisSlots(redis.url, lease=LEASE)
    made = [slots.store("0123") for _ in range(2)]
    yield made
    for store in made:
        await store.close()


async def test_a_lease_by_the_time_of_redis(stores):
    """What one holds the other gets when the lease is over."""
    one, other = stores
    assert (await one.visit(evolve(NOTHING, want=5, fixed=5))).granted == 5
    assert (await other.visit(evolve(NOTHING, want=5, fixed=5))).granted == 0
    await asyncio.sleep(LEASE + 0.05)
    assert (await other.visit(evolve(NOTHING, want=5, fixed=5))).granted == 5


async def test_a_redis_that_starts_anew(stores, redis):
    """The connection and the script are gone, and the next visit brings both back."""
    one, _ = stores
    epoch = (await one.visit(evolve(NOTHING, want=5, fixed=5))).epoch
    redis.stop()
    with pytest.raises(StoreLostError) as info:
        await one.visit(NOTHING)
    assert str(redis.port) not in str(info.value)
    assert info.value.__cause__ is None
    redis.start()
    assert (await one.visit(evolve(NOTHING, held=5, fixed=5, epoch=epoch))).epoch != epoch


async def test_a_redis_that_hangs(stores, redis):
    """It is lost well within a lease."""
    one, _ = stores
    await one.visit(NOTHING)
    redis.send(signal.SIGSTOP)
    began = time.monotonic()
    with pytest.raises(StoreLostError):
        await one.visit(NOTHING)
    assert time.monotonic() - began < LEASE * 0.9
    redis.send(signal.SIGCONT)


async def test_a_shared_rate(redis):
    """Two counters of one account share it; without Redis it is lost."""
    one, same = (Rate(0.1, redis.url).tickets("0123", VirtualClock()) for _ in range(2))
    assert await one.take(1) == 0
    assert 0 < await same.take(1) <= 10
    redis.stop()
    with pytest.raises(StoreLostError):
        await one.take(1)
    await one.close()
    await same.close()
