package postgres

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/lib/pq"
	"github.com/lib/pq/pqerror"

	"github.com/entraide/entraide/internal/store"
)

// Read implements [store.Broker].
func (db *DB) Read(ctx context.Context, fn func(store.Reader) error) error {
	leave, err := db.enter()
	if err != nil {
		return err
	}
	defer leave()
	tx, err := snapshot(ctx, db.reader)
	if err != nil {
		return err
	}
	defer tx.Rollback() // nothing was written
	return fn(&view{tx})
}

// snapshot begins a transaction that sees one instant.
func snapshot(ctx context.Context, pool *sql.DB) (tx *sql.Tx, err error) {
	err = again(ctx, func() (err error) {
		tx, err = pool.BeginTx(ctx, &sql.TxOptions{Isolation: sql.LevelRepeatableRead, ReadOnly: true})
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("postgres: beginning to read: %w", because(ctx, err))
	}
	return tx, nil
}

// Write implements [store.Broker].
func (db *DB) Write(ctx context.Context, fn func(store.Writer) error) error {
	leave, err := db.enter()
	if err != nil {
		return err
	}
	defer leave()
	select {
	case db.turn <- struct{}{}:
		defer func() { <-db.turn }()
	case <-ctx.Done():
		return fmt.Errorf("postgres: waiting to write: %w", ctx.Err())
	}
	w, err := db.begin(ctx)
	if err != nil {
		return fmt.Errorf("postgres: waiting to write: %w", because(ctx, err))
	}
	defer w.turn.end()
	if err := fn(w); err != nil {
		return err
	}
	if !w.appended {
		if err := w.touch(context.WithoutCancel(ctx)); err != nil {
			return err
		}
	}
	err = w.turn.commit()
	if errors.Is(err, errLost) {
		return db.settle(context.WithoutCancel(ctx), w, err)
	}
	return err
}

// SaveCheckpoint implements [store.Broker].
func (db *DB) SaveCheckpoint(ctx context.Context, size int64, note []byte) error {
	leave, err := db.enter()
	if err != nil {
		return err
	}
	defer leave()
	ctx = context.WithoutCancel(ctx)
	var saved []byte
	// It may be done twice, so a lost connection leaves nothing in doubt.
	err = again(ctx, func() (err error) {
		saved, err = db.saveCheckpoint(ctx, size, note)
		return err
	})
	if err != nil {
		return fmt.Errorf("postgres: saving the checkpoint of size %d: %w", size, err)
	}
	if string(saved) != string(note) {
		return fmt.Errorf("postgres: another checkpoint of size %d is saved", size)
	}
	return nil
}

// saveCheckpoint saves the note unless one is saved, and returns that one.
func (db *DB) saveCheckpoint(ctx context.Context, size int64, note []byte) (saved []byte, err error) {
	l, err := take(ctx, db.writer)
	if err != nil {
		return nil, err
	}
	defer l.end()
	err = l.conn.QueryRowContext(ctx, `WITH told AS (SELECT `+announce+`)
		INSERT INTO log_checkpoint AS c (size, note) SELECT $1::bigint, $2::bytea FROM told
		ON CONFLICT (size) DO UPDATE SET size = c.size RETURNING note`, size, store.Blob(note)).Scan(&saved)
	if err != nil {
		l.drop()
		return nil, err
	}
	if l.warned != "" {
		l.drop()
		return nil, doubt(l.warned)
	}
	return saved, nil
}

// attempts is how often something is tried that finds its connection dead:
// once for each connection that a lost server leaves behind, and one.
const attempts = writers + 1

// again does what had no effect again if its connection was lost, or leads to
// a server that is no longer the primary.
func again(ctx context.Context, do func() error) error {
	for n := 1; ; n++ {
		err := do()
		if err == nil || n == attempts || ctx.Err() != nil || !lost(err) && pq.As(err, pqerror.ReadOnlySQLTransaction) == nil {
			return err
		}
	}
}

// because adds to an error that ctx has ended, if it has: what is cancelled
// says only that it was.
func because(ctx context.Context, err error) error {
	if ended := ctx.Err(); ended != nil && !errors.Is(err, ended) {
		return fmt.Errorf("%w: %w", ended, err)
	}
	return err
}

// lost reports whether err is the loss of an established connection.
func lost(err error) bool {
	if errors.Is(err, driver.ErrBadConn) {
		return true
	}
	e, ok := errors.AsType[*net.OpError](err)
	return ok && e.Op != "dial"
}

// A lease is a connection of the writers' pool whose warnings are heard.
type lease struct {
	conn   *sql.Conn
	warned string // SQLSTATE of the last warning
}

// take takes a connection of a pool.
func take(ctx context.Context, pool *sql.DB) (*lease, error) {
	conn, err := pool.Conn(ctx)
	if err != nil {
		return nil, err
	}
	l := &lease{conn: conn}
	// The session hears of nothing milder than a warning (see settings). Its
	// severity cannot be looked at: package pq gives that in the language of
	// the server.
	if err := l.listen(func(n *pq.Error) { l.warned = string(n.Code) }); err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	return l, nil
}

// listen sets who hears what the server says beside its answers.
func (l *lease) listen(hear func(*pq.Error)) error {
	return l.conn.Raw(func(c any) error {
		own, ok := c.(*conn)
		if !ok {
			return errDriver
		}
		pq.SetNoticeHandler(own.session, hear)
		return nil
	})
}

// end gives the connection back.
func (l *lease) end() {
	_ = l.listen(nil)  // fails if the connection is gone,
	_ = l.conn.Close() // and so does this
}

// drop closes the connection instead.
func (l *lease) drop() {
	_ = l.conn.Raw(func(any) error { return driver.ErrBadConn })
}

// begin begins a transaction that holds the head row.
func (db *DB) begin(ctx context.Context) (*writer, error) {
	w := &writer{}
	t, err := begin(ctx, db.writer, "size, frontier", &w.head.Size, &w.head.Frontier)
	w.turn, w.view = t, view{t.tx}
	return w, err
}

// A turn is a transaction of a connection.
type turn struct {
	*lease
	tx *sql.Tx
}

// begin begins a transaction and takes the head row, of which it reads columns. The
// wait for it ends with ctx; the transaction does not: if it could be cancelled, so
// could its commit, and PostgreSQL answers a commit that was cancelled with success.
func begin(ctx context.Context, pool *sql.DB, columns string, into ...any) (t turn, err error) {
	err = again(ctx, func() error {
		l, err := take(ctx, pool)
		if err != nil {
			return err
		}
		t = turn{lease: l}
		t.tx, err = l.conn.BeginTx(context.WithoutCancel(ctx), &sql.TxOptions{Isolation: sql.LevelReadCommitted})
		if err == nil {
			err = t.tx.QueryRowContext(ctx, `SELECT `+columns+` FROM log_head FOR UPDATE`).Scan(into...)
		}
		if err != nil {
			t.drop()
		}
		return err
	})
	return t, err
}

// end gives the connection back, after rolling back what is not committed.
func (t turn) end() {
	if t.tx != nil {
		_ = t.tx.Rollback() // does nothing after the commit
	}
	t.lease.end()
}

// drop closes the connection, once the transaction has let go of it.
func (t turn) drop() {
	if t.tx != nil {
		_ = t.tx.Rollback()
	}
	t.lease.drop()
}

// touch writes the head row without moving it.
func (w *writer) touch(ctx context.Context) error {
	_, err := w.tx.ExecContext(ctx, `WITH head AS (UPDATE log_head SET touched = touched + 1) SELECT `+announce)
	if err != nil {
		return fmt.Errorf("postgres: touching the head: %w", err)
	}
	return nil
}

// errLost says that there was no answer to a commit.
var errLost = errors.New("the connection was lost during the commit")

// commit commits. Only what came without a warning is success: when the wait
// for a standby is cancelled, PostgreSQL warns, and says yes to what is
// durable on one machine alone.
func (t turn) commit() error {
	t.warned = ""
	err := t.tx.Commit()
	switch {
	case t.warned != "":
		t.drop()
		return doubt(t.warned)
	case err == nil:
		return nil
	case refused(err):
		return fmt.Errorf("postgres: committing: %w", err)
	default:
		t.drop()
		return fmt.Errorf("postgres: %w: %w", errLost, err)
	}
}

// doubt is the error of a commit that was answered with a warning.
func doubt(sqlstate string) error {
	return fmt.Errorf("%w: PostgreSQL warned (SQLSTATE %s) that it may not be on the standby", store.ErrOutcomeUnknown, sqlstate)
}

// refused reports whether the server itself said that it did not commit, and
// goes on.
func refused(err error) bool {
	e, ok := errors.AsType[*pq.Error](err)
	return ok && !e.Fatal() || errors.Is(err, pq.ErrInFailedTransaction)
}

// settleTime bounds finding out what became of a commit: a failover takes
// tens of seconds. settlePause lies between two attempts.
const (
	settleTime  = 45 * time.Second
	settlePause = 100 * time.Millisecond
)

// settle finds out what became of a transaction whose commit was not answered,
// and returns nil if it took effect.
func (db *DB) settle(ctx context.Context, lost *writer, cause error) error {
	ctx, cancel := context.WithTimeout(ctx, db.settleTime)
	defer cancel()
	tick := time.NewTicker(settlePause)
	defer tick.Stop()
	for {
		took, err := db.tookEffect(ctx, lost)
		switch {
		case err == nil && took:
			return nil
		case err == nil:
			return fmt.Errorf("%w, and nothing was written", cause)
		case errors.Is(err, store.ErrOutcomeUnknown):
			return err
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%w: %w", store.ErrOutcomeUnknown, cause)
		case <-tick.C:
		}
	}
}

// tookEffect reports whether the log has what a lost transaction appended. It
// asks with a write: that waits until the lost one has ended, since both take
// the head row, and its own commit proves that what it has seen is durable on
// the standby too.
func (db *DB) tookEffect(ctx context.Context, lost *writer) (bool, error) {
	w, err := db.begin(ctx)
	if err != nil {
		return false, err
	}
	defer w.turn.end()
	took := true // the head row was only touched, as it is again now
	if lost.appended {
		// The salt in a leaf makes its hash unique.
		hashes, err := w.Hashes(ctx, 0, lost.head.Size, lost.head.Size+1)
		if err != nil && !errors.Is(err, store.ErrNotFound) {
			return false, err
		}
		took = len(hashes) == 1 && hashes[0] == lost.first
	}
	if err := w.touch(ctx); err != nil {
		return false, err
	}
	return took, w.turn.commit()
}
