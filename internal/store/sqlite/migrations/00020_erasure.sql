-- +goose Up
ALTER TABLE log_entry ADD COLUMN erased_by INTEGER NOT NULL DEFAULT 0;

CREATE TABLE legal_hold (
    case_id    TEXT    PRIMARY KEY,
    basis      TEXT    NOT NULL,
    placed_by  TEXT    NOT NULL,
    since_unix INTEGER NOT NULL
) STRICT;
