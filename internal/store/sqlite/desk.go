package sqlite

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"os"

	"github.com/entraide/entraide/internal/store"
)

//go:embed deskmigrations/*.sql
var deskMigrations embed.FS

// A Desk is the database of a desk. It implements [store.Desk].
type Desk struct {
	writer *sql.DB // one connection; every transaction begins immediate
	reader *sql.DB
}

var _ store.Desk = (*Desk)(nil)

// OpenDesk opens a desk's database file, making it (mode 0600) and bringing
// its schema up to date as needed. It returns [store.ErrNewer] if it was
// written by a newer program.
func OpenDesk(ctx context.Context, path string) (*Desk, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("sqlite: opening the file: %w", err)
	}
	if err := f.Close(); err != nil {
		return nil, fmt.Errorf("sqlite: opening the file: %w", err)
	}
	db := &Desk{}
	if db.writer, err = connect(path, "immediate", 1); err != nil {
		return nil, err
	}
	if db.reader, err = connect(path, "deferred", readers); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	if err := migrate(ctx, db.writer, deskMigrations, "deskmigrations"); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return db, nil
}

// Close implements [store.Desk].
func (db *Desk) Close() error {
	var errs []error
	for _, pool := range []*sql.DB{db.reader, db.writer} {
		if pool != nil {
			errs = append(errs, pool.Close())
		}
	}
	return errors.Join(errs...)
}

// Read implements [store.Desk].
func (db *Desk) Read(ctx context.Context, fn func(store.DeskReader) error) error {
	tx, err := db.reader.BeginTx(ctx, &sql.TxOptions{ReadOnly: true})
	if err != nil {
		return fmt.Errorf("sqlite: beginning to read: %w", err)
	}
	defer tx.Rollback() // nothing was written
	return fn(&deskView{view{tx}})
}

// Write implements [store.Desk].
func (db *Desk) Write(ctx context.Context, fn func(store.DeskWriter) error) error {
	tx, err := db.writer.BeginTx(context.WithoutCancel(ctx), nil)
	if err != nil {
		return fmt.Errorf("sqlite: beginning to write: %w", err)
	}
	defer tx.Rollback() // does nothing after the commit
	if err := fn(&deskWriter{deskView{view{tx}}}); err != nil {
		return err
	}
	if err := tx.Commit(); err != nil {
		return fmt.Errorf("sqlite: committing: %w", err)
	}
	return nil
}

// A deskView reads within one transaction. It implements [store.DeskReader].
type deskView struct{ view }

// Published implements [store.DeskReader].
func (v *deskView) Published(ctx context.Context, after int64) ([]store.Published, error) {
	return list(ctx, &v.view, "statements", func(r *sql.Rows, p *store.Published) error {
		return r.Scan(&p.Index, &p.Text, &p.Signature, &p.Receipt)
	}, `SELECT idx, text, signature, receipt FROM published WHERE idx > ?1 ORDER BY idx`, after)
}

// Seen implements [store.DeskReader].
func (v *deskView) Seen(ctx context.Context) (note []byte, freshAt int64, err error) {
	err = v.tx.QueryRowContext(ctx, `SELECT note, fresh_at_unix FROM seen`).Scan(&note, &freshAt)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, 0, store.ErrNotFound
	}
	if err != nil {
		return nil, 0, fmt.Errorf("sqlite: reading the checkpoint: %w", err)
	}
	return note, freshAt, nil
}

// Cursor implements [store.DeskReader].
func (v *deskView) Cursor(ctx context.Context, authority string) (int64, error) {
	index, err := one(list(ctx, &v.view, "a cursor", func(r *sql.Rows, index *int64) error { return r.Scan(index) },
		`SELECT idx FROM inbox_cursor WHERE authority = ?1`, authority))
	if errors.Is(err, store.ErrNotFound) {
		return -1, nil
	}
	return index, err
}

const letterColumns = `id, case_id, sender, recipient, incoming, act, final, lane, suite, seq, digest, idx,
	accepted_at_unix, broker_stage, verdict, note, body, opened_at_unix, receipt, code`

