package e2e_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/entraide/entraide/internal/broker/home"
	"github.com/entraide/entraide/internal/desk"
	"github.com/entraide/entraide/internal/transport"
	"github.com/entraide/entraide/pkg/client"
	"github.com/entraide/entraide/pkg/message"
	"github.com/entraide/entraide/pkg/pgp"
	"github.com/entraide/entraide/pkg/problem"
	"github.com/entraide/entraide/pkg/strictjson"
	"github.com/entraide/entraide/pkg/translog"
	"github.com/entraide/entraide/pkg/verify"
	"github.com/entraide/entraide/pkg/wire"
	"github.com/entraide/entraide/pkg/workflow"
)

func isSubmission(r *http.Request) bool {
	return r.Method == http.MethodPost && r.URL.Path == "/v1/messages"
}

// TestLostAnswer cuts the line after the broker has taken a message (peers.md
// T28): however long afterwards, the same bytes get the first receipt, and
// there is one message.
func TestLostAnswer(t *testing.T) {
	t.Parallel()
	h := newHub(t)
	qm, qn := h.pair()
	var taken atomic.Int64
	h.meddle(func(_ http.ResponseWriter, r *http.Request, next http.Handler) bool {
		if !isSubmission(r) || taken.Add(1) > 1 {
			return false
		}
		altered(discard{}, r, next, bytes.Clone)
		panic(http.ErrAbortHandler)
	})
	id, _, err := qm.Send(t.Context(), h.order(workflow.Request, "QM.mla", "QN.mla", desk.Message{}))
	h.must(err)
	if err := qm.Sync(t.Context()); err == nil {
		t.Fatal("the line was cut and nothing was noticed")
	}
	h.pass(10 * time.Minute) // the sealed message is too old to be taken now
	m, err := qm.Await(t.Context(), id)
	h.must(err)
	h.must(qn.Sync(t.Context()))
	received, err := qn.Messages(t.Context())
	h.must(err)
	if len(received) != 1 || received[0].Digest != m.Digest || received[0].Verdict != "authentic" {
		t.Errorf("the recipient has %+v", received)
	}
}

// discard is an answer that nobody gets.
type discard struct{}

func (discard) Header() http.Header         { return http.Header{} }
func (discard) Write(p []byte) (int, error) { return len(p), nil }
func (discard) WriteHeader(int)             {}

// TestManyAtOnce submits one message a hundred times at once: it becomes one
// entry, and everybody gets the same receipt (T26).
func TestManyAtOnce(t *testing.T) {
	t.Parallel()
	h := newHub(t)
	qm, _ := h.pair()
	taken := make(chan []byte, 1)
	h.meddle(func(w http.ResponseWriter, r *http.Request, next http.Handler) bool {
		if !isSubmission(r) {
			return false
		}
		if body, err := io.ReadAll(r.Body); err == nil {
			select {
			case taken <- body:
			default:
			}
		}
		return cutOff(w, r, next)
	})
	id, _, err := qm.Send(t.Context(), h.order(workflow.Request, "QM.mla", "QN.mla", desk.Message{}))
	h.must(err)
	_ = qm.Sync(t.Context()) // the line breaks: what was taken is submitted below
	sealed := <-taken
	h.meddle(nil)
	before := qm.Directory().Size()
	as := h.as("QM")
	receipts := make(chan string, 100)
	for range cap(receipts) {
		go func() {
			receipt, err := as.Submit(t.Context(), sealed)
			if err != nil {
				t.Errorf("submitting: %v", err)
			}
			receipts <- receipt
		}()
	}
	different := map[string]bool{}
	for range cap(receipts) {
		different[<-receipts] = true
	}
	if len(different) != 1 {
		t.Errorf("%d different receipts", len(different))
	}
	m, err := qm.Await(t.Context(), id)
	h.must(err)
	if m.Index < before {
		t.Errorf("the message is entry %d of a log that had %d before", m.Index, before)
	}
	h.must(h.server.Close())
	report, err := home.Check(t.Context(), filepath.Join(h.dir, "broker"), time.Now)
	h.must(err)
	if report.Messages != 1 {
		t.Errorf("%+v: the message is not one entry", report)
	}
	h.start()
}

