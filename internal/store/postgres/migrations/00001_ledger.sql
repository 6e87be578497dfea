-- +goose Up

-- No index covers a column that changes with every message (last columns of conversations and deliveries): those updates stay on their page (HOT).
-- Names are compared bytewise (COLLATE "C"), as SQLite does: that is their order everywhere.
-- Instants are Unix microseconds, NULL for none; lists and documents are JSON text, '' for none. The columns are described in internal/store/table.

-- One row per commit: what the positions were used for, when, and under which name an unknown commit can be asked about.
CREATE TABLE groups (
    first BIGINT PRIMARY KEY,
    last  BIGINT NOT NULL,
    at    BIGINT NOT NULL,
    nonce TEXT NOT NULL
);
CREATE INDEX groups_at ON groups (at, first);

-- Who decides: every commit updates this row where the epoch is its own, so that a node which was taken for dead can never commit.
CREATE TABLE decider (
    id       BIGINT PRIMARY KEY CHECK (id = 1),
    epoch    BIGINT NOT NULL,
    position BIGINT NOT NULL,
    alive_at BIGINT
) WITH (fillfactor = 10);
INSERT INTO decider (id, epoch, position) VALUES (1, 0, 0);

CREATE TABLE messages (
    position         BIGINT PRIMARY KEY,
    direction        TEXT NOT NULL,
    inbox            TEXT COLLATE "C" NOT NULL,
    kind             TEXT COLLATE "C" NOT NULL,
    conversation     BIGINT,
    sequence         BIGINT,
    at               BIGINT,
    sent_at          BIGINT,
    received_at      BIGINT,
    sender_id        TEXT COLLATE "C" NOT NULL,
    contact          TEXT COLLATE "C" NOT NULL,
    author           TEXT NOT NULL,
    contact_sequence BIGINT,
    reply_state      TEXT NOT NULL,
    reply_at         BIGINT,
    reply_detail     TEXT NOT NULL,
    revision         BIGINT,
    engine           TEXT NOT NULL,
    cause            TEXT NOT NULL,
    verdict          TEXT NOT NULL,
    code             TEXT NOT NULL,
    chosen           TEXT NOT NULL,
    load             BIGINT NOT NULL,
    released         TEXT NOT NULL,
    released_for     TEXT NOT NULL,
    held             TEXT NOT NULL,
    outcomes         BYTEA NOT NULL,
    text             TEXT NOT NULL,
    data             TEXT NOT NULL
);
CREATE UNIQUE INDEX messages_conversation ON messages (conversation, sequence) WHERE conversation IS NOT NULL;
CREATE INDEX messages_replies ON messages (inbox, position) WHERE direction = 'out';

CREATE TABLE message_keys (
    scope    TEXT COLLATE "C" NOT NULL,
    id       TEXT COLLATE "C" NOT NULL,
    position BIGINT NOT NULL,
    digest   BYTEA NOT NULL,
    at       BIGINT,
    PRIMARY KEY (scope, id)
);

CREATE TABLE contacts (
    inbox      TEXT COLLATE "C" NOT NULL,
    id         TEXT COLLATE "C" NOT NULL,
    name       TEXT NOT NULL,
    position   BIGINT NOT NULL,
    last_owner TEXT NOT NULL,
    replies    BIGINT NOT NULL,
    PRIMARY KEY (inbox, id)
);

CREATE TABLE conversations (
    id             BIGINT PRIMARY KEY,
    inbox          TEXT COLLATE "C" NOT NULL,
    contact        TEXT COLLATE "C" NOT NULL,
    status         TEXT NOT NULL,
    kind           TEXT COLLATE "C" NOT NULL,
    owner          TEXT NOT NULL,
    owner_position BIGINT,
    last_owner     TEXT NOT NULL,
    last_sequence  BIGINT NOT NULL,
    answered       BIGINT NOT NULL,
    delivered      BIGINT NOT NULL,
    waiting_since  BIGINT,
    waiting_code   TEXT NOT NULL,
    passed_over    TEXT NOT NULL,
    offered        TEXT NOT NULL,
    accept_by      BIGINT,
    accepted       BIGINT NOT NULL,
    opened_at      BIGINT,
    updated_at     BIGINT,
    position       BIGINT NOT NULL
) WITH (fillfactor = 80);
CREATE INDEX conversations_open ON conversations (id) WHERE status = 'open';
CREATE INDEX conversations_contact ON conversations (inbox, contact);

-- Half of a page is left free because every row is replaced once soon after it came: so the new one fits beside it.
CREATE TABLE deliveries (
    account      TEXT COLLATE "C" NOT NULL,
    sequence     BIGINT NOT NULL,
    type         TEXT NOT NULL,
    message      BIGINT NOT NULL,
    conversation BIGINT,
    inbox        TEXT COLLATE "C" NOT NULL,
    kind         TEXT COLLATE "C" NOT NULL,
    target       BIGINT,
    position     BIGINT NOT NULL,
    at           BIGINT,
    state        TEXT NOT NULL,
    code         TEXT NOT NULL,
    pushed_at    BIGINT,
    connection   TEXT NOT NULL,
    client       TEXT COLLATE "C" NOT NULL,
    result       TEXT NOT NULL,
    attempts     BIGINT NOT NULL,
    received_at  BIGINT,
    received_by  TEXT NOT NULL,
    seen_at      BIGINT,
    accepted_at  BIGINT,
    withdrawn_at BIGINT,
    PRIMARY KEY (account, sequence)
) WITH (fillfactor = 50);
CREATE INDEX deliveries_message ON deliveries (message);

