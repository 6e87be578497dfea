-- +goose Up

-- Work in the background: what is to be done and when, who does it at the moment, how earlier attempts ended.
CREATE TABLE jobs (
    id             TEXT NOT NULL PRIMARY KEY,
    kind           TEXT NOT NULL,
    payload        TEXT NOT NULL,
    created_at     INTEGER,
    due_at         INTEGER,
    leased_by      TEXT NOT NULL,
    leased_until   INTEGER,
    attempts       INTEGER NOT NULL,
    first_error_at INTEGER,
    first_error    TEXT NOT NULL,
    last_error_at  INTEGER,
    last_error     TEXT NOT NULL,
    dead_at        INTEGER,
    done_at        INTEGER
) STRICT, WITHOUT ROWID;
CREATE INDEX jobs_due ON jobs (due_at) WHERE dead_at IS NULL;
