-- +goose Up
CREATE TABLE log_latest (
    kind    text COLLATE "C" NOT NULL,
    subject text COLLATE "C" NOT NULL,
    idx     bigint NOT NULL,
    PRIMARY KEY (kind, subject)
);
