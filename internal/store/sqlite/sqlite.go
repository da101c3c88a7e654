// Package sqlite keeps the broker's database in one SQLite file, the embedded
// default. It runs in WAL mode with synchronous=FULL, so that what a commit
// acknowledged survives a loss of power.
package sqlite

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"slices"
	"strings"
	"sync"

	"github.com/pressly/goose/v3"
	driver "modernc.org/sqlite" // registers itself as "sqlite"
	lib "modernc.org/sqlite/lib"

	"github.com/entraide/entraide/internal/filelock"
	"github.com/entraide/entraide/internal/store"
)

//go:embed migrations/*.sql
var migrations embed.FS

// ErrInUse says that another broker has the database file open. Several
// brokers share a PostgreSQL database, never an SQLite file.
var ErrInUse = errors.New("sqlite: another broker uses this database file")

// errClosed says that the database was used after its end.
var errClosed = errors.New("sqlite: the database is closed")

// readers is the size of the pool that reads.
const readers = 8

// A DB is a broker's database. It implements [store.Broker].
type DB struct {
	writer *sql.DB // one connection; every transaction begins immediate
	reader *sql.DB
	lock   *filelock.Lock

	mu      sync.Mutex
	ears    map[chan struct{}]bool
	closed  bool
	running sync.WaitGroup
}

var _ store.Broker = (*DB)(nil)

// Open opens the database file, making it (mode 0600) and bringing its schema
// up to date as needed. It returns [ErrInUse] if another process has it open
// and [store.ErrNewer] if it was written by a newer program.
func Open(ctx context.Context, path string) (*DB, error) {
	lock, err := claim(path)
	if err != nil {
		return nil, err
	}
	db := &DB{lock: lock, ears: map[chan struct{}]bool{}}
	if err := db.open(ctx, path); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return db, nil
}

// claim takes the lock beside the database.
func claim(path string) (*filelock.Lock, error) {
	lock, err := filelock.Try(path + ".lock")
	if errors.Is(err, filelock.ErrHeld) {
		return nil, ErrInUse
	}
	if err != nil {
		return nil, fmt.Errorf("sqlite: %w", err)
	}
	return lock, nil
}

func (db *DB) open(ctx context.Context, path string) (err error) {
	// The file must exist with its mode before SQLite makes it with another.
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return fmt.Errorf("sqlite: opening the file: %w", err)
	}
	if err := f.Close(); err != nil {
		return fmt.Errorf("sqlite: opening the file: %w", err)
	}
	if db.writer, err = connect(path, "immediate", 1); err != nil {
		return err
	}
	if db.reader, err = connect(path, "deferred", readers); err != nil {
		return err
	}
	return migrate(ctx, db.writer, migrations, "migrations")
}

// connect opens a pool on the file.
func connect(path, begin string, size int) (*sql.DB, error) {
	q := url.Values{"_txlock": {begin}, "_pragma": {
		"busy_timeout(10000)", "journal_mode(WAL)", "synchronous(FULL)", "foreign_keys(1)", "trusted_schema(0)",
	}}
	pool, err := sql.Open("sqlite", "file:"+(&url.URL{Path: path}).EscapedPath()+"?"+q.Encode())
	if err != nil {
		return nil, fmt.Errorf("sqlite: opening the database: %w", err)
	}
	pool.SetMaxOpenConns(size)
	pool.SetMaxIdleConns(size)
	return pool, nil
}

// migrate brings the schema up to date with the numbered files of a folder.
func migrate(ctx context.Context, pool *sql.DB, all embed.FS, folder string) error {
	files, err := fs.Sub(all, folder)
	if err != nil {
		return fmt.Errorf("sqlite: finding the migrations: %w", err)
	}
	p, err := goose.NewProvider(goose.DialectSQLite3, pool, files, goose.WithDisableGlobalRegistry(true))
	if err != nil {
		return fmt.Errorf("sqlite: reading the migrations: %w", err)
	}
	has, err := p.GetDBVersion(ctx)
	if err != nil {
		return fmt.Errorf("sqlite: reading the schema's version: %w", err)
	}
	sources := p.ListSources()
	if newest := sources[len(sources)-1].Version; has > newest {
		return fmt.Errorf("%w: its schema is version %d, this program knows %d", store.ErrNewer, has, newest)
	}
	if _, err := p.Up(ctx); err != nil {
		return fmt.Errorf("sqlite: bringing the schema up to date: %w", err)
	}
	return nil
}

