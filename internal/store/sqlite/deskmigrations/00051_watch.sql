-- +goose Up
CREATE TABLE asked (
    digest  TEXT    PRIMARY KEY,
    what    TEXT    NOT NULL,
    at_unix INTEGER NOT NULL
) STRICT;

CREATE TABLE directory_compared (
    one     INTEGER PRIMARY KEY CHECK (one = 1),
    at_unix INTEGER NOT NULL
) STRICT;

ALTER TABLE incident ADD COLUMN settled TEXT NOT NULL DEFAULT '';
