package postgres_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/entraide/entraide/internal/store"
	"github.com/entraide/entraide/internal/store/postgres"
	"github.com/entraide/entraide/internal/testkit/pgserver"
)

// owner is the name of the home of most tests.
const owner = "desk-0.example/log"

func beginDesk(t *testing.T, address, owner string) *postgres.Desk {
	t.Helper()
	db, err := postgres.BeginDesk(t.Context(), address, owner)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return db
}

// change writes to a desk's database.
func change(t *testing.T, db *postgres.Desk, fn func(ctx context.Context, w store.DeskWriter) error) {
	t.Helper()
	if err := db.Write(t.Context(), func(w store.DeskWriter) error { return fn(t.Context(), w) }); err != nil {
		t.Fatal(err)
	}
}

// TestDeskSchema compares the schema of a desk in full with what the migrations
// make of an empty database.
func TestDeskSchema(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("deskschema.sql")
	if err != nil {
		t.Fatal(err)
	}
	fresh, migrated := pgserver.Database(t), pgserver.Database(t)
	exec(t, fresh, string(text))
	beginDesk(t, migrated, owner)
	if diff := cmp.Diff(definitions(t, fresh), definitions(t, migrated)); diff != "" {
		t.Errorf("deskschema.sql is not what the migrations make (-file +migrations):\n%s", diff)
	}
}

// TestDeskSchemasAgree has the tables of a desk and their columns the same in both
// engines, but for what is said here.
func TestDeskSchemasAgree(t *testing.T) {
	t.Parallel()
	here, there := columns(t, "deskschema.sql"), columns(t, filepath.Join("..", "sqlite", "deskschema.sql"))
	for _, own := range []string{"outbox.rowid", "confirmation.rowid", "letter_text.rowid", "letter_text.words", "desk_owner.one", "desk_owner.name"} {
		if !here[own] {
			t.Errorf("there is no %s", own)
		}
		delete(here, own) // SQLite has it without being told, or needs none
	}
	if diff := cmp.Diff(there, here); diff != "" {
		t.Errorf("the schemas differ (-sqlite +postgres):\n%s", diff)
	}
	if len(here) < 250 {
		t.Errorf("only %d columns were found", len(here))
	}
}

// columns are those of a schema in a file, with their tables.
func columns(t *testing.T, file string) map[string]bool {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]bool{}
	for _, table := range regexp.MustCompile(`(?s)CREATE TABLE (\w+) \((.*?)\n\)`).FindAllStringSubmatch(string(text), -1) {
		for _, column := range regexp.MustCompile(`(?m)^    ([a-z]\w*) `).FindAllStringSubmatch(table[2], -1) {
			found[table[1]+"."+column[1]] = true
		}
	}
	return found
}

// TestDeskOwner gives a database to one home, and not one of a broker.
func TestDeskOwner(t *testing.T) {
	t.Parallel()
	address := pgserver.Database(t)
	if _, err := postgres.OpenDesk(t.Context(), address, owner); !errors.Is(err, store.ErrForeign) {
		t.Errorf("nobody's: %v, want ErrForeign", err)
	}
	beginDesk(t, address, "desk-given-up.example/log")
	db := beginDesk(t, address, owner) // the first was begun and never finished
	change(t, db, func(ctx context.Context, w store.DeskWriter) error { return w.PutAsked(ctx, "what", "digest", 1) })
	again, err := postgres.OpenDesk(t.Context(), address, owner)
	if err != nil {
		t.Fatal(err)
	}
	defer again.Close()
	brokers := pgserver.Database(t)
	open(t, brokers)
	for what, at := range map[string]string{"another home's": address, "a broker's": brokers} {
		for how, open := range map[string]func(context.Context, string, string) (*postgres.Desk, error){"open": postgres.OpenDesk, "begin": postgres.BeginDesk} {
			if _, err := open(t.Context(), at, "desk-1.example/log"); !errors.Is(err, store.ErrForeign) {
				t.Errorf("%s, %s: %v, want ErrForeign", what, how, err)
			}
		}
	}
}

// TestDeskUnsafe refuses a server that may lose what it acknowledged.
func TestDeskUnsafe(t *testing.T) {
	t.Parallel()
	address := pgserver.Start(t, "fsync=off").Database(t)
	if _, err := postgres.OpenDesk(t.Context(), address, owner); !errors.Is(err, store.ErrUnsafe) {
		t.Errorf("%v, want ErrUnsafe", err)
	}
}

