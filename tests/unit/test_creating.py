"""One element for one create: every row of the outcome table, on virtual time, with a fake exchange."""

import asyncio
import itertools

import pytest
from attrs import evolve

from kling_elements_async import (
    ApiError,
    AuthenticationError,
    ContentPolicyError,
    CreateUncertainError,
    DuplicateTaskError,
    Element,
    ElementSpec,
    ElementTask,
    GatewayBrokenError,
    Images,
    InsufficientBalanceError,
    InvalidElementError,
    InvalidRequestError,
    NoReplyError,
    NotFoundError,
    NotSentError,
    PermissionDeniedError,
    RateLimitedError,
    Retries,
    SessionUnusableError,
    Tag,
    TaskStatus,
    TooManyTasksError,
    UnexpectedReplyError,
)
from kling_elements_async.body import Body
from kling_elements_async.creating import Creating
from kling_elements_async.exchange import Exchange
from kling_elements_async.gateways import AnyFast, EzModel
from kling_elements_async.lifecycle import Lifecycle
from kling_elements_async.retries import Resending
from kling_elements_async.settling import Creation
from kling_elements_async.throttle import Gate, Slots

LINK = "https://example.com/f.png"
SPEC = ElementSpec("Mira", "A singer", Images(LINK, [LINK]), tags=[Tag.CHARACTER])
MINE = evolve(SPEC, external_task_id="mine-1")
TASK = ElementTask("860434405402222626", TaskStatus.SUBMITTED, "submitted")
DONE = evolve(TASK, status=TaskStatus.SUCCEEDED, elements=(Element("1", "Mira", reference_type="image"),))


def refused(kind, status=400, retry_after=None):
    return kind("ezmodel", "do it", "Sorry", status=status, retry_after=retry_after)


def unclear(status=200, *, permanent=False):
    return UnexpectedReplyError("not understood", status=status, permanent=permanent)


MISS = refused(NotFoundError)
DUPLICATE = DuplicateTaskError("ezmodel", "do it", "External_task_id mine-1 already exists", status=400)
ANOTHER = DuplicateTaskError("ezmodel", "do it", "Element name already exists", status=400)
LOST = NoReplyError("reset")
FULL = refused(TooManyTasksError, 429)
AMBIGUOUS = {
    "a reset": LOST,
    "200 {}": unclear(),
    "no HTTP": unclear(0),
    "a page from a broken gateway": unclear(502),
    "a page under 408": unclear(408),
    "5xx": refused(GatewayBrokenError, 503),
    "408": refused(ApiError, 408),
    "425": refused(ApiError, 425),
    "an unknown code": refused(ApiError, 200),
    "a used id": DUPLICATE,
}
UNKNOWN = {what: error for what, error in AMBIGUOUS.items() if what != "a used id"}
FINAL = {
    "400": refused(InvalidRequestError),
    "401": refused(AuthenticationError, 401),
    "402": refused(InsufficientBalanceError, 402),
    "1102 under 429": refused(InsufficientBalanceError, 429),
    "403": refused(PermissionDeniedError, 403),
    "1304 under 429": refused(PermissionDeniedError, 429),
    "404": refused(NotFoundError, 404),
    "policy": refused(ContentPolicyError),
    "a redirect": unclear(307, permanent=True),
    "a certificate": NotSentError("certificate", permanent=True),
    "closed": SessionUnusableError("closed"),
}


# After these nothing of the body has left.
NOT_SENT = (NotSentError, SessionUnusableError)


class FakeExchange:
    """Answers creates and looks in turn, the last one for ever; notes what was asked, and when."""

    def __init__(self, clock):
        self.clock = clock
        self.creates = [TASK]
        self.looks = [MISS]
        self.takes = 0.0
        self.seen = []
        self.bodies = []

    def script(self, creates, looks=(MISS,)):
        self.creates, self.looks = list(creates), list(looks)
        return self

    async def perform(self, call, body=None, *, until, before_leaving=None):
        if before_leaving:
            await before_leaving()
        is_create = call.request.method == "POST"
        self.seen.append(("create" if is_create else call.request.path.rpartition("/")[2], self.clock.elapsed))
        if is_create:
            self.bodies.append(b"".join(body.pieces()))
        answers = self.creates if is_create else self.looks
        answer = answers.pop(0) if len(answers) > 1 else answers[0]
        if is_create and not isinstance(answer, NOT_SENT):
            body.has_left = True
        if self.takes:
            await self.clock.sleep(self.takes)
        if isinstance(answer, BaseException):
            raise answer
        return answer

    @property
    def order(self):
        return "".join("P" if what == "create" else "G" for what, _ in self.seen)


