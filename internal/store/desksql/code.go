package desksql

import (
	"context"

	"github.com/entraide/entraide/internal/store"
)

// Received implements [store.DeskReader].
func (v *Reader) Received(ctx context.Context, prefix string) ([]store.Letter, error) {
	return list(ctx, v, "requests", scanLetter, `SELECT `+letterColumns+` FROM letter
		WHERE id >= ?1 AND id < ?1 || 'g' AND incoming = 1 AND act = 'request' AND verdict = 'authentic' ORDER BY idx`, prefix)
}

// WrongCodes implements [store.DeskReader].
func (v *Reader) WrongCodes(ctx context.Context) (since, count int64, err error) {
	err = v.row(ctx, "the count of wrong codes", []any{&since, &count}, `SELECT since_unix, count FROM wrong_code`)
	return since, count, unless(err, store.ErrNotFound)
}

// PutWrongCodes implements [store.DeskWriter].
func (w *Writer) PutWrongCodes(ctx context.Context, since, count int64) error {
	return w.put(ctx, "the count of wrong codes", "wrong_code", "one", "since_unix, count", 1, since, count)
}
