-- The present schema of a desk in full, for readers. A test compares it with
-- what the migrations make of an empty database.

CREATE TABLE published (
    idx       bigint PRIMARY KEY,
    text      bytea NOT NULL,
    signature bytea NOT NULL,
    receipt   bytea NOT NULL
);

CREATE TABLE seen (
    one           bigint PRIMARY KEY CHECK (one = 1),
    note          bytea    NOT NULL,
    fresh_at_unix bigint NOT NULL
);

CREATE TABLE inbox_cursor (
    authority text COLLATE "C" PRIMARY KEY,
    idx       bigint NOT NULL
);

CREATE TABLE letter (
    id               text COLLATE "C"    PRIMARY KEY,
    case_id          text COLLATE "C"    NOT NULL,
    sender           text COLLATE "C"    NOT NULL,
    recipient        text COLLATE "C"    NOT NULL,
    incoming         bigint NOT NULL,
    act              text COLLATE "C"    NOT NULL,
    final            bigint NOT NULL,
    lane             text COLLATE "C"    NOT NULL,
    suite            text COLLATE "C"    NOT NULL,
    seq              bigint NOT NULL,
    digest           text COLLATE "C"    NOT NULL,
    idx              bigint NOT NULL UNIQUE,
    accepted_at_unix bigint NOT NULL,
    broker_stage     text COLLATE "C"    NOT NULL,
    verdict          text COLLATE "C"    NOT NULL,
    note             text COLLATE "C"    NOT NULL,
    body             bytea,
    opened_at_unix   bigint NOT NULL,
    sealed           bytea    NOT NULL,
    receipt          bytea    NOT NULL,
    code             text COLLATE "C"    NOT NULL DEFAULT ''
);
CREATE INDEX letter_case ON letter (case_id, idx);
CREATE INDEX letter_pair ON letter (sender, recipient, seq);

CREATE TABLE outbox (
    rowid bigint GENERATED ALWAYS AS IDENTITY UNIQUE, -- in the order of their arrival
    id              text COLLATE "C"    PRIMARY KEY,
    case_id         text COLLATE "C"    NOT NULL,
    sender          text COLLATE "C"    NOT NULL,
    recipient       text COLLATE "C"    NOT NULL,
    act             text COLLATE "C"    NOT NULL,
    final           bigint NOT NULL,
    lane            text COLLATE "C"    NOT NULL,
    not_after_unix  bigint NOT NULL,
    body            bytea    NOT NULL,
    created_at_unix bigint NOT NULL,
    sealed          bytea,
    state           text COLLATE "C"    NOT NULL,
    problem         bytea,
    attempts        bigint NOT NULL,
    evidence        bytea
);
CREATE INDEX outbox_state ON outbox (state, created_at_unix);

CREATE TABLE confirmation (
    rowid bigint GENERATED ALWAYS AS IDENTITY UNIQUE, -- in the order of their arrival
    digest     text COLLATE "C"    PRIMARY KEY,
    kind       text COLLATE "C"    NOT NULL,
    message_id text COLLATE "C"    NOT NULL,
    authority  text COLLATE "C"    NOT NULL,
    at_unix    bigint NOT NULL,
    own        bigint NOT NULL,
    text       bytea    NOT NULL,
    signature  bytea    NOT NULL,
    proof      bytea,
    idx        bigint NOT NULL
);
CREATE INDEX confirmation_message ON confirmation (message_id);
CREATE INDEX confirmation_unsent ON confirmation (digest) WHERE idx < 0;

CREATE TABLE deadline (
    idx     bigint PRIMARY KEY,
    case_id text COLLATE "C" NOT NULL,
    clock   text COLLATE "C" NOT NULL,
    due     text COLLATE "C" NOT NULL,
    proof   bytea NOT NULL
);
CREATE INDEX deadline_case ON deadline (case_id, idx);

CREATE TABLE case_clock (
    case_id text COLLATE "C"    PRIMARY KEY,
    idx     bigint NOT NULL,
    clocks  bytea    NOT NULL
);

CREATE TABLE incident (
    id      bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at_unix bigint NOT NULL,
    what    text COLLATE "C"    NOT NULL,
    a       bytea    NOT NULL,
    b       bytea    NOT NULL,
    settled text COLLATE "C"    NOT NULL DEFAULT '',
    settled_by text COLLATE "C" NOT NULL DEFAULT '',
    settled_at_unix bigint NOT NULL DEFAULT 0,
    kind text COLLATE "C" NOT NULL DEFAULT ''
);

