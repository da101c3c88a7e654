// Package desksql keeps a desk's case file in SQL that SQLite and PostgreSQL
// both understand: the statements are here once, and what the engines do
// differently is an [Engine]. Truth values are integers, 0 and 1, in both.
package desksql

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"

	"github.com/entraide/entraide/internal/store"
)

// An Engine is what a database does in its own way.
type Engine struct {
	Name string // as errors begin
	// Spell spells a statement for the engine. Its parameters are ?1, ?2 and so on,
	// or ? in their order, and nothing else in it is a question mark. CROSS JOIN with
	// ON joins in the order that is written, where the engine lets one say so, and a
	// plus before a column keeps its index from being used.
	Spell func(statement string) string
	// Holds is the condition that the text t.words holds all the phrases, with ? for
	// its arguments.
	Holds func(phrases []store.Phrase) (condition string, args []any)
	// BeforeSearch is a statement that is run before a search; empty for none.
	BeforeSearch string
	// Taken reports whether an error is that of a value that another row has.
	Taken func(err error) bool
}

// A Reader reads within one transaction. It implements [store.DeskReader].
type Reader struct {
	tx     *sql.Tx
	engine *Engine
}

// NewReader returns a reader of a transaction that is a snapshot.
func NewReader(tx *sql.Tx, e *Engine) *Reader { return &Reader{tx, e} }

var _ store.DeskReader = (*Reader)(nil)

// list runs a query and scans every row.
func list[T any](ctx context.Context, v *Reader, what string, scan func(*sql.Rows, *T) error, query string, args ...any) ([]T, error) {
	all, err := store.List(ctx, v.tx, scan, v.engine.Spell(query), plain(args)...)
	if err != nil {
		return nil, v.failed(what, err)
	}
	return all, nil
}

// row scans the only row of a query, or returns ErrNotFound.
func (v *Reader) row(ctx context.Context, what string, into []any, query string, args ...any) error {
	err := v.tx.QueryRowContext(ctx, v.engine.Spell(query), plain(args)...).Scan(into...)
	if errors.Is(err, sql.ErrNoRows) {
		return store.ErrNotFound
	}
	if err != nil {
		return v.failed(what, err)
	}
	return nil
}

func (v *Reader) failed(what string, err error) error {
	return fmt.Errorf("%s: reading %s: %w", v.engine.Name, what, err)
}

// unless is an error that is not another.
func unless(err, other error) error {
	if errors.Is(err, other) {
		return nil
	}
	return err
}

// plain spells arguments as both engines take them: truth values as integers, no
// bytes as NULL, and in texts, some of which come from other States, the replacement
// character for what is none.
func plain(args []any) []any {
	spelt := make([]any, len(args))
	for i, arg := range args {
		spelt[i] = arg
		switch arg := arg.(type) {
		case bool:
			spelt[i] = 0
			if arg {
				spelt[i] = 1
			}
		case string:
			spelt[i] = strings.ToValidUTF8(strings.ReplaceAll(arg, "\x00", "\uFFFD"), "\uFFFD")
		case []byte:
			if arg == nil {
				spelt[i] = nil
			}
		}
	}
	return spelt
}

// Published implements [store.DeskReader].
func (v *Reader) Published(ctx context.Context, after int64) ([]store.Published, error) {
	return list(ctx, v, "statements", func(r *sql.Rows, p *store.Published) error {
		return r.Scan(&p.Index, &p.Text, &p.Signature, &p.Receipt)
	}, `SELECT idx, text, signature, receipt FROM published WHERE idx > ?1 ORDER BY idx`, after)
}

// Seen implements [store.DeskReader].
func (v *Reader) Seen(ctx context.Context) (note []byte, freshAt int64, err error) {
	err = v.row(ctx, "the checkpoint", []any{&note, &freshAt}, `SELECT note, fresh_at_unix FROM seen`)
	return note, freshAt, err
}

// Cursor implements [store.DeskReader].
func (v *Reader) Cursor(ctx context.Context, authority string) (int64, error) {
	index, err := store.One(list(ctx, v, "a cursor", func(r *sql.Rows, index *int64) error { return r.Scan(index) },
		`SELECT idx FROM inbox_cursor WHERE authority = ?1`, authority))
	if errors.Is(err, store.ErrNotFound) {
		return -1, nil
	}
	return index, err
}

