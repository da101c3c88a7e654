// Package postgres keeps the broker's database in PostgreSQL, for production.
// Several brokers may share it: the head row of the log, locked by every
// write, is the fence between them; there is no leader.
//
// Tables live in the first schema of the connection's search path. The address
// may name several hosts (postgres://user@/name?host=a,b), which in production
// are proxies that know the primary. A proxy that pools connections must do so
// by session, because to listen is a matter of the session.
package postgres

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"sync"
	"time"

	"github.com/lib/pq"
	"github.com/pressly/goose/v3"

	"github.com/entraide/entraide/internal/store"
)

//go:embed migrations/*.sql
var migrations embed.FS

// Sizes of the two pools. One writer is for Write, which runs alone, the other
// for checkpoints, which are saved beside it.
const (
	readers = 16
	writers = 2
)

// errClosed says that the database was used after its end.
var errClosed = errors.New("postgres: the database is closed")

// A DB is a broker's database. It implements [store.Broker].
type DB struct {
	address    string
	reader     *sql.DB
	writer     *sql.DB
	turn       chan struct{} // holds a token while a Write of this process runs
	settleTime time.Duration

	mu       sync.Mutex
	closed   bool
	watching map[*pq.Listener]bool
	running  sync.WaitGroup
}

var _ store.Broker = (*DB)(nil)

// Open connects to the database at an address, postgres://… or key=value
// pairs, and brings its schema up to date. Several brokers may do so at once.
// It returns [store.ErrNewer] if the schema was made by a newer program. No
// error repeats the address.
func Open(ctx context.Context, address string) (*DB, error) {
	address, c, err := newConnector(address)
	if err != nil {
		return nil, err
	}
	db := &DB{
		address: address, reader: sql.OpenDB(c), writer: sql.OpenDB(c),
		turn: make(chan struct{}, 1), settleTime: settleTime, watching: map[*pq.Listener]bool{},
	}
	// Connections are kept: each new one costs its handshake, and the time-out
	// of every dead host before it.
	db.reader.SetMaxOpenConns(readers)
	db.reader.SetMaxIdleConns(readers)
	db.writer.SetMaxOpenConns(writers)
	db.writer.SetMaxIdleConns(writers)
	if err := migrate(ctx, db.reader, db.writer, migrations, "migrations"); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return db, nil
}

// migrationLock is the key of the advisory lock under which one broker at a
// time brings a schema up to date; the schema is the other half. It ends with
// its transaction, not with a session that a pool may hand to somebody else.
const migrationLock = 0x656e7472

// migrate brings the schema up to date with the numbered files of a folder.
func migrate(ctx context.Context, reader, writer *sql.DB, all embed.FS, folder string) error {
	files, err := fs.Sub(all, folder)
	if err != nil {
		return fmt.Errorf("postgres: finding the migrations: %w", err)
	}
	p, err := goose.NewProvider(goose.DialectPostgres, reader, files, goose.WithDisableGlobalRegistry(true))
	if err != nil {
		return fmt.Errorf("postgres: reading the migrations: %w", err)
	}
	lock, err := writer.BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("postgres: connecting: %w", err)
	}
	defer lock.Rollback() // it holds nothing but the lock
	if _, err := lock.ExecContext(ctx, `SET LOCAL idle_in_transaction_session_timeout = 0`); err != nil {
		return fmt.Errorf("postgres: waiting to migrate: %w", err)
	}
	if _, err := lock.ExecContext(ctx, `SELECT pg_advisory_xact_lock($1, hashtext(current_schema()))`, migrationLock); err != nil {
		return fmt.Errorf("postgres: waiting to migrate: %w", err)
	}
	has, err := p.GetDBVersion(ctx)
	if err != nil {
		return fmt.Errorf("postgres: reading the schema's version: %w", err)
	}
	sources := p.ListSources()
	if newest := sources[len(sources)-1].Version; has > newest {
		return fmt.Errorf("%w: its schema is version %d, this program knows %d", store.ErrNewer, has, newest)
	}
	if _, err := p.Up(ctx); err != nil {
		return fmt.Errorf("postgres: bringing the schema up to date: %w", err)
	}
	return nil
}

