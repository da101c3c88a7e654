package e2e_test

import (
	"bytes"
	"crypto/x509"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/entraide/entraide/internal/broker/api"
	"github.com/entraide/entraide/internal/broker/home"
	"github.com/entraide/entraide/internal/desk"
	"github.com/entraide/entraide/internal/transport"
	"github.com/entraide/entraide/pkg/workflow"
)

// split makes a second broker of a copy of the first one's home, log key and
// all, and shows it to one party alone. What other parties submit is given to
// both, so that nobody misses a message. It controls every line.
func (h *hub) split(party string) {
	h.t.Helper()
	h.must(h.server.Close())
	twin := filepath.Join(h.dir, "twin")
	h.must(os.CopyFS(twin, os.DirFS(filepath.Join(h.dir, "broker"))))
	h.start()
	second, err := home.Open(h.t.Context(), twin, h.now, slog.New(slog.DiscardHandler))
	h.must(err)
	h.t.Cleanup(func() { second.Close() })
	other := api.New(second.Broker, api.DefaultLimits(), slog.New(slog.DiscardHandler)).Handler()
	identity, err := transport.Load(filepath.Join(h.dir, party))
	h.must(err)
	victim, err := x509.ParseCertificate(identity.Certificate[0])
	h.must(err)
	h.meddle(func(w http.ResponseWriter, r *http.Request, next http.Handler) bool {
		if len(r.TLS.PeerCertificates) > 0 && r.TLS.PeerCertificates[0].Equal(victim) {
			other.ServeHTTP(w, r)
			return true
		}
		if r.Method == http.MethodPost {
			body, err := io.ReadAll(r.Body)
			if err != nil {
				return true
			}
			relayed := r.Clone(r.Context())
			relayed.Body, r.Body = io.NopCloser(bytes.NewReader(body)), io.NopCloser(bytes.NewReader(body))
			other.ServeHTTP(httptest.NewRecorder(), relayed)
		}
		next.ServeHTTP(w, r)
		return true
	})
}

// TestSplitView checks that a broker which forks its log for one desk, and
// relays every message between the two, is found out by the next exchange and
// convicted by a file.
func TestSplitView(t *testing.T) {
	t.Parallel()
	h := newHub(t)
	qm, qn := h.pair()
	h.must(qn.Sync(t.Context()))
	h.split("QN")

	// A message of QN is kept from everybody else: from here on there are two
	// histories, and each of them is consistent.
	hidden := h.send(qn, h.order(workflow.Request, "QN.mla", "QM.mla", desk.Message{}))
	first := h.send(qm, h.order(workflow.Request, "QM.mla", "QN.mla", desk.Message{}))
	h.must(qn.Sync(t.Context()))
	if hidden.Index != first.Index {
		t.Fatalf("entries %d and %d, want the same place in two histories", hidden.Index, first.Index)
	}
	if found, err := qn.Incidents(t.Context()); err != nil || len(found) > 0 {
		t.Fatalf("%v, %v before the sender had seen the fork", found, err)
	}

	// The next message carries what its sender has seen.
	h.send(qm, h.order(workflow.Request, "QM.mla", "QN.mla", desk.Message{}))
	if err := qn.Sync(t.Context()); err == nil || !strings.Contains(err.Error(), "two faces") {
		t.Fatalf("the desk goes on: %v", err)
	}
	found, err := qn.Incidents(t.Context())
	h.must(err)
	if len(found) == 0 || !strings.Contains(found[0].What, "two faces") {
		t.Fatalf("incidents %v", found)
	}
	h.convicts(filepath.Join(h.dir, "QN", "incidents"))

	// It trusts nothing and sends nothing any more.
	id, _, err := qn.Send(t.Context(), h.order(workflow.Request, "QN.mla", "QM.mla", desk.Message{}))
	if err == nil {
		_, err = qn.Await(t.Context(), id)
	}
	if err == nil {
		t.Error("a desk that knows of the fork goes on sending")
	}
}