const (
	letterColumns = "id, " + letterOthers
	letterOthers  = "case_id, sender, recipient, incoming, act, final, lane, suite, seq, digest, idx, " +
		"accepted_at_unix, broker_stage, verdict, note, body, opened_at_unix, receipt, code"
)

func scanLetter(r *sql.Rows, l *store.Letter) error {
	return r.Scan(&l.ID, &l.Case, &l.From, &l.To, &l.Incoming, &l.Act, &l.Final, &l.Lane, &l.Suite, &l.Seq, &l.Digest,
		&l.Index, &l.AcceptedAt, &l.BrokerStage, &l.Verdict, &l.Note, &l.Body, &l.OpenedAt, &l.Receipt, &l.Code)
}

// Letter implements [store.DeskReader].
func (v *Reader) Letter(ctx context.Context, id string) (store.Letter, error) {
	l, err := store.One(list(ctx, v, "a message", scanLetter, `SELECT `+letterColumns+` FROM letter WHERE id = ?1`, id))
	if err == nil {
		err = v.row(ctx, "a message", []any{&l.Sealed}, `SELECT sealed FROM letter WHERE id = ?1`, id)
	}
	return l, err
}

// Letters implements [store.DeskReader].
func (v *Reader) Letters(ctx context.Context, caseID string) ([]store.Letter, error) {
	return list(ctx, v, "messages", scanLetter,
		`SELECT `+letterColumns+` FROM letter WHERE case_id = ?1 ORDER BY idx`, caseID)
}

// AllLetters implements [store.DeskReader].
func (v *Reader) AllLetters(ctx context.Context, after int64, limit int) ([]store.Letter, error) {
	return list(ctx, v, "messages", scanLetter,
		`SELECT `+letterColumns+` FROM letter WHERE idx > ?1 ORDER BY idx LIMIT ?2`, after, limit)
}

func scanCase(r *sql.Rows, c *store.CaseRef) error { return r.Scan(&c.ID, &c.Index) }

// Cases implements [store.DeskReader].
func (v *Reader) Cases(ctx context.Context, before int64, limit int) ([]store.CaseRef, error) {
	return list(ctx, v, "cases", scanCase, `SELECT case_id, idx FROM case_line WHERE idx < ?1 ORDER BY idx DESC LIMIT ?2`, before, limit)
}

// Stale implements [store.DeskReader].
func (v *Reader) Stale(ctx context.Context, limit int) ([]store.CaseRef, error) {
	return list(ctx, v, "cases", scanCase, `SELECT l.case_id, l.idx
		FROM case_line l LEFT JOIN case_clock c ON c.case_id = l.case_id
		WHERE l.idx > coalesce(c.idx, -1) ORDER BY l.idx LIMIT ?1`, limit)
}

// Newest implements [store.DeskReader].
func (v *Reader) Newest(ctx context.Context, pair store.Pair) (seq int64, digest string, err error) {
	err = v.row(ctx, "the newest message", []any{&seq, &digest}, `SELECT seq, digest FROM letter WHERE sender = ?1 AND recipient = ?2
		ORDER BY seq DESC LIMIT 1`, pair.From, pair.To)
	return seq, digest, unless(err, store.ErrNotFound)
}

const orderColumns = `id, case_id, sender, recipient, act, final, lane, not_after_unix, body, created_at_unix, sealed,
	state, problem, attempts, evidence`

func scanOrder(r *sql.Rows, o *store.Order) error {
	return r.Scan(&o.ID, &o.Case, &o.From, &o.To, &o.Act, &o.Final, &o.Lane, &o.NotAfter, &o.Body, &o.CreatedAt, &o.Sealed,
		&o.State, &o.Problem, &o.Attempts, &o.Evidence)
}

// Order implements [store.DeskReader].
func (v *Reader) Order(ctx context.Context, id string) (store.Order, error) {
	return store.One(list(ctx, v, "the outbox", scanOrder, `SELECT `+orderColumns+` FROM outbox WHERE id = ?1`, id))
}

// Orders implements [store.DeskReader].
func (v *Reader) Orders(ctx context.Context, state string) ([]store.Order, error) {
	return list(ctx, v, "the outbox", scanOrder,
		`SELECT `+orderColumns+` FROM outbox WHERE state = ?1 ORDER BY created_at_unix, rowid`, state)
}

