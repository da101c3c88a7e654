-- +goose Up
CREATE TABLE mailbox (
    authority TEXT    PRIMARY KEY,
    items     INTEGER NOT NULL,
    size      INTEGER NOT NULL,
    proof     BLOB    NOT NULL
) STRICT;
-- How many items came before, a desk of old has not counted.
INSERT INTO mailbox (authority, items, size, proof) SELECT authority, -1, 0, x'' FROM inbox_cursor;

CREATE TABLE inbox_taken (
    authority TEXT    NOT NULL,
    idx       INTEGER NOT NULL,
    PRIMARY KEY (authority, idx)
) STRICT, WITHOUT ROWID;

CREATE TABLE log_anchor (
    size  INTEGER NOT NULL,
    root  BLOB    NOT NULL CHECK (length(root) = 32),
    proof BLOB    NOT NULL,
    idx   INTEGER PRIMARY KEY
) STRICT;
