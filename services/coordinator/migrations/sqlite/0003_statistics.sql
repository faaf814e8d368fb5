-- When each mailbox was last asked for the statistics of its devices, and why it could not say.
CREATE TABLE statistics_reads (
    mailbox  INTEGER NOT NULL PRIMARY KEY REFERENCES observed (id) ON DELETE CASCADE,
    asked_at INTEGER NOT NULL,
    failure  TEXT    NOT NULL DEFAULT ''
) STRICT;

-- What the mailbox said of each device when it was asked last; no row where that is unknown.
CREATE TABLE device_statistics (
    device     INTEGER NOT NULL PRIMARY KEY REFERENCES observed (id) ON DELETE CASCADE,
    statistics BLOB    NOT NULL
) STRICT;
