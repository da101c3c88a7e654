package sqlite

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"os"
	"strings"

	driver "modernc.org/sqlite"
	lib "modernc.org/sqlite/lib"

	"github.com/entraide/entraide/internal/store"
	"github.com/entraide/entraide/internal/store/desksql"
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
	return fn(desksql.NewReader(tx, deskEngine))
}

// Write implements [store.Desk].
func (db *Desk) Write(ctx context.Context, fn func(store.DeskWriter) error) error {
	tx, err := db.writer.BeginTx(context.WithoutCancel(ctx), nil)
	if err != nil {
		return fmt.Errorf("sqlite: beginning to write: %w", err)
	}
	defer tx.Rollback() // does nothing after the commit
	if err := fn(desksql.NewWriter(tx, deskEngine)); err != nil {
		return err
	}
	if err := tx.Commit(); err != nil {
		return fmt.Errorf("sqlite: committing: %w", err)
	}
	return nil
}

// deskEngine is how SQLite keeps a desk.
var deskEngine = &desksql.Engine{
	Name:  "sqlite",
	Spell: func(statement string) string { return statement },
	Holds: func(phrases []store.Phrase) (string, []any) { return `t.words MATCH ?`, []any{matching(phrases)} },
	Taken: func(err error) bool {
		e, ok := errors.AsType[*driver.Error](err)
		return ok && e.Code() == lib.SQLITE_CONSTRAINT_UNIQUE
	},
}

// matching spells phrases as an FTS5 query.
func matching(phrases []store.Phrase) string {
	spelt := make([]string, len(phrases))
	for i, p := range phrases {
		spelt[i] = `"` + strings.Join(p.Words, " ") + `"`
		if p.Open {
			spelt[i] += " *"
		}
	}
	return strings.Join(spelt, " AND ")
}

// Purge implements [store.Desk]. VACUUM writes the database anew from what is in
// its tables, and the checkpoint empties the write-ahead log.
func (db *Desk) Purge(ctx context.Context) error { return purge(ctx, db.writer) }

// purge removes from the files of a database what is no longer in its tables.
func purge(ctx context.Context, writer *sql.DB) error {
	if _, err := writer.ExecContext(ctx, `VACUUM`); err != nil {
		return fmt.Errorf("sqlite: writing the database anew: %w", err)
	}
	var busy, frames, moved int
	if err := writer.QueryRowContext(ctx, `PRAGMA wal_checkpoint(TRUNCATE)`).Scan(&busy, &frames, &moved); err != nil {
		return fmt.Errorf("sqlite: emptying the write-ahead log: %w", err)
	}
	if busy != 0 {
		return fmt.Errorf("%w: somebody is reading; repeat it when the database is quiet", store.ErrResidue)
	}
	return nil
}
