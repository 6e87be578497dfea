-- +goose Up

-- Check-lists that somebody saved: what was answered, and the report as it was made then.
CREATE TABLE checklists (
    id       BIGINT NOT NULL PRIMARY KEY,
    at       BIGINT,
    made_by  TEXT COLLATE "C" NOT NULL,
    title    TEXT NOT NULL,
    platform TEXT NOT NULL,
    agent    TEXT NOT NULL,
    verdict  TEXT NOT NULL,
    sheet    TEXT NOT NULL,
    report   TEXT NOT NULL,
    engine   TEXT NOT NULL
);
CREATE INDEX checklists_author ON checklists (made_by, id);
CREATE INDEX checklists_at ON checklists (at);