async def reached(exchange, order):
    """Come back as soon as these requests were made."""
    for _ in range(100):
        if exchange.order == order:
            return
        await asyncio.sleep(0)
    pytest.fail(f"{exchange.order} instead of {order}")


@pytest.fixture
def exchange(clock):
    return FakeExchange(clock)


@pytest.fixture
def lifecycle(clock):
    return Lifecycle(clock)


@pytest.fixture
def slots(clock):
    """As many as one likes."""
    slots = Slots(clock, None, lambda _: None)
    yield slots
    assert (slots._sending, slots.has_queue) == (0, False), "a slot was not given back"


@pytest.fixture
def creating(clock, exchange, lifecycle, slots):
    resending = Resending(Retries(), lifecycle, Gate(clock))
    return Creating(EzModel(api_key="no-real-key"), exchange, resending, lifecycle, slots)


@pytest.fixture
def blind(clock, exchange, lifecycle, slots):
    """At a gateway that knows no external ids."""
    resending = Resending(Retries(), lifecycle, Gate(clock))
    return Creating(AnyFast(api_key="no-real-key"), exchange, resending, lifecycle, slots)


DIRECT, ADOPTED, RESENT = (Creation(TASK, resolution, 1000.0) for resolution in ("direct", "adopted", "resent"))


async def test_a_create_that_succeeds(creating, exchange):
    """One request, with an external id of ours that is new each time."""
    for _ in range(2):
        assert await creating.create(SPEC, timeout=120) == DIRECT
    first, second = exchange.bodies
    assert (exchange.order, first != second) == ("PP", True)


# ---------------------------------------------------------------- the table, row by row


@pytest.mark.parametrize("error", list(FINAL.values()), ids=list(FINAL))
@pytest.mark.parametrize("gateway", ["creating", "blind"])
async def test_refused_for_good(request, exchange, gateway, error):
    """It is raised as it is: one request, no look."""
    exchange.script([error])
    with pytest.raises(type(error)) as info:
        await request.getfixturevalue(gateway).create(SPEC, timeout=120)
    assert (info.value, exchange.order) == (error, "P")


@pytest.mark.parametrize(
    "error", [NotSentError("refused"), refused(RateLimitedError, 429), refused(TooManyTasksError, 429)], ids=str
)
@pytest.mark.parametrize("gateway", ["creating", "blind"])
async def test_not_taken(request, exchange, gateway, error):
    """It is sent again, the same to the byte, and never looked up."""
    exchange.script([error, error, TASK])
    assert await request.getfixturevalue(gateway).create(SPEC, timeout=120) == DIRECT
    assert (exchange.order, len(set(exchange.bodies))) == ("PPP", 1)


@pytest.mark.parametrize("error", list(AMBIGUOUS.values()), ids=list(AMBIGUOUS))
@pytest.mark.parametrize("spec", [SPEC, MINE], ids=["our id", "the caller's id"])
async def test_an_unclear_outcome_that_was_a_success(creating, exchange, spec, error):
    """The task is looked up by its external id at once, found and adopted; nothing is sent again."""
    exchange.script([error], [TASK])
    assert await creating.create(spec, timeout=120) == ADOPTED
    assert (exchange.order, exchange.seen[1][1]) == ("PG", 0)
    assert exchange.seen[1][0].encode() in exchange.bodies[0]


@pytest.mark.parametrize("error", list(UNKNOWN.values()), ids=list(UNKNOWN))
async def test_an_unclear_outcome_that_was_none(creating, exchange, error):
    """Looks at 0, 1 and 3 s, three definite misses, then the same request again, with the same id."""
    exchange.script([error, TASK])
    assert await creating.create(SPEC, timeout=120) == RESENT
    assert (exchange.order, len(set(exchange.bodies))) == ("PGGGP", 1)
    looks = [at for what, at in exchange.seen if what != "create"]
    assert looks[0] == 0
    assert 1 <= looks[1] <= 1.2
    assert 3 <= looks[2] <= 3.6


@pytest.mark.parametrize("error", list(UNKNOWN.values()), ids=list(UNKNOWN))
async def test_an_unclear_outcome_without_external_ids(blind, exchange, error):
    """A create that may have happened is never sent again: the error says so, and carries no id."""
    exchange.script([error])
    with pytest.raises(CreateUncertainError) as info:
        await blind.create(SPEC, timeout=120)
    assert (exchange.order, info.value.external_task_id, info.value.gateway) == ("P", None, "anyfast")
    assert (info.value.sent_at.tzinfo is not None, info.value.reason) == (True, str(error))