func scanLetter(r *sql.Rows, l *store.Letter) error {
	return r.Scan(&l.ID, &l.Case, &l.From, &l.To, &l.Incoming, &l.Act, &l.Final, &l.Lane, &l.Suite, &l.Seq, &l.Digest,
		&l.Index, &l.AcceptedAt, &l.BrokerStage, &l.Verdict, &l.Note, &l.Body, &l.OpenedAt, &l.Receipt, &l.Code)
}

// Letter implements [store.DeskReader].
func (v *deskView) Letter(ctx context.Context, id string) (store.Letter, error) {
	l, err := one(list(ctx, &v.view, "a message", scanLetter, `SELECT `+letterColumns+` FROM letter WHERE id = ?1`, id))
	if err != nil {
		return l, err
	}
	if err := v.tx.QueryRowContext(ctx, `SELECT sealed FROM letter WHERE id = ?1`, id).Scan(&l.Sealed); err != nil {
		return l, fmt.Errorf("sqlite: reading a message: %w", err)
	}
	return l, nil
}

// Letters implements [store.DeskReader].
func (v *deskView) Letters(ctx context.Context, caseID string) ([]store.Letter, error) {
	return list(ctx, &v.view, "messages", scanLetter,
		`SELECT `+letterColumns+` FROM letter WHERE case_id = ?1 ORDER BY idx`, caseID)
}

// AllLetters implements [store.DeskReader].
func (v *deskView) AllLetters(ctx context.Context, after int64, limit int) ([]store.Letter, error) {
	return list(ctx, &v.view, "messages", scanLetter,
		`SELECT `+letterColumns+` FROM letter WHERE idx > ?1 ORDER BY idx LIMIT ?2`, after, limit)
}

func scanCase(r *sql.Rows, c *store.CaseRef) error { return r.Scan(&c.ID, &c.Index) }

// Cases implements [store.DeskReader].
func (v *deskView) Cases(ctx context.Context, before int64, limit int) ([]store.CaseRef, error) {
	return list(ctx, &v.view, "cases", scanCase, `SELECT case_id, idx FROM case_line WHERE idx < ?1 ORDER BY idx DESC LIMIT ?2`, before, limit)
}

// Stale implements [store.DeskReader].
func (v *deskView) Stale(ctx context.Context, limit int) ([]store.CaseRef, error) {
	return list(ctx, &v.view, "cases", scanCase, `SELECT l.case_id, l.idx
		FROM case_line l LEFT JOIN case_clock c ON c.case_id = l.case_id
		WHERE l.idx > coalesce(c.idx, -1) ORDER BY l.idx LIMIT ?1`, limit)
}

// Newest implements [store.DeskReader].
func (v *deskView) Newest(ctx context.Context, pair store.Pair) (seq int64, digest string, err error) {
	err = v.tx.QueryRowContext(ctx, `SELECT seq, digest FROM letter WHERE sender = ?1 AND recipient = ?2
		ORDER BY seq DESC LIMIT 1`, pair.From, pair.To).Scan(&seq, &digest)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return 0, "", fmt.Errorf("sqlite: reading the newest message: %w", err)
	}
	return seq, digest, nil
}

const orderColumns = `id, case_id, sender, recipient, act, final, lane, not_after_unix, body, created_at_unix, sealed,
	state, problem, attempts, evidence`

func scanOrder(r *sql.Rows, o *store.Order) error {
	return r.Scan(&o.ID, &o.Case, &o.From, &o.To, &o.Act, &o.Final, &o.Lane, &o.NotAfter, &o.Body, &o.CreatedAt, &o.Sealed,
		&o.State, &o.Problem, &o.Attempts, &o.Evidence)
}

// Order implements [store.DeskReader].
func (v *deskView) Order(ctx context.Context, id string) (store.Order, error) {
	return one(list(ctx, &v.view, "the outbox", scanOrder, `SELECT `+orderColumns+` FROM outbox WHERE id = ?1`, id))
}