// TestForgedReceipt answers a submission with a receipt for something else:
// nobody is told that the message was accepted, and the evidence is kept.
func TestForgedReceipt(t *testing.T) {
	t.Parallel()
	h := newHub(t)
	qm, _ := h.pair()
	first := h.send(qm, h.order(workflow.Request, "QM.mla", "QN.mla", desk.Message{}))
	h.must(qm.Export(t.Context(), first.ID, filepath.Join(h.dir, "first")))
	other, err := os.ReadFile(filepath.Join(h.dir, "first", desk.ReceiptFile))
	h.must(err)
	h.meddle(func(w http.ResponseWriter, r *http.Request, next http.Handler) bool {
		if !isSubmission(r) {
			return false
		}
		altered(w, r, next, func([]byte) []byte {
			forged, err := strictjson.Marshal(wire.Acceptance{Receipt: string(other)})
			h.must(err)
			return forged
		})
		return true
	})
	id, _, err := qm.Send(t.Context(), h.order(workflow.Request, "QM.mla", "QN.mla", desk.Message{}))
	h.must(err)
	if _, err := qm.Await(t.Context(), id); !errors.Is(err, verify.ErrMisbehaviour) {
		t.Fatalf("Await = %v, want evidence of misbehaviour", err)
	}
	incidents, err := qm.Incidents(t.Context())
	h.must(err)
	files, err := filepath.Glob(filepath.Join(h.dir, "QM", "incidents", "*.b"))
	h.must(err)
	if len(incidents) != 1 || len(files) != 1 {
		t.Errorf("%d incidents, %d files", len(incidents), len(files))
	}
	// With an honest broker again, the same message is accepted once.
	h.meddle(nil)
	if _, err := qm.Await(t.Context(), id); err != nil {
		t.Error(err)
	}
}

// TestTwoFaces shows a desk a tree that does not extend what it saw (peers.md
// T48): it says so, keeps both checkpoints, and trusts nothing any more.
func TestTwoFaces(t *testing.T) {
	t.Parallel()
	h := newHub(t)
	qm, _ := h.pair()
	secret, err := os.ReadFile(filepath.Join(h.dir, "broker", "log.key"))
	h.must(err)
	signer, err := translog.ParseSigner(strings.TrimSpace(string(secret)))
	h.must(err)
	text, err := qm.Checkpoint(t.Context())
	h.must(err)
	seen, err := translog.ParseCheckpoint(text)
	h.must(err)
	seen.Root[0] ^= 1
	forged, err := seen.Sign(signer)
	h.must(err)
	h.meddle(func(w http.ResponseWriter, r *http.Request, _ http.Handler) bool {
		if r.URL.Path != "/checkpoint" {
			return false
		}
		_, _ = w.Write(forged)
		return true
	})
	if err := qm.Sync(t.Context()); !errors.Is(err, verify.ErrMisbehaviour) {
		t.Fatalf("Sync = %v, want evidence of misbehaviour", err)
	}
	h.meddle(nil)
	if err := qm.Sync(t.Context()); !errors.Is(err, verify.ErrMisbehaviour) {
		t.Errorf("afterwards Sync = %v; the desk goes on trusting", err)
	}
}

// TestForgedDirectory serves a statement with another text: the desk does not
// take it (peers.md T22).
func TestForgedDirectory(t *testing.T) {
	t.Parallel()
	h := newHub(t)
	qm := h.join("QM")
	h.join("QN")
	h.meddle(func(w http.ResponseWriter, r *http.Request, next http.Handler) bool {
		if r.URL.Path != "/v1/directory/statements" {
			return false
		}
		altered(w, r, next, func(answer []byte) []byte { return bytes.ReplaceAll(answer, []byte(`QN.mla`), []byte(`QP.mla`)) })
		return true
	})
	if err := qm.Sync(t.Context()); !errors.Is(err, verify.ErrMisbehaviour) {
		t.Errorf("Sync = %v, want evidence of misbehaviour", err)
	}
	if _, err := qm.Directory().Authority("QP.mla"); err == nil {
		t.Error("the forged authority is in the directory")
	}
}

