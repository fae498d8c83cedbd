"""What a worker may use without asking."""

from kling_elements_async.shared.local_share import LocalShare

MUCH = 10**6


def lost(limit, workers, held, fixed=0):
    share = LocalShare(15.0, fixed)
    if workers:
        share.learn(0.0, limit, workers)
    share.lose(100.0, held)
    return share


def test_while_the_books_are_there():
    """They decide."""
    assert LocalShare(15.0, 20).most(0.0) >= MUCH


def test_an_equal_part():
    """Of 20 with three workers, six: what it held at first, and its part when the others have come down to theirs."""
    assert [lost(20, 3, held=4).most(at) for at in (100.0, 114.9, 115.0)] == [4, 4, 6]
    assert [lost(20, 3, held=9).most(at) for at in (100.0, 115.0)] == [6, 6]


def test_more_workers_than_slots():
    """Each keeps what it held, and no more: all together hold no more than the limit."""
    assert [lost(20, 30, held=held).most(200.0) for held in (0, 1)] == [0, 1]


def test_an_unknown_limit():
    """What it held, and one at least."""
    assert [lost(0, 3, held=held).most(200.0) for held in (0, 7)] == [1, 7]


def test_books_that_were_never_seen():
    """Nobody knows who else there is: one at a time."""
    assert lost(0, 0, held=0, fixed=20).most(100.0) == 1


def test_a_refusal_while_they_are_lost():
    """Others have more than was thought: no more than ran then."""
    share = lost(21, 3, held=7)
    share.refused(4)
    assert share.most(200.0) == 4


def test_when_they_are_back():
    """Its part still, until every worker has renewed its lease, even if some are not known yet; then they decide."""
    share = lost(20, 3, held=6)
    share.returns(200.0)
    share.learn(200.0, 20, 1)
    assert share.most(201.0) == 6
    assert share.most(208.0) >= MUCH
