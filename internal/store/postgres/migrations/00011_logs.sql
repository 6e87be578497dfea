-- +goose Up

-- The log of sign-ins is read by position over all accounts. Only sign-ins are in these indexes: nothing that a message writes.
CREATE INDEX facts_signin ON facts (from_position) WHERE name = 'signin';
CREATE INDEX audit_sign_in_failed ON audit (position) WHERE action = 'sign_in.failed';
