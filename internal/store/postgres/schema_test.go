package postgres_test

import (
	"database/sql"
	"os"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/entraide/entraide/internal/testkit/pgserver"
)

// TestSchema compares the schema in full with what the migrations make of an
// empty database.
func TestSchema(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("schema.sql")
	if err != nil {
		t.Fatal(err)
	}
	fresh, migrated := pgserver.Database(t), pgserver.Database(t)
	exec(t, fresh, string(text))
	open(t, migrated)
	if diff := cmp.Diff(definitions(t, fresh), definitions(t, migrated)); diff != "" {
		t.Errorf("schema.sql is not what the migrations make (-file +migrations):\n%s", diff)
	}
}

// definitions returns what a database is made of, by name.
func definitions(t *testing.T, address string) map[string]string {
	t.Helper()
	db, err := sql.Open("postgres", address)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	rows, err := db.QueryContext(t.Context(), `
		WITH ours AS (SELECT oid, relname, relkind, reloptions FROM pg_class
			WHERE relnamespace = 'public'::regnamespace AND relname NOT LIKE 'goose%')
		SELECT 'table ' || relname, concat(relkind, reloptions) FROM ours WHERE relkind <> 'i'
		UNION ALL SELECT 'column ' || relname || '.' || attname, concat_ws(' ', format_type(atttypid, atttypmod),
			(SELECT collname FROM pg_collation c WHERE c.oid = attcollation), attnotnull, attstorage,
			(SELECT pg_get_expr(adbin, adrelid) FROM pg_attrdef d WHERE d.adrelid = attrelid AND d.adnum = attnum))
			FROM pg_attribute JOIN ours ON attrelid = ours.oid WHERE attnum > 0 AND relkind = 'r'
		UNION ALL SELECT 'constraint ' || relname || '.' || conname, pg_get_constraintdef(c.oid)
			FROM pg_constraint c JOIN ours ON conrelid = ours.oid
		UNION ALL SELECT 'index ' || relname, pg_get_indexdef(ours.oid) FROM ours WHERE relkind = 'i'`)
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
		found[name] = definition
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	if len(found) < 50 {
		t.Errorf("only %d definitions", len(found))
	}
	return found
}
