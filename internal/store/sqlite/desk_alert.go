package sqlite

import (
	"context"
	"database/sql"
	"fmt"

	"github.com/entraide/entraide/internal/store"
)

// Alerts implements [store.AlertReader].
func (v *deskView) Alerts(ctx context.Context, account string) ([]store.Alert, error) {
	return list(ctx, &v.view, "alerts", func(r *sql.Rows, a *store.Alert) error {
		return r.Scan(&a.ID, &a.Account, &a.Kind, &a.At, &a.Address, &a.Agent, &a.Begun, &a.SeenAt)
	}, `SELECT id, account_id, kind, at_unix, address, agent, begun_unix, seen_at_unix FROM account_alert
		WHERE account_id = ?1 ORDER BY id DESC`, account)
}

// Recovery implements [store.AlertReader].
func (v *deskView) Recovery(ctx context.Context, account string) (store.Recovery, error) {
	return one(list(ctx, &v.view, "a recovery", func(r *sql.Rows, x *store.Recovery) error {
		return r.Scan(&x.Account, &x.By, &x.ByName, &x.At)
	}, `SELECT account_id, by_id, by_name, at_unix FROM account_recovery WHERE account_id = ?1`, account))
}

// DueNotices implements [store.AlertReader].
func (v *deskView) DueNotices(ctx context.Context, at int64, limit int) ([]store.Notice, error) {
	return list(ctx, &v.view, "notices", func(r *sql.Rows, n *store.Notice) error {
		return r.Scan(&n.ID, &n.Event, &n.Officer, &n.Channel, &n.Address, &n.At, &n.Attempts, &n.NextAt, &n.SentAt, &n.Problem)
	}, `SELECT id, event, officer, channel, address, at_unix, attempts, next_at_unix, sent_at_unix, problem FROM notice
		WHERE sent_at_unix = 0 AND next_at_unix <= ?1 ORDER BY next_at_unix, id LIMIT ?2`, at, limit)
}

// PutAlert implements [store.AlertWriter].
func (w *deskWriter) PutAlert(ctx context.Context, a store.Alert) error {
	return w.exec(ctx, "an alert", `INSERT INTO account_alert (account_id, kind, at_unix, address, agent, begun_unix, seen_at_unix)
		VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)`, a.Account, a.Kind, a.At, a.Address, a.Agent, a.Begun, a.SeenAt)
}

// SeeAlerts implements [store.AlertWriter].
func (w *deskWriter) SeeAlerts(ctx context.Context, account string, last, at int64) error {
	return w.exec(ctx, "alerts", `UPDATE account_alert SET seen_at_unix = ?3 WHERE account_id = ?1 AND id <= ?2 AND seen_at_unix = 0`,
		account, last, at)
}

// PutBrowser implements [store.AlertWriter].
func (w *deskWriter) PutBrowser(ctx context.Context, account string, digest []byte, at int64) (known bool, err error) {
	res, err := w.tx.ExecContext(ctx, `UPDATE account_browser SET used_at_unix = ?3 WHERE account_id = ?1 AND digest = ?2`,
		account, blob(digest), at)
	if err != nil {
		return false, fmt.Errorf("sqlite: writing a browser: %w", err)
	}
	if n, err := res.RowsAffected(); err != nil || n > 0 {
		return true, err
	}
	return false, w.exec(ctx, "a browser", `INSERT INTO account_browser (account_id, digest, used_at_unix) VALUES (?1, ?2, ?3)`,
		account, blob(digest), at)
}

// DeleteBrowsers implements [store.AlertWriter].
func (w *deskWriter) DeleteBrowsers(ctx context.Context, account string) error {
	return w.exec(ctx, "browsers", `DELETE FROM account_browser WHERE account_id = ?1`, account)
}

// PutRecovery implements [store.AlertWriter].
func (w *deskWriter) PutRecovery(ctx context.Context, r store.Recovery) error {
	return w.exec(ctx, "a recovery", `INSERT OR REPLACE INTO account_recovery (account_id, by_id, by_name, at_unix) VALUES (?1, ?2, ?3, ?4)`,
		r.Account, r.By, r.ByName, r.At)
}

// DeleteRecovery implements [store.AlertWriter].
func (w *deskWriter) DeleteRecovery(ctx context.Context, account string) error {
	return w.exec(ctx, "a recovery", `DELETE FROM account_recovery WHERE account_id = ?1`, account)
}

// PutDueNotice implements [store.AlertWriter].
func (w *deskWriter) PutDueNotice(ctx context.Context, n store.Notice) error {
	return w.exec(ctx, "a notice", `INSERT OR REPLACE INTO notice (id, event, officer, channel, address, at_unix, attempts, next_at_unix,
		sent_at_unix, problem) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)`,
		n.ID, n.Event, n.Officer, n.Channel, n.Address, n.At, n.Attempts, n.NextAt, n.SentAt, n.Problem)
}
