package postgres

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/entraide/entraide/internal/store"
)

// A view reads within one transaction. It implements [store.Reader].
type view struct{ tx *sql.Tx }

// list runs a query and scans every row.
func list[T any](ctx context.Context, v *view, what string, scan func(*sql.Rows, *T) error, query string, args ...any) ([]T, error) {
	all, err := store.List(ctx, v.tx, scan, query, args...)
	if err != nil {
		return nil, fmt.Errorf("postgres: reading %s: %w", what, because(ctx, err))
	}
	return all, nil
}

// Head implements [store.Reader].
func (v *view) Head(ctx context.Context) (store.Head, error) {
	return store.One(list(ctx, v, "the head", func(r *sql.Rows, h *store.Head) error {
		return r.Scan(&h.Size, &h.Frontier)
	}, `SELECT size, frontier FROM log_head`))
}

const messageColumns = `id, case_id, sender, recipient, act, lane, stage, seq, digest, header, signature,
	octet_length(payload), idx, accepted_at_unix`

func scanMessage(r *sql.Rows, m *store.Message) error {
	return r.Scan(&m.ID, &m.Case, &m.From, &m.To, &m.Act, &m.Lane, &m.Stage, &m.Seq, &m.Digest, &m.Header, &m.Signature,
		&m.PayloadSize, &m.Index, &m.AcceptedAt)
}

// Messages implements [store.Reader].
func (v *view) Messages(ctx context.Context, ids []string) (map[string]store.Message, error) {
	if len(ids) == 0 {
		return map[string]store.Message{}, nil
	}
	all, err := list(ctx, v, "messages", scanMessage,
		`SELECT `+messageColumns+` FROM message WHERE id = ANY ($1::text[])`, keys(ids))
	return store.Keyed(all, err, func(m store.Message) string { return m.ID })
}

// Message implements [store.Reader].
func (v *view) Message(ctx context.Context, id string) (store.Message, error) {
	m, err := store.One(list(ctx, v, "a message", scanMessage, `SELECT `+messageColumns+` FROM message WHERE id = $1`, id))
	if err != nil {
		return m, err
	}
	if err := v.tx.QueryRowContext(ctx, `SELECT payload FROM message WHERE id = $1`, id).Scan(&m.Payload); err != nil {
		return m, fmt.Errorf("postgres: reading a payload: %w", err)
	}
	return m, nil
}

// MessageAt implements [store.Reader].
func (v *view) MessageAt(ctx context.Context, index int64) (store.Message, error) {
	return store.One(list(ctx, v, "a message", scanMessage, `SELECT `+messageColumns+` FROM message WHERE idx = $1`, index))
}

// CaseMessages implements [store.Reader].
func (v *view) CaseMessages(ctx context.Context, caseID string, after int64, limit int) ([]store.Message, error) {
	return list(ctx, v, "a case", scanMessage,
		`SELECT `+messageColumns+` FROM message WHERE case_id = $1 AND idx > $2 ORDER BY idx LIMIT $3`, caseID, after, limit)
}

// Sent implements [store.Reader].
func (v *view) Sent(ctx context.Context, pair store.Pair, after int64, limit int) ([]store.Message, error) {
	return list(ctx, v, "sent messages", scanMessage, `SELECT `+messageColumns+` FROM message
		WHERE sender = $1 AND recipient = $2 AND seq > $3 ORDER BY seq LIMIT $4`, pair.From, pair.To, after, limit)
}

// Cases implements [store.Reader].
func (v *view) Cases(ctx context.Context, ids []string) (map[string]store.Case, error) {
	if len(ids) == 0 {
		return map[string]store.Case{}, nil
	}
	all, err := list(ctx, v, "cases", func(r *sql.Rows, c *store.Case) error {
		return r.Scan(&c.ID, &c.Requesting, &c.Requested, &c.Opening, &c.Lane, &c.Stage, &c.Handed, &c.OpenedAt,
			&c.LastByRequesting, &c.Index)
	}, `SELECT id, requesting, requested, opening, lane, stage, handed, opened_at_unix, last_by_requesting_unix, idx
		FROM case_state WHERE id = ANY ($1::text[])`, keys(ids))
	return store.Keyed(all, err, func(c store.Case) string { return c.ID })
}

// Heads implements [store.Reader].
func (v *view) Heads(ctx context.Context, pairs []store.Pair) (map[store.Pair]store.PairHead, error) {
	if len(pairs) == 0 {
		return map[store.Pair]store.PairHead{}, nil
	}
	all, err := list(ctx, v, "pairs", func(r *sql.Rows, h *store.PairHead) error {
		return r.Scan(&h.From, &h.To, &h.Seq, &h.Digest)
	}, `SELECT sender, recipient, seq, digest FROM pair_head
		WHERE (sender, recipient) IN (SELECT * FROM unnest($1::text[], $2::text[]))`,
		texts(pairs, func(p store.Pair) string { return p.From }), texts(pairs, func(p store.Pair) string { return p.To }))
	return store.Keyed(all, err, func(h store.PairHead) store.Pair { return h.Pair })
}