// CheckSettings implements [store.Broker].
func (db *DB) CheckSettings(ctx context.Context) error { return checkSettings(ctx, db.writer) }

// checkSettings returns [store.ErrUnsafe] under settings with which a crash loses
// what was acknowledged.
func checkSettings(ctx context.Context, pool *sql.DB) error {
	for _, s := range []struct {
		name string
		safe []string
	}{
		{"fsync", []string{"on"}},
		{"full_page_writes", []string{"on"}},
		{"synchronous_commit", []string{"on", "remote_apply"}},
	} {
		var has string
		if err := pool.QueryRowContext(ctx, `SELECT current_setting($1)`, s.name).Scan(&has); err != nil {
			return fmt.Errorf("postgres: reading the setting %s: %w", s.name, err)
		}
		if !slices.Contains(s.safe, has) {
			return fmt.Errorf("%w: %s is %s; set it to %s", store.ErrUnsafe, s.name, has, s.safe[0])
		}
	}
	return nil
}

// enter counts a transaction in, so that Close waits until it leaves.
func (db *DB) enter() (leave func(), err error) {
	db.mu.Lock()
	defer db.mu.Unlock()
	if db.closed {
		return nil, errClosed
	}
	db.running.Add(1)
	return db.running.Done, nil
}

// Close implements [store.Broker].
func (db *DB) Close() error {
	db.mu.Lock()
	db.closed = true
	watching := db.watching
	db.watching = nil
	db.mu.Unlock()
	for listener := range watching {
		_ = listener.Close() // it says only that it was closed before
	}
	db.running.Wait()
	return errors.Join(db.reader.Close(), db.writer.Close())
}

// Purge implements [store.Broker]. VACUUM FULL writes the tables anew; a new
// segment of the write-ahead log and two checkpoints let the server remove the
// old ones, unless it keeps them for other uses.
func (db *DB) Purge(ctx context.Context) error {
	leave, err := db.enter()
	if err != nil {
		return err
	}
	defer leave()
	conn, err := db.writer.Conn(ctx)
	if err != nil {
		return fmt.Errorf("postgres: purging: %w", err)
	}
	defer conn.Close()
	return vacuum(ctx, conn, []string{"message", "receipt", "log_entry", "inbox", "case_state", "clock"})
}

// vacuum writes tables anew and makes the server remove the write-ahead log.
func vacuum(ctx context.Context, conn *sql.Conn, tables []string) error {
	var statements []string
	for _, table := range tables {
		statements = append(statements, "VACUUM FULL "+table)
	}
	for _, statement := range append(statements, `SELECT pg_switch_wal()`, `CHECKPOINT`, `SELECT pg_switch_wal()`, `CHECKPOINT`) {
		if _, err := conn.ExecContext(ctx, statement); err != nil {
			return fmt.Errorf("%w: %s: %w (the role needs to own the tables, and pg_checkpoint and EXECUTE on pg_switch_wal)", store.ErrResidue, statement, err)
		}
	}
	return keepsLog(ctx, conn)
}

// keepsLog says if the server keeps files of the write-ahead log for other uses
// than its own recovery.
func keepsLog(ctx context.Context, conn *sql.Conn) error {
	for name, good := range map[string]string{"wal_recycle": "off", "wal_keep_size": "0", "archive_mode": "off"} {
		var has string
		if err := conn.QueryRowContext(ctx, `SELECT current_setting($1)`, name).Scan(&has); err != nil {
			return fmt.Errorf("postgres: reading the setting %s: %w", name, err)
		}
		if has != good {
			return fmt.Errorf("%w: %s is %s, so the write-ahead log is kept or its files are used again; set it to %s, or destroy the copies", store.ErrResidue, name, has, good)
		}
	}
	return nil
}
