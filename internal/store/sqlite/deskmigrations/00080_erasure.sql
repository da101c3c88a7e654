-- +goose Up
CREATE TABLE case_hold (
    case_id    TEXT    PRIMARY KEY,
    basis      TEXT    NOT NULL,
    by_whom    TEXT    NOT NULL,
    since_unix INTEGER NOT NULL
) STRICT;

CREATE TABLE case_erasure (
    case_id   TEXT    PRIMARY KEY,
    at_unix   INTEGER NOT NULL,
    authority TEXT    NOT NULL,
    officer   TEXT    NOT NULL,
    basis     TEXT    NOT NULL,
    record    BLOB    NOT NULL,
    signature BLOB    NOT NULL
) STRICT;
