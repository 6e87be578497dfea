-- +goose Up

-- Instants are Unix microseconds, NULL for none; lists and documents are JSON text, '' for none. The columns are described in internal/store/table.

-- One row per commit: what the positions were used for, when, and under which name an unknown commit can be asked about.
CREATE TABLE groups (
    first INTEGER PRIMARY KEY,
    last  INTEGER NOT NULL,
    at    INTEGER NOT NULL,
    nonce TEXT NOT NULL
) STRICT;
CREATE INDEX groups_at ON groups (at);

-- Who decides. Here one process holds the directory's lock: the epoch counts openings, and the position is that of the groups.
CREATE TABLE decider (
    id       INTEGER PRIMARY KEY CHECK (id = 1),
    epoch    INTEGER NOT NULL,
    alive_at INTEGER
) STRICT;
INSERT INTO decider (id, epoch) VALUES (1, 0);

-- What is short and asked for often lies before the text, which may go to overflow pages.
CREATE TABLE messages (
    position         INTEGER PRIMARY KEY,
    direction        TEXT NOT NULL,
    inbox            TEXT NOT NULL,
    kind             TEXT NOT NULL,
    conversation     INTEGER,
    sequence         INTEGER,
    at               INTEGER,
    sent_at          INTEGER,
    received_at      INTEGER,
    sender_id        TEXT NOT NULL,
    contact          TEXT NOT NULL,
    author           TEXT NOT NULL,
    contact_sequence INTEGER,
    reply_state      TEXT NOT NULL,
    reply_at         INTEGER,
    reply_detail     TEXT NOT NULL,
    revision         INTEGER,
    engine           TEXT NOT NULL,
    cause            TEXT NOT NULL,
    verdict          TEXT NOT NULL,
    code             TEXT NOT NULL,
    chosen           TEXT NOT NULL,
    load             INTEGER NOT NULL,
    released         TEXT NOT NULL,
    released_for     TEXT NOT NULL,
    held             TEXT NOT NULL,
    outcomes         BLOB NOT NULL,
    text             TEXT NOT NULL,
    data             TEXT NOT NULL
) STRICT;
CREATE UNIQUE INDEX messages_conversation ON messages (conversation, sequence) WHERE conversation IS NOT NULL;
CREATE INDEX messages_replies ON messages (inbox, position) WHERE direction = 'out';

CREATE TABLE message_keys (
    scope    TEXT NOT NULL,
    id       TEXT NOT NULL,
    position INTEGER NOT NULL,
    digest   BLOB NOT NULL,
    at       INTEGER,
    PRIMARY KEY (scope, id)
) STRICT, WITHOUT ROWID;

CREATE TABLE contacts (
    inbox      TEXT NOT NULL,
    id         TEXT NOT NULL,
    name       TEXT NOT NULL,
    position   INTEGER NOT NULL,
    last_owner TEXT NOT NULL,
    replies    INTEGER NOT NULL,
    PRIMARY KEY (inbox, id)
) STRICT, WITHOUT ROWID;

CREATE TABLE conversations (
    id             INTEGER PRIMARY KEY,
    inbox          TEXT NOT NULL,
    contact        TEXT NOT NULL,
    status         TEXT NOT NULL,
    kind           TEXT NOT NULL,
    owner          TEXT NOT NULL,
    owner_position INTEGER,
    last_owner     TEXT NOT NULL,
    last_sequence  INTEGER NOT NULL,
    answered       INTEGER NOT NULL,
    delivered      INTEGER NOT NULL,
    waiting_since  INTEGER,
    waiting_code   TEXT NOT NULL,
    passed_over    TEXT NOT NULL,
    offered        TEXT NOT NULL,
    accept_by      INTEGER,
    accepted       INTEGER NOT NULL,
    opened_at      INTEGER,
    updated_at     INTEGER,
    position       INTEGER NOT NULL
) STRICT;
CREATE INDEX conversations_open ON conversations (id) WHERE status = 'open';
CREATE INDEX conversations_contact ON conversations (inbox, contact);

-- In order of arrival, so that a group writes few pages: clustered by account, its rows and the acknowledgements after them would lie all over.
CREATE TABLE deliveries (
    account      TEXT NOT NULL,
    sequence     INTEGER NOT NULL,
    type         TEXT NOT NULL,
    message      INTEGER NOT NULL,
    conversation INTEGER,
    inbox        TEXT NOT NULL,
    kind         TEXT NOT NULL,
    target       INTEGER,
    position     INTEGER NOT NULL,
    at           INTEGER,
    state        TEXT NOT NULL,
    code         TEXT NOT NULL,
    pushed_at    INTEGER,
    connection   TEXT NOT NULL,
    client       TEXT NOT NULL,
    result       TEXT NOT NULL,
    attempts     INTEGER NOT NULL,
    received_at  INTEGER,
    received_by  TEXT NOT NULL,
    seen_at      INTEGER,
    accepted_at  INTEGER,
    withdrawn_at INTEGER,
    PRIMARY KEY (account, sequence)
) STRICT;
CREATE INDEX deliveries_message ON deliveries (message);
CREATE INDEX deliveries_queued ON deliveries (account, sequence) WHERE state = 'queued';

CREATE TABLE attempts (
    account    TEXT NOT NULL,
    sequence   INTEGER NOT NULL,
    number     INTEGER NOT NULL,
    at         INTEGER,
    connection TEXT NOT NULL,
    client     TEXT NOT NULL,
    result     TEXT NOT NULL,
    error      TEXT NOT NULL,
    PRIMARY KEY (account, sequence, number)
) STRICT, WITHOUT ROWID;

