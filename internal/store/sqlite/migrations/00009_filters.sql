-- +goose Up

-- What filter rules matched, and marked messages with.
ALTER TABLE messages ADD COLUMN matched TEXT NOT NULL DEFAULT '';
ALTER TABLE messages ADD COLUMN tags TEXT NOT NULL DEFAULT '';
ALTER TABLE decisions ADD COLUMN matched TEXT NOT NULL DEFAULT '';

-- The messages that filter rules did not let through.
CREATE TABLE quarantine (
    message      INTEGER NOT NULL PRIMARY KEY,
    inbox        TEXT NOT NULL,
    kind         TEXT NOT NULL,
    conversation INTEGER,
    state        TEXT NOT NULL,
    rule         TEXT NOT NULL,
    revision     INTEGER NOT NULL,
    at           INTEGER,
    released_by  TEXT NOT NULL,
    released_at  INTEGER
) STRICT;
CREATE INDEX quarantine_state ON quarantine (state, message);

-- How often filter rules took effect, by hour.
CREATE TABLE filter_hits (
    rule TEXT NOT NULL,
    hour INTEGER NOT NULL,
    hits INTEGER NOT NULL,
    PRIMARY KEY (rule, hour)
) STRICT, WITHOUT ROWID;
