"""A worker under streaQ: `streaq run chunks.streaq_program:worker`, set up by the environment."""

import os

from kling_elements_async import ElementsSession, Polling
from kling_elements_async.engines.streaq import chunk_worker
from kling_elements_async.journals import PostgresJournal

DSN = os.environ.get("JOURNAL_DSN")


def session():
    return ElementsSession.from_env(polling=Polling(first=0.05, longest=0.2))


def journal():
    return PostgresJournal(DSN, job=os.environ["QUEUE"], lease=2)


worker, run_rows = chunk_worker(
    session,
    journal if DSN else None,
    redis_url=os.environ["REDIS_URL"],
    queue_name=os.environ["QUEUE"],
    idle_timeout=5,
    concurrency=2,
)
