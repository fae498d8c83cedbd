"""CPU of a ``wait_for_element`` on a task that has ended, so of one look, as a multiple of one request by bare
aiohttp with ``json.loads``: see ``contest``. What many waits cost together belongs here too.
"""

from .contest import IN_FLIGHT, against_bare_aiohttp
from .table import Table


def run(*, quick: bool) -> Table:
    outcome = against_bare_aiohttp(lambda session: session.wait_for_element, quick=quick)
    return Table(f"waits: wait_for_element, one look each, {IN_FLIGHT} in flight", outcome.rows("finished wait"))