@pytest.mark.parametrize("status", [400, 401, 403, 404, 413, 429])
async def test_a_refusal_from_a_door(creating, exchange, status):
    """HTML under a 4xx: one look, then the error with its status; a task that is there is adopted."""
    exchange.script([unclear(status)])
    with pytest.raises(UnexpectedReplyError) as info:
        await creating.create(SPEC, timeout=120)
    assert (info.value.status, exchange.order) == (status, "PG")
    exchange.script([unclear(status)], [TASK])
    assert await creating.create(SPEC, timeout=120) == ADOPTED


# ---------------------------------------------------------------- looks


@pytest.mark.parametrize(
    "look",
    [
        LOST,
        unclear(),
        unclear(404),
        refused(GatewayBrokenError, 503),
        refused(RateLimitedError, 429),
        NotSentError("x"),
    ],
    ids=str,
)
async def test_unclear_looks_count_as_none(creating, exchange, look):
    """Five unclear looks change nothing: three definite misses are still wanted, one look each 3 s."""
    exchange.script([LOST, TASK], [look, MISS, look, look, MISS, look, look, MISS])
    assert await creating.create(SPEC, timeout=120) == RESENT
    assert exchange.order == "P" + "G" * 8 + "P"
    later = [at for _, at in exchange.seen[3:-1]]
    assert all(3 <= b - a <= 3.6 for a, b in itertools.pairwise(later))


@pytest.mark.parametrize(
    "answer",
    [
        evolve(TASK, external_task_id="another"),
        "echo",
    ],
    ids=["another task", "an echo of the id"],
)
async def test_a_look_that_finds_something_else(creating, exchange, answer):
    """A task of another id, or a mere echo of ours, is not adopted, and is no miss either."""
    found = evolve(TASK, task_id="mine-1") if answer == "echo" else answer
    exchange.script([LOST], [found])
    with pytest.raises(CreateUncertainError):
        await creating.create(MINE, timeout=30)
    assert exchange.order.count("P") == 1


async def test_a_create_answered_with_another_task(creating, exchange):
    """An answer about another external id is unclear, and looked up."""
    exchange.script([evolve(TASK, external_task_id="another")], [evolve(TASK, external_task_id="mine-1")])
    creation = await creating.create(MINE, timeout=30)
    assert (creation.task.external_task_id, creation.resolution) == ("mine-1", "adopted")
    assert exchange.order == "PG"


@pytest.mark.parametrize("look", [refused(AuthenticationError, 401), refused(PermissionDeniedError, 403)], ids=str)
async def test_a_look_that_is_not_allowed(creating, exchange, look):
    """Nothing can be found out any more: uncertain, at once."""
    exchange.script([LOST], [look])
    with pytest.raises(CreateUncertainError):
        await creating.create(SPEC, timeout=120)
    assert exchange.order == "PG"


async def test_two_losses_in_a_row(creating, exchange):
    """Each loss is settled by looks of its own; the id stays."""
    exchange.script([LOST, LOST, TASK])
    assert await creating.create(SPEC, timeout=120) == RESENT
    assert (exchange.order, len(set(exchange.bodies))) == ("PGGGPGGGP", 1)


async def test_a_create_that_lands_late(creating, exchange):
    """The second request is refused as a duplicate: the first one landed, and is adopted."""
    exchange.script([LOST, DUPLICATE], [MISS, MISS, MISS, MISS, DONE])
    assert await creating.create(SPEC, timeout=120) == evolve(ADOPTED, task=DONE)
    assert exchange.order == "PGGGPGG"


@pytest.mark.parametrize("looks", [[LOST], [MISS, LOST]], ids=["unclear", "one miss"])
async def test_looks_that_stay_unclear(creating, exchange, clock, looks):
    """At the deadline it is uncertain; the error carries the id to look for and why."""
    exchange.script([LOST], looks)
    with pytest.raises(CreateUncertainError) as info:
        await creating.create(MINE, timeout=20)
    assert 15 < clock.elapsed <= 20
    assert (info.value.external_task_id, info.value.reason, exchange.order.count("P")) == ("mine-1", "reset", 1)


async def test_a_used_id_that_is_never_found(creating, exchange):
    """A duplicate says that the task exists: misses do not count, and it is never sent again."""
    exchange.script([DUPLICATE])
    with pytest.raises(CreateUncertainError):
        await creating.create(MINE, timeout=30)
    assert exchange.order.count("P") == 1


