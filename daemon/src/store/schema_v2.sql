-- Edits, deletions and gaps: what is kept of a child tells what happened to it.

ALTER TABLE conversation ADD COLUMN updated_at INTEGER;
ALTER TABLE conversation ADD COLUMN gap_since INTEGER;
-- Who waits for an answer, as JSON.
ALTER TABLE conversation ADD COLUMN waiting TEXT;
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

-- A delivery that was handed over is marked before it is, so that one whose end was never written is known after a
-- crash: it may have arrived.
ALTER TABLE delivery ADD COLUMN sending_at INTEGER;
-- How often it was handed over; `attempts` are those that count.
ALTER TABLE delivery ADD COLUMN handed INTEGER NOT NULL DEFAULT 0;
ALTER TABLE delivery ADD COLUMN crashes_alone INTEGER NOT NULL DEFAULT 0;
UPDATE delivery SET handed = attempts;
CREATE INDEX delivery_sending ON delivery (id) WHERE sending_at IS NOT NULL;
CREATE INDEX delivery_created ON delivery (created_at) WHERE state IN ('queued', 'pending');
CREATE INDEX delivery_by_lane ON delivery (lane, id);
CREATE INDEX delivery_notifier ON delivery (notifier, id);

-- What an event is about, and why who was told: each route and what it said.
ALTER TABLE event ADD COLUMN child_id TEXT;
ALTER TABLE event ADD COLUMN routing TEXT NOT NULL DEFAULT '[]';
-- The message was deleted: nothing of its text stays.
ALTER TABLE event ADD COLUMN scrubbed INTEGER NOT NULL DEFAULT 0;
UPDATE event SET child_id = substr(json_extract(body, '$.subject'), 7) WHERE json_extract(body, '$.subject') LIKE 'child/%';
CREATE INDEX event_child ON event (child_id) WHERE child_id IS NOT NULL;
CREATE INDEX event_watch ON event (watch, recorded_at);
CREATE INDEX event_type ON event (type, recorded_at);
CREATE INDEX conversation_watched ON conversation (watched_at);

-- A delivery that failed again and again, and behind which the others of its lane do not wait. `pending` and not aside
-- is the head of a lane; of each there is one at most.
ALTER TABLE delivery ADD COLUMN aside INTEGER NOT NULL DEFAULT 0;
CREATE INDEX delivery_head ON delivery (notifier, lane) WHERE state = 'pending' AND aside = 0;

-- When its notifier's fallbacks are told of it, unless it is accepted before: none = never, or they were. When that was;
-- and of those that were written so, in place of which notifier.
ALTER TABLE delivery ADD COLUMN fallback_at INTEGER;
ALTER TABLE delivery ADD COLUMN fell_back_at INTEGER;
ALTER TABLE delivery ADD COLUMN fallback_of TEXT;
CREATE INDEX delivery_fallback ON delivery (fallback_at) WHERE fallback_at IS NOT NULL;
