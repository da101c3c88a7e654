-- The present schema of a desk in full, for readers. A test compares it with
-- what the migrations make of an empty database.

CREATE TABLE published (
    idx       INTEGER PRIMARY KEY,
    text      BLOB NOT NULL,
    signature BLOB NOT NULL,
    receipt   BLOB NOT NULL
) STRICT;

CREATE TABLE seen (
    one           INTEGER PRIMARY KEY CHECK (one = 1),
    note          BLOB    NOT NULL,
    fresh_at_unix INTEGER NOT NULL
) STRICT;

CREATE TABLE inbox_cursor (
    authority TEXT PRIMARY KEY,
    idx       INTEGER NOT NULL
) STRICT;

CREATE TABLE letter (
    id               TEXT    PRIMARY KEY,
    case_id          TEXT    NOT NULL,
    sender           TEXT    NOT NULL,
    recipient        TEXT    NOT NULL,
    incoming         INTEGER NOT NULL,
    act              TEXT    NOT NULL,
    final            INTEGER NOT NULL,
    lane             TEXT    NOT NULL,
    suite            TEXT    NOT NULL,
    seq              INTEGER NOT NULL,
    digest           TEXT    NOT NULL,
    idx              INTEGER NOT NULL UNIQUE,
    accepted_at_unix INTEGER NOT NULL,
    broker_stage     TEXT    NOT NULL,
    verdict          TEXT    NOT NULL,
    note             TEXT    NOT NULL,
    body             BLOB,
    opened_at_unix   INTEGER NOT NULL,
    sealed           BLOB    NOT NULL,
    receipt          BLOB    NOT NULL,
    code             TEXT    NOT NULL DEFAULT ''
) STRICT;
CREATE INDEX letter_case ON letter (case_id, idx);
CREATE INDEX letter_pair ON letter (sender, recipient, seq);

CREATE TABLE outbox (
    id              TEXT    PRIMARY KEY,
    case_id         TEXT    NOT NULL,
    sender          TEXT    NOT NULL,
    recipient       TEXT    NOT NULL,
    act             TEXT    NOT NULL,
    final           INTEGER NOT NULL,
    lane            TEXT    NOT NULL,
    not_after_unix  INTEGER NOT NULL,
    body            BLOB    NOT NULL,
    created_at_unix INTEGER NOT NULL,
    sealed          BLOB,
    state           TEXT    NOT NULL,
    problem         BLOB,
    attempts        INTEGER NOT NULL,
    evidence        BLOB
) STRICT;
CREATE INDEX outbox_state ON outbox (state, created_at_unix);

CREATE TABLE confirmation (
    digest     TEXT    PRIMARY KEY,
    kind       TEXT    NOT NULL,
    message_id TEXT    NOT NULL,
    authority  TEXT    NOT NULL,
    at_unix    INTEGER NOT NULL,
    own        INTEGER NOT NULL,
    text       BLOB    NOT NULL,
    signature  BLOB    NOT NULL,
    proof      BLOB,
    idx        INTEGER NOT NULL
) STRICT;
CREATE INDEX confirmation_message ON confirmation (message_id);
CREATE INDEX confirmation_unsent ON confirmation (digest) WHERE idx < 0;

CREATE TABLE deadline (
    idx     INTEGER PRIMARY KEY,
    case_id TEXT NOT NULL,
    clock   TEXT NOT NULL,
    due     TEXT NOT NULL,
    proof   BLOB NOT NULL
) STRICT;
CREATE INDEX deadline_case ON deadline (case_id, idx);

CREATE TABLE case_clock (
    case_id TEXT    PRIMARY KEY,
    idx     INTEGER NOT NULL,
    clocks  BLOB    NOT NULL
) STRICT;

CREATE TABLE incident (
    id      INTEGER PRIMARY KEY,
    at_unix INTEGER NOT NULL,
    what    TEXT    NOT NULL,
    a       BLOB    NOT NULL,
    b       BLOB    NOT NULL,
    settled TEXT    NOT NULL DEFAULT '',
    settled_by TEXT NOT NULL DEFAULT '',
    settled_at_unix INTEGER NOT NULL DEFAULT 0,
    kind TEXT NOT NULL DEFAULT ''
) STRICT;

CREATE TABLE log_head (
    one      INTEGER PRIMARY KEY CHECK (one = 1),
    size     INTEGER NOT NULL,
    frontier BLOB    NOT NULL
) STRICT;
INSERT INTO log_head (one, size, frontier) VALUES (1, 0, x'');

CREATE TABLE log_entry (
    idx       INTEGER PRIMARY KEY,
    leaf      BLOB NOT NULL,
    leaf_hash BLOB NOT NULL CHECK (length(leaf_hash) = 32),
    salt      BLOB NOT NULL,
    body      BLOB NOT NULL
) STRICT;

