-- +goose Up
CREATE TABLE account_alert (
    id           INTEGER PRIMARY KEY,
    account_id   TEXT    NOT NULL REFERENCES account (id),
    kind         TEXT    NOT NULL CHECK (kind <> ''),
    at_unix      INTEGER NOT NULL,
    address      TEXT    NOT NULL,
    agent        TEXT    NOT NULL,
    begun_unix   INTEGER NOT NULL,
    seen_at_unix INTEGER NOT NULL
) STRICT;
CREATE INDEX account_alert_account ON account_alert (account_id, id);

CREATE TABLE account_browser (
    account_id   TEXT    NOT NULL REFERENCES account (id),
    digest       BLOB    NOT NULL CHECK (length(digest) = 32),
    used_at_unix INTEGER NOT NULL,
    PRIMARY KEY (account_id, digest)
) STRICT, WITHOUT ROWID;

CREATE TABLE account_recovery (
    account_id TEXT    PRIMARY KEY REFERENCES account (id),
    by_id      TEXT    NOT NULL CHECK (by_id <> account_id),
    by_name    TEXT    NOT NULL,
    at_unix    INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE notice (
    id           TEXT    PRIMARY KEY,
    event        TEXT    NOT NULL CHECK (event <> ''),
    officer      TEXT    NOT NULL,
    channel      TEXT    NOT NULL CHECK (channel IN ('mail', 'hook')),
    address      TEXT    NOT NULL,
    at_unix      INTEGER NOT NULL,
    attempts     INTEGER NOT NULL,
    next_at_unix INTEGER NOT NULL,
    sent_at_unix INTEGER NOT NULL,
    problem      TEXT    NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX notice_unsent ON notice (next_at_unix) WHERE sent_at_unix = 0;
