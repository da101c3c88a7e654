package postgres

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/lib/pq"
	"github.com/lib/pq/pqerror"

	"github.com/entraide/entraide/internal/store"
	"github.com/entraide/entraide/internal/store/desksql"
)

//go:embed deskmigrations/*.sql
var deskMigrations embed.FS

// A Desk is the database of a desk. It implements [store.Desk].
type Desk struct {
	writer *sql.DB // one connection; every transaction holds the head row
	reader *sql.DB
}

var _ store.Desk = (*Desk)(nil)

// OpenDesk connects to the database of a desk at an address, postgres://… or
// key=value pairs, and brings its schema up to date. It must be that of the owner, a
// name that only one home has; [BeginDesk] makes it so.
//
// It returns [store.ErrNewer] if the schema was made by a newer program,
// [store.ErrUnsafe] if the server may lose what it acknowledged, and
// [store.ErrForeign] if the database belongs to something else. No error repeats the
// address.
func OpenDesk(ctx context.Context, address, owner string) (*Desk, error) {
	return openDesk(ctx, address, func(db *Desk) error { return db.belongs(ctx, owner) })
}

// BeginDesk makes a database that of an owner, and opens it like [OpenDesk]. One that
// was begun before and never used may be begun again.
func BeginDesk(ctx context.Context, address, owner string) (*Desk, error) {
	return openDesk(ctx, address, func(db *Desk) error { return db.begin(ctx, owner) })
}

func openDesk(ctx context.Context, address string, own func(*Desk) error) (*Desk, error) {
	_, c, err := newConnector(address)
	if err != nil {
		return nil, err
	}
	db := &Desk{writer: sql.OpenDB(c), reader: sql.OpenDB(c)}
	db.writer.SetMaxOpenConns(1)
	db.reader.SetMaxOpenConns(readers)
	db.reader.SetMaxIdleConns(readers)
	for _, step := range []func() error{
		func() error { return db.refuseBroker(ctx) },
		func() error { return checkSettings(ctx, db.reader) },
		func() error { return migrate(ctx, db.reader, db.writer, deskMigrations, "deskmigrations") },
		func() error { return own(db) },
	} {
		if err := step(); err != nil {
			return nil, errors.Join(err, db.Close())
		}
	}
	return db, nil
}

// refuseBroker refuses the database of a broker.
func (db *Desk) refuseBroker(ctx context.Context) error {
	var has bool
	if err := db.reader.QueryRowContext(ctx, `SELECT to_regclass('log_checkpoint') IS NOT NULL`).Scan(&has); err != nil {
		return fmt.Errorf("postgres: connecting: %w", err)
	}
	if has {
		return fmt.Errorf("%w: it is that of a broker", store.ErrForeign)
	}
	return nil
}

// begin makes the database that of an owner.
func (db *Desk) begin(ctx context.Context, owner string) error {
	// Where a desk was begun and never finished, nothing was asked for yet.
	if _, err := db.writer.ExecContext(ctx, `INSERT INTO desk_owner (one, name) VALUES (1, $1)
		ON CONFLICT (one) DO UPDATE SET name = excluded.name WHERE NOT EXISTS (SELECT 1 FROM asked)`, owner); err != nil {
		return fmt.Errorf("postgres: writing the owner: %w", err)
	}
	return db.belongs(ctx, owner)
}

// belongs finds that the database is that of an owner.
func (db *Desk) belongs(ctx context.Context, owner string) error {
	var has string
	err := db.reader.QueryRowContext(ctx, `SELECT name FROM desk_owner`).Scan(&has)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return fmt.Errorf("%w: it holds no case file", store.ErrForeign)
	case err != nil:
		return fmt.Errorf("postgres: reading the owner: %w", err)
	case has != owner:
		return fmt.Errorf("%w: it holds the case file of another desk", store.ErrForeign)
	}
	return nil
}

// Close implements [store.Desk].
func (db *Desk) Close() error { return errors.Join(db.reader.Close(), db.writer.Close()) }

