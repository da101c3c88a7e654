-- +goose Up
CREATE TABLE receipt_wait (
    message_id TEXT    PRIMARY KEY,
    since_unix INTEGER NOT NULL
) STRICT;
