package e2e_test

import (
	"database/sql"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/entraide/entraide/internal/desk"
	"github.com/entraide/entraide/internal/testkit/pgserver"
	"github.com/entraide/entraide/pkg/workflow"
)

// TestDatabaseReadOnly makes the broker's database one that takes nothing, as a standby
// is (T39): the broker refuses with a problem that says to try again, nobody believes
// anything, and when it takes something again the message arrives, without anybody.
func TestDatabaseReadOnly(t *testing.T) {
	t.Parallel()
	server := pgserver.Start(t)
	address := server.Database(t)
	h := newHubOn(t, address)
	qm, qn := h.pair()
	admin, name := h.administrator(address)
	readOnly := func(value string) {
		for _, statement := range []string{
			"ALTER DATABASE " + name + " SET default_transaction_read_only = " + value,
			"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '" + name + "'",
		} {
			_, err := admin.ExecContext(t.Context(), statement)
			h.must(err)
		}
	}

	readOnly("on")
	id, _, err := qm.Send(t.Context(), h.order(workflow.Request, "QM.mla", "QN.mla", desk.Message{}))
	h.must(err)
	if err := qm.Sync(t.Context()); err == nil {
		t.Error("a database that takes nothing has taken a message")
	}
	if err := h.server.Broker.Ready(t.Context()); err == nil {
		t.Error("the broker says that it is ready")
	}
	h.waits(qm, string(id))
	readOnly("off")
	h.until("the message is taken", func() bool { return qm.Sync(t.Context()) == nil })
	h.arrived(qm, qn, string(id))
	h.must(h.server.Broker.Ready(t.Context()))
}

// administrator opens a connection that stands beside a database, to change it as a
// whole, and returns it with the name of that database.
func (h *hub) administrator(address string) (admin *sql.DB, name string) {
	h.t.Helper()
	u, err := url.Parse(address)
	h.must(err)
	name = strings.TrimPrefix(u.Path, "/")
	u.Path = "/postgres"
	admin, err = sql.Open("postgres", u.String())
	h.must(err)
	h.t.Cleanup(func() { admin.Close() })
	return admin, name
}

// TestClockJumps has the clock of the broker jump by a day, and back (T39): meanwhile a
// message waits; afterwards it is taken, without anybody's help.
func TestClockJumps(t *testing.T) {
	t.Parallel()
	h := newHub(t)
	qm, qn := h.pair()
	h.pass(48 * time.Hour) // no key is younger than the jump
	var ahead atomic.Int64
	h.must(h.server.Close())
	h.startBy(func() time.Time { return h.now().Add(time.Duration(ahead.Load())) })
	for _, jump := range []time.Duration{24 * time.Hour, -24 * time.Hour} {
		ahead.Store(int64(jump))
		id, _, err := qm.Send(t.Context(), h.order(workflow.Request, "QM.mla", "QN.mla", desk.Message{}))
		h.must(err)
		if err := qm.Sync(t.Context()); err == nil {
			t.Errorf("a clock %v ahead: the message is out of the way", jump)
		}
		h.waits(qm, string(id))
		ahead.Store(0)
		h.must(qm.Sync(t.Context()))
		h.arrived(qm, qn, string(id))
	}
}

// waits checks that a message of a desk has no place in the log yet.
func (h *hub) waits(d *desk.Desk, id string) {
	h.t.Helper()
	m, err := d.Sent(h.t.Context(), id)
	if err != nil || m.Created != "" {
		h.t.Errorf("the message does not wait: %+v, %v", m, err)
	}
}

// arrived checks that a message is in the log, and with its recipient, once.
func (h *hub) arrived(from, to *desk.Desk, id string) {
	h.t.Helper()
	sent, err := from.Sent(h.t.Context(), id)
	h.must(err)
	h.must(to.Sync(h.t.Context()))
	all, err := to.Messages(h.t.Context())
	h.must(err)
	n := 0
	for _, m := range all {
		if m.ID == id && m.Index == sent.Index {
			n++
		}
	}
	if n != 1 {
		h.t.Errorf("the message %s is there %d times", id, n)
	}
}
