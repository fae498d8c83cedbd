"""The books themselves: what each visit is granted, by the script that Redis runs, on virtual time."""

import json

import pytest
from attrs import evolve

from kling_elements_async.gateways import EzModel, Kling
from kling_elements_async.shared import books
from kling_elements_async.shared.visit import Visit
from kling_elements_async.throttle import GROW_AFTER, GROW_AFTER_SECONDS, SENT_AT_FIRST

from .lua_books import LuaBooks

LEASE = 15.0
NOTHING = Visit(
    held=0,
    sending=0,
    unsure=0,
    want=0,
    started=0,
    refused=False,
    closed=0.0,
    denial="",
    fixed=0,
    limit=0,
    epoch="",
)


@pytest.fixture
async def lua(clock):
    return LuaBooks(clock)


@pytest.fixture
def visit(lua):
    """`visit("a", held=3, want=2)`: one visit of a worker, and its answer."""

    def visited(worker, **told):
        question = books.question(worker, LEASE, 2.0, evolve(NOTHING, **told))
        return books.answer(lua.run("the account", question))

    return visited


def test_a_limit_of_the_callers(visit):
    """All workers together are granted so many, and no more."""
    assert visit("a", want=15, fixed=20).granted == 15
    assert visit("b", want=15, fixed=20).granted == 5
    assert visit("c", want=15, fixed=20).granted == 0
    assert visit("b", held=5, want=10, fixed=20).others == 15


def test_what_is_given_back(visit):
    """A worker tells what it holds, and what it no longer holds is free at once."""
    visit("a", want=20, fixed=20)
    assert visit("b", want=3, fixed=20).granted == 0
    visit("a", held=18, fixed=20)
    assert visit("b", want=3, fixed=20).granted == 2


def test_an_answer_that_was_lost(visit):
    """What was granted by it was never taken: the next visit puts it right."""
    assert visit("a", want=20, fixed=20).granted == 20
    assert visit("a", want=20, fixed=20).granted == 20


def test_a_dead_worker(visit, clock):
    """Its slots are free when its lease is over, and not before."""
    visit("a", want=20, fixed=20)
    clock.advance(LEASE - 0.1)
    assert visit("b", want=20, fixed=20).granted == 0
    clock.advance(0.2)
    answer = visit("b", want=20, fixed=20)
    assert (answer.granted, answer.workers) == (20, 1)


def test_a_lease_that_is_renewed(visit, clock):
    """Who is heard of in time keeps its slots."""
    visit("a", want=20, fixed=20)
    for _ in range(9):
        clock.advance(LEASE / 3)
        visit("a", held=20, fixed=20)
    assert visit("b", want=1, fixed=20).granted == 0


def test_one_that_comes_back(visit, clock):
    """A worker that lost its lease enters what still runs: nobody gets a slot until there is room again."""
    visit("a", want=20, fixed=20)
    clock.advance(LEASE + 1)
    assert visit("b", want=20, fixed=20).granted == 20
    assert visit("a", held=20, unsure=20, want=5, fixed=20).granted == 0
    assert visit("b", held=10, want=10, fixed=20).granted == 0
    assert visit("a", held=5, unsure=5, want=5, fixed=20).granted == 5


def test_an_equal_share_first(visit):
    """Who has less than its share gets the next slots, whoever frees them."""
    visit("a", want=100, fixed=20)
    visit("b", want=100, fixed=20)
    assert visit("a", held=19, want=80, fixed=20).granted == 0
    assert visit("b", want=100, fixed=20).granted == 1
    for held in range(18, 9, -1):
        assert visit("a", held=held, want=80, fixed=20).granted == 0
        assert visit("b", held=19 - held, want=80, fixed=20).granted == 1
    assert visit("a", held=9, want=80, fixed=20).granted == 1, "now both have theirs"


def test_the_rest_of_a_division(visit):
    """20 among three: nobody waits for less than its share, so the two that are left go to whoever asks."""
    for worker in "abc":
        visit(worker, want=6, fixed=20)
    assert [visit(worker, held=6, want=1, fixed=20).granted for worker in "abc"] == [1, 1, 0]


def test_more_workers_than_slots(visit, clock):
    """They take turns: who has waited longest is next, and who has just had a slot waits."""
    for worker, granted in zip("abcd", [2, 0, 0, 0], strict=True):
        assert visit(worker, want=5, fixed=2).granted == granted
        clock.advance(0.1)
    assert visit("a", held=1, want=5, fixed=2).granted == 0
    assert [visit(worker, want=5, fixed=2).granted for worker in "dcb"] == [0, 0, 1]


def test_one_that_no_longer_asks(visit, clock):
    """A share is kept for who asked a moment ago, not for who has not been heard of since."""
    visit("a", want=20, fixed=20)
    visit("b", want=10, fixed=20)
    clock.advance(1.0)
    assert visit("a", held=15, want=5, fixed=20).granted == 0
    clock.advance(1.5)
    assert visit("a", held=15, want=5, fixed=20).granted == 5


def test_no_limit_is_known(visit):
    """Before the first refusal some go together, of all workers, and one more with each success."""
    assert visit("a", want=10).granted == 10
    assert visit("b", want=10).granted == SENT_AT_FIRST - 10
    assert visit("a", held=10, sending=8, started=2, want=10).granted == 4


def test_a_refusal(visit):
    """It teaches all of them: no more than ran then, over all workers."""
    visit("a", want=8)
    visit("b", want=8)
    visit("a", held=8, started=8)
    assert visit("b", held=8, sending=3, started=5, refused=True).limit == 13
    assert visit("b", held=5).granted == 0
    assert visit("a", held=7, want=5).granted == 1
    assert visit("c", want=5).granted == 0


