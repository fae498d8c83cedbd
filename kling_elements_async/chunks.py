"""A chunk of a manifest, brought to its elements by whoever is given it: what a task queue runs.

Law: idempotent. External ids are fixed before the first send, by what a row says and shows, so a chunk that is
delivered again finds what exists: in the journal, or at the gateway. What comes back is plain data.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, cast

from .arguments import check, check_many, check_seconds, shown
from .errors import ConfigurationError, ElementsError, InvalidElementError
from .facts import facts_of, failure, text_of
from .journal import Journal, Result
from .manifest.cutting import chunks, key_of, take_in, text_hash
from .manifest.row import Row as Fields
from .manifest.row import in_fields, structured
from .models import ElementSpec
from .naming import Part
from .session import ElementsSession

__all__ = ["chunks", "key_of", "run_chunk", "take_in"]


async def run_chunk(
    rows: Iterable[ElementSpec | Mapping[str, Any]],
    session: ElementsSession,
    journal: Journal | None = None,
    *,
    timeout: float = 600.0,
) -> list[dict[str, Any]]:
    """Bring each row to its element, and return an outcome for each, in the order of the rows.

    A row is an ``ElementSpec``, or a mapping with the fields of a manifest's row, as ``chunks`` cuts them. An
    outcome has the fields of a line of ``kling-elements batch``: ``index``, ``line``, ``id``, ``status``
    (``created`` or ``failed``), ``element_id``, ``task_id``, ``resolution``, ``error_type`` and ``error``.
    ``timeout`` (seconds) is that of one row, from when it has a slot.

    Run again, with the same journal or another, it makes nothing twice; a row whose creation failed is tried
    again. Without a journal that all workers share, each row is looked up before it is first sent.

    Raises:
        ConfigurationError: the journal can't be used; or there is none, and the gateway knows no external ids.
        ApiError: the account refuses every create; deliver the chunk again when that is mended.

    """
    check(session, "session", "an ElementsSession is expected", ElementsSession)
    check_many(rows, "rows", "row")
    check_seconds(timeout)
    carries_ids = session.gateway.carries.external_ids
    if journal is None and not carries_ids:
        raise ConfigurationError(f"{session.gateway.name} knows no external ids: run_chunk needs a journal there")
    chunk = _Chunk(list(rows), carries_ids=carries_ids)
    if journal is not None:
        if not hasattr(journal, "bind"):
            raise TypeError(f"journal is {shown(journal)}: one of journals, open, is expected")
        await journal.bind(session.gateway.name)
        for index, error in chunk.faulty.items():
            key = key_of(cast("Any", chunk.rows[index]))
            await journal.failed(Result(key, None, None, type(error).__name__, text_of(error)))
    answers = {index: failure(error) for index, error in chunk.faulty.items()}
    specs = cast("list[ElementSpec]", list(chunk.parts.values()))
    places = list(chunk.parts)
    async with session.create_many(specs, journal=journal, timeout=timeout, ensure=carries_ids) as outcomes:
        async for outcome in outcomes:
            index = places[outcome.index]
            answers[index] = facts_of(
                outcome, text_of if isinstance(chunk.rows[index], ElementSpec) else _in_fields
            )
    return [_place(index, row) | answers[index] for index, row in enumerate(chunk.rows)]


class _Chunk:
    """The rows of a chunk, what is to be made of them, and which of them are faulty, each by its index."""

    def __init__(self, rows: "list[ElementSpec | Mapping[str, Any]]", *, carries_ids: bool) -> None:
        self.rows = rows
        self.parts: dict[int, Part] = {}
        self.faulty: dict[int, InvalidElementError] = {}
        seen: Counter[bytes] = Counter()
        for index, row in enumerate(rows):
            try:
                self.parts[index] = _part(row, seen, carries_ids=carries_ids)
            except InvalidElementError as error:
                self.faulty[index] = error


def _part(row: ElementSpec | Mapping[str, Any], seen: Counter[bytes], *, carries_ids: bool) -> Part:
    """Return what is to be made of a row.

    Raises:
        InvalidElementError: something is wrong with it.

    """
    if isinstance(row, ElementSpec):
        return Part(row)
    if not isinstance(row, Mapping):
        raise TypeError(f"run_chunk takes ElementSpec values and rows, not {type(row).__name__}")
    said = {name: value for name, value in row.items() if name not in ("line", "occurrence", "problem")}
    fields = [str(row["problem"])] if "problem" in row else structured(said)
    if not isinstance(fields, Fields):
        raise InvalidElementError(str(row.get("name", "")), fields)
    occurrence = row.get("occurrence")
    if occurrence is None:
        number = text_hash(row)
        occurrence, seen[number] = seen[number], seen[number] + 1
    key = key_of({**said, "occurrence": occurrence})
    return Part(fields.spec(Path(), carries_id=carries_ids), occurrence, key)


def _in_fields(error: ElementsError) -> str:
    return text_of(error, in_fields)


def _place(index: int, row: ElementSpec | Mapping[str, Any]) -> dict[str, Any]:
    if isinstance(row, ElementSpec):
        return {"index": index, "line": None, "id": row.external_task_id}
    return {"index": index, "line": row.get("line"), "id": row.get("id")}
