-- Every bundle that is in force or that a stored decision was made by, so that such a decision can be
-- explained and decided again.
CREATE TABLE bundles (
    number      INTEGER NOT NULL PRIMARY KEY,
    digest      BLOB    NOT NULL UNIQUE,
    -- When it was last put in force, and when another one took its place.
    applied_at  INTEGER NOT NULL,
    replaced_at INTEGER
) STRICT;

-- Each text of each policy file, once, however many bundles have it.
CREATE TABLE policy_texts (
    number  INTEGER NOT NULL PRIMARY KEY,
    path    TEXT    NOT NULL,
    content BLOB    NOT NULL
) STRICT;
CREATE INDEX policy_texts_by_path ON policy_texts (path);

CREATE TABLE bundle_files (
    bundle INTEGER NOT NULL REFERENCES bundles (number) ON DELETE CASCADE,
    text   INTEGER NOT NULL REFERENCES policy_texts (number),
    PRIMARY KEY (bundle, text)
) STRICT, WITHOUT ROWID;
CREATE INDEX bundle_files_by_text ON bundle_files (text);

INSERT INTO bundles (digest, applied_at) SELECT digest, applied_at FROM bundle;
INSERT INTO policy_texts (path, content) SELECT path, content FROM policy_files ORDER BY path;
INSERT INTO bundle_files (bundle, text)
SELECT bundles.number, policy_texts.number FROM bundles CROSS JOIN policy_texts;

-- The bundle that decided; none where it was replaced before bundles were kept.
ALTER TABLE decisions ADD COLUMN bundle INTEGER REFERENCES bundles (number);
-- An answer names its bundle by digest, so the digest stands in its bytes.
UPDATE decisions SET bundle = (SELECT number FROM bundles)
WHERE instr(answer, (SELECT digest FROM bundles)) > 0;
CREATE INDEX decisions_by_bundle ON decisions (bundle) WHERE bundle IS NOT NULL;
