-- Silences, acknowledgements, quiet hours and groups: deliveries may be held, put together, or suppressed.

-- `delivery` gets two more final states: `suppressed` (somebody said that nobody need hear of it) and `grouped` (another
-- delivery carries it). A CHECK cannot be changed in place, so the table is made anew; and `attempt` with it, which refers
-- to it: dropping the old one would take the attempts along. All columns are those of version 2 and `suppressed_by`, and so are
-- the indexes but for two: what is final has a `finished_at`, whatever it is, and the text of all that is final goes early but for dead
-- letters, which wait for somebody to look.
CREATE TABLE delivery_v3 (
    id               INTEGER PRIMARY KEY AUTOINCREMENT,
    notification_id  TEXT    NOT NULL,
    notifier         TEXT    NOT NULL,
    lane             TEXT    NOT NULL,
    state            TEXT    NOT NULL
                     CHECK (state IN ('queued', 'pending', 'delivered', 'dead', 'suppressed', 'grouped')),
    due_at           INTEGER NOT NULL,
    attempts         INTEGER NOT NULL DEFAULT 0,
    crashes          INTEGER NOT NULL DEFAULT 0,
    replay           INTEGER NOT NULL DEFAULT 0,
    created_at       INTEGER NOT NULL,
    first_attempt_at INTEGER,
    tried_ms         INTEGER NOT NULL DEFAULT 0,
    finished_at      INTEGER,
    payload          TEXT    NOT NULL,
    sending_at       INTEGER,
    handed           INTEGER NOT NULL DEFAULT 0,
    crashes_alone    INTEGER NOT NULL DEFAULT 0,
    aside            INTEGER NOT NULL DEFAULT 0,
    fallback_at      INTEGER,
    fell_back_at     INTEGER,
    fallback_of      TEXT,
    -- Of a suppressed one: why, for a person.
    suppressed_by    TEXT,
    -- Of the head of a lane: why it is held back for its notifier's own sake, until it is due. Whether it ever was.
    held             TEXT CHECK (held IN ('group', 'max_per', 'quiet_hours')),
    paced            INTEGER NOT NULL DEFAULT 0,
    -- Of how many it was made; of a grouped one, the row that tells of it.
    gathered         INTEGER NOT NULL DEFAULT 0,
    grouped_in       INTEGER,
    UNIQUE (notification_id, notifier)
) STRICT;
INSERT INTO delivery_v3
    (id, notification_id, notifier, lane, state, due_at, attempts, crashes, replay, created_at, first_attempt_at,
     tried_ms, finished_at, payload, sending_at, handed, crashes_alone, aside, fallback_at, fell_back_at, fallback_of)
SELECT
     id, notification_id, notifier, lane, state, due_at, attempts, crashes, replay, created_at, first_attempt_at,
     tried_ms, finished_at, payload, sending_at, handed, crashes_alone, aside, fallback_at, fell_back_at, fallback_of
FROM delivery;
CREATE TABLE attempt_v3 (
    id         INTEGER PRIMARY KEY,
    delivery   INTEGER NOT NULL REFERENCES delivery_v3 (id) ON DELETE CASCADE,
    number     INTEGER NOT NULL,
    started_at INTEGER NOT NULL,
    took_ms    INTEGER NOT NULL,
    outcome    TEXT    NOT NULL,
    detail     TEXT    NOT NULL
) STRICT;
INSERT INTO attempt_v3 (id, delivery, number, started_at, took_ms, outcome, detail)
SELECT id, delivery, number, started_at, took_ms, outcome, detail FROM attempt;
-- No id is given twice, also when the newest deliveries are gone already.
DELETE FROM sqlite_sequence WHERE name = 'delivery_v3';
INSERT INTO sqlite_sequence (name, seq) SELECT 'delivery_v3', seq FROM sqlite_sequence WHERE name = 'delivery';
DROP TABLE attempt;
DROP TABLE delivery;
-- The reference of `attempt` goes with its name.
ALTER TABLE delivery_v3 RENAME TO delivery;
ALTER TABLE attempt_v3 RENAME TO attempt;
CREATE INDEX attempt_delivery ON attempt (delivery);
CREATE INDEX delivery_due ON delivery (notifier, due_at, id) WHERE state = 'pending';
CREATE INDEX delivery_lane ON delivery (notifier, lane, id) WHERE state IN ('queued', 'pending');
CREATE INDEX delivery_dead ON delivery (notifier, id) WHERE state = 'dead';
CREATE INDEX delivery_finished ON delivery (finished_at) WHERE finished_at IS NOT NULL;
CREATE INDEX delivery_text ON delivery (finished_at)
    WHERE state IN ('delivered', 'suppressed', 'grouped') AND payload <> '';