// Orders implements [store.DeskReader].
func (v *deskView) Orders(ctx context.Context, state string) ([]store.Order, error) {
	return list(ctx, &v.view, "the outbox", scanOrder,
		`SELECT `+orderColumns+` FROM outbox WHERE state = ?1 ORDER BY created_at_unix, rowid`, state)
}

// Verdicts implements [store.DeskReader].
func (v *deskView) Verdicts(ctx context.Context, messageID string) ([]store.Verdict, error) {
	return list(ctx, &v.view, "verdicts", func(r *sql.Rows, x *store.Verdict) error {
		return r.Scan(&x.Message, &x.Number, &x.Result, &x.SHA256, &x.At)
	}, `SELECT message_id, number, result, sha256, at_unix FROM evidence_verdict WHERE message_id = ?1 ORDER BY number`, messageID)
}

const confirmationColumns = `digest, kind, message_id, authority, at_unix, own, text, signature, proof, idx`

func scanConfirmation(r *sql.Rows, c *store.Confirmation) error {
	return r.Scan(&c.Digest, &c.Kind, &c.Message, &c.By, &c.At, &c.Own, &c.Text, &c.Signature, &c.Proof, &c.Index)
}

// Confirmations implements [store.DeskReader].
func (v *deskView) Confirmations(ctx context.Context, messageID string) ([]store.Confirmation, error) {
	return list(ctx, &v.view, "receipts", scanConfirmation,
		`SELECT `+confirmationColumns+` FROM confirmation WHERE ?1 IN ('', message_id) ORDER BY rowid`, messageID)
}

// Unsent implements [store.DeskReader].
func (v *deskView) Unsent(ctx context.Context) ([]store.Confirmation, error) {
	return list(ctx, &v.view, "receipts", scanConfirmation,
		`SELECT `+confirmationColumns+` FROM confirmation WHERE idx < 0 ORDER BY rowid`)
}

// Linked implements [store.DeskReader].
func (v *deskView) Linked(ctx context.Context, caseID string) ([]string, error) {
	return list(ctx, &v.view, "links", func(r *sql.Rows, id *string) error { return r.Scan(id) },
		`SELECT case_id FROM case_link WHERE refers_to = ?1 ORDER BY case_id`, caseID)
}

// Deadlines implements [store.DeskReader].
func (v *deskView) Deadlines(ctx context.Context, caseID string) ([]store.Deadline, error) {
	return list(ctx, &v.view, "deadlines", func(r *sql.Rows, d *store.Deadline) error {
		return r.Scan(&d.Index, &d.Case, &d.Clock, &d.Due, &d.Proof)
	}, `SELECT idx, case_id, clock, due, proof FROM deadline WHERE case_id = ?1 ORDER BY idx`, caseID)
}

// Clocks implements [store.DeskReader].
func (v *deskView) Clocks(ctx context.Context, caseID string) ([]byte, error) {
	clocks, err := one(list(ctx, &v.view, "clocks", func(r *sql.Rows, b *[]byte) error { return r.Scan(b) },
		`SELECT clocks FROM case_clock WHERE case_id = ?1`, caseID))
	if errors.Is(err, store.ErrNotFound) {
		return nil, nil
	}
	return clocks, err
}

// Incidents implements [store.DeskReader].
func (v *deskView) Incidents(ctx context.Context) ([]store.Incident, error) {
	return list(ctx, &v.view, "incidents", func(r *sql.Rows, i *store.Incident) error {
		return r.Scan(&i.ID, &i.At, &i.What, &i.A, &i.B, &i.Settled, &i.SettledBy, &i.SettledAt, &i.Kind)
	}, `SELECT id, at_unix, what, a, b, settled, settled_by, settled_at_unix, kind FROM incident ORDER BY id`)
}

// Entries implements [store.DeskReader].
func (v *deskView) Entries(ctx context.Context, from, to int64) ([]store.Entry, error) {
	return list(ctx, &v.view, "the desk's log", scanEntry,
		`SELECT idx, leaf, leaf_hash, salt, body, 0 FROM log_entry WHERE idx >= ?1 AND idx < ?2 ORDER BY idx`, from, to)
}