// Verdicts implements [store.DeskReader].
func (v *Reader) Verdicts(ctx context.Context, messageID string) ([]store.Verdict, error) {
	return list(ctx, v, "verdicts", func(r *sql.Rows, x *store.Verdict) error {
		return r.Scan(&x.Message, &x.Number, &x.Result, &x.SHA256, &x.At)
	}, `SELECT message_id, number, result, sha256, at_unix FROM evidence_verdict WHERE message_id = ?1 ORDER BY number`, messageID)
}

const confirmationColumns = `digest, kind, message_id, authority, at_unix, own, text, signature, proof, idx`

func scanConfirmation(r *sql.Rows, c *store.Confirmation) error {
	return r.Scan(&c.Digest, &c.Kind, &c.Message, &c.By, &c.At, &c.Own, &c.Text, &c.Signature, &c.Proof, &c.Index)
}

// Confirmations implements [store.DeskReader].
func (v *Reader) Confirmations(ctx context.Context, messageID string) ([]store.Confirmation, error) {
	return list(ctx, v, "receipts", scanConfirmation,
		`SELECT `+confirmationColumns+` FROM confirmation WHERE ?1 IN ('', message_id) ORDER BY rowid`, messageID)
}

// Unsent implements [store.DeskReader].
func (v *Reader) Unsent(ctx context.Context) ([]store.Confirmation, error) {
	return list(ctx, v, "receipts", scanConfirmation,
		`SELECT `+confirmationColumns+` FROM confirmation WHERE idx < 0 ORDER BY rowid`)
}

// Linked implements [store.DeskReader].
func (v *Reader) Linked(ctx context.Context, caseID string) ([]string, error) {
	return list(ctx, v, "links", func(r *sql.Rows, id *string) error { return r.Scan(id) },
		`SELECT case_id FROM case_link WHERE refers_to = ?1 ORDER BY case_id`, caseID)
}

// Deadlines implements [store.DeskReader].
func (v *Reader) Deadlines(ctx context.Context, caseID string) ([]store.Deadline, error) {
	return list(ctx, v, "deadlines", func(r *sql.Rows, d *store.Deadline) error {
		return r.Scan(&d.Index, &d.Case, &d.Clock, &d.Due, &d.Proof)
	}, `SELECT idx, case_id, clock, due, proof FROM deadline WHERE case_id = ?1 ORDER BY idx`, caseID)
}

// Clocks implements [store.DeskReader].
func (v *Reader) Clocks(ctx context.Context, caseID string) ([]byte, error) {
	clocks, err := store.One(list(ctx, v, "clocks", func(r *sql.Rows, b *[]byte) error { return r.Scan(b) },
		`SELECT clocks FROM case_clock WHERE case_id = ?1`, caseID))
	if errors.Is(err, store.ErrNotFound) {
		return nil, nil
	}
	return clocks, err
}

// Incidents implements [store.DeskReader].
func (v *Reader) Incidents(ctx context.Context) ([]store.Incident, error) {
	return list(ctx, v, "incidents", func(r *sql.Rows, i *store.Incident) error {
		return r.Scan(&i.ID, &i.At, &i.What, &i.A, &i.B, &i.Settled, &i.SettledBy, &i.SettledAt, &i.Kind)
	}, `SELECT id, at_unix, what, a, b, settled, settled_by, settled_at_unix, kind FROM incident ORDER BY id`)
}

// Head implements [store.DeskReader].
func (v *Reader) Head(ctx context.Context) (h store.Head, err error) {
	err = v.row(ctx, "the head", []any{&h.Size, &h.Frontier}, `SELECT size, frontier FROM log_head`)
	return h, err
}

// Entries implements [store.DeskReader].
func (v *Reader) Entries(ctx context.Context, from, to int64) ([]store.Entry, error) {
	return list(ctx, v, "the desk's log", scanEntry,
		`SELECT idx, leaf, leaf_hash, salt, body FROM log_entry WHERE idx >= ?1 AND idx < ?2 ORDER BY idx`, from, to)
}

func scanEntry(r *sql.Rows, e *store.Entry) error {
	var hash []byte
	if err := r.Scan(&e.Index, &e.Leaf, &hash, &e.Salt, &e.Body); err != nil {
		return err
	}
	copy(e.LeafHash[:], hash)
	return nil
}
