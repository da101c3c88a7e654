-- +goose Up
CREATE TABLE evidence_upload (
    authority text COLLATE "C" NOT NULL,
    manifest  text COLLATE "C" NOT NULL,
    recipient text COLLATE "C" NOT NULL,
    bytes     bigint NOT NULL,
    at_unix   bigint NOT NULL,
    PRIMARY KEY (manifest, authority)
);
CREATE INDEX evidence_upload_authority ON evidence_upload (authority);
CREATE INDEX evidence_upload_recipient ON evidence_upload (recipient);

CREATE TABLE evidence_use (
    message_id text COLLATE "C" NOT NULL,
    manifest   text COLLATE "C" NOT NULL,
    dropped_by bigint NOT NULL,
    PRIMARY KEY (message_id, manifest)
);
CREATE INDEX evidence_use_manifest ON evidence_use (manifest);