@pytest.mark.parametrize("spec", [SPEC, MINE], ids=["an id of ours", "the caller's"])
async def test_something_else_that_exists_already(creating, exchange, clock, spec):
    """Where the look-up shows no task under the id, the refusal is told as it came, and soon."""
    exchange.script([ANOTHER])
    with pytest.raises(DuplicateTaskError, match="Element name already exists"):
        await creating.create(spec, timeout=120)
    assert (exchange.order, clock.elapsed < 4) == ("PGGG", True)


async def test_something_that_exists_already_after_a_loss(creating, exchange):
    """It may be what the lost create has made, so its end is uncertain as long as the look-up does not find it."""
    exchange.script([LOST, ANOTHER], [*[MISS] * 8, DONE])
    assert await creating.create(SPEC, timeout=120) == evolve(ADOPTED, task=DONE)
    assert exchange.order == "PGGGPGGGGGG"


@pytest.mark.parametrize(
    "again",
    [refused(TooManyTasksError, 429), refused(RateLimitedError, 429), NotSentError("refused")],
    ids=["a full account", "a limit", "no connection"],
)
async def test_a_deadline_after_a_loss(creating, exchange, again):
    """A first request that may have landed makes the end uncertain, whatever became of the second one."""
    exchange.script([LOST, again])
    with pytest.raises(CreateUncertainError):
        await creating.create(SPEC, timeout=60)


@pytest.mark.parametrize(
    ("found", "adopted"),
    [
        (DONE, True),
        (TASK, True),
        (evolve(DONE, elements=(Element("1"),)), True),
        (evolve(DONE, elements=(Element("1", "Other", reference_type="image"),)), False),
        (evolve(DONE, elements=(Element("1", "Mira", reference_type="video"),)), False),
    ],
    ids=["the same", "unfinished", "nameless", "another name", "another type"],
)
@pytest.mark.parametrize("error", [DUPLICATE, LOST], ids=["a used id", "a loss"])
async def test_an_external_id_of_the_callers(creating, exchange, error, found, adopted):
    """The caller's id is adopted unless the finished element under it has another name or type."""
    exchange.script([error], [found])
    if adopted:
        assert await creating.create(MINE, timeout=30) == evolve(ADOPTED, task=found)
    else:
        with pytest.raises(DuplicateTaskError):
            await creating.create(MINE, timeout=30)
    assert exchange.order == "PG"


# ---------------------------------------------------------------- several at once, cancelling, checks


async def test_one_external_id_twice_at_once(creating, exchange):
    """Two coroutines with one id and spec make one request, and get the same task."""
    exchange.takes = 1
    assert await asyncio.gather(*(creating.create(MINE, timeout=30) for _ in range(3))) == [DIRECT] * 3
    assert (exchange.order, creating._under_way) == ("P", {})


async def test_one_external_id_for_two_specs(creating, exchange):
    """The second one waits its turn, is refused, unsent, as a duplicate, and is not given the other's element."""
    exchange.takes = 1
    exchange.script([DONE, DUPLICATE], [DONE])
    other = evolve(MINE, name="Other")
    found = await asyncio.gather(
        creating.create(MINE, timeout=30), creating.create(other, timeout=30), return_exceptions=True
    )
    assert found[0] == evolve(DIRECT, task=DONE)
    assert (type(found[1]), exchange.order) == (DuplicateTaskError, "P")


async def test_a_first_of_two_that_fails(creating, exchange):
    """The second one then tries for itself."""
    exchange.takes = 1
    exchange.script([refused(ContentPolicyError), TASK])
    found = await asyncio.gather(*(creating.create(MINE, timeout=30) for _ in range(2)), return_exceptions=True)
    assert (type(found[0]), found[1].task) == (ContentPolicyError, TASK)


async def test_a_first_of_two_that_is_cancelled(creating, exchange):
    """Cancelling one leaves the other."""
    exchange.takes = 1
    first, second = (asyncio.create_task(creating.create(MINE, timeout=30)) for _ in range(2))
    for _ in range(5):
        await asyncio.sleep(0)
    first.cancel()
    assert (await second).task == TASK
    assert (first.cancelled(), creating._under_way) == (True, {})


