package store

import (
	"context"
	"database/sql"
)

// What the engines share in reading rows.

// List runs a query and scans every row.
func List[T any](ctx context.Context, tx *sql.Tx, scan func(*sql.Rows, *T) error, query string, args ...any) ([]T, error) {
	rows, err := tx.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var all []T
	for rows.Next() {
		var t T
		if err := scan(rows, &t); err != nil {
			return nil, err
		}
		all = append(all, t)
	}
	return all, rows.Err()
}

// One returns the only row of a list, or [ErrNotFound].
func One[T any](all []T, err error) (T, error) {
	var none T
	if err != nil {
		return none, err
	}
	if len(all) == 0 {
		return none, ErrNotFound
	}
	return all[0], nil
}

// Keyed makes a map of a list.
func Keyed[K comparable, T any](all []T, err error, key func(T) K) (map[K]T, error) {
	if err != nil {
		return nil, err
	}
	m := make(map[K]T, len(all))
	for _, t := range all {
		m[key(t)] = t
	}
	return m, nil
}

// Blob keeps an empty value from becoming NULL.
func Blob(data []byte) []byte {
	if data == nil {
		return []byte{}
	}
	return data
}
