-- +goose Up
-- The signed note of a checkpoint is what a report rests on.
ALTER TABLE look ADD COLUMN note TEXT NOT NULL DEFAULT '';

-- A receipt has the case of its message only if that stands before it.
UPDATE entry SET case_id = '', lane = '', sender = '', recipient = '' WHERE kind = 'receipt' AND case_id <> ''
    AND NOT EXISTS (SELECT 1 FROM entry m WHERE m.kind = 'message' AND m.ref = entry.ref AND m.idx < entry.idx);
