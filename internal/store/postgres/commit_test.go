package postgres_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/entraide/entraide/internal/store"
	"github.com/entraide/entraide/internal/store/storetest"
	"github.com/entraide/entraide/internal/testkit/pgserver"
)

// TestLostCommit loses the connection while it commits. Whatever became of the
// commit, and whoever wrote afterwards, the broker is told the truth.
func TestLostCommit(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name    string
		cut     cut
		another bool // broker writes before the first has asked
		want    error
		size    int64
	}{
		{name: "the answer is lost", cut: cut{forward: true}, size: 2},
		{name: "the answer is lost, another writes", cut: cut{forward: true}, another: true, size: 3},
		{name: "the commit is lost", cut: cut{}, want: errNothing, size: 1},
		{name: "the commit is lost, another writes", cut: cut{}, another: true, want: errNothing, size: 2},
		{name: "the server is lost as well", cut: cut{forward: true, last: true}, want: store.ErrOutcomeUnknown, size: 2},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			direct := pgserver.Database(t)
			p, address := newProxy(t, direct)
			db, other := open(t, address), open(t, direct)
			db.SetSettleTime(500 * time.Millisecond)
			if !tt.cut.last {
				db.SetSettleTime(time.Minute)
			}
			if err := grow(t.Context(), db, "first"); err != nil {
				t.Fatal(err)
			}
			if tt.another {
				tt.cut.then = func() {
					if err := grow(t.Context(), other, "another"); err != nil {
						t.Error(err)
					}
				}
			}
			p.next.Store(&tt.cut)
			err := grow(t.Context(), db, "second")
			switch {
			case tt.want == nil && err != nil:
				t.Errorf("a commit that took effect: %v", err)
			case errors.Is(tt.want, errNothing) && (err == nil || errors.Is(err, store.ErrOutcomeUnknown)):
				t.Errorf("a commit that did not take effect: %v", err)
			case errors.Is(tt.want, store.ErrOutcomeUnknown) && !errors.Is(err, store.ErrOutcomeUnknown):
				t.Errorf("a commit of which nothing can be known: %v", err)
			}
			if n := size(t, other); n != tt.size {
				t.Errorf("the log has %d entries, want %d", n, tt.size)
			}
		})
	}
}

// errNothing stands for an error that says that nothing was written.
var errNothing = errors.New("nothing was written")

// TestLostTouch loses the answer to a write that only proves earlier ones: the
// question proves them as well.
func TestLostTouch(t *testing.T) {
	t.Parallel()
	p, address := newProxy(t, pgserver.Database(t))
	db := open(t, address)
	p.next.Store(&cut{})
	if err := db.Write(t.Context(), func(store.Writer) error { return nil }); err != nil {
		t.Error(err)
	}
}

// TestStandby lets commits wait for a standby that does not exist.
func TestStandby(t *testing.T) {
	t.Parallel()
	server := pgserver.Start(t)
	address := server.Database(t)
	p, behind := newProxy(t, address)
	db := open(t, behind)
	admin, err := sql.Open("postgres", address)
	if err != nil {
		t.Fatal(err)
	}
	defer admin.Close()
	// The statements that a test runs must not wait themselves.
	admin.SetMaxOpenConns(1)
	run := func(statements ...string) {
		t.Helper()
		for _, statement := range statements {
			if _, err := admin.ExecContext(t.Context(), statement); err != nil {
				t.Fatal(err)
			}
		}
	}
	const waiting = ` FROM pg_stat_activity WHERE wait_event = 'SyncRep'`
	run(`SET synchronous_commit = local`, `ALTER SYSTEM SET synchronous_standby_names = 'nobody'`, `SELECT pg_reload_conf()`)
	waitFor(t, admin, `SELECT current_setting('synchronous_standby_names') = 'nobody'`)
	start := func(do func() error) <-chan error {
		t.Helper()
		outcome := make(chan error, 1)
		go func() { outcome <- do() }()
		waitFor(t, admin, `SELECT count(*) > 0`+waiting)
		return outcome
	}

	// The server says yes to a commit whose wait was cancelled, and warns.
	for name, do := range map[string]func() error{
		"Write":          func() error { return grow(t.Context(), db, "cancelled") },
		"SaveCheckpoint": func() error { return db.SaveCheckpoint(t.Context(), 1, []byte("note")) },
	} {
		outcome := start(do)
		run(`SELECT pg_cancel_backend(pid)` + waiting)
		if err := <-outcome; !errors.Is(err, store.ErrOutcomeUnknown) {
			t.Errorf("%s, whose wait was cancelled: %v, want ErrOutcomeUnknown", name, err)
		}
	}

	// A line that is cut while the commit waits leaves a question, which waits
	// behind it until the standby has everything: here, until there is none. A
	// context that ends cancels none of this.
	p.next.Store(&cut{forward: true, abandon: true})
	ctx, cancel := context.WithCancel(t.Context())
	outcome := start(func() error { return grow(ctx, db, "cut") })
	cancel()
	waitFor(t, admin, `SELECT count(*) > 0 FROM pg_stat_activity WHERE wait_event_type = 'Lock'`)
	select {
	case err := <-outcome:
		t.Errorf("acknowledged without a standby: %v", err)
	default:
	}
	run(`ALTER SYSTEM RESET synchronous_standby_names`, `SELECT pg_reload_conf()`)
	if err := <-outcome; err != nil {
		t.Errorf("after the wait: %v", err)
	}
	if n := size(t, db); n != 2 {
		t.Errorf("the log has %d entries, want 2", n)
	}
}

// TestServerKilled kills the whole server again and again while entries are
// appended: what was acknowledged is there, each once, and the broker goes on
// by itself, watching as well.
func TestServerKilled(t *testing.T) {
	t.Parallel()
	server := pgserver.Start(t)
	db := open(t, server.Database(t))
	wakes, end, err := db.Watch(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer end()
	var acknowledged, attempted int64
	for round := range 4 {
		stop, enough, stopped := make(chan struct{}), make(chan struct{}), make(chan struct{})
		go func() {
			defer close(stopped)
			for n := 0; ; n++ {
				select {
				case <-stop:
					return
				default:
				}
				if err := storetest.Grow(t.Context(), db, 1); err == nil {
					acknowledged++
				}
				attempted++
				if n == 20 {
					close(enough)
				}
			}
		}()
		<-enough
		server.Kill()
		for len(wakes) > 0 {
			<-wakes
		}
		if err := server.Run(); err != nil {
			t.Fatal(err)
		}
		close(stop)
		<-stopped
		<-wakes // a line that is back wakes, at the latest
		if err := storetest.Grow(t.Context(), db, 1); err != nil {
			t.Errorf("the first write after restart %d: %v", round, err)
			continue
		}
		acknowledged++
		attempted++
	}
	n := storetest.CheckFilled(t, db, acknowledged)
	if n > attempted {
		t.Errorf("%d entries of %d attempts", n, attempted)
	}
	t.Logf("%d acknowledged of %d attempts, %d entries", acknowledged, attempted, n)
}

// waitFor waits until a query answers true.
func waitFor(t *testing.T, db *sql.DB, query string) {
	t.Helper()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for ok := false; !ok; <-tick.C {
		if err := db.QueryRowContext(t.Context(), query).Scan(&ok); err != nil {
			t.Fatal(fmt.Errorf("waiting: %w", err))
		}
	}
}
