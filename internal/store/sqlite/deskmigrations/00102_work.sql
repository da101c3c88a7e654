-- +goose Up
CREATE TABLE case_note (
    id           INTEGER PRIMARY KEY,
    case_id      TEXT    NOT NULL,
    officer      TEXT    NOT NULL,
    officer_name TEXT    NOT NULL,
    at_unix      INTEGER NOT NULL,
    text         TEXT    NOT NULL
) STRICT;
CREATE INDEX case_note_case ON case_note (case_id, id);

CREATE TABLE letter_seen (
    message_id   TEXT    NOT NULL,
    officer      TEXT    NOT NULL,
    officer_name TEXT    NOT NULL,
    at_unix      INTEGER NOT NULL,
    PRIMARY KEY (message_id, officer)
) STRICT, WITHOUT ROWID;

CREATE TABLE condition_accepted (
    message_id   TEXT    PRIMARY KEY,
    officer      TEXT    NOT NULL,
    officer_name TEXT    NOT NULL,
    at_unix      INTEGER NOT NULL
) STRICT;

CREATE TABLE team_member (
    team    TEXT NOT NULL,
    officer TEXT NOT NULL,
    PRIMARY KEY (team, officer)
) STRICT, WITHOUT ROWID;
CREATE INDEX team_member_officer ON team_member (officer);

CREATE TABLE saved_view (
    owner  TEXT NOT NULL,
    name   TEXT NOT NULL,
    filter BLOB NOT NULL,
    PRIMARY KEY (owner, name)
) STRICT, WITHOUT ROWID;

CREATE INDEX letter_act ON letter (act, accepted_at_unix);
