package postgres_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/entraide/entraide/internal/store"
	"github.com/entraide/entraide/internal/store/postgres"
	"github.com/entraide/entraide/internal/store/storetest"
	"github.com/entraide/entraide/internal/testkit/pgserver"
	"github.com/entraide/entraide/pkg/translog"
)

func open(t *testing.T, address string) *postgres.DB {
	t.Helper()
	db, err := postgres.Open(t.Context(), address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return db
}

func TestStore(t *testing.T) {
	t.Parallel()
	storetest.Run(t, func(t *testing.T) store.Broker { return open(t, pgserver.Database(t)) })
}

// TestSharedDatabase opens one database twice at once, while it is still
// empty: both may migrate it, and one wakes the other.
func TestSharedDatabase(t *testing.T) {
	t.Parallel()
	address := pgserver.Database(t)
	var both sync.WaitGroup
	dbs := make([]*postgres.DB, 2)
	for i := range dbs {
		both.Go(func() {
			db, err := postgres.Open(t.Context(), address)
			if err != nil {
				t.Error(err)
				return
			}
			dbs[i] = db
			t.Cleanup(func() { db.Close() })
		})
	}
	both.Wait()
	if t.Failed() {
		return
	}
	wakes, end, err := dbs[0].Watch(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer end()
	if err := grow(t.Context(), dbs[1]); err != nil {
		t.Fatal(err)
	}
	<-wakes
}

// grow appends one entry.
func grow(ctx context.Context, db store.Broker) error {
	return db.Write(ctx, func(w store.Writer) error {
		head, err := w.Head(ctx)
		if err != nil {
			return err
		}
		tree, err := translog.ParseTree(head.Size, head.Frontier)
		if err != nil {
			return err
		}
		leaf := fmt.Appendf(nil, "leaf %d", head.Size)
		hash := translog.LeafHash(leaf)
		g, err := tree.Append([]translog.Hash{hash})
		if err != nil {
			return err
		}
		return w.Append(ctx, store.Batch{
			Before: head, After: store.Head{Size: g.After.Size(), Frontier: g.After.Frontier()},
			Entries: []store.Entry{{Index: head.Size, Leaf: leaf, LeafHash: hash}},
		})
	})
}

func size(t *testing.T, db store.Broker) (n int64) {
	t.Helper()
	if err := db.Read(t.Context(), func(r store.Reader) error {
		head, err := r.Head(t.Context())
		n = head.Size
		return err
	}); err != nil {
		t.Fatal(err)
	}
	return n
}

// TestServerKilled kills the whole server while entries are appended, and
// starts it again: what was acknowledged is there, each once.
func TestServerKilled(t *testing.T) {
	t.Parallel()
	server := pgserver.Start(t)
	db := open(t, server.Database(t))
	var acknowledged, failed int64
	for range 4 {
		stop := make(chan struct{})
		var writer sync.WaitGroup
		enough := make(chan struct{})
		writer.Go(func() {
			for n := 0; ; n++ {
				select {
				case <-stop:
					return
				default:
				}
				if err := grow(t.Context(), db); err != nil {
					failed++
					continue
				}
				acknowledged++
				if n == 20 {
					close(enough)
				}
			}
		})
		<-enough
		server.Kill()
		if err := server.Run(); err != nil {
			t.Fatal(err)
		}
		close(stop)
		writer.Wait()
	}
	if n := size(t, db); n < acknowledged || n > acknowledged+failed {
		t.Errorf("%d entries were acknowledged, %d attempts failed, and the log has %d", acknowledged, failed, n)
	}
	t.Logf("%d acknowledged, %d failed attempts, %d entries", acknowledged, failed, size(t, db))
}

// TestCancelledStandbyWait cancels a commit that waits for a standby: the
// server then says yes and warns, which must not count as an acknowledgement.
func TestCancelledStandbyWait(t *testing.T) {
	t.Parallel()
	server := pgserver.Start(t)
	address := server.Database(t)
	db := open(t, address)
	admin, err := sql.Open("postgres", address)
	if err != nil {
		t.Fatal(err)
	}
	defer admin.Close()
	for _, statement := range []string{`ALTER SYSTEM SET synchronous_standby_names = 'nobody'`, `SELECT pg_reload_conf()`} {
		if _, err := admin.ExecContext(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
	}
	waitFor(t, admin, `SELECT current_setting('synchronous_standby_names') = 'nobody'`)
	outcome := make(chan error, 1)
	go func() { outcome <- grow(t.Context(), db) }()
	waitFor(t, admin, `SELECT count(*) > 0 FROM pg_stat_activity WHERE wait_event = 'SyncRep'`)
	if _, err := admin.ExecContext(t.Context(), `SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE wait_event = 'SyncRep'`); err != nil {
		t.Fatal(err)
	}
	if err := <-outcome; !errors.Is(err, store.ErrOutcomeUnknown) {
		t.Errorf("a commit whose wait was cancelled: %v, want ErrOutcomeUnknown", err)
	}
}

// waitFor waits until a query answers true.
func waitFor(t *testing.T, db *sql.DB, query string) {
	t.Helper()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for ok := false; !ok; <-tick.C {
		if err := db.QueryRowContext(t.Context(), query).Scan(&ok); err != nil {
			t.Fatal(err)
		}
	}
}

// TestErrorsKeepTheAddress does not repeat the address, which may hold a
// password.
func TestErrorsKeepTheAddress(t *testing.T) {
	t.Parallel()
	for _, address := range []string{
		"postgres://u:sesame@127.0.0.1:1/x?sslmode=disable&connect_timeout=1", "postgres://u:sesame@[", "postgres://u:sesame@127.0.0.1/x?sslmode=what",
	} {
		_, err := postgres.Open(t.Context(), address)
		if err == nil || strings.Contains(err.Error(), "sesame") {
			t.Errorf("the error is %v", err)
		}
	}
}
