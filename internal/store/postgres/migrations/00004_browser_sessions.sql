-- +goose Up

-- Sign-ins by password at a browser. Of a secret only its SHA-256 is kept; "idle" is in seconds.
CREATE TABLE browser_sessions (
    id           TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    account      TEXT COLLATE "C" NOT NULL,
    hash         BYTEA NOT NULL,
    previous     BYTEA NOT NULL,
    since        BIGINT,
    rotated_at   BIGINT,
    confirmed_at BIGINT,
    last_used    BIGINT,
    idle         BIGINT NOT NULL,
    ends_at      BIGINT,
    remote       TEXT NOT NULL,
    user_agent   TEXT NOT NULL,
    ended_at     BIGINT,
    ended_by     TEXT NOT NULL,
    end_cause    TEXT NOT NULL
);
CREATE UNIQUE INDEX browser_sessions_hash ON browser_sessions (hash);
CREATE INDEX browser_sessions_open ON browser_sessions (id) WHERE ended_at IS NULL;
