-- +goose Up
ALTER TABLE incident ADD COLUMN settled_by TEXT NOT NULL DEFAULT '';
ALTER TABLE incident ADD COLUMN settled_at_unix INTEGER NOT NULL DEFAULT 0;

CREATE TABLE key_verified (
    id             INTEGER PRIMARY KEY,
    authority      TEXT    NOT NULL,
    suite          TEXT    NOT NULL,
    fingerprint    TEXT    NOT NULL,
    how            TEXT    NOT NULL CHECK (how IN ('in-person', 'phone', 'note-verbale')),
    counterpart    TEXT    NOT NULL,
    officer        TEXT    NOT NULL CHECK (officer <> ''),
    officer_name   TEXT    NOT NULL,
    at_unix        INTEGER NOT NULL,
    second         TEXT    NOT NULL DEFAULT '' CHECK (second <> officer),
    second_name    TEXT    NOT NULL DEFAULT '',
    second_at_unix INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE INDEX key_verified_authority ON key_verified (authority, id);
