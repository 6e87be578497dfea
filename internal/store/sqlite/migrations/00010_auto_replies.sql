-- +goose Up

-- The automatic replies that were due: written, or why not.
CREATE TABLE auto_replies (
    message      INTEGER NOT NULL,
    rule         TEXT NOT NULL,
    conversation INTEGER NOT NULL,
    occasion     TEXT NOT NULL,
    outcome      TEXT NOT NULL,
    period       INTEGER,
    reply        INTEGER,
    revision     INTEGER NOT NULL,
    at           INTEGER,
    PRIMARY KEY (message, rule)
) STRICT, WITHOUT ROWID;
CREATE INDEX auto_replies_conversation ON auto_replies (conversation, rule, reply) WHERE reply IS NOT NULL;
CREATE UNIQUE INDEX auto_replies_reply ON auto_replies (reply) WHERE reply IS NOT NULL;
