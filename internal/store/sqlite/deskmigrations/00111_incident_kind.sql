-- +goose Up
ALTER TABLE incident ADD COLUMN kind TEXT NOT NULL DEFAULT '';
