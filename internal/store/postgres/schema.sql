-- The present schema in full, for readers. A test compares it with what the
-- migrations make of an empty database.

CREATE TABLE log_head (
    one      boolean PRIMARY KEY CHECK (one),
    size     bigint NOT NULL,
    frontier bytea    NOT NULL,
    touched  bigint NOT NULL
) WITH (fillfactor = 10);
INSERT INTO log_head (one, size, frontier, touched) VALUES (true, 0, '', 0);

CREATE TABLE log_entry (
    idx       bigint PRIMARY KEY,
    leaf      bytea NOT NULL,
    leaf_hash bytea NOT NULL CHECK (length(leaf_hash) = 32),
    salt      bytea,
    body      bytea,
    erased_by bigint NOT NULL DEFAULT 0
);

CREATE TABLE log_node (
    level bigint NOT NULL CHECK (level >= 1),
    idx   bigint NOT NULL,
    hash  bytea    NOT NULL CHECK (length(hash) = 32),
    PRIMARY KEY (level, idx)
);

CREATE TABLE log_checkpoint (
    size bigint PRIMARY KEY,
    note bytea NOT NULL
);

CREATE TABLE log_cosignature (
    size bigint NOT NULL,
    witness text COLLATE "C" NOT NULL,
    line bytea NOT NULL,
    PRIMARY KEY (size, witness)
);

CREATE TABLE log_witnessed (
    size bigint PRIMARY KEY,
    note bytea NOT NULL
);

CREATE TABLE message (
    id               text COLLATE "C"    PRIMARY KEY,
    case_id          text COLLATE "C"    NOT NULL,
    sender           text COLLATE "C"    NOT NULL,
    recipient        text COLLATE "C"    NOT NULL,
    act              text COLLATE "C"    NOT NULL,
    lane             text COLLATE "C"    NOT NULL,
    stage            text COLLATE "C"    NOT NULL,
    seq              bigint NOT NULL,
    digest           text COLLATE "C"    NOT NULL,
    header           bytea    NOT NULL,
    signature        bytea    NOT NULL,
    payload          bytea    NOT NULL,
    idx              bigint NOT NULL UNIQUE,
    accepted_at_unix bigint NOT NULL,
    UNIQUE (sender, recipient, seq)
);
CREATE INDEX message_case ON message (case_id, idx);

CREATE TABLE case_state (
    id                      text COLLATE "C"    PRIMARY KEY,
    requesting              text COLLATE "C"    NOT NULL,
    requested               text COLLATE "C"    NOT NULL,
    opening                 text COLLATE "C"    NOT NULL,
    lane                    text COLLATE "C"    NOT NULL,
    stage                   text COLLATE "C"    NOT NULL,
    handed                  boolean NOT NULL,
    opened_at_unix          bigint NOT NULL,
    last_by_requesting_unix bigint NOT NULL,
    idx                     bigint NOT NULL
);

CREATE TABLE pair_head (
    sender    text COLLATE "C"    NOT NULL,
    recipient text COLLATE "C"    NOT NULL,
    seq       bigint NOT NULL,
    digest    text COLLATE "C"    NOT NULL,
    PRIMARY KEY (sender, recipient)
);

CREATE TABLE inbox (
    authority text COLLATE "C"    NOT NULL,
    idx       bigint NOT NULL,
    kind      text COLLATE "C"    NOT NULL,
    ref       text COLLATE "C"    NOT NULL,
    PRIMARY KEY (authority, idx)
);

CREATE TABLE receipt (
    digest     text COLLATE "C"    PRIMARY KEY,
    kind       text COLLATE "C"    NOT NULL,
    message_id text COLLATE "C"    NOT NULL,
    case_id    text COLLATE "C"    NOT NULL,
    authority  text COLLATE "C"    NOT NULL,
    text       bytea    NOT NULL,
    signature  bytea    NOT NULL,
    idx        bigint NOT NULL UNIQUE
);
CREATE INDEX receipt_message ON receipt (message_id, idx);

CREATE TABLE statement (
    idx       bigint PRIMARY KEY,
    digest    text COLLATE "C"    NOT NULL UNIQUE,
    subject   text COLLATE "C"    NOT NULL,
    number    bigint NOT NULL,
    text      bytea    NOT NULL,
    signature bytea    NOT NULL,
    UNIQUE (subject, number)
);

CREATE TABLE clock (
    case_id  text COLLATE "C"    NOT NULL,
    name     text COLLATE "C"    NOT NULL,
    due_unix bigint NOT NULL,
    state    text COLLATE "C"    NOT NULL,
    PRIMARY KEY (case_id, name)
);
CREATE INDEX clock_due ON clock (due_unix) WHERE state = 'running';

ALTER TABLE message ALTER payload SET STORAGE EXTERNAL;
ALTER TABLE log_entry ALTER body SET STORAGE EXTERNAL;

CREATE TABLE legal_hold (
    case_id    text   PRIMARY KEY,
    basis      text   NOT NULL,
    placed_by  text   NOT NULL,
    since_unix bigint NOT NULL
);

CREATE TABLE evidence_upload (
    authority text COLLATE "C" NOT NULL,
    manifest  text COLLATE "C" NOT NULL,
    recipient text COLLATE "C" NOT NULL,
    bytes     bigint NOT NULL,
    at_unix   bigint NOT NULL,
    PRIMARY KEY (manifest, authority)
);
CREATE INDEX evidence_upload_authority ON evidence_upload (authority);
CREATE INDEX evidence_upload_recipient ON evidence_upload (recipient);

CREATE TABLE evidence_use (
    message_id text COLLATE "C" NOT NULL,
    manifest   text COLLATE "C" NOT NULL,
    dropped_by bigint NOT NULL,
    PRIMARY KEY (message_id, manifest)
);
CREATE INDEX evidence_use_manifest ON evidence_use (manifest);

CREATE TABLE log_latest (
    kind    text COLLATE "C" NOT NULL,
    subject text COLLATE "C" NOT NULL,
    idx     bigint NOT NULL,
    PRIMARY KEY (kind, subject)
);