CREATE TABLE facts (
    subject       TEXT NOT NULL,
    name          TEXT NOT NULL,
    key           TEXT NOT NULL,
    from_position INTEGER NOT NULL,
    value         TEXT NOT NULL,
    from_at       INTEGER,
    made_by       TEXT NOT NULL,
    source        TEXT NOT NULL,
    cause         TEXT NOT NULL,
    to_position   INTEGER,
    to_at         INTEGER,
    end_by        TEXT NOT NULL,
    end_cause     TEXT NOT NULL,
    PRIMARY KEY (subject, name, key, from_position)
) STRICT, WITHOUT ROWID;
-- What holds is found as to_position IS NULL, what held then as to_position >= ?.
CREATE INDEX facts_end ON facts (to_position);
CREATE INDEX facts_subject_end ON facts (subject, to_position);

CREATE TABLE assignments (
    conversation  INTEGER NOT NULL,
    from_position INTEGER NOT NULL,
    account       TEXT NOT NULL,
    inbox         TEXT NOT NULL,
    async         INTEGER NOT NULL,
    from_at       INTEGER,
    from_code     TEXT NOT NULL,
    from_by       TEXT NOT NULL,
    to_position   INTEGER,
    to_at         INTEGER,
    to_code       TEXT NOT NULL,
    to_by         TEXT NOT NULL,
    PRIMARY KEY (conversation, from_position)
) STRICT, WITHOUT ROWID;
CREATE INDEX assignments_inbox ON assignments (inbox, account, from_position);
CREATE INDEX assignments_account_end ON assignments (account, to_position);

CREATE TABLE decisions (
    position     INTEGER NOT NULL,
    conversation INTEGER NOT NULL,
    message      INTEGER NOT NULL,
    at           INTEGER,
    revision     INTEGER NOT NULL,
    engine       TEXT NOT NULL,
    cause        TEXT NOT NULL,
    verdict      TEXT NOT NULL,
    code         TEXT NOT NULL,
    chosen       TEXT NOT NULL,
    load         INTEGER NOT NULL,
    released     TEXT NOT NULL,
    released_for TEXT NOT NULL,
    held         TEXT NOT NULL,
    outcomes     BLOB NOT NULL,
    PRIMARY KEY (position, conversation)
) STRICT, WITHOUT ROWID;
CREATE INDEX decisions_conversation ON decisions (conversation, position);

CREATE TABLE outcomes (
    id      BLOB NOT NULL PRIMARY KEY,
    content BLOB NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE documents (
    kind          TEXT NOT NULL,
    name          TEXT NOT NULL,
    from_revision INTEGER NOT NULL,
    to_revision   INTEGER,
    spec          TEXT NOT NULL,
    PRIMARY KEY (kind, name, from_revision)
) STRICT, WITHOUT ROWID;

CREATE TABLE revisions (
    revision INTEGER PRIMARY KEY,
    position INTEGER NOT NULL,
    at       INTEGER,
    made_by  TEXT NOT NULL,
    source   TEXT NOT NULL,
    request  TEXT NOT NULL,
    reason   TEXT NOT NULL,
    changes  TEXT NOT NULL
) STRICT;
CREATE INDEX revisions_position ON revisions (position);

CREATE TABLE audit (
    position INTEGER NOT NULL,
    ordinal  INTEGER NOT NULL,
    at       INTEGER,
    made_by  TEXT NOT NULL,
    action   TEXT NOT NULL,
    object   TEXT NOT NULL,
    revision INTEGER,
    source   TEXT NOT NULL,
    request  TEXT NOT NULL,
    details  TEXT NOT NULL,
    PRIMARY KEY (position, ordinal)
) STRICT, WITHOUT ROWID;

CREATE TABLE logins (
    account       TEXT NOT NULL PRIMARY KEY,
    password_hash TEXT NOT NULL,
    updated_at    INTEGER,
    updated_by    TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE tokens (
    id         TEXT NOT NULL PRIMARY KEY,
    account    TEXT NOT NULL,
    hash       BLOB NOT NULL,
    label      TEXT NOT NULL,
    created_at INTEGER,
    created_by TEXT NOT NULL,
    expires_at INTEGER,
    revoked_at INTEGER,
    revoked_by TEXT NOT NULL,
    last_used  INTEGER
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX tokens_hash ON tokens (hash);
CREATE INDEX tokens_account ON tokens (account);

CREATE TABLE clients (
    account    TEXT NOT NULL,
    client     TEXT NOT NULL,
    cursor     INTEGER NOT NULL,
    about      TEXT NOT NULL,
    updated_at INTEGER,
    PRIMARY KEY (account, client)
) STRICT, WITHOUT ROWID;

CREATE TABLE intake_log (
    id        INTEGER PRIMARY KEY,
    at        INTEGER,
    inbox     TEXT NOT NULL,
    sender_id TEXT NOT NULL,
    account   TEXT NOT NULL,
    code      TEXT NOT NULL,
    field     TEXT NOT NULL,
    detail    TEXT NOT NULL
) STRICT;
CREATE INDEX intake_log_sender ON intake_log (inbox, sender_id, id);

-- Up to which position the replies of an inbox have been updated: no older one is still "sent".
CREATE TABLE reply_cursors (
    inbox    TEXT NOT NULL PRIMARY KEY,
    position INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
