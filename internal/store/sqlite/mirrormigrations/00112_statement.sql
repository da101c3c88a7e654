-- +goose Up
CREATE TABLE statement (
    idx       INTEGER PRIMARY KEY,
    subject   TEXT    NOT NULL,
    text      TEXT    NOT NULL,
    signature BLOB    NOT NULL
) STRICT;
CREATE INDEX statement_subject ON statement (subject, idx);
