-- +goose Up

-- Who writes from a web page. The token is known by its SHA-256 only.
CREATE TABLE visitors (
    id         TEXT NOT NULL PRIMARY KEY,
    inbox      TEXT NOT NULL,
    hash       BLOB NOT NULL,
    name       TEXT NOT NULL,
    created_at INTEGER
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX visitors_hash ON visitors (hash);

-- What customers said of resolved conversations.
CREATE TABLE ratings (
    conversation INTEGER NOT NULL PRIMARY KEY,
    score        INTEGER NOT NULL,
    comment      TEXT NOT NULL,
    first_at     INTEGER,
    at           INTEGER,
    position     INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Up to which position a contact has the replies, where it says so itself.
ALTER TABLE contacts ADD COLUMN seen INTEGER NOT NULL DEFAULT 0;

-- A contact's messages over all its conversations.
CREATE INDEX messages_contact ON messages (inbox, contact, position) WHERE contact <> '';