CREATE TABLE case_link (
    case_id  TEXT NOT NULL,
    refers_to TEXT NOT NULL,
    PRIMARY KEY (refers_to, case_id)
) STRICT, WITHOUT ROWID;

CREATE TABLE evidence_verdict (
    message_id TEXT    NOT NULL,
    number     INTEGER NOT NULL,
    result     TEXT    NOT NULL,
    sha256     TEXT    NOT NULL,
    at_unix    INTEGER NOT NULL,
    PRIMARY KEY (message_id, number)
) STRICT, WITHOUT ROWID;

CREATE TABLE wrong_code (
    one        INTEGER PRIMARY KEY CHECK (one = 1),
    since_unix INTEGER NOT NULL,
    count      INTEGER NOT NULL
) STRICT;

CREATE TABLE asked (
    digest  TEXT    PRIMARY KEY,
    what    TEXT    NOT NULL,
    at_unix INTEGER NOT NULL
) STRICT;

CREATE TABLE directory_compared (
    one     INTEGER PRIMARY KEY CHECK (one = 1),
    at_unix INTEGER NOT NULL
) STRICT;

CREATE TABLE snapshot (
    one          INTEGER PRIMARY KEY CHECK (one = 1),
    note         BLOB    NOT NULL,
    signed_by    TEXT    NOT NULL,
    expires_unix INTEGER NOT NULL
) STRICT;

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

CREATE TABLE case_hold (
    case_id    TEXT    PRIMARY KEY,
    basis      TEXT    NOT NULL,
    by_whom    TEXT    NOT NULL,
    since_unix INTEGER NOT NULL
) STRICT;

CREATE TABLE case_erasure (
    case_id   TEXT    PRIMARY KEY,
    at_unix   INTEGER NOT NULL,
    authority TEXT    NOT NULL,
    officer   TEXT    NOT NULL,
    basis     TEXT    NOT NULL,
    record    BLOB    NOT NULL,
    signature BLOB    NOT NULL
) STRICT;

CREATE TABLE mailbox (
    authority TEXT    PRIMARY KEY,
    items     INTEGER NOT NULL,
    size      INTEGER NOT NULL,
    proof     BLOB    NOT NULL
) STRICT;

CREATE TABLE inbox_taken (
    authority TEXT    NOT NULL,
    idx       INTEGER NOT NULL,
    PRIMARY KEY (authority, idx)
) STRICT, WITHOUT ROWID;

CREATE TABLE log_anchor (
    size  INTEGER NOT NULL,
    root  BLOB    NOT NULL CHECK (length(root) = 32),
    proof BLOB    NOT NULL,
    idx   INTEGER PRIMARY KEY
) STRICT;

CREATE TABLE account (
    id                TEXT    PRIMARY KEY,
    login             TEXT    NOT NULL UNIQUE,
    name              TEXT    NOT NULL,
    roles             TEXT    NOT NULL,
    status            TEXT    NOT NULL CHECK (status IN ('invited', 'active', 'disabled')),
    language          TEXT    NOT NULL,
    zone              TEXT    NOT NULL,
    shortcuts         INTEGER NOT NULL,
    password          TEXT    NOT NULL,
    totp              BLOB    NOT NULL,
    totp_step         INTEGER NOT NULL,
    subject           TEXT    UNIQUE,
    created_at_unix   INTEGER NOT NULL,
    signed_in_at_unix INTEGER NOT NULL
) STRICT;

CREATE TABLE account_passkey (
    id              BLOB    PRIMARY KEY,
    account_id      TEXT    NOT NULL REFERENCES account (id),
    name            TEXT    NOT NULL,
    data            BLOB    NOT NULL,
    created_at_unix INTEGER NOT NULL,
    used_at_unix    INTEGER NOT NULL
) STRICT;
CREATE INDEX account_passkey_account ON account_passkey (account_id, created_at_unix);

CREATE TABLE account_code (
    account_id TEXT NOT NULL REFERENCES account (id),
    digest     BLOB NOT NULL CHECK (length(digest) = 32),
    PRIMARY KEY (account_id, digest)
) STRICT, WITHOUT ROWID;

