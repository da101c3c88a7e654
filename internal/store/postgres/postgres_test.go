package postgres_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

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
	if err := grow(t.Context(), dbs[1], "leaf"); err != nil {
		t.Fatal(err)
	}
	<-wakes
}

// grow appends one entry with a leaf of its own.
func grow(ctx context.Context, db store.Broker, name string) error {
	return db.Write(ctx, func(w store.Writer) error {
		head, err := w.Head(ctx)
		if err != nil {
			return err
		}
		tree, err := translog.ParseTree(head.Size, head.Frontier)
		if err != nil {
			return err
		}
		leaf := fmt.Appendf(nil, "%s %d", name, head.Size)
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

// TestSharedWriters writes through two handles at once, as two brokers do.
func TestSharedWriters(t *testing.T) {
	t.Parallel()
	address := pgserver.Database(t)
	dbs := []*postgres.DB{open(t, address), open(t, address)}
	const writes = 25
	var both sync.WaitGroup
	for _, db := range dbs {
		both.Go(func() {
			for range writes {
				if err := storetest.Grow(t.Context(), db, 3); err != nil {
					t.Error(err)
				}
			}
		})
	}
	both.Wait()
	if n := storetest.CheckFilled(t, dbs[0], 2*3*writes); n != 2*3*writes {
		t.Errorf("the log has %d entries", n)
	}
}

// TestWaitEnds gives up waiting for another broker's write with its context.
func TestWaitEnds(t *testing.T) {
	t.Parallel()
	address := pgserver.Database(t)
	db, other := open(t, address), open(t, address)
	if err := other.Write(t.Context(), func(store.Writer) error {
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		defer cancel()
		if err := grow(ctx, db, "leaf"); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("a write that waits for ever: %v", err)
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	if err := grow(t.Context(), db, "leaf"); err != nil {
		t.Errorf("the next write: %v", err)
	}
}

// TestUnsafe refuses settings under which a crash loses what was acknowledged.
func TestUnsafe(t *testing.T) {
	t.Parallel()
	for _, setting := range []string{"fsync=off", "full_page_writes=off", "synchronous_commit=off", "synchronous_commit=local", "synchronous_commit=remote_write"} {
		t.Run(setting, func(t *testing.T) {
			t.Parallel()
			name, value, _ := strings.Cut(setting, "=")
			var address string
			if name == "synchronous_commit" { // this a database may have for itself
				address = pgserver.Database(t)
				exec(t, address, `DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET synchronous_commit = `+value+`', current_database()); END $$`)
			} else {
				address = pgserver.Start(t, setting).Database(t)
			}
			err := open(t, address).CheckSettings(t.Context())
			if !errors.Is(err, store.ErrUnsafe) || !strings.Contains(err.Error(), name+" is "+value) {
				t.Errorf("CheckSettings = %v, want ErrUnsafe that names the setting", err)
			}
		})
	}
}

// exec runs a statement on a connection of its own.
func exec(t *testing.T, address, statement string) {
	t.Helper()
	db, err := sql.Open("postgres", address)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.ExecContext(t.Context(), statement); err != nil {
		t.Fatal(err)
	}
}

// TestNewer refuses a database that a newer program has written.
func TestNewer(t *testing.T) {
	t.Parallel()
	address := pgserver.Database(t)
	open(t, address)
	exec(t, address, `INSERT INTO goose_db_version (version_id, is_applied) VALUES (999, true)`)
	if _, err := postgres.Open(t.Context(), address); !errors.Is(err, store.ErrNewer) {
		t.Errorf("opening a newer database: %v, want ErrNewer", err)
	}
}

// TestSearchPath keeps two brokers in two schemas of one database apart.
func TestSearchPath(t *testing.T) {
	t.Parallel()
	address := pgserver.Database(t)
	exec(t, address, `CREATE SCHEMA one; CREATE SCHEMA two`)
	one, two := open(t, address+"&search_path=one"), open(t, address+"&search_path=two")
	if err := grow(t.Context(), one, "leaf"); err != nil {
		t.Fatal(err)
	}
	if n := size(t, two); n != 0 {
		t.Errorf("the other log has %d entries", n)
	}
}

// TestDialer gives up a dead line in seconds.
func TestDialer(t *testing.T) {
	t.Parallel()
	u, err := url.Parse(pgserver.Database(t))
	if err != nil {
		t.Fatal(err)
	}
	conn, err := postgres.Dial(t.Context(), "tcp", u.Host)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	raw, err := conn.(*net.TCPConn).SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	for option, want := range map[int]int{unix.TCP_USER_TIMEOUT: 6000, unix.TCP_KEEPIDLE: 5, unix.TCP_KEEPINTVL: 2, unix.TCP_KEEPCNT: 3} {
		var got int
		var failed error
		if err := raw.Control(func(fd uintptr) { got, failed = unix.GetsockoptInt(int(fd), unix.IPPROTO_TCP, option) }); err != nil || failed != nil {
			t.Fatal(err, failed)
		}
		if got != want {
			t.Errorf("socket option %d is %d, want %d", option, got, want)
		}
	}
}

// TestSilentServer gives up a server that accepts connections and says
// nothing.
func TestSilentServer(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	for _, address := range []string{"postgres://u@" + l.Addr().String() + "/x?sslmode=disable", "host=127.0.0.1 sslmode=disable user=u port=" + l.Addr().String()[len("127.0.0.1:"):]} {
		if _, err := postgres.Open(t.Context(), address); err == nil {
			t.Error("a silent server was opened")
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
