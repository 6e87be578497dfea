-- +goose Up

-- Since when a conversation is resolved, so that the last resolved ones are found first, all of them or those of an owner.
ALTER TABLE conversations ADD COLUMN resolved_position INTEGER;
UPDATE conversations SET resolved_position = position WHERE status = 'resolved';
CREATE INDEX conversations_resolved ON conversations (resolved_position) WHERE resolved_position IS NOT NULL;
CREATE INDEX conversations_resolved_owner ON conversations (last_owner, resolved_position) WHERE resolved_position IS NOT NULL;
