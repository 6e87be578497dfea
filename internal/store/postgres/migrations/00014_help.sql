-- +goose Up

-- Requests for help: reports that were passed on to who can mend what they name.
CREATE TABLE help_requests (
    id              BIGINT NOT NULL PRIMARY KEY,
    agent           TEXT COLLATE "C" NOT NULL,
    inbox           TEXT NOT NULL,
    kind            TEXT NOT NULL,
    message         BIGINT,
    code            TEXT NOT NULL,
    gate            TEXT NOT NULL,
    verdict         TEXT NOT NULL,
    cells           TEXT NOT NULL,
    report_position BIGINT NOT NULL,
    revision        BIGINT NOT NULL,
    report_at       BIGINT,
    state           TEXT NOT NULL,
    askers          TEXT NOT NULL,
    asked           BIGINT NOT NULL,
    last_asked      BIGINT,
    receivers       TEXT NOT NULL,
    note            TEXT NOT NULL,
    taken_by        TEXT NOT NULL,
    taken_at        BIGINT,
    closed_by       TEXT NOT NULL,
    closed_at       BIGINT,
    reason          TEXT NOT NULL,
    at              BIGINT,
    changed         BIGINT NOT NULL
);
CREATE INDEX help_requests_state ON help_requests (state, id);
CREATE INDEX help_requests_agent ON help_requests (agent, id);

-- The reports themselves, as they were made.
CREATE TABLE help_reports (
    request BIGINT NOT NULL PRIMARY KEY,
    report  TEXT NOT NULL
);

-- Fixes that were carried out.
CREATE TABLE repairs (
    id             BIGINT NOT NULL PRIMARY KEY,
    agent          TEXT COLLATE "C" NOT NULL,
    inbox          TEXT NOT NULL,
    kind           TEXT NOT NULL,
    message        BIGINT,
    code           TEXT NOT NULL,
    gate           TEXT NOT NULL,
    cells          TEXT NOT NULL,
    action         TEXT NOT NULL,
    revision       BIGINT NOT NULL,
    passing        BIGINT NOT NULL,
    agent_sequence BIGINT NOT NULL,
    help           BIGINT,
    made_by        TEXT NOT NULL,
    at             BIGINT
);
CREATE INDEX repairs_agent ON repairs (agent, id);
CREATE INDEX repairs_help ON repairs (help, id) WHERE help IS NOT NULL;