async def test_a_queue_for_one_external_id(creating, exchange, clock):
    """The second one's timeout counts on the session's clock while the first one is under way."""
    exchange.takes = 100
    first = asyncio.create_task(creating.create(MINE, timeout=300))
    await asyncio.sleep(0)
    with pytest.raises(NotSentError, match="under way"):
        await creating.create(MINE, timeout=5)
    assert clock.elapsed == pytest.approx(5)
    assert (await first).task == TASK


@pytest.mark.parametrize("at", ["sending", "settling"])
async def test_cancelling_a_create_under_way(creating, exchange, at):
    """The cancellation passes, with the id to look for as a note."""
    exchange.takes = 1
    if at == "settling":
        exchange.script([LOST], [LOST])
    task = asyncio.create_task(creating.create(MINE, timeout=30))
    await reached(exchange, {"sending": "P", "settling": "PG"}[at])
    task.cancel()
    with pytest.raises(asyncio.CancelledError) as info:
        await task
    assert "external_task_id=mine-1" in "".join(info.value.__notes__)


async def test_cancelling_a_create_that_was_not_sent(clock, lifecycle, slots):
    """Behind a closed gate nothing was sent, so there is nothing to look for and no note."""
    gate = Gate(clock)
    gate.refused(50)
    gateway = EzModel(api_key="no-real-key")
    exchange, resending = Exchange(gateway, None, gate, lifecycle), Resending(Retries(), lifecycle, gate)
    creating = Creating(gateway, exchange, resending, lifecycle, slots)
    task = asyncio.create_task(creating.create(MINE, timeout=100))
    for _ in range(5):
        await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError) as info:
        await task
    assert getattr(info.value, "__notes__", []) == []


# ---------------------------------------------------------------- slots, and what bulk creation asks for


@pytest.fixture
async def taken(slots):
    """The account runs one task, and allows no more."""
    assert slots.queue().done()
    slots.started("running")
    assert slots.queue().done()
    slots.refused()
    slots.gave_back()


async def test_a_full_account(creating, exchange, slots, clock, taken):
    """A create waits for a slot without asking, and goes when a task has ended."""
    create = asyncio.create_task(creating.create(SPEC, timeout=120))
    await clock.sleep(50)
    assert exchange.order == ""
    slots.ended("running")
    assert (await create).task == TASK
    assert (exchange.order, slots.running, clock.elapsed) == ("P", 1, 50)


async def test_a_full_account_for_too_long(creating, exchange, clock, taken):
    """At its timeout nothing of it was sent."""
    with pytest.raises(NotSentError, match="allows no more"):
        await creating.create(SPEC, timeout=30)
    assert (exchange.order, clock.elapsed) == ("", pytest.approx(30))


async def test_cancelling_while_the_account_is_full(creating, exchange, slots, clock, taken):
    """Nothing was sent and nothing says so; the slot goes to the next one."""
    first, second = (asyncio.create_task(creating.create(spec, timeout=120)) for spec in (MINE, SPEC))
    await clock.sleep(5)
    first.cancel()
    with pytest.raises(asyncio.CancelledError) as info:
        await first
    assert getattr(info.value, "__notes__", []) == []
    slots.ended("running")
    assert (await second).task == TASK
    assert exchange.order == "P"


async def test_queueing_without_end(creating, exchange, slots, clock, taken):
    """With `queues` the timeout begins with the slot."""
    exchange.script([LOST], [LOST])
    create = asyncio.create_task(creating.create(SPEC, timeout=30, queues=True))
    await clock.sleep(500)
    slots.ended("running")
    with pytest.raises(CreateUncertainError):
        await create
    assert 520 < clock.elapsed <= 530


@pytest.mark.parametrize("error", [NotSentError("refused"), refused(RateLimitedError, 429)], ids=str)
async def test_sending_again_after_a_long_queue(creating, exchange, slots, clock, taken, error):
    """Retries bound the sending of a create, not the wait for its slot: what was not taken is sent again."""
    exchange.script([error, TASK])
    create = asyncio.create_task(creating.create(SPEC, timeout=120))
    await clock.sleep(50)
    slots.ended("running")
    assert (await create).task == TASK
    assert exchange.order == "PP"


async def test_a_refusal_while_a_task_of_ours_runs(creating, exchange, slots, clock):
    """The create asks again when that task has ended, not before, and goes before those that came later."""
    slots.queue()
    slots.started("running")
    exchange.script([FULL, TASK])
    creates = [asyncio.create_task(creating.create(MINE, timeout=120))]
    await clock.sleep(10)
    creates.append(asyncio.create_task(creating.create(SPEC, timeout=120)))
    await clock.sleep(40)
    assert exchange.order == "P"
    slots.ended("running")
    assert (await creates[0]).task == TASK
    assert (exchange.order, clock.elapsed) == ("PP", 50)
    assert exchange.bodies[0] == exchange.bodies[1]
    await clock.sleep(10)
    slots.ended(TASK.task_id)
    assert (await creates[1]).task == TASK


