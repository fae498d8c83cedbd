"""The canary: keys of the tests, and the search for them in everything that an error can show.

``caught`` is pytest.raises for one of our classes exactly. Every error of ours that a test makes, caught or
not, is looked at by a fixture when the test ends.
"""

import pickle
import traceback
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from kling_elements_async import ElementsError

KEY, ACCESS_KEY, SECRET_KEY = "canary-of-the-key", "canary-of-the-access", "canary-of-the-secret"
# A signed token starts so, whatever it claims.
SECRETS = (KEY, SECRET_KEY, "eyJ")


@contextmanager
def caught(kind: type[ElementsError]) -> Iterator[pytest.ExceptionInfo[ElementsError]]:
    with pytest.raises(ElementsError) as info:
        yield info
    assert type(info.value) is kind, repr(info.value)
    check_error(info.value)


def check_error(error: BaseException) -> None:
    """What holds for every error of ours: plain data that pickles whole, nothing foreign, and no key."""
    __tracebackhide__ = True
    assert isinstance(error, ElementsError), f"a foreign class: {error!r}"
    assert str(error).strip()
    copy = pickle.loads(pickle.dumps(error))
    assert (type(copy), str(copy), repr(copy)) == (type(error), str(error), repr(error))
    assert vars(copy).keys() == vars(error).keys()
    for link in links(error):
        home = type(link).__module__.partition(".")[0]
        assert home not in ("aiohttp", "tenacity"), f"{type(link)!r} is chained to {error!r}"
    check_no_secret(*shown(error))


def links(error: BaseException) -> Iterator[BaseException]:
    """The error and all that it came from."""
    seen: set[int] = set()
    waiting: list[BaseException | None] = [error]
    while waiting:
        link = waiting.pop()
        if link is not None and id(link) not in seen:
            seen.add(id(link))
            waiting += [link.__cause__, link.__context__]
            yield link


def shown(error: BaseException) -> Iterator[str]:
    """All texts in which an error and what it came from can turn up, all frames with their locals included."""
    for link in links(error):
        yield from (str(link), repr(link), repr(link.args), repr(vars(link)))
        # Without the marks under each line: finding their columns takes longer than all the rest.
        frames = traceback.walk_tb(link.__traceback__)
        yield "".join(traceback.StackSummary.extract(frames, capture_locals=True).format())
    yield repr(ExceptionGroup("several", [error])) if isinstance(error, Exception) else ""
    yield pickle.dumps(error).decode("latin-1")


def check_no_secret(*texts: str) -> None:
    __tracebackhide__ = True
    for text in texts:
        for secret in SECRETS:
            place = text.find(secret)
            assert place < 0, f"a key shows: …{text[max(0, place - 200) : place]}<here>"


def way_of(error: BaseException) -> tuple[object, ...]:
    """Where an error came from: two errors with the same way show the same frames."""
    steps = []
    trace = error.__traceback__
    while trace is not None:
        steps.append((trace.tb_frame.f_code.co_name, trace.tb_lineno))
        trace = trace.tb_next
    return type(error), tuple(steps)