CREATE TABLE log_head (
    one      bigint PRIMARY KEY CHECK (one = 1),
    size     bigint NOT NULL,
    frontier bytea    NOT NULL
);
INSERT INTO log_head (one, size, frontier) VALUES (1, 0, '');

CREATE TABLE log_entry (
    idx       bigint PRIMARY KEY,
    leaf      bytea NOT NULL,
    leaf_hash bytea NOT NULL CHECK (length(leaf_hash) = 32),
    salt      bytea NOT NULL,
    body      bytea NOT NULL
);

CREATE TABLE case_link (
    case_id  text COLLATE "C" NOT NULL,
    refers_to text COLLATE "C" NOT NULL,
    PRIMARY KEY (refers_to, case_id)
);

CREATE TABLE evidence_verdict (
    message_id text COLLATE "C"    NOT NULL,
    number     bigint NOT NULL,
    result     text COLLATE "C"    NOT NULL,
    sha256     text COLLATE "C"    NOT NULL,
    at_unix    bigint NOT NULL,
    PRIMARY KEY (message_id, number)
);

CREATE TABLE wrong_code (
    one        bigint PRIMARY KEY CHECK (one = 1),
    since_unix bigint NOT NULL,
    count      bigint NOT NULL
);

CREATE TABLE asked (
    digest  text COLLATE "C"    PRIMARY KEY,
    what    text COLLATE "C"    NOT NULL,
    at_unix bigint NOT NULL
);

CREATE TABLE directory_compared (
    one     bigint PRIMARY KEY CHECK (one = 1),
    at_unix bigint NOT NULL
);

CREATE TABLE snapshot (
    one          bigint PRIMARY KEY CHECK (one = 1),
    note         bytea    NOT NULL,
    signed_by    text COLLATE "C"    NOT NULL,
    expires_unix bigint NOT NULL
);

CREATE TABLE index_version (
    one     bigint PRIMARY KEY CHECK (one = 1),
    version bigint NOT NULL
);
INSERT INTO index_version (one, version) VALUES (1, 0);

CREATE TABLE case_line (
    case_id         text COLLATE "C"    PRIMARY KEY,
    idx             bigint NOT NULL UNIQUE,
    incoming        bigint NOT NULL,
    stage           text COLLATE "C"    NOT NULL,
    lane            text COLLATE "C"    NOT NULL,
    urgency         bigint NOT NULL,
    own             text COLLATE "C"    NOT NULL,
    counterpart     text COLLATE "C"    NOT NULL,
    reference       text COLLATE "C"    NOT NULL,
    types           text COLLATE "C"    NOT NULL,
    sealed          bigint NOT NULL,
    closed          bigint NOT NULL,
    owed            text COLLATE "C"    NOT NULL,
    due_at_unix     bigint NOT NULL,
    due_clock       text COLLATE "C"    NOT NULL,
    unread          bigint NOT NULL,
    opened_at_unix  bigint NOT NULL,
    moved_at_unix   bigint NOT NULL,
    ended_at_unix   bigint NOT NULL,
    derived_at_unix bigint NOT NULL,
    again_at_unix   bigint NOT NULL
);
CREATE INDEX case_line_board ON case_line (incoming, closed, idx);
CREATE INDEX case_line_urgency ON case_line (closed, urgency, idx);
CREATE INDEX case_line_due ON case_line (due_at_unix, idx) WHERE due_at_unix > 0;
CREATE INDEX case_line_counterpart ON case_line (counterpart, idx);
CREATE INDEX case_line_owed ON case_line (owed, idx);
CREATE INDEX case_line_stage ON case_line (stage, idx);
CREATE INDEX case_line_unread ON case_line (idx) WHERE unread > 0;
CREATE INDEX case_line_again ON case_line (again_at_unix) WHERE again_at_unix > 0;

CREATE TABLE case_type (
    type    text COLLATE "C" NOT NULL,
    case_id text COLLATE "C" NOT NULL REFERENCES case_line (case_id) ON DELETE CASCADE,
    PRIMARY KEY (type, case_id)
);
CREATE INDEX case_type_case ON case_type (case_id);

CREATE INDEX case_link_from ON case_link (case_id);

