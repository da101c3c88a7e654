-- +goose Up
CREATE TABLE evidence_upload (
    authority TEXT    NOT NULL,
    manifest  TEXT    NOT NULL,
    recipient TEXT    NOT NULL,
    bytes     INTEGER NOT NULL,
    at_unix   INTEGER NOT NULL,
    PRIMARY KEY (manifest, authority)
) STRICT, WITHOUT ROWID;
CREATE INDEX evidence_upload_authority ON evidence_upload (authority);
CREATE INDEX evidence_upload_recipient ON evidence_upload (recipient);

CREATE TABLE evidence_use (
    message_id TEXT    NOT NULL,
    manifest   TEXT    NOT NULL,
    dropped_by INTEGER NOT NULL,
    PRIMARY KEY (message_id, manifest)
) STRICT, WITHOUT ROWID;
CREATE INDEX evidence_use_manifest ON evidence_use (manifest);