async def test_an_account_that_others_fill(creating, exchange, clock):
    """1303 is no failure: it is asked again after 1, 2, 4 and then each 8 s, and neither attempts nor seconds end it."""
    exchange.script([*[FULL] * 12, TASK])
    assert await creating.create(SPEC, timeout=120) == DIRECT
    assert (exchange.order, len(set(exchange.bodies))) == ("P" * 13, 1)
    times = [at for _, at in exchange.seen]
    for (before, after), own in zip(itertools.pairwise(times), [1, 2, 4, *[8] * 9], strict=True):
        assert own <= after - before <= 1.2 * own
    assert clock.elapsed > 60


async def test_an_account_that_others_fill_for_too_long(creating, exchange, clock):
    """Only the caller's deadline ends the wait, with an error that says that nothing was made, and why."""
    exchange.script([FULL])
    with pytest.raises(TooManyTasksError):
        await creating.create(SPEC, timeout=60)
    assert 50 < clock.elapsed <= 60
    assert all(later - earlier >= 1 for (_, earlier), (_, later) in itertools.pairwise(exchange.seen))


async def test_queueing_for_an_account_that_others_fill(creating, exchange, clock):
    """With `queues` a full account does not count into the timeout, which begins anew with each slot."""
    exchange.script([*[FULL] * 30, LOST], [LOST])
    with pytest.raises(CreateUncertainError):
        await creating.create(SPEC, timeout=20, queues=True)
    assert exchange.order.count("P") == 31
    last = exchange.seen[30][1]
    assert last > 200
    assert last + 15 < clock.elapsed <= last + 20


async def test_the_first_asks_for_all(creating, exchange, clock):
    """Who came while a full account was asked goes after the one that was refused."""
    exchange.script([FULL, TASK])
    first = asyncio.create_task(creating.create(MINE, timeout=120))
    await clock.sleep(0.5)
    second = asyncio.create_task(creating.create(SPEC, timeout=120))
    await asyncio.wait([first, second])
    assert exchange.bodies[1] == exchange.bodies[0]
    assert exchange.bodies[2] != exchange.bodies[0]


async def test_many_creates_at_an_account_that_others_fill(creating, exchange, clock):
    """After the first refusals one at a time asks, at most once a second, for all."""
    exchange.takes = 0.1
    exchange.script([FULL])
    ends = await asyncio.gather(*(creating.create(SPEC, timeout=60) for _ in range(40)), return_exceptions=True)
    assert {type(end) for end in ends} <= {TooManyTasksError, NotSentError}
    times = [at for _, at in exchange.seen]
    assert times[15] == 0
    assert all(later - earlier >= 1 for earlier, later in itertools.pairwise(times[16:]))


@pytest.mark.parametrize("ours", [0, 1])
async def test_a_limit_of_the_callers_above_the_accounts(clock, exchange, lifecycle, ours):
    """A slot of the caller's own limit is free, but the account is full: asked no more than once a second."""
    slots = Slots(clock, 3, lambda _: None)
    for number in range(ours):
        slots.queue()
        slots.started(str(number))
    gateway, resending = EzModel(api_key="no-real-key"), Resending(Retries(), lifecycle, Gate(clock))
    creating = Creating(gateway, exchange, resending, lifecycle, slots)
    exchange.script([*[FULL] * 6, TASK])
    assert (await creating.create(SPEC, timeout=120)).task == TASK
    assert exchange.order == "P" * 7
    assert all(later - earlier >= 1 for (_, earlier), (_, later) in itertools.pairwise(exchange.seen))
    assert (slots._sending, slots.running) == (0, ours + 1)


@pytest.mark.parametrize("ends", ["cancelled", "closed"])
async def test_an_end_while_others_fill_the_account(creating, exchange, lifecycle, clock, ends):
    """Cancelling, or closing the session, takes effect in the pause, and the slot is given back."""
    exchange.script([FULL])
    create = asyncio.create_task(creating.create(SPEC, timeout=120))
    await clock.sleep(20)
    asked = exchange.order
    if ends == "cancelled":
        create.cancel()
    else:
        lifecycle.close()
    with pytest.raises(asyncio.CancelledError if ends == "cancelled" else SessionUnusableError):
        await create
    assert (exchange.order, clock.elapsed) == (asked, 20)


