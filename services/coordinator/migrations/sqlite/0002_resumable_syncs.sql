-- Whose stamp newest_change_at is: each domain controller stamps changes when it hears of them.
ALTER TABLE inventories ADD COLUMN newest_change_controller TEXT NOT NULL DEFAULT '';
-- What the last complete snapshot of everything counted; the next one is compared with it.
ALTER TABLE inventories ADD COLUMN full_devices INTEGER;
ALTER TABLE inventories ADD COLUMN full_mailboxes INTEGER;

-- Two more kinds; a table's CHECK can only be changed by making the table anew.
CREATE TABLE observed_2 (
    id           INTEGER NOT NULL PRIMARY KEY,
    organization TEXT    NOT NULL REFERENCES organizations (name),
    kind         TEXT    NOT NULL CHECK (kind IN ('Device', 'Mailbox', 'Settings', 'Rule', 'Server',
                                                  'DeviceClass', 'MailboxPolicy')),
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
INSERT INTO observed_2
    (id, organization, kind, guid, digest, observation, dn, device_id, primary_smtp, access_state,
     directory_changed_at, missed_full, seen_at, changed_at)
SELECT id, organization, kind, guid, digest, observation, dn, device_id, primary_smtp, access_state,
       directory_changed_at, missed_full, seen_at, changed_at
FROM observed ORDER BY id;
DROP TABLE observed;
ALTER TABLE observed_2 RENAME TO observed;
CREATE INDEX observed_devices ON observed (organization) WHERE kind = 'Device';
CREATE INDEX observed_by_dn ON observed (organization, kind, dn) WHERE dn IS NOT NULL;
CREATE INDEX observed_by_device ON observed (device_id, organization) WHERE device_id IS NOT NULL;
CREATE INDEX observed_by_smtp ON observed (primary_smtp, organization) WHERE primary_smtp IS NOT NULL;
CREATE INDEX observed_by_state ON observed (organization, access_state) WHERE access_state IS NOT NULL;
CREATE INDEX observed_missed ON observed (organization) WHERE missed_full > 0;
