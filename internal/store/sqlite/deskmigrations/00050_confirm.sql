-- +goose Up
ALTER TABLE letter ADD COLUMN code TEXT NOT NULL DEFAULT '';

CREATE TABLE wrong_code (
    one        INTEGER PRIMARY KEY CHECK (one = 1),
    since_unix INTEGER NOT NULL,
    count      INTEGER NOT NULL
) STRICT;
