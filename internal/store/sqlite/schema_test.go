package sqlite_test

import (
	"database/sql"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/entraide/entraide/internal/store/sqlite"
)

// TestSchema compares the schemas in full with what the migrations make of
// empty databases.
func TestSchema(t *testing.T) {
	t.Parallel()
	for file, open := range map[string]func(string) (interface{ Close() error }, error){
		"schema.sql": func(path string) (interface{ Close() error }, error) { return sqlite.Open(t.Context(), path) },
		"mirrorschema.sql": func(path string) (interface{ Close() error }, error) {
			return sqlite.OpenMirror(t.Context(), path)
		},
		"deskschema.sql": func(path string) (interface{ Close() error }, error) { return sqlite.OpenDesk(t.Context(), path) },
	} {
		migrated := filepath.Join(t.TempDir(), "migrated.db")
		db, err := open(migrated)
		if err != nil {
			t.Fatal(err)
		}
		if err := db.Close(); err != nil {
			t.Fatal(err)
		}
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(definitions(t, filepath.Join(t.TempDir(), "fresh.db"), string(text)), definitions(t, migrated, "")); diff != "" {
			t.Errorf("%s is not what the migrations make (-file +migrations):\n%s", file, diff)
		}
	}
}

// definitions returns what a database is made of, after a script.
func definitions(t *testing.T, path, script string) map[string]string {
	t.Helper()
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.ExecContext(t.Context(), script); err != nil {
		t.Fatal(err)
	}
	rows, err := db.QueryContext(t.Context(), `SELECT type || ' ' || name, sql FROM sqlite_schema
		WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite%' AND name NOT LIKE 'goose%'`)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	found := map[string]string{}
	for rows.Next() {
		var name, definition string
		if err := rows.Scan(&name, &definition); err != nil {
			t.Fatal(err)
		}
		found[name] = strings.NewReplacer(" ,", ",", " )", ")").Replace(strings.Join(strings.Fields(definition), " "))
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	if len(found) < 10 {
		t.Errorf("only %d definitions", len(found))
	}
	return found
}

// TestErasureKnowsEveryTable has every table of a desk that is about a case or a
// message thought of by EraseCase or ForgetCase: what is named here is emptied of content
// there, or has none.
func TestErasureKnowsEveryTable(t *testing.T) {
	t.Parallel()
	known := map[string]string{
		"letter": "emptied", "outbox": "deleted", "confirmation": "salts taken", "deadline": "salts taken", "evidence_verdict": "deleted",
		"receipt_wait": "deleted",
		"case_clock":   "dates of the procedure", "case_link": "numbers of cases", "case_hold": "basis and officer", "case_erasure": "the record itself",
		"case_line": "derived anew", "case_type": "derived anew", "case_work": "who worked on it", "case_tag": "the State's own order", "case_reader": "who may read it",
		"draft": "emptied by ForgetCase", "release": "emptied by ForgetCase", "case_note": "deleted by ForgetCase", "letter_seen": "who read it, and when",
		"condition_accepted": "who accepted, and when", "page": "who was called, and when",
	}
	path := filepath.Join(t.TempDir(), "desk.db")
	desk, err := sqlite.OpenDesk(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	defer desk.Close()
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	rows, err := db.QueryContext(t.Context(), `SELECT DISTINCT t.name FROM sqlite_schema t, pragma_table_info(t.name) c
		WHERE t.type = 'table' AND c.name IN ('case_id', 'message_id', 'case', 'message')`)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		var name string
		if err := rows.Scan(&name); err != nil {
			t.Fatal(err)
		}
		if known[name] == "" {
			t.Errorf("the table %s is about a case or a message: have EraseCase take out its content, and say so here", name)
		}
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
}
