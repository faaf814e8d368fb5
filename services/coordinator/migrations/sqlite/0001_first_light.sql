-- Instants are whole milliseconds since 1970-01-01T00:00:00Z, spans are whole milliseconds, GUIDs are
-- 16 bytes, and a state is the name of its variant. Columns that are compared without case hold
-- lower-case text.

CREATE TABLE organizations (
    name                   TEXT    NOT NULL PRIMARY KEY,
    display_name           TEXT    NOT NULL,
    mode                   TEXT    NOT NULL CHECK (mode IN ('Observe', 'Enforce')),
    quick_interval_ms      INTEGER NOT NULL,
    quick_interval_scan_ms INTEGER NOT NULL,
    full_interval_ms       INTEGER NOT NULL,
    created_at             INTEGER NOT NULL,
    changed_at             INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- One writer per organization. No instant: a silent holder is one whose renewals stood still on the
-- reader's own clock.
CREATE TABLE leases (
    organization TEXT    NOT NULL PRIMARY KEY REFERENCES organizations (name),
    holder       BLOB    NOT NULL,
    generation   INTEGER NOT NULL,
    renewals     INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE connectors (
    organization      TEXT    NOT NULL PRIMARY KEY REFERENCES organizations (name),
    agent             BLOB    NOT NULL,
    host              TEXT    NOT NULL,
    version           TEXT    NOT NULL,
    exchange_server   TEXT    NOT NULL,
    exchange_version  TEXT    NOT NULL,
    filters_by_change INTEGER NOT NULL,
    preflight         TEXT    NOT NULL,
    last_heard_at     INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE runs (
    number       INTEGER NOT NULL PRIMARY KEY,
    id           BLOB    NOT NULL UNIQUE,
    organization TEXT    NOT NULL REFERENCES organizations (name),
    mode         TEXT    NOT NULL CHECK (mode IN ('Quick', 'Full')),
    cause        TEXT    NOT NULL CHECK (cause IN ('Schedule', 'Manual', 'ReadBack')),
    requested_at INTEGER NOT NULL,
    traceparent  TEXT    NOT NULL,
    state        TEXT    NOT NULL CHECK (state IN ('Pending', 'Running', 'Succeeded', 'Failed')),
    generation   INTEGER,
    started_at   INTEGER,
    ended_at     INTEGER,
    seen         INTEGER NOT NULL DEFAULT 0,
    added        INTEGER NOT NULL DEFAULT 0,
    changed      INTEGER NOT NULL DEFAULT 0,
    unchanged    INTEGER NOT NULL DEFAULT 0,
    removed      INTEGER NOT NULL DEFAULT 0,
    reason       TEXT    NOT NULL DEFAULT '',
    CHECK (state != 'Running' OR (generation IS NOT NULL AND started_at IS NOT NULL)),
    CHECK (state NOT IN ('Succeeded', 'Failed') OR ended_at IS NOT NULL)
) STRICT;
CREATE INDEX runs_by_organization ON runs (organization, number);
CREATE UNIQUE INDEX runs_open ON runs (organization, (cause = 'ReadBack'))
    WHERE state IN ('Pending', 'Running');

-- One row per organization about all that is observed in it.
CREATE TABLE inventories (
    organization     TEXT    NOT NULL PRIMARY KEY REFERENCES organizations (name),
    -- When the last complete snapshot of everything was stored.
    full_seen_at     INTEGER,
    -- The newest change, by the directory's clock, that complete snapshots showed.
    newest_change_at INTEGER,
    -- When the baseline was taken.
    baseline_at      INTEGER
) STRICT, WITHOUT ROWID;

CREATE TABLE observed (
    id           INTEGER NOT NULL PRIMARY KEY,
    organization TEXT    NOT NULL REFERENCES organizations (name),
    kind         TEXT    NOT NULL CHECK (kind IN ('Device', 'Mailbox', 'Settings', 'Rule', 'Server')),
    guid         BLOB    NOT NULL,
    digest       BLOB    NOT NULL,
    observation  BLOB    NOT NULL,
    -- Of a mailbox its own name, of a device that of its mailbox.
    dn           TEXT,
    device_id    TEXT,
    primary_smtp TEXT,
    access_state TEXT CHECK (access_state IN ('Unknown', 'Allowed', 'Blocked', 'Quarantined',
                                              'DeviceDiscovery', 'Unrecognised')),
    -- When the directory last changed it.
    directory_changed_at INTEGER,
    -- In how many complete snapshots of everything in a row it was not.
    missed_full  INTEGER NOT NULL DEFAULT 0,
    seen_at      INTEGER NOT NULL,
    changed_at   INTEGER NOT NULL,
    UNIQUE (organization, kind, guid),
    CHECK (kind != 'Device'
           OR (dn IS NOT NULL AND device_id IS NOT NULL AND access_state IS NOT NULL)),
    CHECK (kind != 'Mailbox' OR (dn IS NOT NULL AND primary_smtp IS NOT NULL))
) STRICT;
CREATE INDEX observed_devices ON observed (organization) WHERE kind = 'Device';
CREATE INDEX observed_by_dn ON observed (organization, kind, dn) WHERE dn IS NOT NULL;
CREATE INDEX observed_by_device ON observed (device_id, organization) WHERE device_id IS NOT NULL;
CREATE INDEX observed_by_smtp ON observed (primary_smtp, organization) WHERE primary_smtp IS NOT NULL;
CREATE INDEX observed_by_state ON observed (organization, access_state) WHERE access_state IS NOT NULL;
CREATE INDEX observed_missed ON observed (organization) WHERE missed_full > 0;

-- What was there before the first write.
CREATE TABLE baselines (
    organization TEXT NOT NULL REFERENCES organizations (name),
    kind         TEXT NOT NULL CHECK (kind IN ('Mailbox', 'Settings', 'Rule')),
    guid         BLOB NOT NULL,
    observation  BLOB NOT NULL,
    PRIMARY KEY (organization, kind, guid)
) STRICT, WITHOUT ROWID;

-- One question per mailbox and device id, and what was last answered. `mark` counts how often it was
-- marked as due, so that an answer to an older question does not take the mark off.
CREATE TABLE cases (
    organization       TEXT    NOT NULL REFERENCES organizations (name),
    mailbox            BLOB    NOT NULL,
    device_id          TEXT    NOT NULL,
    due_at             INTEGER,
    mark               INTEGER NOT NULL DEFAULT 0,
    decision           BLOB,
    -- Digest of the last answer without its look_again_at.
    answer             BLOB,
    access             TEXT CHECK (access IN ('Leave', 'Allow', 'Quarantine', 'Block')),
    compliance         TEXT CHECK (compliance IN ('Compliant', 'InGracePeriod', 'NotCompliant',
                                                  'Unknown', 'NotEvaluated')),
    reasons            TEXT    NOT NULL DEFAULT '',
    decided_at         INTEGER,
    noncompliant_since INTEGER,
    PRIMARY KEY (organization, mailbox, device_id),
    CHECK (decision IS NULL
           OR (access IS NOT NULL AND compliance IS NOT NULL AND decided_at IS NOT NULL))
) STRICT, WITHOUT ROWID;
CREATE INDEX cases_due ON cases (organization, due_at) WHERE due_at IS NOT NULL;
CREATE INDEX cases_by_device ON cases (device_id, organization);

CREATE TABLE decisions (
    number       INTEGER NOT NULL PRIMARY KEY,
    id           BLOB    NOT NULL UNIQUE,
    organization TEXT    NOT NULL REFERENCES organizations (name),
    mailbox      BLOB    NOT NULL,
    device_id    TEXT    NOT NULL,
    decided_at   INTEGER NOT NULL,
    question     BLOB    NOT NULL,
    answer       BLOB    NOT NULL
) STRICT;
CREATE INDEX decisions_by_case ON decisions (organization, mailbox, device_id, number);

-- What is intended for one mailbox, and how far it is carried out.
CREATE TABLE intents (
    organization       TEXT    NOT NULL REFERENCES organizations (name),
    mailbox            BLOB    NOT NULL,
    revision           INTEGER NOT NULL DEFAULT 0,
    -- How often it was marked since intent and observed were last compared.
    compare            INTEGER NOT NULL DEFAULT 1,
    attempts           INTEGER NOT NULL DEFAULT 0,
    next_try_at        INTEGER,
    pending_allow      INTEGER NOT NULL DEFAULT 0,
    pending_quarantine INTEGER NOT NULL DEFAULT 0,
    pending_block      INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (organization, mailbox)
) STRICT, WITHOUT ROWID;
CREATE INDEX intents_compare ON intents (organization) WHERE compare > 0;
CREATE INDEX intents_retry ON intents (organization, next_try_at) WHERE next_try_at IS NOT NULL;
CREATE INDEX intents_pending ON intents (organization)
    WHERE pending_allow + pending_quarantine + pending_block > 0;

CREATE TABLE commands (
    number              INTEGER NOT NULL PRIMARY KEY,
    id                  BLOB    NOT NULL UNIQUE,
    organization        TEXT    NOT NULL REFERENCES organizations (name),
    mailbox             BLOB    NOT NULL,
    generation          INTEGER NOT NULL,
    revision            INTEGER NOT NULL,
    edit                BLOB    NOT NULL,
    valid_for_ms        INTEGER NOT NULL,
    traceparent         TEXT    NOT NULL,
    created_at          INTEGER NOT NULL,
    state               TEXT    NOT NULL CHECK (state IN ('Queued', 'Lent', 'Done', 'Refused', 'Unknown',
                                                          'Superseded')),
    lent_generation     INTEGER,
    lent_until          INTEGER,
    state_at            INTEGER,
    reason              TEXT    NOT NULL DEFAULT '',
    answered_at         INTEGER,
    answered_generation INTEGER,
    cmdlet              TEXT    NOT NULL DEFAULT '',
    server              TEXT    NOT NULL DEFAULT '',
    took_ms             INTEGER NOT NULL DEFAULT 0,
    answered_trace      TEXT    NOT NULL DEFAULT '',
    CHECK (state != 'Lent' OR (lent_generation IS NOT NULL AND lent_until IS NOT NULL)),
    CHECK (state NOT IN ('Done', 'Refused', 'Unknown', 'Superseded') OR state_at IS NOT NULL)
) STRICT;
CREATE INDEX commands_open ON commands (organization, mailbox)
    WHERE state IN ('Queued', 'Lent', 'Unknown');

CREATE TABLE command_devices (
    organization TEXT    NOT NULL,
    mailbox      BLOB    NOT NULL,
    device_id    TEXT    NOT NULL,
    command      INTEGER NOT NULL REFERENCES commands (number),
    PRIMARY KEY (organization, mailbox, device_id, command)
) STRICT, WITHOUT ROWID;

-- Which entries of the mailboxes' lists exgate put there.
CREATE TABLE owned_entries (
    organization TEXT    NOT NULL REFERENCES organizations (name),
    mailbox      BLOB    NOT NULL,
    list         TEXT    NOT NULL CHECK (list IN ('Allowed', 'Blocked')),
    device_id    TEXT    NOT NULL,
    since        INTEGER NOT NULL,
    PRIMARY KEY (organization, mailbox, list, device_id)
) STRICT, WITHOUT ROWID;

CREATE TABLE policy_files (
    path       TEXT    NOT NULL PRIMARY KEY,
    content    BLOB    NOT NULL,
    applied_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE policies (
    name       TEXT    NOT NULL,
    kind       TEXT    NOT NULL,
    path       TEXT    NOT NULL REFERENCES policy_files (path),
    line       INTEGER NOT NULL,
    applied_at INTEGER NOT NULL,
    PRIMARY KEY (name, kind)
) STRICT, WITHOUT ROWID;

-- The bundle in force: one row, or none before the first policy.
CREATE TABLE bundle (
    only       INTEGER NOT NULL PRIMARY KEY CHECK (only = 1),
    digest     BLOB    NOT NULL,
    applied_at INTEGER NOT NULL
) STRICT;

CREATE TABLE sources (
    name    TEXT    NOT NULL PRIMARY KEY,
    read_at INTEGER,
    problem TEXT    NOT NULL DEFAULT ''
) STRICT, WITHOUT ROWID;

CREATE TABLE managed_devices (
    source TEXT NOT NULL REFERENCES sources (name),
    id     TEXT NOT NULL,
    record BLOB NOT NULL,
    PRIMARY KEY (source, id)
) STRICT, WITHOUT ROWID;

CREATE TABLE users (
    source              TEXT NOT NULL REFERENCES sources (name),
    user_principal_name TEXT NOT NULL,
    record              BLOB NOT NULL,
    PRIMARY KEY (source, user_principal_name)
) STRICT, WITHOUT ROWID;

CREATE TABLE audit (
    number       INTEGER NOT NULL PRIMARY KEY,
    at           INTEGER NOT NULL,
    actor        TEXT    NOT NULL,
    action       TEXT    NOT NULL CHECK (action IN ('ModeSet', 'DocumentApplied', 'OrganizationCreated',
                                                    'OrganizationChanged', 'BaselineTaken',
                                                    'CommandCreated', 'CommandAnswered',
                                                    'CommandSettled', 'SourceHeld')),
    organization TEXT,
    subject      TEXT    NOT NULL,
    detail       TEXT    NOT NULL
) STRICT;
CREATE TRIGGER audit_is_not_changed BEFORE UPDATE ON audit
BEGIN SELECT RAISE (ABORT, 'audit rows are never changed'); END;
CREATE TRIGGER audit_is_not_deleted BEFORE DELETE ON audit
BEGIN SELECT RAISE (ABORT, 'audit rows are never deleted'); END;
