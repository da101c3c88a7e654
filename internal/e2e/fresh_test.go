package e2e_test

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"

	"github.com/entraide/entraide/internal/desk"
	"github.com/entraide/entraide/pkg/message"
	"github.com/entraide/entraide/pkg/translog"
	"github.com/entraide/entraide/pkg/verify"
	"github.com/entraide/entraide/pkg/wire"
	"github.com/entraide/entraide/pkg/workflow"
)

// door is the line of a policy for a witness behind a door that can be shut.
func (h *hub) door(name string) (line string, shut *atomic.Bool) {
	h.t.Helper()
	line, server := h.auditor(name)
	handler := server.Config.Handler
	shut = &atomic.Bool{}
	door := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if shut.Load() {
			http.Error(w, "closed", http.StatusServiceUnavailable)
			return
		}
		handler.ServeHTTP(w, r)
	}))
	h.t.Cleanup(door.Close)
	return strings.Replace(line, server.URL, door.URL, 1), shut
}

// recorded answers what was answered before, at some paths.
func (h *hub) recorded(paths ...string) tamper {
	h.t.Helper()
	old := map[string][]byte{}
	for _, path := range paths {
		body, err := h.as("QN").Fetch(h.t.Context(), path)
		h.must(err)
		old["/"+path] = body
	}
	return func(w http.ResponseWriter, r *http.Request, _ http.Handler) bool {
		body, ok := old[r.URL.Path]
		if ok {
			_, _ = w.Write(body)
		}
		return ok
	}
}

// TestYesterdaysCheckpoint shows a desk yesterday's state of the log, properly
// signed (row 16 of the threats): the cosignatures have grown old, which is an
// incident after an hour, and after a day the desk sends nothing on the strength of
// that directory. A log that is only quiet is cosigned anew.
func TestYesterdaysCheckpoint(t *testing.T) {
	t.Parallel()
	h := newHub(t)
	h.pair()
	line, _ := h.auditor("auditor")
	h.witnesses(line + "quorum auditor\n")
	qm, qn := h.open("QM"), h.open("QN")
	sent := h.send(qm, h.order(workflow.Request, "QM.mla", "QN.mla", desk.Message{}))
	h.until("a witnessed receipt", func() bool { return h.graded(h.as("QM"), sent.ID).Grade == wire.GradeWitnessed })
	h.must(qn.Sync(t.Context()))
	yesterday := h.recorded("checkpoint", "checkpoint/witnessed")

	h.pass(2 * time.Hour)
	later := h.now().Add(-time.Hour)
	key, err := note.NewVerifier(h.public.LogKey)
	h.must(err)
	policy, err := translog.ParsePolicy([]byte(line + "quorum auditor\n"))
	h.must(err)
	h.until("a cosignature of now", func() bool {
		signed, err := h.as("QN").Fetch(t.Context(), "checkpoint/witnessed")
		h.must(err)
		open, err := policy.Open(signed, h.public.Origin, key)
		h.must(err)
		return slices.ContainsFunc(open.By, func(c translog.Cosignature) bool { return c.At.After(later) })
	})
	h.must(qn.Sync(t.Context()))
	h.accused(qn, 0, "")

	h.meddle(yesterday)
	h.pass(30 * time.Minute)
	h.must(qn.Sync(t.Context()))
	h.accused(qn, 0, "")
	h.pass(time.Hour)
	h.must(qn.Sync(t.Context()))
	h.accused(qn, 1, "the newest cosignature")
	h.must(qn.Sync(t.Context()))
	h.accused(qn, 1, "the newest cosignature")

	h.pass(24 * time.Hour)
	_, _, err = qn.Send(t.Context(), h.order(workflow.Request, "QN.mla", "QM.mla", desk.Message{}))
	h.must(err)
	if err := qn.Sync(t.Context()); err == nil || !strings.Contains(err.Error(), "more than a day old") {
		t.Errorf("on a directory of yesterday the desk sends: %v", err)
	}
}

// TestUnwitnessed has no witness vouch for what the broker accepted: after a minute
// that is an incident, with the receipt there is as evidence. When the witness is
// back the desk gets the better receipt.
func TestUnwitnessed(t *testing.T) {
	t.Parallel()
	h := newHub(t)
	h.pair()
	line, shut := h.door("auditor")
	shut.Store(true)
	h.witnesses(line + "quorum auditor\n")
	qm := h.open("QM")
	sent := h.send(qm, h.order(workflow.Request, "QM.mla", "QN.mla", desk.Message{}))
	h.must(qm.Sync(t.Context()))
	h.accused(qm, 0, "")
	h.pass(2 * time.Minute)
	h.must(qm.Sync(t.Context()))
	h.accused(qm, 1, "no quorum of witnesses")
	kept, err := filepath.Glob(filepath.Join(h.dir, "QM", "incidents", "*.a"))
	h.must(err)
	evidence, err := os.ReadFile(kept[0])
	if err != nil || !strings.HasPrefix(string(evidence), "c2sp.org/tlog-proof") {
		t.Errorf("the receipt is not kept: %q, %v", evidence, err)
	}
	shut.Store(false)
	trust, err := verify.NewTrust(h.public)
	h.must(err)
	h.until("a witnessed receipt at the desk", func() bool {
		h.must(qm.Sync(t.Context()))
		dir := filepath.Join(t.TempDir(), "m")
		h.must(qm.Export(t.Context(), sent.ID, dir))
		data, err := os.ReadFile(filepath.Join(dir, desk.WireFile))
		h.must(err)
		m, err := message.Parse(data)
		h.must(err)
		receipt, err := os.ReadFile(filepath.Join(dir, desk.ReceiptFile))
		h.must(err)
		a, err := trust.Message(m, receipt, qm.Directory())
		h.must(err)
		return a.Witnessed
	})
	h.accused(qm, 1, "no quorum of witnesses")
}

// TestDropped cuts the line whenever a message is handed in, and never otherwise
// (row 9): the desk cannot prove it, and says so after a minute.
func TestDropped(t *testing.T) {
	t.Parallel()
	h := newHub(t)
	qm, _ := h.pair()
	h.meddle(func(_ http.ResponseWriter, r *http.Request, _ http.Handler) bool {
		if r.Method == http.MethodPost && r.URL.Path == "/v1/messages" {
			panic(http.ErrAbortHandler)
		}
		return false
	})
	_, _, err := qm.Send(t.Context(), h.order(workflow.Request, "QM.mla", "QN.mla", desk.Message{}))
	h.must(err)
	for range 2 {
		if err := qm.Sync(t.Context()); err == nil {
			t.Error("a message that was dropped counts as sent")
		}
	}
	h.accused(qm, 0, "")
	h.pass(2 * time.Minute)
	if err := qm.Sync(t.Context()); err == nil {
		t.Error("a message that was dropped counts as sent")
	}
	h.accused(qm, 1, "neither a receipt nor a refusal")
	h.meddle(nil)
	h.must(qm.Sync(t.Context()))
}