// TestPoisonedMessage sends a message whose content is not what its header
// commits to: it is recorded and reported by its code, its sender is told, and
// the message behind it arrives (peers.md T38, T32).
func TestPoisonedMessage(t *testing.T) {
	t.Parallel()
	h := newHub(t)
	qm, qn := h.pair()
	first := h.send(qm, h.order(workflow.Request, "QM.mla", "QN.mla", desk.Message{}))
	h.must(qn.Sync(t.Context()))
	h.poison(qm, first)
	if _, err := qm.Case(t.Context(), first.Case); err != nil {
		t.Fatal(err)
	}
	// The sender's desk learns of the message that was sent past it.
	good := h.send(qm, h.order(workflow.Enquire, "QM.mla", "QN.mla", first))
	h.must(qn.Sync(t.Context()))
	received, err := qn.Messages(t.Context())
	h.must(err)
	verdicts := map[string]string{}
	for _, m := range received {
		verdicts[m.Act+" "+m.From] = m.Verdict
	}
	if verdicts["answer QM.mla"] != string(problem.WrongDigest) || verdicts["enquire QM.mla"] != "authentic" {
		t.Errorf("verdicts %v; the good message is %s", verdicts, good.ID)
	}
	h.must(qm.Sync(t.Context()))
	c, err := qm.Case(t.Context(), first.Case)
	h.must(err)
	if last := c.Events[len(c.Events)-1]; last.Kind != "failure" || last.From != "QN.mla" {
		t.Errorf("the sender was told %+v", last)
	}
}

// poison submits, with the sender's own keys, a message whose plaintext is not
// the one that its header commits to.
func (h *hub) poison(d *desk.Desk, first desk.Message) {
	h.t.Helper()
	locked, err := os.ReadFile(filepath.Join(h.dir, "QM", "keys", "QM.mla.modern-6.key"))
	h.must(err)
	key, err := pgp.Unlock(locked, passphrase)
	h.must(err)
	o := h.order(workflow.Answer, "QM.mla", "QN.mla", first)
	from, err := d.Directory().Authority("QM.mla")
	h.must(err)
	to, err := d.Directory().Authority("QN.mla")
	h.must(err)
	id, err := message.NewID()
	h.must(err)
	m, err := message.Seal(message.Draft{
		ID: id, Case: o.Case, Act: o.Act, Lane: workflow.Urgent, From: from, To: to, Seq: 2, Prev: first.Digest,
		Directory: d.Directory().Size(), Body: o.Body,
	}, key, h.now())
	h.must(err)
	m.Header.Payload.Commitment = message.DigestOf([]byte("something else"))
	header, err := strictjson.Marshal(m.Header)
	h.must(err)
	m.HeaderText = string(header)
	m.Signature, err = key.Sign(message.TypMessage, header, m.Core.Created.Time)
	h.must(err)
	data, err := m.Wire()
	h.must(err)
	identity, err := transport.Load(filepath.Join(h.dir, "QM"))
	h.must(err)
	c, err := client.New(h.public, identity)
	h.must(err)
	defer c.Close()
	_, err = c.Submit(h.t.Context(), data)
	h.must(err)
}

