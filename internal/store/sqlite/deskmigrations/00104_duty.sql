-- +goose Up
CREATE TABLE duty_shift (
    id         TEXT    PRIMARY KEY,
    officer    TEXT    NOT NULL,
    level      INTEGER NOT NULL CHECK (level >= 1),
    days       TEXT    NOT NULL,
    begins     TEXT    NOT NULL,
    ends       TEXT    NOT NULL,
    zone       TEXT    NOT NULL,
    since_unix INTEGER NOT NULL,
    until_unix INTEGER NOT NULL
) STRICT;

CREATE TABLE duty_contact (
    officer TEXT PRIMARY KEY,
    mail    TEXT NOT NULL,
    hook    TEXT NOT NULL
) STRICT;

CREATE TABLE page (
    id                   TEXT    PRIMARY KEY,
    case_id              TEXT    NOT NULL,
    message_id           TEXT    NOT NULL,
    drill                INTEGER NOT NULL,
    state                TEXT    NOT NULL CHECK (state IN ('raised', 'acknowledged')),
    raised_at_unix       INTEGER NOT NULL,
    step                 INTEGER NOT NULL,
    next_at_unix         INTEGER NOT NULL,
    acknowledged_by      TEXT    NOT NULL,
    acknowledged_by_name TEXT    NOT NULL,
    acknowledged_at_unix INTEGER NOT NULL,
    CHECK ((state = 'acknowledged') = (acknowledged_by <> ''))
) STRICT;
CREATE INDEX page_open ON page (next_at_unix) WHERE state = 'raised';
CREATE INDEX page_raised ON page (raised_at_unix);
CREATE INDEX page_case ON page (case_id) WHERE case_id <> '';

CREATE TABLE page_notice (
    id           INTEGER PRIMARY KEY,
    page_id      TEXT    NOT NULL REFERENCES page (id),
    step         INTEGER NOT NULL,
    officer      TEXT    NOT NULL,
    channel      TEXT    NOT NULL CHECK (channel IN ('board', 'mail', 'hook')),
    address      TEXT    NOT NULL,
    at_unix      INTEGER NOT NULL,
    attempts     INTEGER NOT NULL,
    next_at_unix INTEGER NOT NULL,
    sent_at_unix INTEGER NOT NULL,
    problem      TEXT    NOT NULL
) STRICT;
CREATE INDEX page_notice_page ON page_notice (page_id, id);
CREATE INDEX page_notice_unsent ON page_notice (next_at_unix) WHERE sent_at_unix = 0;
