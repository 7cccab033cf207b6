-- Times are nanoseconds since 1970 UTC unless a name says otherwise.

CREATE TABLE meta (
    key   TEXT PRIMARY KEY,
    value TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- A conversation is (account, object id): the stream is only an address, the watch only a name.
CREATE TABLE conversation (
    id                  INTEGER PRIMARY KEY,
    account             TEXT    NOT NULL,
    object_id           INTEGER NOT NULL,
    watch               TEXT    NOT NULL,
    baseline_at         INTEGER,
    listed              INTEGER NOT NULL,
    sequence            INTEGER NOT NULL,
    status_id           INTEGER,
    assigned_manager_id INTEGER,
    unreachable_since   INTEGER,
    changed_at          INTEGER NOT NULL,
    UNIQUE (account, object_id)
) STRICT;

CREATE TABLE seen (
    conversation INTEGER NOT NULL REFERENCES conversation (id) ON DELETE CASCADE,
    child_id     TEXT    NOT NULL,
    instant      INTEGER,
    text_hash    INTEGER NOT NULL,
    revision     INTEGER NOT NULL,
    vanished_at  INTEGER,
    PRIMARY KEY (conversation, child_id)
) STRICT, WITHOUT ROWID;

CREATE TABLE event (
    id           TEXT    PRIMARY KEY,
    type         TEXT    NOT NULL,
    conversation INTEGER,
    sequence     INTEGER,
    watch        TEXT,
    priority     TEXT,
    occurred_at  INTEGER NOT NULL,
    recorded_at  INTEGER NOT NULL,
    has_text     INTEGER NOT NULL,
    body         TEXT    NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX event_recorded ON event (recorded_at);
CREATE INDEX event_text ON event (recorded_at) WHERE has_text = 1;

-- One notification for one notifier. Of each lane (notifier x conversation) only the head is `pending`, those
-- behind it are `queued`; `delivered` and `dead` are final.
CREATE TABLE delivery (
    id               INTEGER PRIMARY KEY AUTOINCREMENT,
    notification_id  TEXT    NOT NULL,
    notifier         TEXT    NOT NULL,
    lane             TEXT    NOT NULL,
    state            TEXT    NOT NULL CHECK (state IN ('queued', 'pending', 'delivered', 'dead')),
    due_at           INTEGER NOT NULL,
    attempts         INTEGER NOT NULL DEFAULT 0,
    crashes          INTEGER NOT NULL DEFAULT 0,
    replay           INTEGER NOT NULL DEFAULT 0,
    created_at       INTEGER NOT NULL,
    first_attempt_at INTEGER,
    -- For how long it has been tried: attempts, and the waits between them that were meant.
    tried_ms         INTEGER NOT NULL DEFAULT 0,
    finished_at      INTEGER,
    payload          TEXT    NOT NULL,
    UNIQUE (notification_id, notifier)
) STRICT;
CREATE INDEX delivery_due ON delivery (notifier, due_at, id) WHERE state = 'pending';
CREATE INDEX delivery_lane ON delivery (notifier, lane, id) WHERE state IN ('queued', 'pending');
CREATE INDEX delivery_dead ON delivery (notifier, id) WHERE state = 'dead';
CREATE INDEX delivery_finished ON delivery (finished_at) WHERE state IN ('delivered', 'dead');
CREATE INDEX delivery_text ON delivery (finished_at) WHERE state = 'delivered' AND payload <> '';

-- A second account of the deliveries: how many were ever written for a notifier, and how they ended. The rest must be
-- what is open.
CREATE TABLE tally (
    notifier  TEXT    PRIMARY KEY,
    written   INTEGER NOT NULL DEFAULT 0,
    delivered INTEGER NOT NULL DEFAULT 0,
    dead      INTEGER NOT NULL DEFAULT 0
) STRICT, WITHOUT ROWID;

CREATE TABLE notification_event (
    notification_id TEXT    NOT NULL,
    position        INTEGER NOT NULL,
    event_id        TEXT    NOT NULL,
    PRIMARY KEY (notification_id, position)
) STRICT, WITHOUT ROWID;

CREATE TABLE attempt (
    id         INTEGER PRIMARY KEY,
    delivery   INTEGER NOT NULL REFERENCES delivery (id) ON DELETE CASCADE,
    number     INTEGER NOT NULL,
    started_at INTEGER NOT NULL,
    took_ms    INTEGER NOT NULL,
    outcome    TEXT    NOT NULL,
    detail     TEXT    NOT NULL
) STRICT;
CREATE INDEX attempt_delivery ON attempt (delivery);

-- Times of our own ill health that have not ended.
CREATE TABLE episode (
    subject TEXT    PRIMARY KEY,
    since   INTEGER NOT NULL,
    why     TEXT    NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE poll_summary (
    account    TEXT    NOT NULL,
    object_id  INTEGER NOT NULL,
    hour       INTEGER NOT NULL,
    polls      INTEGER NOT NULL,
    changed    INTEGER NOT NULL,
    failed     INTEGER NOT NULL,
    last_error TEXT,
    PRIMARY KEY (account, object_id, hour)
) STRICT, WITHOUT ROWID;
CREATE INDEX poll_summary_hour ON poll_summary (hour);
