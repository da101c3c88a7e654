-- +goose Up
CREATE TABLE log_latest (
    kind    TEXT    NOT NULL,
    subject TEXT    NOT NULL,
    idx     INTEGER NOT NULL,
    PRIMARY KEY (kind, subject)
) STRICT, WITHOUT ROWID;
