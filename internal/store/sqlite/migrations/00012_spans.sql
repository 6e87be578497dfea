-- +goose Up

-- Spans of ten minutes by the clock, each named by the instant at which it begins: the positions that were committed in it, and how many messages were offered
-- by inbox and kind. Both follow from other tables; a day is counted by what they say instead of by its messages.
CREATE TABLE spans (
    begins INTEGER NOT NULL PRIMARY KEY,
    first  INTEGER NOT NULL,
    last   INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE offered (
    begins   INTEGER NOT NULL,
    inbox    TEXT NOT NULL,
    kind     TEXT NOT NULL,
    messages INTEGER NOT NULL,
    PRIMARY KEY (begins, inbox, kind)
) STRICT, WITHOUT ROWID;
INSERT INTO spans SELECT at / 600000000 * 600000000 AS begins, min(first), max(last) FROM groups GROUP BY 1;
INSERT INTO offered SELECT at / 600000000 * 600000000, inbox, kind, count(*) FROM messages WHERE direction = 'in' AND at IS NOT NULL GROUP BY 1, 2, 3;
