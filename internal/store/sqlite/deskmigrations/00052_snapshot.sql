-- +goose Up
CREATE TABLE snapshot (
    one          INTEGER PRIMARY KEY CHECK (one = 1),
    note         BLOB    NOT NULL,
    signed_by    TEXT    NOT NULL,
    expires_unix INTEGER NOT NULL
) STRICT;
