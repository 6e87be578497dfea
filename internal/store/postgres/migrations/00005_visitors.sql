-- +goose Up

-- Who writes from a web page. The token is known by its SHA-256 only.
CREATE TABLE visitors (
    id         TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    inbox      TEXT COLLATE "C" NOT NULL,
    hash       BYTEA NOT NULL,
    name       TEXT NOT NULL,
    created_at BIGINT
);
CREATE UNIQUE INDEX visitors_hash ON visitors (hash);

-- What customers said of resolved conversations.
CREATE TABLE ratings (
    conversation BIGINT NOT NULL PRIMARY KEY,
    score        BIGINT NOT NULL,
    comment      TEXT NOT NULL,
    first_at     BIGINT,
    at           BIGINT,
    position     BIGINT NOT NULL
);

-- Up to which position a contact has the replies, where it says so itself.
ALTER TABLE contacts ADD COLUMN seen BIGINT NOT NULL DEFAULT 0;

-- A contact's messages over all its conversations.
CREATE INDEX messages_contact ON messages (inbox, contact, position) WHERE contact <> '';