CREATE TABLE case_work (
    case_id text COLLATE "C" PRIMARY KEY,
    officer text COLLATE "C" NOT NULL,
    team    text COLLATE "C" NOT NULL
);
CREATE INDEX case_work_officer ON case_work (officer, case_id) WHERE officer <> '';
CREATE INDEX case_work_team ON case_work (team, case_id) WHERE team <> '';

CREATE TABLE case_tag (
    tag     text COLLATE "C" NOT NULL,
    case_id text COLLATE "C" NOT NULL,
    PRIMARY KEY (tag, case_id)
);
CREATE INDEX case_tag_case ON case_tag (case_id);

CREATE TABLE case_reader (
    case_id text COLLATE "C" NOT NULL,
    officer text COLLATE "C" NOT NULL,
    PRIMARY KEY (case_id, officer)
);

CREATE TABLE case_hold (
    case_id    text COLLATE "C"    PRIMARY KEY,
    basis      text COLLATE "C"    NOT NULL,
    by_whom    text COLLATE "C"    NOT NULL,
    since_unix bigint NOT NULL
);

CREATE TABLE case_erasure (
    case_id   text COLLATE "C"    PRIMARY KEY,
    at_unix   bigint NOT NULL,
    authority text COLLATE "C"    NOT NULL,
    officer   text COLLATE "C"    NOT NULL,
    basis     text COLLATE "C"    NOT NULL,
    record    bytea    NOT NULL,
    signature bytea    NOT NULL
);

CREATE TABLE mailbox (
    authority text COLLATE "C"    PRIMARY KEY,
    items     bigint NOT NULL,
    size      bigint NOT NULL,
    proof     bytea    NOT NULL
);

CREATE TABLE inbox_taken (
    authority text COLLATE "C"    NOT NULL,
    idx       bigint NOT NULL,
    PRIMARY KEY (authority, idx)
);

CREATE TABLE log_anchor (
    size  bigint NOT NULL,
    root  bytea    NOT NULL CHECK (length(root) = 32),
    proof bytea    NOT NULL,
    idx   bigint PRIMARY KEY
);

CREATE TABLE account (
    id                text COLLATE "C"    PRIMARY KEY,
    login             text COLLATE "C"    NOT NULL UNIQUE,
    name              text COLLATE "C"    NOT NULL,
    roles             text COLLATE "C"    NOT NULL,
    status            text COLLATE "C"    NOT NULL CHECK (status IN ('invited', 'active', 'disabled')),
    language          text COLLATE "C"    NOT NULL,
    zone              text COLLATE "C"    NOT NULL,
    shortcuts         bigint NOT NULL,
    password          text COLLATE "C"    NOT NULL,
    totp              bytea    NOT NULL,
    totp_step         bigint NOT NULL,
    subject           text COLLATE "C"    UNIQUE,
    created_at_unix   bigint NOT NULL,
    signed_in_at_unix bigint NOT NULL
);

CREATE TABLE account_passkey (
    id              bytea    PRIMARY KEY,
    account_id      text COLLATE "C"    NOT NULL REFERENCES account (id),
    name            text COLLATE "C"    NOT NULL,
    data            bytea    NOT NULL,
    created_at_unix bigint NOT NULL,
    used_at_unix    bigint NOT NULL
);
CREATE INDEX account_passkey_account ON account_passkey (account_id, created_at_unix);

CREATE TABLE account_code (
    account_id text COLLATE "C" NOT NULL REFERENCES account (id),
    digest     bytea NOT NULL CHECK (length(digest) = 32),
    PRIMARY KEY (account_id, digest)
);

CREATE TABLE account_session (
    digest            bytea    PRIMARY KEY CHECK (length(digest) = 32),
    account_id        text COLLATE "C"    NOT NULL REFERENCES account (id),
    method            text COLLATE "C"    NOT NULL,
    created_at_unix   bigint NOT NULL,
    seen_at_unix      bigint NOT NULL,
    confirmed_at_unix bigint NOT NULL,
    address           text COLLATE "C"    NOT NULL,
    agent             text COLLATE "C"    NOT NULL
);
CREATE INDEX account_session_account ON account_session (account_id, created_at_unix);

CREATE TABLE account_failure (
    login      bytea    PRIMARY KEY CHECK (length(login) = 32),
    count      bigint NOT NULL,
    at_unix    bigint NOT NULL,
    until_unix bigint NOT NULL
);

