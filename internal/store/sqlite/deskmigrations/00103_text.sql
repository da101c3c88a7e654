-- +goose Up
CREATE VIRTUAL TABLE letter_text USING fts5(words, columnsize = 0, tokenize = 'ascii');
INSERT INTO letter_text (letter_text, rank) VALUES ('secure-delete', 1);