CREATE INDEX delivery_sending ON delivery (id) WHERE sending_at IS NOT NULL;
CREATE INDEX delivery_created ON delivery (created_at) WHERE state IN ('queued', 'pending');
CREATE INDEX delivery_by_lane ON delivery (lane, id);
CREATE INDEX delivery_notifier ON delivery (notifier, id);
CREATE INDEX delivery_head ON delivery (notifier, lane) WHERE state = 'pending' AND aside = 0;
CREATE INDEX delivery_fallback ON delivery (fallback_at) WHERE fallback_at IS NOT NULL;
CREATE INDEX delivery_held ON delivery (notifier, held, lane) WHERE held IS NOT NULL;
-- What an event is told by, where that is several notifications of several events.
CREATE INDEX notification_event_event ON notification_event (event_id);
-- One conversation of a watch that has found many.
CREATE INDEX event_conversation ON event (conversation, recorded_at) WHERE conversation IS NOT NULL;

-- How many of those that were written nobody need hear of.
ALTER TABLE tally ADD COLUMN suppressed INTEGER NOT NULL DEFAULT 0;
-- How many of those that were written went into others.
ALTER TABLE tally ADD COLUMN grouped INTEGER NOT NULL DEFAULT 0;

-- Silences; `matcher` is JSON. One is over at `over_at` at the latest: `until`, or when it ended before.
CREATE TABLE silence (
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    matcher     TEXT    NOT NULL,
    until       INTEGER NOT NULL,
    until_reply INTEGER NOT NULL,
    until_close INTEGER NOT NULL,
    reason      TEXT    NOT NULL,
    created_at  INTEGER NOT NULL,
    created_by  TEXT    NOT NULL,
    over_at     INTEGER NOT NULL,
    ended_why   TEXT
) STRICT;
CREATE INDEX silence_over ON silence (over_at);

-- Somebody has said that they know of who waits, as JSON. Not written by polls: they must not undo it.
ALTER TABLE conversation ADD COLUMN acked TEXT;

-- Watches whose conversations are found rather than named: how far looking has come, by where is looked (an address by
-- channel, a channel by status), whatever the watch is called. Times but `used_at` are by CommBox's clock.
CREATE TABLE discovery (
    account     TEXT    NOT NULL,
    key         TEXT    NOT NULL,
    began_at    INTEGER NOT NULL,
    -- When the latest look began that saw everything.
    complete_at INTEGER,
    -- Conversations that began until then may have been known and forgotten.
    forgotten   INTEGER,
    -- When it last stood in the configuration; one that does not for long is forgotten.
    used_at     INTEGER NOT NULL,
    PRIMARY KEY (account, key)
) STRICT, WITHOUT ROWID;
CREATE INDEX discovery_used ON discovery (used_at);

-- What was found, where (the latest key of `discovery` that listed it), what its first answer tells (JSON), and whether it
-- is watched or only known.
CREATE TABLE discovered (
    account    TEXT    NOT NULL,
    object_id  INTEGER NOT NULL,
    key        TEXT    NOT NULL,
    stream     TEXT    NOT NULL,
    created_at INTEGER,
    first      TEXT    NOT NULL,
    watched    INTEGER NOT NULL,
    over_since INTEGER,
    PRIMARY KEY (account, object_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX discovered_key ON discovered (account, key);

-- Keys that end soon: of each account, which end was told last, and how many of the stages before it.
CREATE TABLE token_told (
    account    TEXT    NOT NULL PRIMARY KEY,
    expires_at INTEGER NOT NULL,
    stage      INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- What is open at a notifier's receiver, by the incident's key: the delivery that said so last.
CREATE TABLE raised (
    notifier TEXT    NOT NULL,
    key      TEXT    NOT NULL,
    delivery INTEGER NOT NULL REFERENCES delivery (id) ON DELETE CASCADE,
    PRIMARY KEY (notifier, key)
) STRICT, WITHOUT ROWID;
CREATE INDEX raised_delivery ON raised (delivery);
