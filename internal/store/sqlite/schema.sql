-- The present schema of a broker in full, for readers. A test compares it with
-- what the migrations make of an empty database.

CREATE TABLE log_head (
    one      INTEGER PRIMARY KEY CHECK (one = 1),
    size     INTEGER NOT NULL,
    frontier BLOB    NOT NULL,
    touched  INTEGER NOT NULL
) STRICT;
INSERT INTO log_head (one, size, frontier, touched) VALUES (1, 0, x'', 0);

CREATE TABLE log_entry (
    idx       INTEGER PRIMARY KEY,
    leaf      BLOB NOT NULL,
    leaf_hash BLOB NOT NULL CHECK (length(leaf_hash) = 32),
    salt      BLOB,
    body      BLOB,
    erased_by INTEGER NOT NULL DEFAULT 0
) STRICT;

CREATE TABLE log_node (
    level INTEGER NOT NULL CHECK (level >= 1),
    idx   INTEGER NOT NULL,
    hash  BLOB    NOT NULL CHECK (length(hash) = 32),
    PRIMARY KEY (level, idx)
) STRICT, WITHOUT ROWID;

CREATE TABLE log_checkpoint (
    size INTEGER PRIMARY KEY,
    note BLOB NOT NULL
) STRICT;

CREATE TABLE log_cosignature (
    size    INTEGER NOT NULL,
    witness TEXT    NOT NULL,
    line    BLOB    NOT NULL,
    PRIMARY KEY (size, witness)
) STRICT, WITHOUT ROWID;

CREATE TABLE log_witnessed (
    size INTEGER PRIMARY KEY,
    note BLOB NOT NULL
) STRICT;

CREATE TABLE message (
    id               TEXT    PRIMARY KEY,
    case_id          TEXT    NOT NULL,
    sender           TEXT    NOT NULL,
    recipient        TEXT    NOT NULL,
    act              TEXT    NOT NULL,
    lane             TEXT    NOT NULL,
    stage            TEXT    NOT NULL,
    seq              INTEGER NOT NULL,
    digest           TEXT    NOT NULL,
    header           BLOB    NOT NULL,
    signature        BLOB    NOT NULL,
    payload          BLOB    NOT NULL,
    idx              INTEGER NOT NULL UNIQUE,
    accepted_at_unix INTEGER NOT NULL,
    UNIQUE (sender, recipient, seq)
) STRICT;
CREATE INDEX message_case ON message (case_id, idx);

CREATE TABLE case_state (
    id                      TEXT    PRIMARY KEY,
    requesting              TEXT    NOT NULL,
    requested               TEXT    NOT NULL,
    opening                 TEXT    NOT NULL,
    lane                    TEXT    NOT NULL,
    stage                   TEXT    NOT NULL,
    handed                  INTEGER NOT NULL,
    opened_at_unix          INTEGER NOT NULL,
    last_by_requesting_unix INTEGER NOT NULL,
    idx                     INTEGER NOT NULL
) STRICT;

CREATE TABLE pair_head (
    sender    TEXT    NOT NULL,
    recipient TEXT    NOT NULL,
    seq       INTEGER NOT NULL,
    digest    TEXT    NOT NULL,
    PRIMARY KEY (sender, recipient)
) STRICT, WITHOUT ROWID;

CREATE TABLE inbox (
    authority TEXT    NOT NULL,
    idx       INTEGER NOT NULL,
    kind      TEXT    NOT NULL,
    ref       TEXT    NOT NULL,
    PRIMARY KEY (authority, idx)
) STRICT, WITHOUT ROWID;

CREATE TABLE receipt (
    digest     TEXT    PRIMARY KEY,
    kind       TEXT    NOT NULL,
    message_id TEXT    NOT NULL,
    case_id    TEXT    NOT NULL,
    authority  TEXT    NOT NULL,
    text       BLOB    NOT NULL,
    signature  BLOB    NOT NULL,
    idx        INTEGER NOT NULL UNIQUE
) STRICT;
CREATE INDEX receipt_message ON receipt (message_id, idx);

CREATE TABLE statement (
    idx       INTEGER PRIMARY KEY,
    digest    TEXT    NOT NULL UNIQUE,
    subject   TEXT    NOT NULL,
    number    INTEGER NOT NULL,
    text      BLOB    NOT NULL,
    signature BLOB    NOT NULL,
    UNIQUE (subject, number)
) STRICT;

CREATE TABLE clock (
    case_id  TEXT    NOT NULL,
    name     TEXT    NOT NULL,
    due_unix INTEGER NOT NULL,
    state    TEXT    NOT NULL,
    PRIMARY KEY (case_id, name)
) STRICT, WITHOUT ROWID;
CREATE INDEX clock_due ON clock (due_unix) WHERE state = 'running';

CREATE TABLE legal_hold (
    case_id    TEXT    PRIMARY KEY,
    basis      TEXT    NOT NULL,
    placed_by  TEXT    NOT NULL,
    since_unix INTEGER NOT NULL
) STRICT;

CREATE TABLE evidence_upload (
    authority TEXT    NOT NULL,
    manifest  TEXT    NOT NULL,
    recipient TEXT    NOT NULL,
    bytes     INTEGER NOT NULL,
    at_unix   INTEGER NOT NULL,
    PRIMARY KEY (manifest, authority)
) STRICT, WITHOUT ROWID;
CREATE INDEX evidence_upload_authority ON evidence_upload (authority);
CREATE INDEX evidence_upload_recipient ON evidence_upload (recipient);

CREATE TABLE evidence_use (
    message_id TEXT    NOT NULL,
    manifest   TEXT    NOT NULL,
    dropped_by INTEGER NOT NULL,
    PRIMARY KEY (message_id, manifest)
) STRICT, WITHOUT ROWID;
CREATE INDEX evidence_use_manifest ON evidence_use (manifest);

CREATE TABLE log_latest (
    kind    TEXT    NOT NULL,
    subject TEXT    NOT NULL,
    idx     INTEGER NOT NULL,
    PRIMARY KEY (kind, subject)
) STRICT, WITHOUT ROWID;
