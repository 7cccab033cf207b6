-- Edits, deletions and gaps: what is kept of a child tells what happened to it.

ALTER TABLE conversation ADD COLUMN updated_at INTEGER;
ALTER TABLE conversation ADD COLUMN gap_since INTEGER;
-- When it last stood in the configuration; one that does not for long is forgotten.
ALTER TABLE conversation ADD COLUMN watched_at INTEGER;
UPDATE conversation SET watched_at = changed_at;

ALTER TABLE seen ADD COLUMN vanished_as TEXT CHECK (vanished_as IN ('unconfirmed', 'deleted', 'out of sight'));
ALTER TABLE seen ADD COLUMN author TEXT;
ALTER TABLE seen ADD COLUMN unparsed INTEGER NOT NULL DEFAULT 0;
ALTER TABLE seen ADD COLUMN baseline INTEGER NOT NULL DEFAULT 0;
ALTER TABLE seen ADD COLUMN found_at INTEGER;
-- Until now what vanished was not told, and must not be told because of an upgrade.
UPDATE seen SET vanished_as = 'out of sight' WHERE vanished_at IS NOT NULL;
UPDATE seen SET unparsed = 1 WHERE text_hash = 0 AND instant IS NULL;
