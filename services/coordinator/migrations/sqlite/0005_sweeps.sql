-- Every case of an organization is to be decided again. Those up to and with this key are marked.
CREATE TABLE sweeps (
    organization   TEXT    NOT NULL PRIMARY KEY REFERENCES organizations (name),
    due_at         INTEGER NOT NULL,
    mailbox        BLOB    NOT NULL DEFAULT x'',
    device_id      TEXT    NOT NULL DEFAULT '',
    -- It was begun again: after the last case it goes on from the first one, whose cases are due since then.
    again_at       INTEGER,
    -- The last case of that second lap; none while there is no second lap.
    stop_mailbox   BLOB,
    stop_device_id TEXT,
    CHECK (again_at IS NULL OR stop_mailbox IS NOT NULL),
    CHECK ((stop_mailbox IS NULL) = (stop_device_id IS NULL))
) STRICT, WITHOUT ROWID;
