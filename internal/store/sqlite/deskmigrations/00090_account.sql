-- +goose Up
CREATE TABLE account (
    id                TEXT    PRIMARY KEY,
    login             TEXT    NOT NULL UNIQUE,
    name              TEXT    NOT NULL,
    roles             TEXT    NOT NULL,
    status            TEXT    NOT NULL CHECK (status IN ('invited', 'active', 'disabled')),
    language          TEXT    NOT NULL,
    zone              TEXT    NOT NULL,
    shortcuts         INTEGER NOT NULL,
    password          TEXT    NOT NULL,
    totp              BLOB    NOT NULL,
    totp_step         INTEGER NOT NULL,
    subject           TEXT    UNIQUE,
    created_at_unix   INTEGER NOT NULL,
    signed_in_at_unix INTEGER NOT NULL
) STRICT;

CREATE TABLE account_passkey (
    id              BLOB    PRIMARY KEY,
    account_id      TEXT    NOT NULL REFERENCES account (id),
    name            TEXT    NOT NULL,
    data            BLOB    NOT NULL,
    created_at_unix INTEGER NOT NULL,
    used_at_unix    INTEGER NOT NULL
) STRICT;
CREATE INDEX account_passkey_account ON account_passkey (account_id, created_at_unix);

CREATE TABLE account_code (
    account_id TEXT NOT NULL REFERENCES account (id),
    digest     BLOB NOT NULL CHECK (length(digest) = 32),
    PRIMARY KEY (account_id, digest)
) STRICT, WITHOUT ROWID;

CREATE TABLE account_session (
    digest            BLOB    PRIMARY KEY CHECK (length(digest) = 32),
    account_id        TEXT    NOT NULL REFERENCES account (id),
    method            TEXT    NOT NULL,
    created_at_unix   INTEGER NOT NULL,
    seen_at_unix      INTEGER NOT NULL,
    confirmed_at_unix INTEGER NOT NULL,
    address           TEXT    NOT NULL,
    agent             TEXT    NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX account_session_account ON account_session (account_id, created_at_unix);

CREATE TABLE account_failure (
    login      BLOB    PRIMARY KEY CHECK (length(login) = 32),
    count      INTEGER NOT NULL,
    at_unix    INTEGER NOT NULL,
    until_unix INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE account_invitation (
    account_id      TEXT    PRIMARY KEY REFERENCES account (id),
    digest          BLOB    NOT NULL UNIQUE CHECK (length(digest) = 32),
    totp            BLOB    NOT NULL,
    expires_at_unix INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
