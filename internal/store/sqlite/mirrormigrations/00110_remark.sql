-- +goose Up
-- A finding has a key by what it is about, so that remarks outlive derivations.
ALTER TABLE finding ADD COLUMN key TEXT NOT NULL DEFAULT '';
CREATE INDEX finding_key ON finding (key);

CREATE TABLE remark (
    number   INTEGER PRIMARY KEY,
    finding  TEXT    NOT NULL,
    about    TEXT    NOT NULL,
    state    TEXT    NOT NULL CHECK (state IN ('open', 'explained', 'closed')),
    comment  TEXT    NOT NULL,
    by       TEXT    NOT NULL,
    at_unix  INTEGER NOT NULL,
    previous TEXT    NOT NULL,
    hash     TEXT    NOT NULL
) STRICT;
CREATE INDEX remark_finding ON remark (finding, number);

-- +goose StatementBegin
CREATE TRIGGER remark_stands BEFORE UPDATE ON remark
BEGIN
    SELECT RAISE(ABORT, 'a remark stands as it was made');
END;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE TRIGGER remark_stays BEFORE DELETE ON remark
BEGIN
    SELECT RAISE(ABORT, 'a remark stays');
END;
-- +goose StatementEnd
