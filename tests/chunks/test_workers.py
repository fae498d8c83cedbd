"""Many workers on one job in PostgreSQL: no item by two at once, and none that stays with a dead worker."""

import asyncio

import pytest
from bulk.materials import all_outcomes, made, named

from kling_elements_async import ConfigurationError, NotSentError
from kling_elements_async.journal import Entry
from kling_elements_async.journals import PostgresJournal

pytestmark = pytest.mark.services

INTENT = Entry("key", "digest", "mine-1", 1.7e9)


def dies(journal):
    """What a killed process leaves: no lease is renewed, nothing is returned."""
    for keeper in journal._leases._keepers:
        keeper.cancel()


async def test_an_item_of_another_worker(open_workers):
    """It is waited for, and what the first one wrote down is there then."""
    first, second = [await open_workers() for _ in range(2)]
    await first.claim("key")
    waiting = asyncio.ensure_future(second.claim("key"))
    await asyncio.sleep(0.7)
    assert not waiting.done()
    await first.intend(INTENT)
    first.release("key")
    assert await waiting == INTENT


async def test_a_dead_workers_item(open_workers):
    """It is taken over when the lease has ended, and not before."""
    first, second = await open_workers(lease=1.5), await open_workers(lease=1.5)
    await first.claim("key")
    await first.intend(INTENT)
    dies(first)
    async with asyncio.timeout(4):
        assert await second.claim("key") == INTENT
    ended = "SELECT until < clock_timestamp() FROM kling_elements_workers WHERE worker = $1"
    assert await second._pool.fetch(ended, first._leases.worker) == [(True,)]


async def test_a_living_workers_item_outlasts_its_lease(open_workers):
    """The lease is renewed."""
    first, second = await open_workers(lease=2), await open_workers(lease=2)
    await first.claim("key")
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(5):
            await second.claim("key")


async def test_a_worker_that_was_taken_for_dead(open_workers):
    """It sends nothing more of that item, and takes nothing back."""
    first, second = await open_workers(lease=1), await open_workers(lease=30)
    await first.claim("key")
    dies(first)
    assert await second.claim("key") is None
    with pytest.raises(NotSentError, match="taken key over"):
        await first.intend(INTENT)
    await second.intend(INTENT)
    await first.dropped("key")
    first.release("key")
    second.release("key")
    assert await second.claim("key") == INTENT


async def test_two_workers_at_once(open_session, sandbox, open_workers):
    """Over the same specs: each is made once, and both workers see each element."""
    journals = [await open_workers() for _ in range(2)]
    runs = [all_outcomes(open_session(), named(40), journal=journal) for journal in journals]
    first, second = await asyncio.gather(*runs)
    assert {o.index: o.element for o in first} == {o.index: o.element for o in second}
    assert set(made(sandbox).values()) == {1}
    assert sandbox.account("ezmodel").counts["create"] == 40


@pytest.mark.parametrize("gateway", ["anyfast"])
async def test_two_workers_where_no_external_ids_are(open_session, sandbox, open_workers, gateway):
    """The claims alone keep them apart."""
    journals = [await open_workers() for _ in range(2)]
    runs = [all_outcomes(open_session(gateway), named(20), journal=journal) for journal in journals]
    await asyncio.gather(*runs)
    assert set(made(sandbox, gateway).values()) == {1}


async def test_a_database_that_drops_its_connections(open_session, sandbox, open_workers, database):
    """What was running is run again on a new connection, and the job comes to its end."""
    import asyncpg

    journal = await open_workers()
    killer = await asyncpg.connect(database)
    outcomes = []
    async with open_session().create_many(named(60), journal=journal) as running:
        async for outcome in running:
            outcomes.append(outcome)
            if len(outcomes) in (5, 20, 40):
                await killer.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                    " WHERE pid <> pg_backend_pid() AND backend_type = 'client backend'"
                )
    await killer.close()
    assert len({outcome.element.element_id for outcome in outcomes}) == 60
    assert (await journal.progress()).created == 60


async def test_a_database_that_is_not_there():
    """A ConfigurationError that shows no password."""
    journal = PostgresJournal("postgresql://me:a-password@127.0.0.1:1/none", job="props")
    with pytest.raises(ConfigurationError) as info:
        await journal.__aenter__()
    assert "a-password" not in str(info.value) + repr(info.value.__cause__) + repr(vars(journal))


async def test_ten_workers_begin_at_once(database):
    """The tables are made once."""
    journals = [PostgresJournal(database, job="begin", connections=1) for _ in range(10)]
    await asyncio.gather(*(journal.__aenter__() for journal in journals))
    await asyncio.gather(*(journal.claim("key") for journal in journals[:1]))
    await asyncio.gather(*(journal.__aexit__(None, None, None) for journal in journals))