// CheckSettings implements [store.Broker].
func (db *DB) CheckSettings(ctx context.Context) error {
	for _, s := range []struct{ pragma, want, remedy string }{
		{"journal_mode", "wal", "keep the database on a local file system that supports WAL"},
		{"synchronous", "2", "leave synchronous at FULL"},
	} {
		var has string
		if err := db.writer.QueryRowContext(ctx, "PRAGMA "+s.pragma).Scan(&has); err != nil {
			return fmt.Errorf("sqlite: reading the setting %s: %w", s.pragma, err)
		}
		if !strings.EqualFold(has, s.want) {
			return fmt.Errorf("%w: %s is %s; %s", store.ErrUnsafe, s.pragma, has, s.remedy)
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

// Close implements [store.Broker]. The lock on the file ends last.
func (db *DB) Close() error {
	db.mu.Lock()
	db.closed = true
	db.mu.Unlock()
	db.running.Wait()
	var errs []error
	for _, pool := range []*sql.DB{db.reader, db.writer} {
		if pool != nil {
			errs = append(errs, pool.Close())
		}
	}
	return errors.Join(append(errs, db.lock.Release())...)
}

// Watch implements [store.Broker]. All commits are this process's own.
func (db *DB) Watch(context.Context) (<-chan struct{}, func(), error) {
	ear := make(chan struct{}, 1)
	db.mu.Lock()
	defer db.mu.Unlock()
	if db.closed {
		return nil, nil, errClosed
	}
	db.ears[ear] = true
	return ear, func() {
		db.mu.Lock()
		defer db.mu.Unlock()
		delete(db.ears, ear)
	}, nil
}

// wake tells those who watch that something was committed.
func (db *DB) wake() {
	db.mu.Lock()
	defer db.mu.Unlock()
	for ear := range db.ears {
		select {
		case ear <- struct{}{}:
		default: // it has not looked since the last one
		}
	}
}

// Read implements [store.Broker].
func (db *DB) Read(ctx context.Context, fn func(store.Reader) error) error {
	leave, err := db.enter()
	if err != nil {
		return err
	}
	defer leave()
	tx, err := db.reader.BeginTx(ctx, &sql.TxOptions{ReadOnly: true})
	if err != nil {
		return fmt.Errorf("sqlite: beginning to read: %w", err)
	}
	defer tx.Rollback()
	return fn(&view{tx})
}

// Write implements [store.Broker].
func (db *DB) Write(ctx context.Context, fn func(store.Writer) error) error {
	leave, err := db.enter()
	if err != nil {
		return err
	}
	defer leave()
	// The wait for the only connection ends with ctx; the transaction does not.
	conn, err := db.writer.Conn(ctx)
	if err != nil {
		return fmt.Errorf("sqlite: waiting to write: %w", err)
	}
	defer conn.Close()
	tx, err := conn.BeginTx(context.WithoutCancel(ctx), nil)
	if err != nil {
		return fmt.Errorf("sqlite: beginning to write: %w", err)
	}
	defer tx.Rollback()
	w := &writer{view: view{tx}}
	if err := fn(w); err != nil {
		return err
	}
	if !w.appended {
		if _, err := tx.Exec(`UPDATE log_head SET touched = touched + 1`); err != nil {
			return fmt.Errorf("sqlite: touching the head: %w", err)
		}
	}
	if err := tx.Commit(); err != nil {
		return committing(err)
	}
	db.wake()
	return nil
}

// committing is the error of a failed commit. After an error of the disk the
// commit may already be in the file, and come to life when it is opened again.
func committing(err error) error {
	e, ok := errors.AsType[*driver.Error](err)
	if ok && slices.Contains([]int{lib.SQLITE_BUSY, lib.SQLITE_LOCKED, lib.SQLITE_CONSTRAINT, lib.SQLITE_FULL}, e.Code()&primary) {
		return fmt.Errorf("sqlite: committing: %w", err)
	}
	return fmt.Errorf("%w: sqlite: committing: %w", store.ErrOutcomeUnknown, err)
}

// primary masks the primary part of a result code.
const primary = 0xff

// SaveCheckpoint implements [store.Broker].
func (db *DB) SaveCheckpoint(ctx context.Context, size int64, note []byte) error {
	leave, err := db.enter()
	if err != nil {
		return err
	}
	defer leave()
	var saved []byte
	err = db.writer.QueryRowContext(context.WithoutCancel(ctx), `
		INSERT INTO log_checkpoint (size, note) VALUES (?1, ?2)
		ON CONFLICT (size) DO UPDATE SET size = size RETURNING note`, size, note).Scan(&saved)
	if err != nil {
		return fmt.Errorf("sqlite: saving the checkpoint of size %d: %w", size, err)
	}
	if string(saved) != string(note) {
		return fmt.Errorf("sqlite: another checkpoint of size %d is saved", size)
	}
	db.wake()
	return nil
}

// Purge implements [store.Broker]. VACUUM writes the database anew from what is
// in its tables, and the checkpoint empties the write-ahead log.
func (db *DB) Purge(ctx context.Context) error {
	leave, err := db.enter()
	if err != nil {
		return err
	}
	defer leave()
	return purge(ctx, db.writer)
}
