-- +goose Up
-- What a party is concerned with is asked for by kind, too.
ALTER TABLE concern ADD COLUMN kind TEXT NOT NULL DEFAULT '';
UPDATE concern SET kind = coalesce((SELECT e.kind FROM entry e WHERE e.idx = concern.idx), '');
CREATE INDEX concern_kind ON concern (party, kind, idx);
