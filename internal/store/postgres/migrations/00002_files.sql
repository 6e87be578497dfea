-- +goose Up

-- Files that were uploaded; a row goes when it expires. The contents lie beside the server, under their digest.
CREATE TABLE uploads (
    id         TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    owner      TEXT COLLATE "C" NOT NULL,
    digest     TEXT COLLATE "C" NOT NULL,
    name       TEXT NOT NULL,
    type       TEXT NOT NULL,
    size       BIGINT NOT NULL,
    width      BIGINT NOT NULL,
    height     BIGINT NOT NULL,
    at         BIGINT,
    expires_at BIGINT
);
CREATE INDEX uploads_owner ON uploads (owner);
CREATE INDEX uploads_digest ON uploads (digest);
CREATE INDEX uploads_expires ON uploads (expires_at);

-- The contents that messages refer to.
CREATE TABLE files (
    digest   TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    size     BIGINT NOT NULL,
    position BIGINT NOT NULL,
    at       BIGINT
);
