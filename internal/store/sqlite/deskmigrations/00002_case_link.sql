-- +goose Up
CREATE TABLE case_link (
    case_id  TEXT NOT NULL,
    refers_to TEXT NOT NULL,
    PRIMARY KEY (refers_to, case_id)
) STRICT, WITHOUT ROWID;
