-- The present schema of an auditor's mirror in full, for readers. A test
-- compares it with what the migrations make of an empty database.

-- entry holds what the auditor has been shown of the log: what is asked for in
-- columns, and salt and body, which the leaf commits to, until they are erased.
CREATE TABLE entry (
    idx        INTEGER PRIMARY KEY,
    kind       TEXT    NOT NULL,
    at_unix    INTEGER NOT NULL,
    sender     TEXT    NOT NULL,
    recipient  TEXT    NOT NULL,
    case_id    TEXT    NOT NULL,
    act        TEXT    NOT NULL,
    lane       TEXT    NOT NULL,
    stage      TEXT    NOT NULL,
    code       TEXT    NOT NULL,
    seq        INTEGER NOT NULL,
    ref        TEXT    NOT NULL,
    digest     TEXT    NOT NULL,
    salt       BLOB,
    body       BLOB
) STRICT;
CREATE INDEX entry_kind ON entry (kind, idx);
CREATE INDEX entry_code ON entry (code, idx) WHERE code <> '';
CREATE INDEX entry_stage ON entry (stage, idx) WHERE stage <> '';
CREATE INDEX entry_case ON entry (case_id, idx) WHERE case_id <> '';
CREATE INDEX entry_ref ON entry (ref) WHERE kind = 'message';
CREATE INDEX entry_sender ON entry (sender, recipient, seq) WHERE kind = 'message';
CREATE INDEX entry_unsettled ON entry (idx) WHERE kind = 'receipt' AND case_id = '';
CREATE INDEX entry_erased ON entry (seq) WHERE kind = 'erasure';

-- concern says which parties an entry is about, and of what kind it is.
CREATE TABLE concern (
    party TEXT    NOT NULL,
    idx   INTEGER NOT NULL,
    kind  TEXT    NOT NULL DEFAULT '',
    PRIMARY KEY (party, idx)
) STRICT, WITHOUT ROWID;
CREATE INDEX concern_kind ON concern (party, kind, idx);

-- matter is a case as it follows from its entries.
CREATE TABLE matter (
    case_id           TEXT    PRIMARY KEY,
    requesting        TEXT    NOT NULL,
    requested         TEXT    NOT NULL,
    requesting_party  TEXT    NOT NULL,
    requested_party   TEXT    NOT NULL,
    lane              TEXT    NOT NULL,
    opening           TEXT    NOT NULL,
    stage             TEXT    NOT NULL,
    first_idx         INTEGER NOT NULL,
    last_idx          INTEGER NOT NULL,
    opened_at_unix    INTEGER NOT NULL,
    moved_at_unix     INTEGER NOT NULL,
    delivered_secs    INTEGER,
    acknowledged_secs INTEGER,
    answered_secs     INTEGER,
    messages          INTEGER NOT NULL,
    overdue           INTEGER NOT NULL
) STRICT;
CREATE INDEX matter_last ON matter (last_idx);
CREATE INDEX matter_stage ON matter (stage, last_idx);
CREATE INDEX matter_requesting ON matter (requesting_party, last_idx);
CREATE INDEX matter_requested ON matter (requested_party, last_idx);
CREATE INDEX matter_overdue ON matter (last_idx) WHERE overdue > 0;

-- figure is the sum of the cases of a pair in a lane; times in seconds.
CREATE TABLE figure (
    requesting       TEXT    NOT NULL,
    requested        TEXT    NOT NULL,
    lane             TEXT    NOT NULL,
    cases            INTEGER NOT NULL,
    messages         INTEGER NOT NULL,
    stages           TEXT    NOT NULL,
    overdue          INTEGER NOT NULL,
    acknowledged     INTEGER NOT NULL,
    acknowledged_p50 INTEGER,
    acknowledged_p90 INTEGER,
    answered         INTEGER NOT NULL,
    answered_p50     INTEGER,
    answered_p90     INTEGER,
    PRIMARY KEY (requesting, requested, lane)
) STRICT, WITHOUT ROWID;

-- tally counts entries by kind, refusals by code, statements by subject and by
-- day, and messages by day, and by day and lane. day.first and day.last hold the
-- lowest and the highest index of a day; acknowledged.p50 and the like, seconds.
CREATE TABLE tally (
    what  TEXT    NOT NULL,
    name  TEXT    NOT NULL,
    count INTEGER NOT NULL,
    PRIMARY KEY (what, name)
) STRICT, WITHOUT ROWID;

-- finding is what does not fit. The key says what it is about, and is the same
-- after the next derivation. What is said is also kept as JSON: the name of the
-- sentence and the facts in it; empty for a finding that was kept before.
CREATE TABLE finding (
    id       INTEGER PRIMARY KEY,
    code     TEXT    NOT NULL,
    grave    INTEGER NOT NULL,
    idx      INTEGER NOT NULL,
    case_id  TEXT    NOT NULL,
    who      TEXT    NOT NULL,
    text     TEXT    NOT NULL,
    evidence TEXT    NOT NULL,
    at_unix  INTEGER NOT NULL,
    derived  INTEGER NOT NULL,
    key      TEXT    NOT NULL DEFAULT '',
    said     TEXT    NOT NULL DEFAULT ''
) STRICT;
CREATE INDEX finding_code ON finding (code, idx);
CREATE INDEX finding_idx ON finding (idx);
CREATE INDEX finding_key ON finding (key);

-- remark is what people have said of findings, in order. Each row holds the
-- SHA-256 of the one before; the mark 'remarks' holds that of the last.
CREATE TABLE remark (
    number   INTEGER PRIMARY KEY,
    finding  TEXT    NOT NULL,
    about    TEXT    NOT NULL,
    state    TEXT    NOT NULL CHECK (state IN ('open', 'explained', 'closed')),
    comment  TEXT    NOT NULL,
    by       TEXT    NOT NULL,
    at_unix  INTEGER NOT NULL,
    previous TEXT    NOT NULL,
    hash     TEXT    NOT NULL
) STRICT;
CREATE INDEX remark_finding ON remark (finding, number);

CREATE TRIGGER remark_stands BEFORE UPDATE ON remark
BEGIN
    SELECT RAISE(ABORT, 'a remark stands as it was made');
END;

CREATE TRIGGER remark_stays BEFORE DELETE ON remark
BEGIN
    SELECT RAISE(ABORT, 'a remark stays');
END;

-- look is a checkpoint that the mirror took, with when it is known to have been
-- there: the newest cosignature, or else the auditor's own clock; and its signed
-- note.
CREATE TABLE look (
    size      INTEGER PRIMARY KEY,
    at_unix   INTEGER NOT NULL,
    cosigned  INTEGER NOT NULL,
    seen_unix INTEGER NOT NULL,
    note      TEXT    NOT NULL DEFAULT ''
) STRICT;

CREATE TABLE mark (
    name  TEXT PRIMARY KEY,
    value TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- statement is what the directory says: statements that were verified from the trust
-- anchor and held against their entries, by index.
CREATE TABLE statement (
    idx       INTEGER PRIMARY KEY,
    subject   TEXT    NOT NULL,
    text      TEXT    NOT NULL,
    signature BLOB    NOT NULL
) STRICT;
CREATE INDEX statement_subject ON statement (subject, idx);