CREATE TABLE account_invitation (
    account_id      text COLLATE "C"    PRIMARY KEY REFERENCES account (id),
    digest          bytea    NOT NULL UNIQUE CHECK (length(digest) = 32),
    totp            bytea    NOT NULL,
    expires_at_unix bigint NOT NULL
);

CREATE TABLE draft (
    id              text COLLATE "C"    PRIMARY KEY,
    case_id         text COLLATE "C"    NOT NULL,
    act             text COLLATE "C"    NOT NULL,
    sender          text COLLATE "C"    NOT NULL,
    recipient       text COLLATE "C"    NOT NULL,
    lane            text COLLATE "C"    NOT NULL,
    final           bigint NOT NULL,
    title           text COLLATE "C"    NOT NULL,
    evidence        bytea    NOT NULL,
    state           text COLLATE "C"    NOT NULL CHECK (state IN ('open', 'submitted', 'sent', 'discarded')),
    version         bigint NOT NULL,
    created_by      text COLLATE "C"    NOT NULL,
    submitted_by    text COLLATE "C"    NOT NULL,
    changed_by      text COLLATE "C"    NOT NULL,
    changed_by_name text COLLATE "C"    NOT NULL,
    changed_at_unix bigint NOT NULL,
    message_id      text COLLATE "C"    NOT NULL
);
CREATE INDEX draft_state ON draft (state, changed_at_unix);
CREATE INDEX draft_case ON draft (case_id) WHERE case_id <> '';

CREATE TABLE draft_version (
    draft_id     text COLLATE "C"    NOT NULL REFERENCES draft (id),
    version      bigint NOT NULL,
    officer      text COLLATE "C"    NOT NULL,
    officer_name text COLLATE "C"    NOT NULL,
    at_unix      bigint NOT NULL,
    kept         bigint NOT NULL,
    body         bytea    NOT NULL,
    PRIMARY KEY (draft_id, version)
);

CREATE TABLE draft_event (
    id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    draft_id     text COLLATE "C"    NOT NULL REFERENCES draft (id),
    version      bigint NOT NULL,
    officer      text COLLATE "C"    NOT NULL,
    officer_name text COLLATE "C"    NOT NULL,
    what         text COLLATE "C"    NOT NULL,
    comment      text COLLATE "C"    NOT NULL,
    at_unix      bigint NOT NULL
);
CREATE INDEX draft_event_draft ON draft_event (draft_id, id);

CREATE TABLE release (
    message_id            text COLLATE "C"    PRIMARY KEY,
    draft_id              text COLLATE "C"    NOT NULL UNIQUE REFERENCES draft (id),
    version               bigint NOT NULL,
    digest                text COLLATE "C"    NOT NULL,
    submitted_by          text COLLATE "C"    NOT NULL,
    released_by           text COLLATE "C"    NOT NULL CHECK (released_by <> ''),
    emergency             bigint NOT NULL,
    at_unix               bigint NOT NULL,
    countersigned_by      text COLLATE "C"    NOT NULL,
    countersigned_at_unix bigint NOT NULL,
    comment               text COLLATE "C"    NOT NULL,
    CHECK (emergency = 1 OR released_by <> submitted_by),
    CHECK (countersigned_by <> released_by)
);
CREATE INDEX release_emergency ON release (at_unix) WHERE emergency = 1;

CREATE TABLE draft_template (
    name    text COLLATE "C"    PRIMARY KEY,
    kind    text COLLATE "C"    NOT NULL,
    body    bytea    NOT NULL,
    officer text COLLATE "C"    NOT NULL,
    at_unix bigint NOT NULL
);

CREATE TABLE office_setting (
    name  text COLLATE "C" PRIMARY KEY,
    value bytea NOT NULL
);

CREATE TABLE case_note (
    id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    case_id      text COLLATE "C"    NOT NULL,
    officer      text COLLATE "C"    NOT NULL,
    officer_name text COLLATE "C"    NOT NULL,
    at_unix      bigint NOT NULL,
    text         text COLLATE "C"    NOT NULL
);
CREATE INDEX case_note_case ON case_note (case_id, id);

CREATE TABLE letter_seen (
    message_id   text COLLATE "C"    NOT NULL,
    officer      text COLLATE "C"    NOT NULL,
    officer_name text COLLATE "C"    NOT NULL,
    at_unix      bigint NOT NULL,
    PRIMARY KEY (message_id, officer)
);

CREATE TABLE condition_accepted (
    message_id   text COLLATE "C"    PRIMARY KEY,
    officer      text COLLATE "C"    NOT NULL,
    officer_name text COLLATE "C"    NOT NULL,
    at_unix      bigint NOT NULL
);

