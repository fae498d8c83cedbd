"""What came of a soak: what the client was told, held against what is true at the gateway, element by element."""

from collections.abc import Collection

from attrs import frozen

from kling_elements_async import CreateUncertainError, NotSentError

from .opponents import Truth


@frozen
class Told:
    """What the client was told of one spec: the ids of its task and element, or the error."""

    name: str
    ids: tuple[str, str] | None = None
    error: BaseException | None = None


@frozen
class Findings:
    """What came of a soak; everything up to ``leaked`` should be 0."""

    lost: int
    """Specs without an outcome, and elements that the client was told of and the gateway does not have."""
    doubled: int
    """Elements made beyond the first of a spec."""
    shared: int
    """Elements that two specs were told of."""
    denied: int
    """Specs said to have made nothing, of which the gateway has an element."""
    unresolved: int
    """Specs whose create could not be found out, or was not sent."""
    failed: int
    """Specs that ended with any other error."""
    undeleted: int
    """Elements said to be deleted that are there."""
    leaked: int
    """Tasks, files, sockets, complaints of the loop; lines and errors with the key in them."""
    calls: dict[str, int]
    """Requests, by call, until all elements were made."""
    requests: float
    """The same, an element."""
    seconds: float
    lag: tuple[float, float]
    """Seconds by which a task that sleeps came late, while creates are in flight: p50 and p99."""
    own_lag: float
    """As much of that, at p99, as this process spent its own CPU time in: the rest is other processes'."""
    megabytes: float
    resolutions: dict[str, int]
    errors: dict[str, int]
    left: tuple[str, ...]


def compared(told: Collection[Told], truth: Truth, elements: int) -> dict[str, int]:
    """Hold what the client was told against what is true."""
    unclear = [each for each in told if isinstance(each.error, CreateUncertainError)]
    unsent = [each for each in told if isinstance(each.error, NotSentError)]
    others = [each for each in told if each.error and each not in unclear and each not in unsent]
    made = [each for each in told if each.ids]
    return {
        "lost": elements - len(told) + sum(each.ids not in truth.made.get(each.name, ()) for each in made),
        "doubled": sum(len(ids) - 1 for ids in truth.made.values()),
        "shared": len(made) - len({each.ids for each in made}),
        "denied": sum(each.name in truth.made for each in unsent + others),
        "unresolved": len(unclear) + len(unsent),
        "failed": len(others),
    }
