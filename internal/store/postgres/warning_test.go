package postgres_test

import (
	"context"
	"database/sql"
	"errors"
	"testing"

	"github.com/lib/pq"

	"github.com/entraide/entraide/internal/store"
	"github.com/entraide/entraide/internal/store/postgres"
	"github.com/entraide/entraide/internal/testkit/pgserver"
)

// TestWarningHeard cancels commits that wait for a standby where the server's
// warning is easily missed: in the server's own language, and in a database
// whose settings keep warnings from its clients. It is not parallel, because
// it sets the language of the server that it starts.
func TestWarningHeard(t *testing.T) {
	t.Setenv("LANGUAGE", "ru")
	server := pgserver.Start(t)
	translated, silent := server.Database(t), server.Database(t)
	admin := administrator(t, translated)
	requireTranslation(t, admin)
	administer(t, administrator(t, silent),
		`DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET client_min_messages = error', current_database()); END $$`)
	dbs := map[string]*postgres.DB{"translated": open(t, translated), "silent": open(t, silent)}
	administer(t, admin, `ALTER SYSTEM SET synchronous_standby_names = 'nobody'`, `SELECT pg_reload_conf()`)
	waitFor(t, admin, `SELECT current_setting('synchronous_standby_names') = 'nobody'`)
	for name, db := range dbs {
		for what, do := range map[string]func(context.Context) error{
			"Write":          func(ctx context.Context) error { return db.Write(ctx, func(store.Writer) error { return nil }) },
			"SaveCheckpoint": func(ctx context.Context) error { return db.SaveCheckpoint(ctx, 1, []byte("note")) },
		} {
			t.Run(name+"/"+what, func(t *testing.T) {
				outcome := make(chan error, 1)
				go func() { outcome <- do(t.Context()) }()
				waitFor(t, admin, `SELECT count(*) > 0 FROM pg_stat_activity WHERE wait_event = 'SyncRep'`)
				administer(t, admin, `SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE wait_event = 'SyncRep'`)
				if err := <-outcome; !errors.Is(err, store.ErrOutcomeUnknown) {
					t.Errorf("its wait was cancelled: %v, want ErrOutcomeUnknown", err)
				}
			})
		}
	}
}

// administrator is a connection beside the broker's. Its own commits wait for
// no standby.
func administrator(t *testing.T, address string) *sql.DB {
	t.Helper()
	db, err := sql.Open("postgres", address+"&synchronous_commit=local")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return db
}

func administer(t *testing.T, db *sql.DB, statements ...string) {
	t.Helper()
	for _, statement := range statements {
		if _, err := db.ExecContext(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
	}
}

// requireTranslation skips the test unless the server speaks Russian.
func requireTranslation(t *testing.T, db *sql.DB) {
	t.Helper()
	_, err := db.ExecContext(t.Context(), `SELECT 1/0`)
	if e, ok := errors.AsType[*pq.Error](err); !ok || e.Severity == "ERROR" {
		t.Skip("PostgreSQL's Russian messages are missing (file postgres-15.mo of Debian package postgresql-15)")
	}
}
