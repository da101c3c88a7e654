package desksql

import (
	"context"
	"database/sql"

	"github.com/entraide/entraide/internal/store"
)

// Shifts implements [store.DutyReader].
func (v *Reader) Shifts(ctx context.Context) ([]store.Shift, error) {
	return list(ctx, v, "shifts", func(r *sql.Rows, s *store.Shift) error {
		return r.Scan(&s.ID, &s.Officer, &s.Level, &s.Days, &s.Begins, &s.Ends, &s.Zone, &s.Since, &s.Until)
	}, `SELECT id, officer, level, days, begins, ends, zone, since_unix, until_unix FROM duty_shift ORDER BY level, id`)
}

// Contacts implements [store.DutyReader].
func (v *Reader) Contacts(ctx context.Context) ([]store.Contact, error) {
	return list(ctx, v, "contacts", func(r *sql.Rows, c *store.Contact) error { return r.Scan(&c.Officer, &c.Mail, &c.Hook) },
		`SELECT officer, mail, hook FROM duty_contact ORDER BY officer`)
}

const pageColumns = `id, case_id, message_id, drill, state, raised_at_unix, step, next_at_unix, acknowledged_by,
	acknowledged_by_name, acknowledged_at_unix`

func scanPage(r *sql.Rows, p *store.Page) error {
	return r.Scan(&p.ID, &p.Case, &p.Message, &p.Drill, &p.State, &p.RaisedAt, &p.Step, &p.NextAt, &p.AcknowledgedBy,
		&p.AcknowledgedByName, &p.AcknowledgedAt)
}

// Page implements [store.DutyReader].
func (v *Reader) Page(ctx context.Context, id string) (store.Page, error) {
	return store.One(list(ctx, v, "a page", scanPage, `SELECT `+pageColumns+` FROM page WHERE id = ?1`, id))
}

// PagesIn implements [store.DutyReader].
func (v *Reader) PagesIn(ctx context.Context, state string, from, to int64, limit int) ([]store.Page, error) {
	return list(ctx, v, "pages", scanPage, `SELECT `+pageColumns+` FROM page
		WHERE (?1 = '' OR state = ?1) AND raised_at_unix >= ?2 AND raised_at_unix < ?3 ORDER BY raised_at_unix DESC, id LIMIT ?4`, state, from, to, limit)
}

// PagesDue implements [store.DutyReader].
func (v *Reader) PagesDue(ctx context.Context, at int64) ([]store.Page, error) {
	return list(ctx, v, "pages", scanPage, `SELECT `+pageColumns+` FROM page
		WHERE state = 'raised' AND next_at_unix <= ?1 ORDER BY next_at_unix, id`, at)
}

// OpenPage implements [store.DutyReader].
func (v *Reader) OpenPage(ctx context.Context, caseID string) (bool, error) {
	return store.One(list(ctx, v, "pages", func(r *sql.Rows, open *bool) error { return r.Scan(open) },
		`SELECT EXISTS (SELECT 1 FROM page WHERE case_id = ?1 AND case_id <> '' AND state = 'raised')`, caseID))
}

const noticeColumns = `page_id, step, officer, channel, address, at_unix, attempts, next_at_unix, sent_at_unix, problem`

func scanNotice(r *sql.Rows, n *store.PageNotice) error {
	return r.Scan(&n.ID, &n.Page, &n.Step, &n.Officer, &n.Channel, &n.Address, &n.At, &n.Attempts, &n.NextAt, &n.SentAt, &n.Problem)
}

// Notices implements [store.DutyReader].
func (v *Reader) Notices(ctx context.Context, page string) ([]store.PageNotice, error) {
	return list(ctx, v, "notices", scanNotice, `SELECT id, `+noticeColumns+` FROM page_notice WHERE page_id = ?1 ORDER BY id`, page)
}

// UnsentNotices implements [store.DutyReader].
func (v *Reader) UnsentNotices(ctx context.Context, at int64, limit int) ([]store.PageNotice, error) {
	return list(ctx, v, "notices", scanNotice, `SELECT id, `+noticeColumns+` FROM page_notice
		WHERE sent_at_unix = 0 AND next_at_unix <= ?1 ORDER BY next_at_unix, id LIMIT ?2`, at, limit)
}

// PutShift implements [store.DutyWriter].
func (w *Writer) PutShift(ctx context.Context, s store.Shift) error {
	return w.put(ctx, "a shift", "duty_shift", "id", "officer, level, days, begins, ends, zone, since_unix, until_unix", s.ID, s.Officer, s.Level, s.Days, s.Begins, s.Ends, s.Zone, s.Since, s.Until)
}

// DeleteShift implements [store.DutyWriter].
func (w *Writer) DeleteShift(ctx context.Context, id string) error {
	return w.exec(ctx, "a shift", `DELETE FROM duty_shift WHERE id = ?1`, id)
}

// PutContact implements [store.DutyWriter].
func (w *Writer) PutContact(ctx context.Context, c store.Contact) error {
	return w.put(ctx, "a contact", "duty_contact", "officer", "mail, hook", c.Officer, c.Mail, c.Hook)
}

// PutPage implements [store.DutyWriter].
func (w *Writer) PutPage(ctx context.Context, p store.Page) error {
	return w.exec(ctx, "a page", `INSERT INTO page (`+pageColumns+`) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)
		ON CONFLICT (id) DO UPDATE SET state = excluded.state, step = excluded.step, next_at_unix = excluded.next_at_unix,
			acknowledged_by = excluded.acknowledged_by, acknowledged_by_name = excluded.acknowledged_by_name,
			acknowledged_at_unix = excluded.acknowledged_at_unix`,
		p.ID, p.Case, p.Message, p.Drill, p.State, p.RaisedAt, p.Step, p.NextAt, p.AcknowledgedBy, p.AcknowledgedByName, p.AcknowledgedAt)
}

// PutNotice implements [store.DutyWriter].
func (w *Writer) PutNotice(ctx context.Context, n store.PageNotice) error {
	if n.ID != 0 {
		return w.exec(ctx, "a notice", `UPDATE page_notice SET attempts = ?2, next_at_unix = ?3, sent_at_unix = ?4, problem = ?5 WHERE id = ?1`,
			n.ID, n.Attempts, n.NextAt, n.SentAt, n.Problem)
	}
	return w.exec(ctx, "a notice", `INSERT INTO page_notice (`+noticeColumns+`) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)`,
		n.Page, n.Step, n.Officer, n.Channel, n.Address, n.At, n.Attempts, n.NextAt, n.SentAt, n.Problem)
}
