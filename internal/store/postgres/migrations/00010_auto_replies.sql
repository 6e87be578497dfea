-- +goose Up

-- The automatic replies that were due: written, or why not.
CREATE TABLE auto_replies (
    message      BIGINT NOT NULL,
    rule         TEXT COLLATE "C" NOT NULL,
    conversation BIGINT NOT NULL,
    occasion     TEXT NOT NULL,
    outcome      TEXT NOT NULL,
    period       BIGINT,
    reply        BIGINT,
    revision     BIGINT NOT NULL,
    at           BIGINT,
    PRIMARY KEY (message, rule)
);
CREATE INDEX auto_replies_conversation ON auto_replies (conversation, rule, reply) WHERE reply IS NOT NULL;
CREATE UNIQUE INDEX auto_replies_reply ON auto_replies (reply) WHERE reply IS NOT NULL;
