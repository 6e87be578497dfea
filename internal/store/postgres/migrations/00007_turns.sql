-- +goose Up

-- Whose turn it is to write, since when, and whether that was remarked on already. How long the turns lasted that are under way now is not known better than
-- by the last change of the conversation.
ALTER TABLE conversations ADD COLUMN turn_since BIGINT;
ALTER TABLE conversations ADD COLUMN overdue BIGINT NOT NULL DEFAULT 0;
UPDATE conversations SET turn_since = updated_at WHERE status = 'open' AND (last_sequence = answered OR owner <> '');

-- The language that a contact's own browser asked for.
ALTER TABLE contacts ADD COLUMN lang TEXT NOT NULL DEFAULT '';