def test_proof_that_more_may_run(visit):
    """Creates that were on their way when another was refused, and went well, count."""
    visit("a", want=8)
    visit("b", want=8)
    visit("a", held=8, sending=8)
    assert visit("b", held=7, sending=0, started=7, refused=True).limit == 7
    assert visit("a", held=8, sending=0, started=8).limit == 15


def test_what_was_held_beyond_a_lost_lease_is_no_proof(visit, clock):
    """The others have those slots by now: that so many seem to run says nothing of the limit."""
    visit("a", want=10)
    visit("a", held=10, started=10)
    assert visit("a", held=10, refused=True).limit == 10
    clock.advance(LEASE + 1)
    visit("b", want=10)
    visit("b", held=10, started=10)
    assert visit("a", held=10, unsure=10).limit == 10


def test_growth(visit, clock):
    """One more is tried after so many successes of all workers and seconds without a refusal."""
    visit("a", want=2)
    visit("a", held=2, started=2, refused=True)
    for _ in range(GROW_AFTER):
        clock.advance(GROW_AFTER_SECONDS / GROW_AFTER + 0.01)
        limit = visit("a", held=2, started=1, want=1).limit
    assert limit == 3


def test_a_refusal_by_the_tasks_of_a_dead_worker(visit, clock):
    """They run on at the gateway for a while: the limit comes back with the successes, one by one."""
    visit("a", want=8)
    visit("b", want=8)
    visit("a", held=8, started=8)
    assert visit("b", held=8, started=8, refused=True).limit == 16
    clock.advance(LEASE - 1)
    visit("b", held=8)
    clock.advance(2)
    assert visit("b", held=8, want=8).granted == 8
    assert visit("b", held=8, refused=True).limit == 8
    assert visit("b", held=8, started=1, want=3).limit == 9


def test_a_closed_gate(visit, clock):
    """Who comes next hears for how long."""
    visit("a", closed=10.0)
    assert visit("b").closed == 10
    clock.advance(4)
    assert visit("c").closed == 6
    assert visit("c", closed=2.0).closed == 6, "the longest holds"
    clock.advance(7)
    assert visit("b").closed == 0


def test_an_error_of_the_account(visit, clock):
    """The others are told and granted nothing, until one has a success, or it is old."""
    visit("a", denial="no money")
    assert (visit("b", want=1).denial, visit("b", want=1).granted) == ("no money", 0)
    assert (visit("a", want=1).denial, visit("a", want=1).granted) == ("", 1), "who met it may try again"
    visit("a", held=1, started=1)
    assert visit("b", want=1).denial == ""
    visit("a", denial="no money")
    clock.advance(books.DENIED_FOR + 1)
    assert visit("b", want=1).granted == 1


def test_books_that_were_emptied(visit, lua, clock):
    """They say that they are others, and grant nothing at once: not all have entered what they hold."""
    epoch = visit("a", want=10, fixed=20).epoch
    visit("b", want=10, fixed=20)
    lua.empty()
    clock.advance(1)
    answer = visit("a", held=5, want=15, fixed=20, epoch=epoch)
    assert answer.epoch != epoch
    assert answer.granted == 0


def test_a_limit_that_only_a_worker_remembers(visit, lua):
    """Emptied books take it over."""
    visit("a", want=7)
    epoch = visit("a", held=7, started=7, refused=True).epoch
    lua.empty()
    assert visit("a", held=7, limit=7, epoch=epoch).limit == 7
    assert visit("b", want=5).granted == 0


def test_who_leaves(visit, lua):
    """With nothing running, nothing of it stays; what still runs is kept until its lease ends."""
    visit("a", want=1, fixed=5)
    visit("b", want=1, fixed=5)
    visit("a", leaves=True, fixed=5)
    visit("b", held=1, leaves=True, fixed=5)
    assert [name for name in lua.fields("the account") if name.startswith("w:")] == ["w:b"]


def test_what_a_visit_costs(visit, lua, clock):
    """Three commands; once an hour one more puts off the end of the hash, which is a day away."""
    visit("a", want=20, fixed=20)
    assert lua.commands() == ["TIME", "HGETALL", "HSET", "PEXPIRE"]
    for _ in range(30):
        clock.advance(1201)
        visit("a", held=20, fixed=20)
    commands = lua.commands()
    assert commands[:3] == ["TIME", "HGETALL", "HSET"]
    assert commands.count("PEXPIRE") == 10


def test_what_stands_in_redis():
    """The name of an account is a digest, and one hash holds all: it may live in a cluster."""
    question = json.loads(books.question("a", LEASE, 2.0, NOTHING))
    assert books.key_of("0123") == "kling-elements:{0123}:slots"
    assert (question["lease"], question["fresh"], question["worker"]) == (15000, 2000, "a")


def test_an_account_is_a_digest():
    """It tells addresses and keys apart, stays the same, and shows neither; a pair of keys is one account."""
    here = EzModel(api_key="no-real-key").account_digest()
    assert here == EzModel(api_key="no-real-key").account_digest()
    others = [
        EzModel(api_key="no-real-key-2"),
        EzModel(api_key="no-real-key", base_url="https://example.com"),
        Kling(api_key="no-real-key"),
        Kling(access_key="no-real-key-3", secret_key="no-real-secret"),
    ]
    assert len({here, *(other.account_digest() for other in others)}) == 5
    assert "real" not in here