CREATE TABLE team_member (
    team    text COLLATE "C" NOT NULL,
    officer text COLLATE "C" NOT NULL,
    PRIMARY KEY (team, officer)
);
CREATE INDEX team_member_officer ON team_member (officer);

CREATE TABLE saved_view (
    owner  text COLLATE "C" NOT NULL,
    name   text COLLATE "C" NOT NULL,
    filter bytea NOT NULL,
    PRIMARY KEY (owner, name)
);

CREATE INDEX letter_act ON letter (act, accepted_at_unix);
CREATE INDEX letter_answered ON letter (case_id, act, accepted_at_unix);

CREATE TABLE duty_shift (
    id         text COLLATE "C"    PRIMARY KEY,
    officer    text COLLATE "C"    NOT NULL,
    level      bigint NOT NULL CHECK (level >= 1),
    days       text COLLATE "C"    NOT NULL,
    begins     text COLLATE "C"    NOT NULL,
    ends       text COLLATE "C"    NOT NULL,
    zone       text COLLATE "C"    NOT NULL,
    since_unix bigint NOT NULL,
    until_unix bigint NOT NULL
);

CREATE TABLE duty_contact (
    officer text COLLATE "C" PRIMARY KEY,
    mail    text COLLATE "C" NOT NULL,
    hook    text COLLATE "C" NOT NULL
);

CREATE TABLE page (
    id                   text COLLATE "C"    PRIMARY KEY,
    case_id              text COLLATE "C"    NOT NULL,
    message_id           text COLLATE "C"    NOT NULL,
    drill                bigint NOT NULL,
    state                text COLLATE "C"    NOT NULL CHECK (state IN ('raised', 'acknowledged')),
    raised_at_unix       bigint NOT NULL,
    step                 bigint NOT NULL,
    next_at_unix         bigint NOT NULL,
    acknowledged_by      text COLLATE "C"    NOT NULL,
    acknowledged_by_name text COLLATE "C"    NOT NULL,
    acknowledged_at_unix bigint NOT NULL,
    CHECK ((state = 'acknowledged') = (acknowledged_by <> ''))
);
CREATE INDEX page_open ON page (next_at_unix) WHERE state = 'raised';
CREATE INDEX page_raised ON page (raised_at_unix);
CREATE INDEX page_case ON page (case_id) WHERE case_id <> '';

CREATE TABLE page_notice (
    id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    page_id      text COLLATE "C"    NOT NULL REFERENCES page (id),
    step         bigint NOT NULL,
    officer      text COLLATE "C"    NOT NULL,
    channel      text COLLATE "C"    NOT NULL CHECK (channel IN ('board', 'mail', 'hook')),
    address      text COLLATE "C"    NOT NULL,
    at_unix      bigint NOT NULL,
    attempts     bigint NOT NULL,
    next_at_unix bigint NOT NULL,
    sent_at_unix bigint NOT NULL,
    problem      text COLLATE "C"    NOT NULL
);
CREATE INDEX page_notice_page ON page_notice (page_id, id);
CREATE INDEX page_notice_unsent ON page_notice (next_at_unix) WHERE sent_at_unix = 0;

CREATE TABLE receipt_wait (
    message_id text COLLATE "C"    PRIMARY KEY,
    since_unix bigint NOT NULL
);

CREATE TABLE key_verified (
    id             bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    authority      text COLLATE "C"    NOT NULL,
    suite          text COLLATE "C"    NOT NULL,
    fingerprint    text COLLATE "C"    NOT NULL,
    how            text COLLATE "C"    NOT NULL CHECK (how IN ('in-person', 'phone', 'note-verbale')),
    counterpart    text COLLATE "C"    NOT NULL,
    officer        text COLLATE "C"    NOT NULL CHECK (officer <> ''),
    officer_name   text COLLATE "C"    NOT NULL,
    at_unix        bigint NOT NULL,
    second         text COLLATE "C"    NOT NULL DEFAULT '' CHECK (second <> officer),
    second_name    text COLLATE "C"    NOT NULL DEFAULT '',
    second_at_unix bigint NOT NULL DEFAULT 0
);
CREATE INDEX key_verified_authority ON key_verified (authority, id);

