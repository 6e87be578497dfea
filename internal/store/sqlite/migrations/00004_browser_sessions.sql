-- +goose Up

-- Sign-ins by password at a browser. Of a secret only its SHA-256 is kept; "idle" is in seconds.
CREATE TABLE browser_sessions (
    id           TEXT NOT NULL PRIMARY KEY,
    account      TEXT NOT NULL,
    hash         BLOB NOT NULL,
    previous     BLOB NOT NULL,
    since        INTEGER,
    rotated_at   INTEGER,
    confirmed_at INTEGER,
    last_used    INTEGER,
    idle         INTEGER NOT NULL,
    ends_at      INTEGER,
    remote       TEXT NOT NULL,
    user_agent   TEXT NOT NULL,
    ended_at     INTEGER,
    ended_by     TEXT NOT NULL,
    end_cause    TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX browser_sessions_hash ON browser_sessions (hash);
CREATE INDEX browser_sessions_open ON browser_sessions (id) WHERE ended_at IS NULL;
