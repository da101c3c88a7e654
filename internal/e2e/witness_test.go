package e2e_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/entraide/entraide/internal/desk"
	"github.com/entraide/entraide/internal/transport"
	"github.com/entraide/entraide/internal/witness"
	"github.com/entraide/entraide/pkg/client"
	"github.com/entraide/entraide/pkg/message"
	"github.com/entraide/entraide/pkg/problem"
	"github.com/entraide/entraide/pkg/translog"
	"github.com/entraide/entraide/pkg/verify"
	"github.com/entraide/entraide/pkg/wire"
	"github.com/entraide/entraide/pkg/workflow"
)

// auditor serves a witness of the hub's log and returns its line of a policy.
func (h *hub) auditor(name string) (line string, server *httptest.Server) {
	h.t.Helper()
	dir := filepath.Join(h.dir, "witness-"+name)
	vkey, err := witness.Init(dir, name+".example", []string{h.public.LogKey})
	h.must(err)
	w, err := witness.Open(dir, h.now, slog.New(slog.DiscardHandler))
	h.must(err)
	server = httptest.NewServer(w.Server().Handler)
	h.t.Cleanup(server.Close)
	return fmt.Sprintf("witness %s %s %s\n", name, vkey, server.URL), server
}

// deskLine is the line of a policy for a desk.
func (h *hub) deskLine(party string) string {
	h.t.Helper()
	vkey, err := os.ReadFile(filepath.Join(h.dir, party, "witness", witness.PublicFile))
	h.must(err)
	return fmt.Sprintf("witness %s %s\n", party, strings.TrimSpace(string(vkey)))
}

// as is a client of the broker with a desk's certificate.
func (h *hub) as(party string) *client.Client {
	h.t.Helper()
	identity, err := transport.Load(filepath.Join(h.dir, party))
	h.must(err)
	c, err := client.New(h.public, identity)
	h.must(err)
	h.t.Cleanup(c.Close)
	return c
}

// until asks again until it is answered with yes, for two minutes at most.
func (h *hub) until(what string, yes func() bool) {
	h.t.Helper()
	deadline := time.After(2 * time.Minute)
	for tick := time.NewTicker(20 * time.Millisecond); !yes(); {
		select {
		case <-deadline:
			h.t.Fatalf("waited in vain: %s", what)
		case <-tick.C:
		}
	}
}

// graded fetches the receipt of a message.
func (h *hub) graded(c *client.Client, id string) wire.Receipt {
	h.t.Helper()
	r, err := c.Receipt(h.t.Context(), id)
	h.must(err)
	return r
}

// TestWitnessed has three auditors and two desks witness the log, of which three
// make the quorum; one auditor is not there, and one never answers. Messages are accepted at once;
// their receipts are witnessed as soon as the desks have cosigned too.
func TestWitnessed(t *testing.T) {
	t.Parallel()
	h := newHub(t)
	h.pair()
	present, _ := h.auditor("present")
	absent, server := h.auditor("absent")
	server.Close()
	hanging, server := h.auditor("hanging")
	t.Cleanup(server.CloseClientConnections)
	asked := make(chan struct{}, 1)
	server.Config.Handler = http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		select {
		case asked <- struct{}{}:
		default:
		}
		_, _ = io.Copy(io.Discard, r.Body)
		<-r.Context().Done()
	})
	h.witnesses(present + absent + hanging + h.deskLine("QM") + h.deskLine("QN") + "group g 3 present absent hanging QM QN\nquorum g\n")
	<-asked
	qm, qn := h.open("QM"), h.open("QN")
	sent := h.send(qm, h.order(workflow.Request, "QM.mla", "QN.mla", desk.Message{}))
	c := h.as("QM")
	if r := h.graded(c, sent.ID); r.Grade != wire.GradeLogged {
		t.Errorf("the receipt is %s before anybody can have seen it", r.Grade)
	}
	var receipt wire.Receipt
	h.until("a witnessed receipt", func() bool {
		h.must(qm.Sync(t.Context()))
		h.must(qn.Sync(t.Context()))
		receipt = h.graded(c, sent.ID)
		return receipt.Grade == wire.GradeWitnessed
	})
	trust, err := verify.NewTrust(h.public)
	h.must(err)
	h.must(qm.Export(t.Context(), sent.ID, filepath.Join(h.dir, "m")))
	data, err := os.ReadFile(filepath.Join(h.dir, "m", desk.WireFile))
	h.must(err)
	m, err := message.Parse(data)
	h.must(err)
	a, err := trust.Message(m, []byte(receipt.Receipt), qm.Directory())
	if err != nil || !a.Witnessed || len(a.Cosigned) != 3 {
		t.Errorf("the receipt is witnessed %t by %d: %v", a.Witnessed, len(a.Cosigned), err)
	}
	// Always the same bytes, whoever of the two asks.
	if again := h.graded(h.as("QN"), sent.ID); again != receipt {
		t.Error("another receipt for the other party")
	}
	// With one line fewer, it is one that the broker alone vouches for.
	cut := bytes.LastIndexByte([]byte(strings.TrimSuffix(receipt.Receipt, "\n")), '\n')
	if a, err = trust.Message(m, []byte(receipt.Receipt[:cut+1]), qm.Directory()); err != nil || a.Witnessed {
		t.Errorf("without a line, the receipt is witnessed %t, %v", a.Witnessed, err)
	}
	h.must(qm.Sync(t.Context()))
	says(t, h.site(qm).visitor("ana", desk.Drafter).get("/messages/"+sent.ID), "Witnessed", "3 of 5 witnesses have cosigned", "present")
}

