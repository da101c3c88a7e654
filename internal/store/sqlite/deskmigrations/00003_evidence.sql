-- +goose Up
ALTER TABLE outbox ADD COLUMN evidence BLOB;

CREATE TABLE evidence_verdict (
    message_id TEXT    NOT NULL,
    number     INTEGER NOT NULL,
    result     TEXT    NOT NULL,
    sha256     TEXT    NOT NULL,
    at_unix    INTEGER NOT NULL,
    PRIMARY KEY (message_id, number)
) STRICT, WITHOUT ROWID;
