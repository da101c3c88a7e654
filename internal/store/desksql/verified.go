package desksql

import (
	"context"
	"database/sql"

	"github.com/entraide/entraide/internal/store"
)

// KeysVerified implements [store.DeskReader].
func (v *Reader) KeysVerified(ctx context.Context, authority string) ([]store.KeyVerified, error) {
	return list(ctx, v, "verified certificates", func(r *sql.Rows, k *store.KeyVerified) error {
		return r.Scan(&k.ID, &k.Authority, &k.Suite, &k.Fingerprint, &k.How, &k.Counterpart, &k.Officer, &k.OfficerName, &k.At,
			&k.Second, &k.SecondName, &k.SecondAt)
	}, `SELECT id, authority, suite, fingerprint, how, counterpart, officer, officer_name, at_unix, second, second_name, second_at_unix
		FROM key_verified WHERE ?1 = '' OR authority = ?1 ORDER BY id`, authority)
}

// PutKeyVerified implements [store.DeskWriter].
func (w *Writer) PutKeyVerified(ctx context.Context, k store.KeyVerified) error {
	if k.ID != 0 {
		return w.exec(ctx, "a verified certificate", `UPDATE key_verified SET second = ?2, second_name = ?3, second_at_unix = ?4 WHERE id = ?1 AND second = ''`,
			k.ID, k.Second, k.SecondName, k.SecondAt)
	}
	return w.exec(ctx, "a verified certificate", `INSERT INTO key_verified (authority, suite, fingerprint, how, counterpart, officer, officer_name, at_unix)
		VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)`, k.Authority, k.Suite, k.Fingerprint, k.How, k.Counterpart, k.Officer, k.OfficerName, k.At)
}
