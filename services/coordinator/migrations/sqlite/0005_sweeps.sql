-- Every case of an organization is to be decided again, and how far its cases are marked: those up to and
-- with this key are.
CREATE TABLE sweeps (
    organization TEXT    NOT NULL PRIMARY KEY REFERENCES organizations (name),
    due_at       INTEGER NOT NULL,
    mailbox      BLOB    NOT NULL DEFAULT x'',
    device_id    TEXT    NOT NULL DEFAULT ''
) STRICT, WITHOUT ROWID;
