package e2e_test

import (
	"log/slog"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/entraide/entraide/internal/broker/home"
	"github.com/entraide/entraide/internal/desk"
	"github.com/entraide/entraide/internal/testkit/states"
	"github.com/entraide/entraide/internal/witness"
	"github.com/entraide/entraide/pkg/pgp"
	"github.com/entraide/entraide/pkg/problem"
	"github.com/entraide/entraide/pkg/wire"
	"github.com/entraide/entraide/pkg/workflow"
)

// clocked is the line of a policy for an auditor's witness whose clock is ahead.
func (h *hub) clocked(name string, ahead time.Duration) string {
	h.t.Helper()
	dir := filepath.Join(h.dir, "witness-"+name)
	vkey, err := witness.Init(dir, name+".example", []string{h.public.LogKey})
	h.must(err)
	w, err := witness.Open(dir, func() time.Time { return h.now().Add(ahead) }, slog.New(slog.DiscardHandler))
	h.must(err)
	server := httptest.NewServer(w.Server().Handler)
	h.t.Cleanup(server.Close)
	return "witness " + name + " " + vkey + " " + server.URL + "\n"
}

// refuses waits until the broker accepts no messages, for a reason.
func (h *hub) refuses(reason string) {
	h.t.Helper()
	h.until("the broker refuses: "+reason, func() bool {
		err := h.server.Broker.Ready(h.t.Context())
		return problem.CodeOf(err) == problem.LogUnavailable && strings.Contains(err.Error(), reason)
	})
}

// TestClockOfWitnesses moves the broker's clock away from those of its witnesses
// (row 11 of the threats): it accepts nothing while a quorum of them shows another
// time. One of three stops nothing (row 13).
func TestClockOfWitnesses(t *testing.T) {
	t.Parallel()
	h := newHub(t)
	_, _ = h.pair()
	lines := h.clocked("one", 0) + h.clocked("two", 0) + h.clocked("astray", -20*time.Minute) + "group g 2 one two astray\nquorum g\n"
	h.witnesses(lines)
	qm := h.open("QM")
	sent := h.send(qm, h.order(workflow.Request, "QM.mla", "QN.mla", desk.Message{}))
	h.until("a witnessed receipt", func() bool { return h.graded(h.as("QM"), sent.ID).Grade == wire.GradeWitnessed })
	h.must(h.server.Broker.Ready(t.Context()))

	h.witnesses(h.clocked("early", 20*time.Minute) + h.clocked("earlier", 30*time.Minute) + h.clocked("right", 0) +
		"group g 2 early earlier right\nquorum g\n")
	h.refuses("clock")
	id, _, err := qm.Send(t.Context(), h.order(workflow.Request, "QM.mla", "QN.mla", desk.Message{}))
	h.must(err)
	if err := qm.Sync(t.Context()); err == nil || !strings.Contains(err.Error(), "clock") {
		t.Errorf("the message %s was taken: %v", id, err)
	}
}

// TestStolenLogKey has a thief extend the log with its key on a machine of his
// own, before the witness (row 12): the broker's own log finds no witness any more,
// raises the alarm and accepts nothing.
func TestStolenLogKey(t *testing.T) {
	t.Parallel()
	h := newHub(t)
	h.pair()
	line, _ := h.auditor("auditor")
	h.witnesses(line + "quorum auditor\n")
	h.must(h.server.Close())
	thief := filepath.Join(h.dir, "thief")
	h.must(os.CopyFS(thief, os.DirFS(filepath.Join(h.dir, "broker"))))
	world := states.New(t, pgp.Modern6)
	second, err := home.Open(t.Context(), thief, h.now, slog.New(slog.DiscardHandler))
	h.must(err)
	stolen, err := second.Broker.Checkpoint(t.Context())
	h.must(err)
	for range 3 { // refusals, logged
		_, err := second.Broker.Publish(t.Context(), "thief", world.Statements()[0])
		if err == nil {
			t.Fatal("a statement of others was taken")
		}
	}
	h.until("the witness vouches for the thief's log", func() bool {
		witnessed, err := second.Broker.Witnessed(t.Context())
		return err == nil && h.sizeOf(witnessed) > h.sizeOf(stolen)
	})
	h.must(second.Close())
	h.start()
	h.refuses("another history")
	if h.metric(`entraide_witness_total{outcome="conflict"}`) == "" {
		t.Error("there was no alarm")
	}
}

// TestWithoutQuorum takes the witnesses away: messages are accepted for a long
// while, and then no more until a quorum vouches for the log again; what was accepted
// meanwhile is vouched for then.
func TestWithoutQuorum(t *testing.T) {
	t.Parallel()
	h := newHub(t)
	_, _ = h.pair()
	line, silent := h.door("auditor")
	h.witnesses(line + "quorum auditor\n")
	qm := h.open("QM")
	sent := h.send(qm, h.order(workflow.Request, "QM.mla", "QN.mla", desk.Message{}))
	h.until("a witnessed receipt", func() bool { return h.graded(h.as("QM"), sent.ID).Grade == wire.GradeWitnessed })
	silent.Store(true)
	h.pass(23 * time.Hour)
	meanwhile := h.send(qm, h.order(workflow.Request, "QM.mla", "QN.mla", desk.Message{}))
	h.until("the alarm", func() bool {
		n, err := strconv.Atoi(h.metric(`entraide_witness_total{outcome="unreached"}`))
		return err == nil && n > 0
	})
	if grade := h.graded(h.as("QM"), meanwhile.ID).Grade; grade == wire.GradeWitnessed {
		t.Errorf("a receipt without witnesses is %s", grade)
	}
	h.pass(48 * time.Hour)
	h.must(h.server.Broker.Ready(t.Context()))
	h.pass(2 * time.Hour)
	h.refuses("No quorum")
	silent.Store(false)
	h.until("the broker accepts again", func() bool { return h.server.Broker.Ready(t.Context()) == nil })
	h.until("the proof of what was accepted meanwhile", func() bool { return h.graded(h.as("QM"), meanwhile.ID).Grade == wire.GradeWitnessed })
}
