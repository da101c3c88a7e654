-- +goose Up
CREATE TABLE log_cosignature (
    size bigint NOT NULL,
    witness text COLLATE "C" NOT NULL,
    line bytea NOT NULL,
    PRIMARY KEY (size, witness)
);

CREATE TABLE log_witnessed (
    size bigint PRIMARY KEY,
    note bytea NOT NULL
);