// TestRestoredDesk goes on with an older copy of a desk's database: it learns
// from the broker what it had sent, and takes the next number.
func TestRestoredDesk(t *testing.T) {
	t.Parallel()
	h := newHub(t)
	qm, qn := h.pair()
	first := h.send(qm, h.order(workflow.Request, "QM.mla", "QN.mla", desk.Message{}))
	h.must(qm.Close())
	database, backup := filepath.Join(h.dir, "QM", "desk.db"), filepath.Join(h.dir, "backup.db")
	h.copyDatabase(database, backup)
	qm = h.open("QM")
	lost := h.send(qm, h.order(workflow.Enquire, "QM.mla", "QN.mla", first))
	h.must(qm.Close())
	h.copyDatabase(backup, database)
	qm = h.open("QM")
	h.send(qm, h.order(workflow.Enquire, "QM.mla", "QN.mla", first))
	messages, err := qm.Messages(t.Context())
	h.must(err)
	if len(messages) != 3 || messages[1].ID != lost.ID || messages[1].Kind != "status-enquiry" {
		t.Errorf("the restored desk has %+v", messages)
	}
	h.must(qn.Sync(t.Context()))
	received, err := qn.Messages(t.Context())
	h.must(err)
	for _, m := range received {
		if m.Verdict != "authentic" || m.Note != "" {
			t.Errorf("received %+v", m)
		}
	}
}

// TestCrossingMessages lets a withdrawal cross an acknowledgement: the log
// decides, the late act is refused with the stage and what was not seen, and
// both sides hold the same.
func TestCrossingMessages(t *testing.T) {
	t.Parallel()
	h := newHub(t)
	qm, qn := h.pair()
	first := h.send(qm, h.order(workflow.Request, "QM.mla", "QN.mla", desk.Message{}))
	h.must(qn.Sync(t.Context()))
	id, _, err := qn.Send(t.Context(), h.order(workflow.Acknowledge, "QN.mla", "QM.mla", first))
	h.must(err)
	withdrawal := h.send(qm, h.order(workflow.Withdraw, "QM.mla", "QN.mla", first))
	_, err = qn.Await(t.Context(), id)
	p, ok := errors.AsType[*problem.Error](err)
	if !ok || p.Code != problem.ActNotAllowed || p.Stage != "withdrawn" {
		t.Fatalf("Await = %v, want act-not-allowed at withdrawn", err)
	}
	h.must(qm.Sync(t.Context()))
	for name, d := range map[string]*desk.Desk{"QM": qm, "QN": qn} {
		c, err := d.Case(t.Context(), first.Case)
		h.must(err)
		if c.Stage != "withdrawn" || len(c.Events) != 2 || c.Events[1].Digest != withdrawal.Digest {
			t.Errorf("%s holds %s with %d messages", name, c.Stage, len(c.Events))
		}
	}
}

// TestNotYetAllowed refuses, before anything is sealed, what the desk knows to
// be out of place.
func TestNotYetAllowed(t *testing.T) {
	t.Parallel()
	h := newHub(t)
	qm, _ := h.pair()
	first := h.send(qm, h.order(workflow.Request, "QM.mla", "QN.mla", desk.Message{}))
	for name, tt := range map[string]struct {
		o    desk.Order
		want problem.Code
	}{
		"confirming what was not delivered": {h.order(workflow.Confirm, "QM.mla", "QN.mla", first), problem.ActNotAllowed},
		"unknown recipient":                 {h.order(workflow.Request, "QM.mla", "QX.mla", desk.Message{}), problem.UnknownAuthority},
		"body of another act": {desk.Order{
			From: "QM.mla", To: "QN.mla", Case: message.ID(first.Case), Act: workflow.Withdraw,
			Body: h.order(workflow.Enquire, "QM.mla", "QN.mla", first).Body,
		}, problem.InvalidValue},
		"no JSON": {desk.Order{From: "QM.mla", To: "QN.mla", Act: workflow.Request, Body: []byte("{")}, problem.MalformedJSON},
	} {
		if _, _, err := qm.Send(t.Context(), tt.o); problem.CodeOf(err) != tt.want {
			t.Errorf("%s: %v, want %s", name, err, tt.want)
		}
	}
	messages, err := qm.Messages(t.Context())
	h.must(err)
	if len(messages) != 1 {
		data, _ := json.Marshal(messages)
		t.Errorf("something was queued: %s", data)
	}
}