CREATE TABLE attempts (
    account    TEXT COLLATE "C" NOT NULL,
    sequence   BIGINT NOT NULL,
    number     BIGINT NOT NULL,
    at         BIGINT,
    connection TEXT NOT NULL,
    client     TEXT COLLATE "C" NOT NULL,
    result     TEXT NOT NULL,
    error      TEXT NOT NULL,
    PRIMARY KEY (account, sequence, number)
);

CREATE TABLE facts (
    subject       TEXT COLLATE "C" NOT NULL,
    name          TEXT COLLATE "C" NOT NULL,
    key           TEXT COLLATE "C" NOT NULL,
    from_position BIGINT NOT NULL,
    value         TEXT NOT NULL,
    from_at       BIGINT,
    made_by       TEXT NOT NULL,
    source        TEXT NOT NULL,
    cause         TEXT NOT NULL,
    to_position   BIGINT,
    to_at         BIGINT,
    end_by        TEXT NOT NULL,
    end_cause     TEXT NOT NULL,
    PRIMARY KEY (subject, name, key, from_position)
);
-- What holds is found as to_position IS NULL, what held then as to_position >= ?.
CREATE INDEX facts_end ON facts (to_position);
CREATE INDEX facts_subject_end ON facts (subject, to_position);

CREATE TABLE assignments (
    conversation  BIGINT NOT NULL,
    from_position BIGINT NOT NULL,
    account       TEXT COLLATE "C" NOT NULL,
    inbox         TEXT COLLATE "C" NOT NULL,
    async         BIGINT NOT NULL,
    from_at       BIGINT,
    from_code     TEXT NOT NULL,
    from_by       TEXT NOT NULL,
    to_position   BIGINT,
    to_at         BIGINT,
    to_code       TEXT NOT NULL,
    to_by         TEXT NOT NULL,
    PRIMARY KEY (conversation, from_position)
);
CREATE INDEX assignments_inbox ON assignments (inbox, account, from_position);
CREATE INDEX assignments_account_end ON assignments (account, to_position);

CREATE TABLE decisions (
    position     BIGINT NOT NULL,
    conversation BIGINT NOT NULL,
    message      BIGINT NOT NULL,
    at           BIGINT,
    revision     BIGINT NOT NULL,
    engine       TEXT NOT NULL,
    cause        TEXT NOT NULL,
    verdict      TEXT NOT NULL,
    code         TEXT NOT NULL,
    chosen       TEXT NOT NULL,
    load         BIGINT NOT NULL,
    released     TEXT NOT NULL,
    released_for TEXT NOT NULL,
    held         TEXT NOT NULL,
    outcomes     BYTEA NOT NULL,
    PRIMARY KEY (position, conversation)
);
CREATE INDEX decisions_conversation ON decisions (conversation, position);

CREATE TABLE outcomes (
    id      BYTEA NOT NULL PRIMARY KEY,
    content BYTEA NOT NULL
);

CREATE TABLE documents (
    kind          TEXT COLLATE "C" NOT NULL,
    name          TEXT COLLATE "C" NOT NULL,
    from_revision BIGINT NOT NULL,
    to_revision   BIGINT,
    spec          TEXT NOT NULL,
    PRIMARY KEY (kind, name, from_revision)
);

CREATE TABLE revisions (
    revision BIGINT PRIMARY KEY,
    position BIGINT NOT NULL,
    at       BIGINT,
    made_by  TEXT NOT NULL,
    source   TEXT NOT NULL,
    request  TEXT NOT NULL,
    reason   TEXT NOT NULL,
    changes  TEXT NOT NULL
);
CREATE INDEX revisions_position ON revisions (position);

CREATE TABLE audit (
    position BIGINT NOT NULL,
    ordinal  BIGINT NOT NULL,
    at       BIGINT,
    made_by  TEXT NOT NULL,
    action   TEXT NOT NULL,
    object   TEXT NOT NULL,
    revision BIGINT,
    source   TEXT NOT NULL,
    request  TEXT NOT NULL,
    details  TEXT NOT NULL,
    PRIMARY KEY (position, ordinal)
);

CREATE TABLE logins (
    account       TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    password_hash TEXT NOT NULL,
    updated_at    BIGINT,
    updated_by    TEXT NOT NULL
);

CREATE TABLE tokens (
    id         TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    account    TEXT COLLATE "C" NOT NULL,
    hash       BYTEA NOT NULL,
    label      TEXT NOT NULL,
    created_at BIGINT,
    created_by TEXT NOT NULL,
    expires_at BIGINT,
    revoked_at BIGINT,
    revoked_by TEXT NOT NULL,
    last_used  BIGINT
);
CREATE UNIQUE INDEX tokens_hash ON tokens (hash);
CREATE INDEX tokens_account ON tokens (account);

CREATE TABLE clients (
    account    TEXT COLLATE "C" NOT NULL,
    client     TEXT COLLATE "C" NOT NULL,
    cursor     BIGINT NOT NULL,
    about      TEXT NOT NULL,
    updated_at BIGINT,
    PRIMARY KEY (account, client)
);

CREATE TABLE intake_log (
    id        BIGINT PRIMARY KEY,
    at        BIGINT,
    inbox     TEXT COLLATE "C" NOT NULL,
    sender_id TEXT COLLATE "C" NOT NULL,
    account   TEXT COLLATE "C" NOT NULL,
    code      TEXT NOT NULL,
    field     TEXT NOT NULL,
    detail    TEXT NOT NULL
);
CREATE INDEX intake_log_sender ON intake_log (inbox, sender_id, id);

-- Up to which position the replies of an inbox have been updated: no older one is still "sent".
CREATE TABLE reply_cursors (
    inbox    TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    position BIGINT NOT NULL
);
