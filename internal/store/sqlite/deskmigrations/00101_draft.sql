-- +goose Up
CREATE TABLE draft (
    id              TEXT    PRIMARY KEY,
    case_id         TEXT    NOT NULL,
    act             TEXT    NOT NULL,
    sender          TEXT    NOT NULL,
    recipient       TEXT    NOT NULL,
    lane            TEXT    NOT NULL,
    final           INTEGER NOT NULL,
    title           TEXT    NOT NULL,
    evidence        BLOB    NOT NULL,
    state           TEXT    NOT NULL CHECK (state IN ('open', 'submitted', 'sent', 'discarded')),
    version         INTEGER NOT NULL,
    created_by      TEXT    NOT NULL,
    submitted_by    TEXT    NOT NULL,
    changed_by      TEXT    NOT NULL,
    changed_by_name TEXT    NOT NULL,
    changed_at_unix INTEGER NOT NULL,
    message_id      TEXT    NOT NULL
) STRICT;
CREATE INDEX draft_state ON draft (state, changed_at_unix);
CREATE INDEX draft_case ON draft (case_id) WHERE case_id <> '';

CREATE TABLE draft_version (
    draft_id     TEXT    NOT NULL REFERENCES draft (id),
    version      INTEGER NOT NULL,
    officer      TEXT    NOT NULL,
    officer_name TEXT    NOT NULL,
    at_unix      INTEGER NOT NULL,
    kept         INTEGER NOT NULL,
    body         BLOB    NOT NULL,
    PRIMARY KEY (draft_id, version)
) STRICT;

CREATE TABLE draft_event (
    id           INTEGER PRIMARY KEY,
    draft_id     TEXT    NOT NULL REFERENCES draft (id),
    version      INTEGER NOT NULL,
    officer      TEXT    NOT NULL,
    officer_name TEXT    NOT NULL,
    what         TEXT    NOT NULL,
    comment      TEXT    NOT NULL,
    at_unix      INTEGER NOT NULL
) STRICT;
CREATE INDEX draft_event_draft ON draft_event (draft_id, id);

CREATE TABLE release (
    message_id            TEXT    PRIMARY KEY,
    draft_id              TEXT    NOT NULL UNIQUE REFERENCES draft (id),
    version               INTEGER NOT NULL,
    digest                TEXT    NOT NULL,
    submitted_by          TEXT    NOT NULL,
    released_by           TEXT    NOT NULL CHECK (released_by <> ''),
    emergency             INTEGER NOT NULL,
    at_unix               INTEGER NOT NULL,
    countersigned_by      TEXT    NOT NULL,
    countersigned_at_unix INTEGER NOT NULL,
    comment               TEXT    NOT NULL,
    CHECK (emergency = 1 OR released_by <> submitted_by),
    CHECK (countersigned_by <> released_by)
) STRICT;
CREATE INDEX release_emergency ON release (at_unix) WHERE emergency = 1;

-- +goose StatementBegin
CREATE TRIGGER release_by_another BEFORE INSERT ON release
WHEN NEW.emergency = 0 AND EXISTS (SELECT 1 FROM draft_version v WHERE v.draft_id = NEW.draft_id AND v.officer = NEW.released_by)
BEGIN
    SELECT RAISE(ABORT, 'nobody releases what they have written themselves');
END;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE TRIGGER countersign_by_another BEFORE UPDATE OF countersigned_by ON release
WHEN NEW.countersigned_by <> '' AND EXISTS (SELECT 1 FROM draft_version v WHERE v.draft_id = NEW.draft_id AND v.officer = NEW.countersigned_by)
BEGIN
    SELECT RAISE(ABORT, 'nobody countersigns what they have written themselves');
END;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE TRIGGER release_stands BEFORE UPDATE ON release
WHEN NEW.message_id <> OLD.message_id OR NEW.draft_id <> OLD.draft_id OR NEW.version <> OLD.version OR NEW.digest <> OLD.digest
    OR NEW.submitted_by <> OLD.submitted_by OR NEW.released_by <> OLD.released_by OR NEW.emergency <> OLD.emergency
BEGIN
    SELECT RAISE(ABORT, 'what was released stands');
END;
-- +goose StatementEnd

CREATE TABLE draft_template (
    name    TEXT    PRIMARY KEY,
    kind    TEXT    NOT NULL,
    body    BLOB    NOT NULL,
    officer TEXT    NOT NULL,
    at_unix INTEGER NOT NULL
) STRICT;

CREATE TABLE office_setting (
    name  TEXT PRIMARY KEY,
    value BLOB NOT NULL
) STRICT;