CREATE TABLE account_alert (
    id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    account_id   text COLLATE "C"    NOT NULL REFERENCES account (id),
    kind         text COLLATE "C"    NOT NULL CHECK (kind <> ''),
    at_unix      bigint NOT NULL,
    address      text COLLATE "C"    NOT NULL,
    agent        text COLLATE "C"    NOT NULL,
    begun_unix   bigint NOT NULL,
    seen_at_unix bigint NOT NULL
);
CREATE INDEX account_alert_account ON account_alert (account_id, id);

CREATE TABLE account_browser (
    account_id   text COLLATE "C"    NOT NULL REFERENCES account (id),
    digest       bytea    NOT NULL CHECK (length(digest) = 32),
    used_at_unix bigint NOT NULL,
    PRIMARY KEY (account_id, digest)
);

CREATE TABLE account_recovery (
    account_id text COLLATE "C"    PRIMARY KEY REFERENCES account (id),
    by_id      text COLLATE "C"    NOT NULL CHECK (by_id <> account_id),
    by_name    text COLLATE "C"    NOT NULL,
    at_unix    bigint NOT NULL
);

CREATE TABLE notice (
    id           text COLLATE "C"    PRIMARY KEY,
    event        text COLLATE "C"    NOT NULL CHECK (event <> ''),
    officer      text COLLATE "C"    NOT NULL,
    channel      text COLLATE "C"    NOT NULL CHECK (channel IN ('mail', 'hook')),
    address      text COLLATE "C"    NOT NULL,
    at_unix      bigint NOT NULL,
    attempts     bigint NOT NULL,
    next_at_unix bigint NOT NULL,
    sent_at_unix bigint NOT NULL,
    problem      text COLLATE "C"    NOT NULL
);
CREATE INDEX notice_unsent ON notice (next_at_unix) WHERE sent_at_unix = 0;

ALTER TABLE letter ALTER sealed SET STORAGE EXTERNAL;
ALTER TABLE outbox ALTER sealed SET STORAGE EXTERNAL;

-- Words that are searched, as SQLite's desks keep them. There is a bound on the
-- lexemes of a text, so those of more than 500 kB, which are few, have one that is no
-- word: every search looks through them. The cost keeps the planner from working
-- lexemes out that the index has.
CREATE TABLE letter_text (
    rowid bigint PRIMARY KEY,
    words text COLLATE "C" NOT NULL
);
CREATE FUNCTION lexemes(words text) RETURNS tsvector LANGUAGE sql IMMUTABLE PARALLEL SAFE COST 10000 AS $$
    SELECT CASE WHEN octet_length(words) > 500000 THEN '''+'''::tsvector ELSE
        array_to_tsvector(ARRAY(SELECT DISTINCT left(word, 400) FROM unnest(string_to_array(words, ' ')) word WHERE word <> '')) END
$$;
CREATE INDEX letter_text_lexemes ON letter_text USING gin (lexemes(words));

CREATE FUNCTION release_by_another() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.emergency = 0 AND EXISTS (SELECT 1 FROM draft_version v WHERE v.draft_id = NEW.draft_id AND v.officer = NEW.released_by) THEN
        RAISE EXCEPTION 'nobody releases what they have written themselves';
    END IF;
    RETURN NEW;
END
$$;
CREATE FUNCTION release_stands() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (NEW.message_id, NEW.draft_id, NEW.version, NEW.digest, NEW.submitted_by, NEW.released_by, NEW.emergency)
        IS DISTINCT FROM (OLD.message_id, OLD.draft_id, OLD.version, OLD.digest, OLD.submitted_by, OLD.released_by, OLD.emergency) THEN
        RAISE EXCEPTION 'what was released stands';
    END IF;
    IF NEW.countersigned_by <> '' AND NEW.countersigned_by <> OLD.countersigned_by
        AND EXISTS (SELECT 1 FROM draft_version v WHERE v.draft_id = NEW.draft_id AND v.officer = NEW.countersigned_by) THEN
        RAISE EXCEPTION 'nobody countersigns what they have written themselves';
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER release_by_another BEFORE INSERT ON release FOR EACH ROW EXECUTE FUNCTION release_by_another();
CREATE TRIGGER release_stands BEFORE UPDATE ON release FOR EACH ROW EXECUTE FUNCTION release_stands();

-- The home that this database belongs to, by the name of its own log.
CREATE TABLE desk_owner (
    one  bigint PRIMARY KEY CHECK (one = 1),
    name text COLLATE "C" NOT NULL
);
