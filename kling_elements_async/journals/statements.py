"""The tables of the journal in PostgreSQL, and what is done with them.

Law: every statement may be run twice. A key orders by its bytes, so that pages follow each other in any locale.
"""

# The lock is ours alone: two workers that begin at once would both make the tables.
SCHEMA = """
SELECT pg_advisory_xact_lock(7203117644018255);
CREATE TABLE IF NOT EXISTS kling_elements_jobs (
    job text PRIMARY KEY, gateway text NOT NULL, version integer NOT NULL
);
CREATE TABLE IF NOT EXISTS kling_elements_plan (
    job text, number bigint, key text NOT NULL, PRIMARY KEY (job, number)
);
CREATE TABLE IF NOT EXISTS kling_elements_items (
    job text, key text COLLATE "C", digest text NOT NULL, external_task_id text, sent_at double precision,
    task_id text, task text, PRIMARY KEY (job, key)
);
CREATE TABLE IF NOT EXISTS kling_elements_failures (
    job text, key text COLLATE "C", task_id text, error_type text NOT NULL, error text NOT NULL,
    PRIMARY KEY (job, key)
);
CREATE TABLE IF NOT EXISTS kling_elements_workers (worker text PRIMARY KEY, until timestamptz NOT NULL);
CREATE TABLE IF NOT EXISTS kling_elements_claims (
    job text, key text COLLATE "C", worker text NOT NULL, PRIMARY KEY (job, key)
);
CREATE INDEX IF NOT EXISTS kling_elements_claims_of ON kling_elements_claims (worker);
"""
BIND = "INSERT INTO kling_elements_jobs VALUES ($1, $2, $3) ON CONFLICT DO NOTHING"
WHOSE = "SELECT gateway, version FROM kling_elements_jobs WHERE job = $1"
PLAN = """
INSERT INTO kling_elements_plan
SELECT $1, number + $3 - 1, key FROM unnest($2::text[]) WITH ORDINALITY AS given(key, number)
ON CONFLICT (job, number) DO UPDATE SET key = excluded.key
"""
ENTRY = """
SELECT key, digest, external_task_id, sent_at, task_id, task FROM kling_elements_items WHERE job = $1 AND key = $2
"""
# The claim's row is locked: whoever takes the item over does so before this, and is seen, or after it.
INTEND = """
WITH mine AS (
    SELECT FROM kling_elements_claims WHERE job = $1 AND key = $2 AND worker = $6 FOR UPDATE
), tried AS (
    DELETE FROM kling_elements_failures WHERE job = $1 AND key = $2 AND EXISTS (SELECT FROM mine)
)
INSERT INTO kling_elements_items AS item
SELECT $1, $2, $3, $4, $5 FROM mine
ON CONFLICT (job, key) DO UPDATE SET (digest, external_task_id, sent_at, task_id, task) =
    (excluded.digest, excluded.external_task_id, excluded.sent_at, NULL, NULL)
"""
CREATED = """
INSERT INTO kling_elements_items AS item VALUES ($1, $2, $3, $4, $5, $6)
ON CONFLICT (job, key) DO UPDATE SET (digest, external_task_id, sent_at, task_id) =
    (excluded.digest, excluded.external_task_id, excluded.sent_at, excluded.task_id) WHERE item.task IS NULL
"""
FINISHED = """
WITH made AS (DELETE FROM kling_elements_failures WHERE job = $1 AND key = $2)
UPDATE kling_elements_items SET task = $3 WHERE job = $1 AND key = $2
"""
DROPPED = """
DELETE FROM kling_elements_items WHERE job = $1 AND key = $2
    AND EXISTS (SELECT FROM kling_elements_claims WHERE job = $1 AND key = $2 AND worker = $3)
"""
FAILED = """
INSERT INTO kling_elements_failures SELECT $1, $2, $3, $4, $5
WHERE NOT EXISTS (SELECT FROM kling_elements_items WHERE job = $1 AND key = $2 AND task IS NOT NULL)
ON CONFLICT (job, key) DO UPDATE SET (task_id, error_type, error) =
    (excluded.task_id, excluded.error_type, excluded.error)
"""
COUNTS = """
SELECT (SELECT count(*) FROM kling_elements_plan WHERE job = $1), count(*), count(task),
    (SELECT count(*) FROM kling_elements_failures WHERE job = $1),
    (SELECT count(*) FROM kling_elements_failures JOIN kling_elements_items USING (job, key) WHERE job = $1)
FROM kling_elements_items WHERE job = $1
"""
RESULTS = """
(SELECT key, task, task_id, NULL AS error_type, NULL AS error FROM kling_elements_items
    WHERE job = $1 AND key > $2 AND task IS NOT NULL ORDER BY key LIMIT $3)
UNION ALL (SELECT key, NULL, task_id, error_type, error FROM kling_elements_failures
    WHERE job = $1 AND key > $2 ORDER BY key LIMIT $3)
ORDER BY key LIMIT $3
"""