// Inbox implements [store.Reader].
func (v *view) Inbox(ctx context.Context, authority string, after int64, limit int) ([]store.InboxItem, error) {
	return list(ctx, v, "an inbox", func(r *sql.Rows, i *store.InboxItem) error {
		return r.Scan(&i.Authority, &i.Index, &i.Kind, &i.Ref)
	}, `SELECT authority, idx, kind, ref FROM inbox WHERE authority = $1 AND idx > $2 ORDER BY idx LIMIT $3`,
		authority, after, limit)
}

const receiptColumns = `digest, kind, message_id, case_id, authority, text, signature, idx`

func scanReceipt(r *sql.Rows, c *store.Receipt) error {
	return r.Scan(&c.Digest, &c.Kind, &c.Message, &c.Case, &c.By, &c.Text, &c.Signature, &c.Index)
}

// Receipts implements [store.Reader].
func (v *view) Receipts(ctx context.Context, digests []string) (map[string]store.Receipt, error) {
	if len(digests) == 0 {
		return map[string]store.Receipt{}, nil
	}
	all, err := list(ctx, v, "receipts", scanReceipt,
		`SELECT `+receiptColumns+` FROM receipt WHERE digest = ANY ($1::text[])`, keys(digests))
	return store.Keyed(all, err, func(c store.Receipt) string { return c.Digest })
}

// Receipt implements [store.Reader].
func (v *view) Receipt(ctx context.Context, index int64) (store.Receipt, error) {
	return store.One(list(ctx, v, "a receipt", scanReceipt, `SELECT `+receiptColumns+` FROM receipt WHERE idx = $1`, index))
}

// ReceiptsOf implements [store.Reader].
func (v *view) ReceiptsOf(ctx context.Context, messageID string) ([]store.Receipt, error) {
	return list(ctx, v, "receipts", scanReceipt,
		`SELECT `+receiptColumns+` FROM receipt WHERE message_id = $1 ORDER BY idx`, messageID)
}

// Counts implements [store.Reader].
func (v *view) Counts(ctx context.Context) (store.Counts, error) {
	return store.One(list(ctx, v, "the number of rows", func(r *sql.Rows, c *store.Counts) error {
		return r.Scan(&c.Messages, &c.Cases, &c.Receipts, &c.Statements, &c.Inbox, &c.Erased)
	}, `SELECT (SELECT count(*) FROM message), (SELECT count(*) FROM case_state), (SELECT count(*) FROM receipt),
		(SELECT count(*) FROM statement), (SELECT count(*) FROM inbox), (SELECT count(*) FROM log_entry WHERE erased_by > 0)`))
}

// Statements implements [store.Reader].
func (v *view) Statements(ctx context.Context, after int64, limit int) ([]store.Statement, error) {
	return list(ctx, v, "statements", func(r *sql.Rows, s *store.Statement) error {
		return r.Scan(&s.Digest, &s.Subject, &s.Number, &s.Text, &s.Signature, &s.Index)
	}, `SELECT digest, subject, number, text, signature, idx FROM statement WHERE idx > $1 ORDER BY idx LIMIT $2`,
		after, limit)
}

func scanClock(r *sql.Rows, c *store.Clock) error { return r.Scan(&c.Case, &c.Name, &c.Due, &c.State) }

// Clocks implements [store.Reader].
func (v *view) Clocks(ctx context.Context, cases []string) (map[string][]store.Clock, error) {
	if len(cases) == 0 {
		return map[string][]store.Clock{}, nil
	}
	all, err := list(ctx, v, "clocks", scanClock, `SELECT case_id, name, due_unix, state FROM clock
		WHERE case_id = ANY ($1::text[]) ORDER BY case_id, name`, keys(cases))
	if err != nil {
		return nil, err
	}
	byCase := map[string][]store.Clock{}
	for _, c := range all {
		byCase[c.Case] = append(byCase[c.Case], c)
	}
	return byCase, nil
}

// Holds implements [store.Reader].
func (v *view) Holds(ctx context.Context, cases []string) (map[string]store.Hold, error) {
	all, err := list(ctx, v, "legal holds", func(r *sql.Rows, h *store.Hold) error {
		return r.Scan(&h.Case, &h.Basis, &h.By, &h.Since)
	}, `SELECT case_id, basis, placed_by, since_unix FROM legal_hold WHERE case_id = ANY ($1::text[])`, keys(cases))
	return store.Keyed(all, err, func(h store.Hold) string { return h.Case })
}

// CaseEntries implements [store.Reader].
func (v *view) CaseEntries(ctx context.Context, caseID string) ([]int64, error) {
	return list(ctx, v, "the entries of a case", func(r *sql.Rows, index *int64) error { return r.Scan(index) },
		`SELECT idx FROM message WHERE case_id = $1 UNION SELECT idx FROM receipt WHERE case_id = $1
		UNION SELECT idx FROM inbox WHERE kind = 'deadline' AND ref = $1 ORDER BY idx`, caseID)
}

