// Package postgres keeps the broker's database in PostgreSQL, for production.
// Several brokers may share it: the head row of the log, locked by every
// write, is the fence between them.
//
// Tables live in the first schema of the connection's search path.
package postgres

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"time"

	"github.com/lib/pq"
	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"

	"github.com/entraide/entraide/internal/store"
)

//go:embed migrations/*.sql
var migrations embed.FS

const (
	// connections is the size of the pool.
	connections = 24
	// channel carries the wake-ups between the brokers of one database.
	channel = "entraide_log"
	// reconnectLeast and reconnectMost bound how soon a lost line for wake-ups
	// is tried again.
	reconnectLeast = 100 * time.Millisecond
	reconnectMost  = 5 * time.Second
	// rereadTime bounds finding out what became of a commit.
	rereadTime = 30 * time.Second
)

// A DB is a broker's database. It implements [store.Broker].
type DB struct {
	pool    *sql.DB
	address string
}

var _ store.Broker = (*DB)(nil)

// Open connects to the database at a postgres:// address and brings its schema
// up to date. Several brokers may do so at once. It returns [store.ErrNewer]
// if the schema was written by a newer program. No error names the address.
func Open(ctx context.Context, address string) (*DB, error) {
	c, err := newConnector(address)
	if err != nil {
		return nil, err
	}
	db := &DB{pool: sql.OpenDB(c), address: address}
	db.pool.SetMaxOpenConns(connections)
	db.pool.SetMaxIdleConns(connections)
	db.pool.SetConnMaxIdleTime(5 * time.Minute)
	if err := migrate(ctx, db.pool); err != nil {
		return nil, errors.Join(err, db.pool.Close())
	}
	return db, nil
}

// migrate brings the schema up to date. A lock keeps two brokers that start at
// once from doing it together.
func migrate(ctx context.Context, pool *sql.DB) error {
	files, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return fmt.Errorf("postgres: finding the migrations: %w", err)
	}
	locker, err := lock.NewPostgresSessionLocker()
	if err != nil {
		return fmt.Errorf("postgres: preparing the migration lock: %w", err)
	}
	p, err := goose.NewProvider(goose.DialectPostgres, pool, files,
		goose.WithDisableGlobalRegistry(true), goose.WithSessionLocker(locker))
	if err != nil {
		return fmt.Errorf("postgres: reading the migrations: %w", err)
	}
	if _, err := p.Up(ctx); err != nil {
		return fmt.Errorf("postgres: bringing the schema up to date: %w", err)
	}
	has, err := p.GetDBVersion(ctx)
	if err != nil {
		return fmt.Errorf("postgres: reading the schema's version: %w", err)
	}
	sources := p.ListSources()
	if newest := sources[len(sources)-1].Version; has > newest {
		return fmt.Errorf("%w: its schema is version %d, this program knows %d", store.ErrNewer, has, newest)
	}
	return nil
}

// CheckSettings implements [store.Broker].
func (db *DB) CheckSettings(ctx context.Context) error {
	for _, s := range []struct {
		name string
		safe []string
	}{
		{"fsync", []string{"on"}},
		{"full_page_writes", []string{"on"}},
		{"synchronous_commit", []string{"on", "remote_apply"}},
	} {
		var has string
		if err := db.pool.QueryRowContext(ctx, `SELECT current_setting($1)`, s.name).Scan(&has); err != nil {
			return fmt.Errorf("postgres: reading the setting %s: %w", s.name, err)
		}
		if !slices.Contains(s.safe, has) {
			return fmt.Errorf("%w: %s is %s; set it to %s", store.ErrUnsafe, s.name, has, s.safe[0])
		}
	}
	return nil
}

// Close implements [store.Broker].
func (db *DB) Close() error { return db.pool.Close() }

// Watch implements [store.Broker].
func (db *DB) Watch(context.Context) (<-chan struct{}, func(), error) {
	l := pq.NewDialListener(dialer{}, db.address, reconnectLeast, reconnectMost, nil)
	if err := l.Listen(channel); err != nil {
		return nil, nil, fmt.Errorf("postgres: listening: %w", errors.Join(err, l.Close()))
	}
	ear, ended := make(chan struct{}, 1), make(chan struct{})
	go func() {
		defer close(ended)
		// A nil notification says that the line was lost and is back.
		for range l.Notify {
			select {
			case ear <- struct{}{}:
			default: // it has not looked since the last one
			}
		}
	}()
	return ear, func() {
		_ = l.Close() // it was only for wake-ups
		<-ended
	}, nil
}

// Read implements [store.Broker].
func (db *DB) Read(ctx context.Context, fn func(store.Reader) error) error {
	tx, err := db.pool.BeginTx(ctx, &sql.TxOptions{Isolation: sql.LevelRepeatableRead, ReadOnly: true})
	if err != nil {
		return fmt.Errorf("postgres: beginning to read: %w", err)
	}
	defer tx.Rollback() //nolint:errcheck // nothing was written
	return fn(&view{tx})
}

// Write implements [store.Broker].
func (db *DB) Write(ctx context.Context, fn func(store.Writer) error) error {
	ctx = context.WithoutCancel(ctx)
	conn, err := db.pool.Conn(ctx)
	if err != nil {
		return fmt.Errorf("postgres: connecting: %w", err)
	}
	defer conn.Close()
	w, err := begin(ctx, conn)
	if err != nil {
		return err
	}
	defer w.tx.Rollback() //nolint:errcheck // does nothing after the commit
	if err := fn(w); err != nil {
		return err
	}
	if !w.appended {
		if _, err := w.tx.ExecContext(ctx, `UPDATE log_head SET touched = touched + 1`); err != nil {
			return fmt.Errorf("postgres: touching the head: %w", err)
		}
	}
	if _, err := w.tx.ExecContext(ctx, `SELECT pg_notify($1, '')`, channel); err != nil {
		return fmt.Errorf("postgres: waking the others: %w", err)
	}
	return db.commit(ctx, conn, w)
}

// begin starts a transaction that holds the head row.
func begin(ctx context.Context, conn *sql.Conn) (*writer, error) {
	tx, err := conn.BeginTx(ctx, nil)
	if err != nil {
		return nil, fmt.Errorf("postgres: beginning to write: %w", err)
	}
	var size int64
	if err := tx.QueryRowContext(ctx, `SELECT size FROM log_head FOR UPDATE`).Scan(&size); err != nil {
		return nil, fmt.Errorf("postgres: locking the head: %w", errors.Join(err, tx.Rollback()))
	}
	return &writer{view: view{tx}}, nil
}

// SaveCheckpoint implements [store.Broker].
func (db *DB) SaveCheckpoint(ctx context.Context, size int64, note []byte) error {
	ctx = context.WithoutCancel(ctx)
	var saved []byte
	err := db.pool.QueryRowContext(ctx, `
		WITH told AS (SELECT pg_notify($3, ''))
		INSERT INTO log_checkpoint (size, note) SELECT $1::bigint, $2::bytea FROM told
		ON CONFLICT (size) DO UPDATE SET size = EXCLUDED.size RETURNING note`, size, note, channel).Scan(&saved)
	if err != nil {
		return fmt.Errorf("postgres: saving the checkpoint of size %d: %w", size, err)
	}
	if string(saved) != string(note) {
		return fmt.Errorf("postgres: another checkpoint of size %d is saved", size)
	}
	return nil
}