// TestCosignRefused takes no cosignature that is not one of a witness of the
// policy on a checkpoint of the log.
func TestCosignRefused(t *testing.T) {
	t.Parallel()
	h := newHub(t)
	h.pair()
	ours := h.as("QM")
	signed, err := ours.Fetch(t.Context(), "checkpoint")
	h.must(err)
	refused := func(what string, note []byte, want problem.Code) {
		t.Helper()
		if err := ours.Cosign(t.Context(), note); problem.CodeOf(err) != want {
			t.Errorf("%s: %v, want %s", what, err, want)
		}
	}
	refused("a log without a policy", signed, problem.Forbidden)
	h.witnesses(h.deskLine("QM") + "quorum QM\n")
	refused("no cosignature", signed, problem.InvalidValue)
	refused("no signature of the log", bytes.Replace(signed, []byte("broker.example/log\n"), []byte("broker.example/lag\n"), 1), problem.BadSignature)
	secret, _, err := translog.GenerateWitnessKey("stranger.example")
	h.must(err)
	stranger, err := translog.ParseCosigner(secret, h.now)
	h.must(err)
	trust, err := verify.NewTrust(h.public)
	h.must(err)
	cp, err := trust.Checkpoint(signed)
	h.must(err)
	line, err := stranger.Cosign(cp)
	h.must(err)
	refused("a stranger", append(bytes.Clone(signed), line...), problem.InvalidValue)
	if err := h.as("QM").Cosign(t.Context(), nil); err == nil {
		t.Error("nothing was taken")
	}
	anybody, err := client.New(h.public, h.nobody())
	h.must(err)
	if err := anybody.Cosign(t.Context(), signed); problem.CodeOf(err) != problem.Unauthenticated {
		t.Errorf("somebody unknown: %v", err)
	}
}

// TestRewoundUnderWitness restores an old database and takes the signer guard
// away with it, the operator's worst mistake: the witness vouches for nothing
// of what follows, the broker says so, and everybody else can go on.
func TestRewoundUnderWitness(t *testing.T) {
	t.Parallel()
	h := newHub(t)
	line, _ := h.auditor("auditor")
	h.witnesses(line + "quorum auditor\n")
	qm, _ := h.pair()
	broker := filepath.Join(h.dir, "broker")
	old := filepath.Join(h.dir, "old.db")
	h.must(h.server.Close())
	h.copyDatabase(filepath.Join(broker, "broker.db"), old)
	h.start()
	sent := h.send(qm, h.order(workflow.Request, "QM.mla", "QN.mla", desk.Message{}))
	h.until("a witnessed receipt", func() bool { return h.graded(h.as("QM"), sent.ID).Grade == wire.GradeWitnessed })
	h.must(h.server.Close())
	h.copyDatabase(old, filepath.Join(broker, "broker.db"))
	h.must(os.WriteFile(filepath.Join(broker, "guard", "checkpoint"), nil, 0o600))
	h.start()
	h.join("QP") // the log grows another way
	h.join("QR")
	h.until("the alarm", func() bool { return h.metric(`entraide_witness_total{outcome="conflict"}`) != "" })
	c := h.as("QP")
	signed, err := c.Fetch(t.Context(), "checkpoint")
	h.must(err)
	trust, err := verify.NewTrust(h.public)
	h.must(err)
	open, err := trust.Policy().Open(signed, trust.Origin, trust.Keys()...)
	if err != nil || open.Witnessed {
		t.Errorf("the other history is witnessed %t, %v", open.Witnessed, err)
	}
	if err := qm.Sync(t.Context()); !errors.Is(err, verify.ErrMisbehaviour) {
		t.Errorf("the desk that saw the first history: %v", err)
	}
	h.convicts(filepath.Join(h.dir, "QM", "incidents"))
}

// convicts checks the proof of a fork in a directory.
func (h *hub) convicts(dir string) {
	h.t.Helper()
	found, err := filepath.Glob(filepath.Join(dir, "fork-*.json"))
	h.must(err)
	if len(found) != 1 {
		h.t.Fatalf("the proofs in %s are %v", dir, found)
	}
	text, err := os.ReadFile(found[0])
	h.must(err)
	fork, err := translog.ParseFork(bytes.TrimSpace(text))
	h.must(err)
	trust, err := verify.NewTrust(h.public)
	h.must(err)
	if err := fork.Check(trust.Origin, trust.Keys()...); err != nil {
		h.t.Errorf("the proof does not convict: %v", err)
	}
}