// Read implements [store.Desk].
func (db *Desk) Read(ctx context.Context, fn func(store.DeskReader) error) error {
	tx, err := snapshot(ctx, db.reader)
	if err != nil {
		return err
	}
	defer tx.Rollback() // nothing was written
	return fn(desksql.NewReader(tx, deskEngine))
}

// Write implements [store.Desk]. [store.ErrOutcomeUnknown] says that there was no
// answer to the commit, or one that does not promise all that it should.
func (db *Desk) Write(ctx context.Context, fn func(store.DeskWriter) error) error {
	var size int64
	t, err := begin(ctx, db.writer, "size", &size)
	if err != nil {
		return fmt.Errorf("postgres: waiting to write: %w", because(ctx, err))
	}
	defer t.end()
	if err := fn(desksql.NewWriter(t.tx, deskEngine)); err != nil {
		return err
	}
	err = t.commit()
	if errors.Is(err, errLost) {
		return fmt.Errorf("%w: %w", store.ErrOutcomeUnknown, err)
	}
	return err
}

// Purge implements [store.Desk]. VACUUM FULL writes the tables anew; a new segment
// of the write-ahead log and two checkpoints let the server remove the old ones,
// unless it keeps them for other uses.
func (db *Desk) Purge(ctx context.Context) error {
	conn, err := db.writer.Conn(ctx)
	if err != nil {
		return fmt.Errorf("postgres: purging: %w", err)
	}
	defer conn.Close()
	var tables string
	if err := conn.QueryRowContext(ctx, `SELECT string_agg(quote_ident(tablename), ' ') FROM pg_tables WHERE schemaname = current_schema()`).Scan(&tables); err != nil {
		return fmt.Errorf("postgres: purging: %w", err)
	}
	return vacuum(ctx, conn, strings.Fields(tables))
}

// deskEngine is how PostgreSQL keeps a desk.
var deskEngine = &desksql.Engine{
	Name:  "postgres",
	Spell: spell,
	Holds: holds,
	// Whether words are rare or in every message decides how they are found.
	BeforeSearch: `SET LOCAL plan_cache_mode = force_custom_plan`,
	Taken:        func(err error) bool { return pq.As(err, pqerror.UniqueViolation) != nil },
}

// spell spells a statement: parameters are $1, $2 and so on, and the order of joins
// is the planner's.
func spell(statement string) string {
	var b strings.Builder
	parts := strings.Split(strings.ReplaceAll(statement, "CROSS JOIN", "JOIN"), "?")
	b.WriteString(parts[0])
	for i, part := range parts[1:] {
		b.WriteByte('$')
		if part == "" || part[0] < '0' || part[0] > '9' {
			b.WriteString(strconv.Itoa(i + 1))
		}
		b.WriteString(part)
	}
	return b.String()
}

// maxLexeme is how many characters of a word are looked up in the index.
const maxLexeme = 400

// holds looks words up in the index, where texts that have no lexemes are under '+',
// and then holds the text itself against the phrases.
func holds(phrases []store.Phrase) (condition string, args []any) {
	var lexemes, texts []string
	var needles []any
	for _, p := range phrases {
		for i, word := range p.Words {
			begins, characters := p.Open && i == len(p.Words)-1, []rune(word)
			lexeme := "'" + string(characters[:min(len(characters), maxLexeme)]) + "'"
			if begins {
				lexeme += ":*"
			}
			lexemes = append(lexemes, lexeme)
		}
		needle := " " + strings.Join(p.Words, " ")
		if !p.Open {
			needle += " "
		}
		texts = append(texts, "strpos(' ' || t.words || ' ', ?) > 0")
		needles = append(needles, needle)
	}
	return "lexemes(t.words) @@ CAST(? AS tsquery) AND " + strings.Join(texts, " AND "),
		append([]any{"(" + strings.Join(lexemes, " & ") + ") | '+'"}, needles...)
}
