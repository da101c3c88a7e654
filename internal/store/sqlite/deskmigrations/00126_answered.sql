-- +goose Up
CREATE INDEX letter_answered ON letter (case_id, act, accepted_at_unix);
