-- +goose Up
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
