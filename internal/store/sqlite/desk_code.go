package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/entraide/entraide/internal/store"
)

// Received implements [store.DeskReader].
func (v *deskView) Received(ctx context.Context, prefix string) ([]store.Letter, error) {
	return list(ctx, &v.view, "requests", scanLetter, `SELECT `+letterColumns+` FROM letter
		WHERE id >= ?1 AND id < ?1 || 'g' AND incoming = 1 AND act = 'request' AND verdict = 'authentic' ORDER BY idx`, prefix)
}

// WrongCodes implements [store.DeskReader].
func (v *deskView) WrongCodes(ctx context.Context) (since, count int64, err error) {
	err = v.tx.QueryRowContext(ctx, `SELECT since_unix, count FROM wrong_code`).Scan(&since, &count)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return 0, 0, fmt.Errorf("sqlite: reading the count of wrong codes: %w", err)
	}
	return since, count, nil
}

// PutWrongCodes implements [store.DeskWriter].
func (w *deskWriter) PutWrongCodes(ctx context.Context, since, count int64) error {
	return w.exec(ctx, "the count of wrong codes", `INSERT OR REPLACE INTO wrong_code (one, since_unix, count) VALUES (1, ?1, ?2)`,
		since, count)
}
