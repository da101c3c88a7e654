-- +goose Up
ALTER TABLE log_entry ADD COLUMN erased_by bigint NOT NULL DEFAULT 0;

CREATE TABLE legal_hold (
    case_id    text   PRIMARY KEY,
    basis      text   NOT NULL,
    placed_by  text   NOT NULL,
    since_unix bigint NOT NULL
);
