-- +goose Up
CREATE TABLE index_version (
    one     INTEGER PRIMARY KEY CHECK (one = 1),
    version INTEGER NOT NULL
) STRICT;
INSERT INTO index_version (one, version) VALUES (1, 0);

CREATE TABLE case_line (
    case_id         TEXT    PRIMARY KEY,
    idx             INTEGER NOT NULL UNIQUE,
    incoming        INTEGER NOT NULL,
    stage           TEXT    NOT NULL,
    lane            TEXT    NOT NULL,
    urgency         INTEGER NOT NULL,
    own             TEXT    NOT NULL,
    counterpart     TEXT    NOT NULL,
    reference       TEXT    NOT NULL,
    types           TEXT    NOT NULL,
    sealed          INTEGER NOT NULL,
    closed          INTEGER NOT NULL,
    owed            TEXT    NOT NULL,
    due_at_unix     INTEGER NOT NULL,
    due_clock       TEXT    NOT NULL,
    unread          INTEGER NOT NULL,
    opened_at_unix  INTEGER NOT NULL,
    moved_at_unix   INTEGER NOT NULL,
    ended_at_unix   INTEGER NOT NULL,
    derived_at_unix INTEGER NOT NULL,
    again_at_unix   INTEGER NOT NULL
) STRICT;
CREATE INDEX case_line_board ON case_line (incoming, closed, idx);
CREATE INDEX case_line_urgency ON case_line (closed, urgency, idx);
CREATE INDEX case_line_due ON case_line (due_at_unix, idx) WHERE due_at_unix > 0;
CREATE INDEX case_line_counterpart ON case_line (counterpart, idx);
CREATE INDEX case_line_owed ON case_line (owed, idx);
CREATE INDEX case_line_stage ON case_line (stage, idx);
CREATE INDEX case_line_unread ON case_line (idx) WHERE unread > 0;
CREATE INDEX case_line_again ON case_line (again_at_unix) WHERE again_at_unix > 0;

CREATE TABLE case_type (
    type    TEXT NOT NULL,
    case_id TEXT NOT NULL REFERENCES case_line (case_id) ON DELETE CASCADE,
    PRIMARY KEY (type, case_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX case_type_case ON case_type (case_id);

CREATE INDEX case_link_from ON case_link (case_id);

CREATE TABLE case_work (
    case_id TEXT PRIMARY KEY,
    officer TEXT NOT NULL,
    team    TEXT NOT NULL
) STRICT;
CREATE INDEX case_work_officer ON case_work (officer, case_id) WHERE officer <> '';
CREATE INDEX case_work_team ON case_work (team, case_id) WHERE team <> '';

CREATE TABLE case_tag (
    tag     TEXT NOT NULL,
    case_id TEXT NOT NULL,
    PRIMARY KEY (tag, case_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX case_tag_case ON case_tag (case_id);

CREATE TABLE case_reader (
    case_id TEXT NOT NULL,
    officer TEXT NOT NULL,
    PRIMARY KEY (case_id, officer)
) STRICT, WITHOUT ROWID;
