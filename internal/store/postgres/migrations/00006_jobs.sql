-- +goose Up

-- Work in the background: what is to be done and when, who does it at the moment, how earlier attempts ended.
CREATE TABLE jobs (
    id             TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    kind           TEXT NOT NULL,
    payload        TEXT NOT NULL,
    created_at     BIGINT,
    due_at         BIGINT,
    leased_by      TEXT NOT NULL,
    leased_until   BIGINT,
    attempts       BIGINT NOT NULL,
    first_error_at BIGINT,
    first_error    TEXT NOT NULL,
    last_error_at  BIGINT,
    last_error     TEXT NOT NULL,
    dead_at        BIGINT,
    done_at        BIGINT
);
CREATE INDEX jobs_due ON jobs (due_at) WHERE dead_at IS NULL;