CREATE TABLE account_session (
    digest            BLOB    PRIMARY KEY CHECK (length(digest) = 32),
    account_id        TEXT    NOT NULL REFERENCES account (id),
    method            TEXT    NOT NULL,
    created_at_unix   INTEGER NOT NULL,
    seen_at_unix      INTEGER NOT NULL,
    confirmed_at_unix INTEGER NOT NULL,
    address           TEXT    NOT NULL,
    agent             TEXT    NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX account_session_account ON account_session (account_id, created_at_unix);

CREATE TABLE account_failure (
    login      BLOB    PRIMARY KEY CHECK (length(login) = 32),
    count      INTEGER NOT NULL,
    at_unix    INTEGER NOT NULL,
    until_unix INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE account_invitation (
    account_id      TEXT    PRIMARY KEY REFERENCES account (id),
    digest          BLOB    NOT NULL UNIQUE CHECK (length(digest) = 32),
    totp            BLOB    NOT NULL,
    expires_at_unix INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

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

CREATE TRIGGER release_by_another BEFORE INSERT ON release
WHEN NEW.emergency = 0 AND EXISTS (SELECT 1 FROM draft_version v WHERE v.draft_id = NEW.draft_id AND v.officer = NEW.released_by)
BEGIN
    SELECT RAISE(ABORT, 'nobody releases what they have written themselves');
END;

CREATE TRIGGER countersign_by_another BEFORE UPDATE OF countersigned_by ON release
WHEN NEW.countersigned_by <> '' AND EXISTS (SELECT 1 FROM draft_version v WHERE v.draft_id = NEW.draft_id AND v.officer = NEW.countersigned_by)
BEGIN
    SELECT RAISE(ABORT, 'nobody countersigns what they have written themselves');
END;

CREATE TRIGGER release_stands BEFORE UPDATE ON release
WHEN NEW.message_id <> OLD.message_id OR NEW.draft_id <> OLD.draft_id OR NEW.version <> OLD.version OR NEW.digest <> OLD.digest
    OR NEW.submitted_by <> OLD.submitted_by OR NEW.released_by <> OLD.released_by OR NEW.emergency <> OLD.emergency
BEGIN
    SELECT RAISE(ABORT, 'what was released stands');
END;

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
CREATE INDEX letter_answered ON letter (case_id, act, accepted_at_unix);

CREATE VIRTUAL TABLE letter_text USING fts5(words, columnsize = 0, tokenize = 'ascii');
INSERT INTO letter_text (letter_text, rank) VALUES ('secure-delete', 1);
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

CREATE TABLE receipt_wait (
    message_id TEXT    PRIMARY KEY,
    since_unix INTEGER NOT NULL
) STRICT;

CREATE TABLE key_verified (
    id             INTEGER PRIMARY KEY,
    authority      TEXT    NOT NULL,
    suite          TEXT    NOT NULL,
    fingerprint    TEXT    NOT NULL,
    how            TEXT    NOT NULL CHECK (how IN ('in-person', 'phone', 'note-verbale')),
    counterpart    TEXT    NOT NULL,
    officer        TEXT    NOT NULL CHECK (officer <> ''),
    officer_name   TEXT    NOT NULL,
    at_unix        INTEGER NOT NULL,
    second         TEXT    NOT NULL DEFAULT '' CHECK (second <> officer),
    second_name    TEXT    NOT NULL DEFAULT '',
    second_at_unix INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE INDEX key_verified_authority ON key_verified (authority, id);

CREATE TABLE account_alert (
    id           INTEGER PRIMARY KEY,
    account_id   TEXT    NOT NULL REFERENCES account (id),
    kind         TEXT    NOT NULL CHECK (kind <> ''),
    at_unix      INTEGER NOT NULL,
    address      TEXT    NOT NULL,
    agent        TEXT    NOT NULL,
    begun_unix   INTEGER NOT NULL,
    seen_at_unix INTEGER NOT NULL
) STRICT;
CREATE INDEX account_alert_account ON account_alert (account_id, id);

CREATE TABLE account_browser (
    account_id   TEXT    NOT NULL REFERENCES account (id),
    digest       BLOB    NOT NULL CHECK (length(digest) = 32),
    used_at_unix INTEGER NOT NULL,
    PRIMARY KEY (account_id, digest)
) STRICT, WITHOUT ROWID;

CREATE TABLE account_recovery (
    account_id TEXT    PRIMARY KEY REFERENCES account (id),
    by_id      TEXT    NOT NULL CHECK (by_id <> account_id),
    by_name    TEXT    NOT NULL,
    at_unix    INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE notice (
    id           TEXT    PRIMARY KEY,
    event        TEXT    NOT NULL CHECK (event <> ''),
    officer      TEXT    NOT NULL,
    channel      TEXT    NOT NULL CHECK (channel IN ('mail', 'hook')),
    address      TEXT    NOT NULL,
    at_unix      INTEGER NOT NULL,
    attempts     INTEGER NOT NULL,
    next_at_unix INTEGER NOT NULL,
    sent_at_unix INTEGER NOT NULL,
    problem      TEXT    NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX notice_unsent ON notice (next_at_unix) WHERE sent_at_unix = 0;
