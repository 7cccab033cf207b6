-- Watches whose conversations are found rather than named: how far each has come, by what it looks for, whatever it is
-- called. Times but `used_at` are by CommBox's clock.
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

-- What was found, what its first answer tells (JSON), and whether it is watched or only known.
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