@pytest.mark.parametrize(("left", "order"), [(0.04, ""), (0.06, "P")])
async def test_a_slot_at_the_last_moment(creating, exchange, slots, clock, taken, left, order):
    """A create that would be cut off at once is not sent: it would leave an element that may exist or not."""
    create = asyncio.create_task(creating.create(SPEC, timeout=30))
    await clock.sleep(30 - left)
    slots.ended("running")
    if order:
        assert (await create).task == TASK
    else:
        with pytest.raises(NotSentError, match="Nothing was sent") as info:
            await create
        assert info.value.permanent
    assert exchange.order == order


@pytest.mark.parametrize("outcome", [TASK, DONE], ids=["unfinished", "finished"])
async def test_an_adopted_task_holds_a_slot(creating, exchange, slots, outcome):
    """A create whose answer was lost gives its slot back, and its task holds one as long as it runs."""
    exchange.script([LOST], [outcome])
    await creating.create(SPEC, timeout=120)
    assert slots.running == (0 if outcome.is_terminal else 1)


@pytest.mark.parametrize("error", [*FINAL.values(), *UNKNOWN.values()], ids=[*FINAL, *UNKNOWN])
async def test_a_create_that_fails_holds_no_slot(blind, exchange, slots, error):
    """It is given back, whatever became of it."""
    exchange.script([error])
    with pytest.raises((type(error), CreateUncertainError)):
        await blind.create(SPEC, timeout=30)
    assert (slots.running, slots._sending) == (0, 0)


async def test_an_id_for_a_spec_that_has_none(creating, exchange):
    """It is used as the external id; an id of the spec's own goes before it."""
    for spec, wanted in ((SPEC, b"given-1"), (MINE, b"mine-1")):
        await creating.create(spec, timeout=30, external_id="given-1")
        assert wanted in exchange.bodies[-1]
    assert b"given-1" not in exchange.bodies[-1]


class Told:
    """Notes what a bulk job is told, and which requests were made by then; fails as told."""

    def __init__(self, exchange, error=None):
        self._exchange = exchange
        self._error = error
        self.notes = []

    async def before_send(self, external_id, body):
        assert isinstance(body, Body)
        await asyncio.sleep(0)
        self.notes.append((external_id, self._exchange.order))
        if self._error:
            raise self._error

    async def not_taken(self):
        self.notes.append(("not taken", self._exchange.order))


async def test_what_is_done_before_the_request_leaves(creating, exchange):
    """It is told the external id, once for each request, and no request leaves before it is done."""
    told = Told(exchange)
    exchange.script([LOST, TASK])
    assert (await creating.create(MINE, timeout=60, hooks=told)).resolution == "resent"
    assert told.notes == [("mine-1", ""), ("mine-1", "PGGG")]


@pytest.mark.parametrize("gateway", ["creating", "blind"])
async def test_the_body_tells_whether_it_has_left(request, exchange, gateway):
    """What is told before a request is the body that is then sent, and it has not left."""
    seen = []

    class Bodies(Told):
        async def before_send(self, external_id, body):
            seen.append((body, body.has_left))

    await request.getfixturevalue(gateway).create(SPEC, timeout=60, hooks=Bodies(exchange))
    [(body, had_left)] = seen
    assert (had_left, body.has_left, b"".join(body.pieces())) == (False, True, exchange.bodies[0])


async def test_a_failure_before_the_request_leaves(creating, exchange, slots):
    """A journal that can't be written keeps the create from being sent (fault 72), and the slot is given back."""
    with pytest.raises(OSError, match="disk full"):
        await creating.create(MINE, timeout=60, hooks=Told(exchange, OSError("disk full")))
    assert (exchange.order, slots.running) == ("", 0)


async def test_a_journal_that_takes_all_the_time(creating, exchange, slots, clock):
    """A request that would be cut off at once does not leave: nothing exists, and that is said."""

    class Slow(Told):
        async def before_send(self, external_id, body):
            await clock.sleep(60)

    with pytest.raises(NotSentError, match="no time is left"):
        await creating.create(MINE, timeout=60, hooks=Slow(exchange))
    assert (exchange.order, slots.running) == ("", 0)