// DueClocks implements [store.Reader].
func (v *view) DueClocks(ctx context.Context, unix int64, limit int) ([]store.Clock, error) {
	return list(ctx, v, "due clocks", scanClock, `SELECT case_id, name, due_unix, state FROM clock
		WHERE state = 'running' AND due_unix <= $1 ORDER BY due_unix, case_id, name LIMIT $2`, unix, limit)
}

// NextClock implements [store.Reader].
func (v *view) NextClock(ctx context.Context) (int64, error) {
	return store.One(list(ctx, v, "the next clock", func(r *sql.Rows, due *int64) error { return r.Scan(due) },
		`SELECT due_unix FROM clock WHERE state = 'running' ORDER BY due_unix LIMIT 1`))
}

func scanEntry(r *sql.Rows, e *store.Entry) error {
	var hash []byte
	err := r.Scan(&e.Index, &e.Leaf, &hash, &e.Salt, &e.Body, &e.ErasedBy)
	copy(e.LeafHash[:], hash)
	return err
}

// Entry implements [store.Reader].
func (v *view) Entry(ctx context.Context, index int64) (store.Entry, error) {
	return store.One(list(ctx, v, "an entry", scanEntry,
		`SELECT idx, leaf, leaf_hash, salt, body, erased_by FROM log_entry WHERE idx = $1`, index))
}

// Entries implements [store.Reader].
func (v *view) Entries(ctx context.Context, from, to int64) ([]store.Entry, error) {
	all, err := list(ctx, v, "entries", scanEntry,
		`SELECT idx, leaf, leaf_hash, salt, body, erased_by FROM log_entry WHERE idx >= $1 AND idx < $2 ORDER BY idx`, from, to)
	if err == nil && int64(len(all)) != to-from {
		return nil, fmt.Errorf("postgres: %d of %d entries: %w", len(all), to-from, store.ErrNotFound)
	}
	return all, err
}

// Leaves implements [store.Reader].
func (v *view) Leaves(ctx context.Context, from, to int64) ([][]byte, error) {
	all, err := list(ctx, v, "leaves", func(r *sql.Rows, leaf *[]byte) error { return r.Scan(leaf) },
		`SELECT leaf FROM log_entry WHERE idx >= $1 AND idx < $2 ORDER BY idx`, from, to)
	if err == nil && int64(len(all)) != to-from {
		return nil, fmt.Errorf("postgres: %d of %d leaves: %w", len(all), to-from, store.ErrNotFound)
	}
	return all, err
}

// Hashes implements [store.Reader].
func (v *view) Hashes(ctx context.Context, level int, from, to int64) ([][32]byte, error) {
	query, args := `SELECT hash FROM log_node WHERE level = $3 AND idx >= $1 AND idx < $2 ORDER BY idx`, []any{from, to, level}
	if level == 0 {
		query, args = `SELECT leaf_hash FROM log_entry WHERE idx >= $1 AND idx < $2 ORDER BY idx`, args[:2]
	}
	all, err := list(ctx, v, "hashes", func(r *sql.Rows, h *[32]byte) error {
		var hash []byte
		err := r.Scan(&hash)
		if err == nil && copy(h[:], hash) != len(h) {
			err = errors.New("a hash has another length")
		}
		return err
	}, query, args...)
	if err == nil && int64(len(all)) != to-from {
		return nil, fmt.Errorf("postgres: %d of %d hashes at level %d: %w", len(all), to-from, level, store.ErrNotFound)
	}
	return all, err
}

func scanCheckpoint(r *sql.Rows, c *store.Checkpoint) error { return r.Scan(&c.Size, &c.Note) }

// Checkpoint implements [store.Reader].
func (v *view) Checkpoint(ctx context.Context, minSize int64) (store.Checkpoint, error) {
	return store.One(list(ctx, v, "a checkpoint", scanCheckpoint,
		`SELECT size, note FROM log_checkpoint WHERE size >= $1 ORDER BY size LIMIT 1`, minSize))
}

// LatestCheckpoint implements [store.Reader].
func (v *view) LatestCheckpoint(ctx context.Context) (store.Checkpoint, error) {
	return store.One(list(ctx, v, "the newest checkpoint", scanCheckpoint,
		`SELECT size, note FROM log_checkpoint ORDER BY size DESC LIMIT 1`))
}

func scanCosignature(r *sql.Rows, c *store.Cosignature) error {
	return r.Scan(&c.Size, &c.Witness, &c.Line)
}

// Cosignatures implements [store.Reader].
func (v *view) Cosignatures(ctx context.Context, size int64) ([]store.Cosignature, error) {
	return list(ctx, v, "cosignatures", scanCosignature,
		`SELECT size, witness, line FROM log_cosignature WHERE size = $1 ORDER BY witness`, size)
}

// Witnessed implements [store.Reader].
func (v *view) Witnessed(ctx context.Context, minSize int64) (store.Checkpoint, error) {
	return store.One(list(ctx, v, "a witnessed checkpoint", scanCheckpoint,
		`SELECT size, note FROM log_witnessed WHERE size >= $1 ORDER BY size LIMIT 1`, minSize))
}
