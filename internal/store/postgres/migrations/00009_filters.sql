-- +goose Up

-- What filter rules matched, and marked messages with.
ALTER TABLE messages ADD COLUMN matched TEXT NOT NULL DEFAULT '';
ALTER TABLE messages ADD COLUMN tags TEXT NOT NULL DEFAULT '';
ALTER TABLE decisions ADD COLUMN matched TEXT NOT NULL DEFAULT '';

-- The messages that filter rules did not let through.
CREATE TABLE quarantine (
    message      BIGINT NOT NULL PRIMARY KEY,
    inbox        TEXT COLLATE "C" NOT NULL,
    kind         TEXT NOT NULL,
    conversation BIGINT,
    state        TEXT NOT NULL,
    rule         TEXT COLLATE "C" NOT NULL,
    revision     BIGINT NOT NULL,
    at           BIGINT,
    released_by  TEXT NOT NULL,
    released_at  BIGINT
);
CREATE INDEX quarantine_state ON quarantine (state, message);

-- How often filter rules took effect, by hour.
CREATE TABLE filter_hits (
    rule TEXT COLLATE "C" NOT NULL,
    hour BIGINT NOT NULL,
    hits BIGINT NOT NULL,
    PRIMARY KEY (rule, hour)
);