@pytest.mark.parametrize("error", [NotSentError("refused"), refused(RateLimitedError, 429), FULL], ids=str)
async def test_what_was_not_taken_is_told(creating, exchange, error):
    """Each time, before the next request is announced."""
    told = Told(exchange)
    exchange.script([error, error, TASK])
    await creating.create(MINE, timeout=60, hooks=told)
    told_once = [("mine-1", ""), ("not taken", "P"), ("mine-1", "P"), ("not taken", "PP"), ("mine-1", "PP")]
    assert told.notes == told_once


@pytest.mark.parametrize("error", [*AMBIGUOUS.values()], ids=[*AMBIGUOUS])
async def test_what_may_have_been_taken_is_not_told_as_nothing(creating, exchange, error):
    """Neither at an unclear outcome, nor at a refusal of a second request: the first one may still land."""
    told = Told(exchange)
    exchange.script([error, FULL, refused(RateLimitedError, 429)], [MISS])
    with pytest.raises(CreateUncertainError):
        await creating.create(MINE, timeout=60, hooks=told)
    assert {what for what, _ in told.notes} == {"mine-1"}


@pytest.mark.parametrize(("resumes", "is_told"), [("settled", True), ("fresh", False)])
async def test_a_refusal_of_a_create_of_an_earlier_run(creating, exchange, resumes, is_told):
    """Only after its settling time is it sure that nothing of the earlier run can still land."""
    told = Told(exchange)
    exchange.script([refused(RateLimitedError, 429)])
    with pytest.raises(RateLimitedError if is_told else CreateUncertainError):
        await creating.create(MINE, timeout=60, hooks=told, resumes=resumes)
    assert ("not taken" in {what for what, _ in told.notes}) == is_told


@pytest.mark.parametrize(("resumes", "resolution"), [("settled", "direct"), ("fresh", "resent")])
async def test_how_a_create_of_an_earlier_run_is_called(creating, resumes, resolution):
    """One that may still have landed counts as sent again."""
    assert (await creating.create(MINE, timeout=60, resumes=resumes)).resolution == resolution


@pytest.mark.parametrize("resumes", ["settled", "fresh"])
async def test_a_create_of_an_earlier_run_that_landed(creating, exchange, resumes):
    """It is looked up before anything is sent, and adopted."""
    exchange.script([TASK], [TASK])
    assert (await creating.create(MINE, timeout=60, resumes=resumes)).resolution == "adopted"
    assert exchange.order == "G"


@pytest.mark.parametrize(("resumes", "order"), [("settled", "GP"), ("fresh", "GGGP")])
async def test_a_create_of_an_earlier_run_that_did_not(creating, exchange, resumes, order):
    """One definite miss is enough for what was cut off long ago; else it needs the three of any lost create."""
    assert (await creating.create(MINE, timeout=60, resumes=resumes)).task == TASK
    assert exchange.order == order


async def test_a_create_of_an_earlier_run_that_stays_unclear(creating, exchange):
    """Looks that tell nothing never lead to a second request."""
    exchange.script([TASK], [LOST])
    with pytest.raises(CreateUncertainError):
        await creating.create(MINE, timeout=60, resumes="settled")
    assert "P" not in exchange.order


async def test_closing_while_settling(creating, exchange, lifecycle):
    """The outcome can't be found out any more: uncertain, with the id."""
    exchange.script([LOST], [LOST])
    task = asyncio.create_task(creating.create(MINE, timeout=30))
    await reached(exchange, "PG")
    lifecycle.close()
    with pytest.raises((CreateUncertainError, SessionUnusableError)) as info:
        await task
    assert isinstance(info.value, CreateUncertainError)


async def test_a_spec_with_problems(creating, exchange, tmp_path):
    """All of them are raised at once, and nothing is sent."""
    spec = ElementSpec("", "x" * 101, Images(tmp_path / "gone.png", []), external_task_id="a b")
    with pytest.raises(InvalidElementError) as info:
        await creating.create(spec, timeout=30)
    assert list(info.value.problems) == await creating.check(spec)
    assert (len(info.value.problems), exchange.order) == (5, "")


async def test_a_file_that_goes_after_its_check(creating, exchange, tmp_path, monkeypatch):
    """A picture that is gone when the body is made is a problem of the spec."""
    spec = ElementSpec("Mira", "A singer", Images(tmp_path / "gone.png", [LINK]))
    monkeypatch.setattr("kling_elements_async.creating.problems_of", lambda *_: [])
    with pytest.raises(InvalidElementError, match="can't be read any more") as info:
        await creating.create(spec, timeout=30)
    assert (exchange.order, info.value.__cause__, info.value.__context__) == ("", None, None)
