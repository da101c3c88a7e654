package desksql

import (
	"context"
	"database/sql"

	"github.com/entraide/entraide/internal/store"
)

// Alerts implements [store.AlertReader].
func (v *Reader) Alerts(ctx context.Context, account string) ([]store.Alert, error) {
	return list(ctx, v, "alerts", func(r *sql.Rows, a *store.Alert) error {
		return r.Scan(&a.ID, &a.Account, &a.Kind, &a.At, &a.Address, &a.Agent, &a.Begun, &a.SeenAt)
	}, `SELECT id, account_id, kind, at_unix, address, agent, begun_unix, seen_at_unix FROM account_alert
		WHERE account_id = ?1 ORDER BY id DESC`, account)
}

// Recovery implements [store.AlertReader].
func (v *Reader) Recovery(ctx context.Context, account string) (store.Recovery, error) {
	return store.One(list(ctx, v, "a recovery", func(r *sql.Rows, x *store.Recovery) error {
		return r.Scan(&x.Account, &x.By, &x.ByName, &x.At)
	}, `SELECT account_id, by_id, by_name, at_unix FROM account_recovery WHERE account_id = ?1`, account))
}

// DueNotices implements [store.AlertReader].
func (v *Reader) DueNotices(ctx context.Context, at int64, limit int) ([]store.Notice, error) {
	return list(ctx, v, "notices", func(r *sql.Rows, n *store.Notice) error {
		return r.Scan(&n.ID, &n.Event, &n.Officer, &n.Channel, &n.Address, &n.At, &n.Attempts, &n.NextAt, &n.SentAt, &n.Problem)
	}, `SELECT id, event, officer, channel, address, at_unix, attempts, next_at_unix, sent_at_unix, problem FROM notice
		WHERE sent_at_unix = 0 AND next_at_unix <= ?1 ORDER BY next_at_unix, id LIMIT ?2`, at, limit)
}

// PutAlert implements [store.AlertWriter].
func (w *Writer) PutAlert(ctx context.Context, a store.Alert) error {
	return w.exec(ctx, "an alert", `INSERT INTO account_alert (account_id, kind, at_unix, address, agent, begun_unix, seen_at_unix)
		VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)`, a.Account, a.Kind, a.At, a.Address, a.Agent, a.Begun, a.SeenAt)
}

// SeeAlerts implements [store.AlertWriter].
func (w *Writer) SeeAlerts(ctx context.Context, account string, last, at int64) error {
	return w.exec(ctx, "alerts", `UPDATE account_alert SET seen_at_unix = ?3 WHERE account_id = ?1 AND id <= ?2 AND seen_at_unix = 0`,
		account, last, at)
}

// PutBrowser implements [store.AlertWriter].
func (w *Writer) PutBrowser(ctx context.Context, account string, digest []byte, at int64) (known bool, err error) {
	n, err := w.changed(ctx, "a browser", `UPDATE account_browser SET used_at_unix = ?3 WHERE account_id = ?1 AND digest = ?2`,
		account, store.Blob(digest), at)
	if err != nil || n > 0 {
		return n > 0, err
	}
	return false, w.exec(ctx, "a browser", `INSERT INTO account_browser (account_id, digest, used_at_unix) VALUES (?1, ?2, ?3)`,
		account, store.Blob(digest), at)
}

// DeleteBrowsers implements [store.AlertWriter].
func (w *Writer) DeleteBrowsers(ctx context.Context, account string) error {
	return w.exec(ctx, "browsers", `DELETE FROM account_browser WHERE account_id = ?1`, account)
}

// PutRecovery implements [store.AlertWriter].
func (w *Writer) PutRecovery(ctx context.Context, r store.Recovery) error {
	return w.put(ctx, "a recovery", "account_recovery", "account_id", "by_id, by_name, at_unix",
		r.Account, r.By, r.ByName, r.At)
}

// DeleteRecovery implements [store.AlertWriter].
func (w *Writer) DeleteRecovery(ctx context.Context, account string) error {
	return w.exec(ctx, "a recovery", `DELETE FROM account_recovery WHERE account_id = ?1`, account)
}

// PutDueNotice implements [store.AlertWriter].
func (w *Writer) PutDueNotice(ctx context.Context, n store.Notice) error {
	return w.put(ctx, "a notice", "notice", "id", "event, officer, channel, address, at_unix, attempts, next_at_unix, sent_at_unix, problem",
		n.ID, n.Event, n.Officer, n.Channel, n.Address, n.At, n.Attempts, n.NextAt, n.SentAt, n.Problem)
}