// TestDeskAlone has two processes of one desk write at once: each sees what the
// other has written, and a reader sees one instant.
func TestDeskAlone(t *testing.T) {
	t.Parallel()
	address := pgserver.Database(t)
	both := []*postgres.Desk{beginDesk(t, address, owner), beginDesk(t, address, owner)}
	const each = 40
	var writing sync.WaitGroup
	for _, db := range both {
		writing.Go(func() {
			for range each {
				if err := db.Write(t.Context(), func(w store.DeskWriter) error {
					_, count, err := w.WrongCodes(t.Context())
					return errors.Join(err, w.PutWrongCodes(t.Context(), 0, count+1))
				}); err != nil {
					t.Error(err)
				}
			}
		})
	}
	if err := both[0].Read(t.Context(), func(r store.DeskReader) error {
		_, before, err := r.WrongCodes(t.Context())
		if err != nil {
			return err
		}
		writing.Wait()
		_, after, err := r.WrongCodes(t.Context())
		if before != after {
			t.Errorf("a reader saw %d and then %d", before, after)
		}
		return err
	}); err != nil {
		t.Fatal(err)
	}
	if err := both[1].Read(t.Context(), func(r store.DeskReader) error {
		_, count, err := r.WrongCodes(t.Context())
		if count != 2*each {
			t.Errorf("%d of %d changes are there", count, 2*each)
		}
		return err
	}); err != nil {
		t.Fatal(err)
	}
}

// TestDeskStrange keeps a text of another State that PostgreSQL itself would refuse.
func TestDeskStrange(t *testing.T) {
	t.Parallel()
	db := beginDesk(t, pgserver.Database(t), owner)
	change(t, db, func(ctx context.Context, w store.DeskWriter) error {
		return w.PutLine(ctx, store.Line{Case: "c", Reference: "QM\x00-7 \xff/26"})
	})
	if err := db.Read(t.Context(), func(r store.DeskReader) error {
		l, err := r.Line(t.Context(), "c")
		if l.Reference != "QM\uFFFD-7 \uFFFD/26" {
			t.Errorf("the reference is %q", l.Reference)
		}
		return err
	}); err != nil {
		t.Fatal(err)
	}
}

// TestDeskTexts takes and finds every text that a message can have: none is too
// long, in words or in letters, to be kept and searched.
func TestDeskTexts(t *testing.T) {
	t.Parallel()
	db := beginDesk(t, pgserver.Database(t), owner)
	var many strings.Builder // as many different words as a message can have
	for r, n := rune(0x4e00), 0; n < 350_000; n++ {
		fmt.Fprintf(&many, "%c%c ", r+rune(n%20_000), r+rune(n/20_000))
	}
	long := strings.Repeat("a", 900_000) // one word
	frequent := strings.Repeat("and ", 40_000) + "then the end"
	texts := map[int64]string{1: many.String() + "bottom line", 2: long + "b top", 3: strings.Repeat("c", 3000) + " short", 4: frequent, 5: "then to the end"}
	change(t, db, func(ctx context.Context, w store.DeskWriter) error {
		for place, words := range texts {
			l := store.Letter{ID: fmt.Sprint(place), Case: fmt.Sprint("c", place), Digest: "d", Index: place}
			if err := errors.Join(w.PutLetter(ctx, l), w.PutLine(ctx, store.Line{Case: l.Case, Index: place}), w.PutText(ctx, place, words)); err != nil {
				return err
			}
		}
		return nil
	})
	phrase := func(open bool, words ...string) store.Phrase { return store.Phrase{Words: words, Open: open} }
	for _, x := range []struct {
		name    string
		phrases []store.Phrase
		want    []int64
	}{
		{"the end of very many words", []store.Phrase{phrase(false, "bottom", "line")}, []int64{1}},
		{"beside a very long word", []store.Phrase{phrase(false, "top")}, []int64{2}},
		{"the beginning of a very long word", []store.Phrase{phrase(true, strings.Repeat("a", 450))}, []int64{2}},
		{"a long word", []store.Phrase{phrase(false, strings.Repeat("c", 3000))}, []int64{3}},
		{"a word longer than that", []store.Phrase{phrase(false, strings.Repeat("c", 3001))}, nil},
		{"a phrase after a frequent word", []store.Phrase{phrase(false, "and", "then", "the")}, []int64{4}},
		{"words in another order", []store.Phrase{phrase(false, "end", "the")}, nil},
		{"two phrases", []store.Phrase{phrase(true, "th"), phrase(false, "the", "end")}, []int64{5, 4}},
		{"the middle of a word", []store.Phrase{phrase(true, "hen")}, nil},
	} {
		var found []int64
		if err := db.Read(t.Context(), func(r store.DeskReader) error {
			hits, err := r.FindText(t.Context(), store.TextQuery{Phrases: x.phrases, Limit: 10})
			for _, h := range hits {
				found = append(found, h.Place)
			}
			return err
		}); err != nil {
			t.Errorf("%s: %v", x.name, err)
		}
		if diff := cmp.Diff(x.want, found); diff != "" {
			t.Errorf("%s (-want +found): %s", x.name, diff)
		}
	}
}
