-- +goose Up
-- What a finding says, as data: the name of its sentence and the facts in it, as
-- JSON. It is empty for findings that were kept before.
ALTER TABLE finding ADD COLUMN said TEXT NOT NULL DEFAULT '';
