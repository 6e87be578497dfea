-- +goose Up

-- Files that were uploaded; a row goes when it expires. The contents lie beside the database, under their digest.
CREATE TABLE uploads (
    id         TEXT NOT NULL PRIMARY KEY,
    owner      TEXT NOT NULL,
    digest     TEXT NOT NULL,
    name       TEXT NOT NULL,
    type       TEXT NOT NULL,
    size       INTEGER NOT NULL,
    width      INTEGER NOT NULL,
    height     INTEGER NOT NULL,
    at         INTEGER,
    expires_at INTEGER
) STRICT, WITHOUT ROWID;
CREATE INDEX uploads_owner ON uploads (owner);
CREATE INDEX uploads_digest ON uploads (digest);
CREATE INDEX uploads_expires ON uploads (expires_at);

-- The contents that messages refer to.
CREATE TABLE files (
    digest   TEXT NOT NULL PRIMARY KEY,
    size     INTEGER NOT NULL,
    position INTEGER NOT NULL,
    at       INTEGER
) STRICT, WITHOUT ROWID;
