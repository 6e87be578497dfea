-- +goose Up

-- Requests for help: reports that were passed on to who can mend what they name.
CREATE TABLE help_requests (
    id              INTEGER NOT NULL PRIMARY KEY,
    agent           TEXT NOT NULL,
    inbox           TEXT NOT NULL,
    kind            TEXT NOT NULL,
    message         INTEGER,
    code            TEXT NOT NULL,
    gate            TEXT NOT NULL,
    verdict         TEXT NOT NULL,
    cells           TEXT NOT NULL,
    report_position INTEGER NOT NULL,
    revision        INTEGER NOT NULL,
    report_at       INTEGER,
    state           TEXT NOT NULL,
    askers          TEXT NOT NULL,
    asked           INTEGER NOT NULL,
    last_asked      INTEGER,
    receivers       TEXT NOT NULL,
    note            TEXT NOT NULL,
    taken_by        TEXT NOT NULL,
    taken_at        INTEGER,
    closed_by       TEXT NOT NULL,
    closed_at       INTEGER,
    reason          TEXT NOT NULL,
    at              INTEGER,
    changed         INTEGER NOT NULL
) STRICT;
CREATE INDEX help_requests_state ON help_requests (state, id);
CREATE INDEX help_requests_agent ON help_requests (agent, id);

-- The reports themselves, as they were made.
CREATE TABLE help_reports (
    request INTEGER NOT NULL PRIMARY KEY,
    report  TEXT NOT NULL
) STRICT;

-- Fixes that were carried out.
CREATE TABLE repairs (
    id             INTEGER NOT NULL PRIMARY KEY,
    agent          TEXT NOT NULL,
    inbox          TEXT NOT NULL,
    kind           TEXT NOT NULL,
    message        INTEGER,
    code           TEXT NOT NULL,
    gate           TEXT NOT NULL,
    cells          TEXT NOT NULL,
    action         TEXT NOT NULL,
    revision       INTEGER NOT NULL,
    passing        INTEGER NOT NULL,
    agent_sequence INTEGER NOT NULL,
    help           INTEGER,
    made_by        TEXT NOT NULL,
    at             INTEGER
) STRICT;
CREATE INDEX repairs_agent ON repairs (agent, id);
CREATE INDEX repairs_help ON repairs (help, id) WHERE help IS NOT NULL;
