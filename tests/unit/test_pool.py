"""Places for requests in flight: who is next, and what becomes of a place that nobody wants any more."""

import asyncio

import pytest

from kling_elements_async.pool import Pool


def queued(pool, *order):
    """Take places in the queue; "look" is a patient one."""
    return [pool.queue(patient=name == "look") for name in order]


def has_place(turns):
    return [turn.done() and not turn.cancelled() for turn in turns]


@pytest.mark.parametrize("most", [1, 3])
async def test_places_that_are_free(most):
    """So many are taken at once, and no more; one that is given back is free again."""
    pool = Pool(most)
    assert [pool.take_now() for _ in range(most + 2)] == [True] * most + [False] * 2
    pool.give_back()
    assert [pool.take_now(), pool.take_now()] == [True, False]


async def test_no_limit():
    """A foreign connector without a limit has places for all."""
    pool = Pool(0)
    assert all(pool.take_now() for _ in range(10_000))
    pool.give_back()
    assert pool.take_now()


async def test_first_come_first_served():
    """A place that is given back goes to who has waited longest, and is not free in between."""
    pool = Pool(1)
    assert pool.take_now()
    turns = queued(pool, "call", "call", "call")
    for served in range(1, 4):
        pool.give_back()
        assert has_place(turns) == [True] * served + [False] * (3 - served)
        assert not pool.take_now()
    pool.give_back()
    assert pool.take_now()


async def test_looks_come_last():
    """A look at an unfinished task lets every other call go before it; looks among themselves keep their order."""
    pool = Pool(1)
    pool.take_now()
    first_look, second_look, call, late_call = turns = queued(pool, "look", "look", "call", "call")
    served = []
    for turn in turns:
        turn.add_done_callback(served.append)
    for _ in turns:
        pool.give_back()
        await asyncio.sleep(0)
    assert served == [call, late_call, first_look, second_look]


@pytest.mark.parametrize("kind", ["call", "look"])
async def test_leaving_the_queue(kind):
    """Who leaves before the turn is passed over, and nobody loses a place by it."""
    pool = Pool(1)
    pool.take_now()
    leaving, staying = queued(pool, kind, kind)
    pool.leave(leaving)
    pool.give_back()
    assert (leaving.cancelled(), has_place([staying])) == (True, [True])


async def test_leaving_with_a_place():
    """Who was given a place just now and does not use it passes it on, or frees it."""
    pool = Pool(1)
    pool.take_now()
    first, second = queued(pool, "call", "look")
    pool.give_back()
    pool.leave(first)
    assert has_place([second]) == [True]
    pool.leave(second)
    assert [pool.take_now(), pool.take_now()] == [True, False]


async def test_cancelled_by_another():
    """A turn whose task was cancelled takes no place, although it still stands in the queue."""
    pool = Pool(1)
    pool.take_now()
    gone, staying = queued(pool, "call", "call")
    gone.cancel()
    pool.leave(gone)
    pool.give_back()
    assert has_place([staying]) == [True]


async def test_cancelling_many_at_once():
    """Of two hundred in the queue every other one is cancelled: the others all get their turn, and no place is lost."""
    pool, served = Pool(3), []

    async def call(number):
        if not pool.take_now():
            turn, is_mine = pool.queue(patient=number % 3 == 0), False
            try:
                await turn
                is_mine = True
            finally:
                if not is_mine:
                    pool.leave(turn)
        await asyncio.sleep(0)
        served.append(number)
        pool.give_back()

    calls = [asyncio.create_task(call(number)) for number in range(200)]
    await asyncio.sleep(0)
    for number in range(3, 200, 2):
        calls[number].cancel()
    await asyncio.gather(*calls, return_exceptions=True)
    assert sorted(served) == [number for number, task in enumerate(calls) if not task.cancelled()]
    assert set(range(0, 200, 2)) <= set(served)
    assert [pool.take_now() for _ in range(4)] == [True, True, True, False]
