package e2e_test

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/entraide/entraide/internal/desk"
	"github.com/entraide/entraide/internal/desk/office"
	"github.com/entraide/entraide/internal/testkit/pgserver"
	"github.com/entraide/entraide/pkg/bundle"
	"github.com/entraide/entraide/pkg/problem"
	"github.com/entraide/entraide/pkg/translog"
	"github.com/entraide/entraide/pkg/verify"
	"github.com/entraide/entraide/pkg/workflow"
)

// TestDeskErasure erases a closed case at a desk: a legal hold prevents it,
// content and salts are in no file of the home afterwards, and the case is still
// listed, still verifies and still goes into a bundle, with a statement of when,
// by whom and on what basis it was erased.
func TestDeskErasure(t *testing.T) {
	t.Parallel()
	t.Run("sqlite", func(t *testing.T) {
		t.Parallel()
		h := newHub(t)
		h.deskErasure(filepath.Join(h.dir, "QM"))
	})
	t.Run("postgres", func(t *testing.T) {
		t.Parallel()
		h := newHub(t)
		server := pgserver.Start(t, "wal_recycle=off")
		h.desks = map[string]string{"QM": server.Database(t)}
		h.deskErasure(filepath.Join(h.dir, "QM"), server.Dir())
	})
}

func (h *hub) deskErasure(files ...string) {
	t := h.t
	qm, qn := h.pair()
	settings, err := os.OpenFile(filepath.Join(h.dir, "QM", "desk.toml"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	h.must(err)
	_, err = settings.WriteString("[retention.default]\ndays = 700\nbasis = \"rule 4.2\"\n")
	h.must(errors.Join(err, settings.Close()))
	if h.desks["QM"] != "" { // so that what was not erased would be found
		h.must(h.deskDatabase("QM").exec(`ALTER TABLE letter ALTER body SET STORAGE EXTERNAL; ALTER TABLE letter_text ALTER words SET STORAGE EXTERNAL;
			ALTER TABLE outbox ALTER body SET STORAGE EXTERNAL`))
	}
	kept := h.send(qm, h.order(workflow.Request, "QM.mla", "QN.mla", desk.Message{}))
	order := h.order(workflow.Request, "QM.mla", "QN.mla", desk.Message{})
	for old, canary := range map[string]string{"a hospital's computers": "the CANARY hospital", "QM-2026-7": "QM-CANARY-8"} {
		order.Body = bytes.Replace(order.Body, []byte(old), []byte(canary), 1)
	}
	sent := h.send(qm, order)
	h.must(qn.Sync(t.Context()))
	h.must(qm.Sync(t.Context()))
	drafted := h.draftCanaries(qm, sent.Case)
	h.send(qm, h.order(workflow.Withdraw, "QM.mla", "QN.mla", sent))
	h.must(qn.Sync(t.Context()))
	erase := func() (desk.Erased, error) {
		return qm.Erase(t.Context(), sent.Case, "retention rule 4.2", "records office")
	}
	refused := func(what string, err error, code problem.Code) {
		t.Helper()
		if p, ok := errors.AsType[*problem.Error](err); !ok || p.Code != code {
			t.Errorf("%s: %v, want %s", what, err, code)
		}
	}
	_, err = erase()
	refused("an open case", err, problem.ActNotAllowed)
	h.send(qn, h.order(workflow.Close, "QN.mla", "QM.mla", sent))
	h.must(qm.Sync(t.Context()))
	h.must(qn.Sync(t.Context()))
	h.must(qm.Sync(t.Context()))
	hold := func(lift bool) error {
		return qm.HoldCase(t.Context(), sent.Case, "order of the court", "records office", lift)
	}
	refused("a hold that is not there", hold(true), problem.ActNotAllowed)
	h.must(hold(false))
	refused("a second hold", hold(false), problem.ActNotAllowed)
	_, err = erase()
	refused("a case under a hold", err, problem.Forbidden)
	if due, err := qm.Due(t.Context()); err != nil || len(due) != 0 {
		t.Errorf("due at once: %+v, %v", due, err)
	}
	h.pass(701 * 24 * time.Hour)
	if due, err := qm.Due(t.Context()); err != nil || len(due) != 1 || due[0].Case != sent.Case || due[0].Hold != "order of the court" {
		t.Errorf("due after the rule's time: %+v, %v", due, err)
	}
	h.pass(-701 * 24 * time.Hour)
	h.must(hold(true))

	// Everything that must go is there before, and nowhere after.
	parts := filepath.Join(h.dir, "QM", "evidence", sent.ID+"-1")
	h.must(os.MkdirAll(parts, 0o700))
	h.must(os.WriteFile(filepath.Join(parts, "part"), []byte("CANARY of a fetched part"), 0o600))
	canaries := h.deskCanaries(sent)
	canaries["a fetched part"] = []byte("CANARY of a fetched part")
	for name, canary := range drafted {
		canaries[name] = canary
	}
	for name, canary := range canaries {
		if !h.onDisk(files, canary) {
			t.Errorf("%s is not in the files before, so that nothing is proved", name)
		}
	}
	e, err := erase()
	h.must(err)
	for name, canary := range canaries {
		if h.onDisk(files, canary) {
			t.Errorf("%s is still in the files", name)
		}
	}
	if again, err := erase(); err != nil || again.At != e.At || e.Messages != 3 {
		t.Errorf("erased %+v, again %+v, %v", e, again, err)
	}
	h.erasedAndWhole(qm, kept, sent)
}

// draftCanaries writes a draft of a case: two versions, a title, a comment, a note, and
// a file that is to be evidence.
func (h *hub) draftCanaries(qm *desk.Desk, caseID string) map[string][]byte {
	h.t.Helper()
	o, ctx := office.New(qm), h.t.Context()
	by := desk.Officer{ID: "ana", Name: "Ana", Roles: []desk.Role{desk.Drafter, desk.DutyOfficer}}
	d, err := o.NewDraft(ctx, by, office.NewDraft{Case: caseID, Act: "withdraw", Kind: office.KindsOf("withdraw")[0], Title: "CANARY of a title"})
	h.must(err)
	for _, said := range []string{"CANARY of a version", "CANARY of the last version"} {
		d, err = o.SaveDraft(ctx, by, d.ID, d.Version, office.Edit{Body: []byte(`{"note":"` + said + `"}`)})
		h.must(err)
	}
	h.must(o.Note(ctx, by, caseID, "CANARY of a note"))
	file := []byte("CANARY of a file that somebody brought")
	_, err = o.Receive(ctx, by, d.ID, office.Chunk{Name: "log.txt", Total: int64(len(file))}, bytes.NewReader(file))
	h.must(err)
	found := map[string][]byte{"a file of a draft": file}
	for _, said := range []string{"CANARY of a title", "CANARY of the last version", "CANARY of a note"} {
		found[said] = []byte(said)
	}
	return found
}

// erasedAndWhole checks that the desk says how a case was erased, and that all
// else is as it was.
func (h *hub) erasedAndWhole(qm *desk.Desk, kept, sent desk.Message) {
	t := h.t
	t.Helper()
	h.must(qm.Sync(t.Context()))
	c, err := qm.Case(t.Context(), sent.Case)
	h.must(err)
	if c.Stage != "closed" || c.Erased == nil || c.Erased.Basis != "retention rule 4.2" || len(c.Events) != 3 || c.Events[0].Verdict != "erased" || c.Events[0].Summary != "" {
		t.Errorf("the case is shown as %+v", c)
	}
	_, err = qm.Body(t.Context(), sent.ID)
	if err == nil || !strings.Contains(err.Error(), "erased lawfully on") {
		t.Errorf("the content: %v", err)
	}
	if err := qm.Export(t.Context(), sent.ID, filepath.Join(t.TempDir(), "x")); err == nil || !strings.Contains(err.Error(), "erased lawfully on") {
		t.Errorf("exported: %v", err)
	}
	if n, err := qm.VerifyMessages(t.Context()); err != nil || n != 4 {
		t.Errorf("the case file: %d messages, %v", n, err)
	}
	if _, err := qm.VerifyIndex(t.Context()); err != nil {
		t.Error(err)
	}
	if _, err := qm.Body(t.Context(), kept.ID); err != nil {
		t.Errorf("the other case: %v", err)
	}
	var out bytes.Buffer
	h.bundle(qm, sent.Case, &out)
	whole := h.unpack(out.Bytes())
	r, err := h.judged(whole)
	if err != nil || r.Verdict != bundle.Authentic || r.Stage != "closed" || r.Erased == nil || r.Erased.Messages != 3 ||
		!strings.Contains(r.Reasons[0].Text, `erased lawfully, basis "retention rule 4.2"`) {
		t.Errorf("judged %+v, %v", r, err)
	}
	for name, change := range map[string]func([]byte) []byte{
		"another basis":   func(b []byte) []byte { return bytes.Replace(b, []byte("rule 4.2"), []byte("rule 4.3"), 1) },
		"another leaf":    func(b []byte) []byte { return bytes.Replace(b, []byte(`\"leaf\":\"A`), []byte(`\"leaf\":\"B`), 1) },
		"a proof missing": func(b []byte) []byte { return append(b[:bytes.LastIndex(b, []byte(`,"c2sp`))], "]}"...) },
	} {
		changed := packed{Manifest: whole.Manifest, files: map[string][]byte{}}
		for name, data := range whole.files {
			changed.files[name] = bytes.Clone(data)
		}
		changed.files[bundle.ErasureFile] = change(changed.files[bundle.ErasureFile])
		if r, err := h.judged(changed); !errors.Is(err, verify.ErrMisbehaviour) || r.Verdict != bundle.Misbehaviour {
			t.Errorf("%s: %s, %v", name, r.Verdict, err)
		}
	}

	// Content that is gone without a record is a finding.
	h.must(h.deskDatabase("QM").exec(`DELETE FROM case_erasure`))
	if _, err := qm.VerifyMessages(t.Context()); !errors.Is(err, desk.ErrAltered) || !strings.Contains(err.Error(), "no record says") {
		t.Errorf("an erasure without a record: %v", err)
	}
}

// onDisk reports whether bytes are in files of QM.
func (h *hub) onDisk(files []string, canary []byte) bool {
	h.t.Helper()
	if address := h.desks["QM"]; address != "" {
		h.flush("postgres", address)
	}
	return slices.ContainsFunc(files, func(dir string) bool { return contains(h.t, dir, canary) })
}

// deskCanaries are what must not survive at a desk: words of the content, bytes
// of the sealed payload, and a salt of the broker's log.
func (h *hub) deskCanaries(sent desk.Message) map[string][]byte {
	h.t.Helper()
	d := h.deskDatabase("QM")
	var sealed, receipt, proof []byte
	h.must(d.conn.QueryRowContext(h.t.Context(), d.dialect(`SELECT l.sealed, l.receipt, c.proof FROM letter l JOIN confirmation c ON c.message_id = l.id
		WHERE l.id = ? AND c.proof IS NOT NULL LIMIT 1`), sent.ID).Scan(&sealed, &receipt, &proof))
	_, err := translog.ParseReceipt(receipt)
	h.must(err)
	i := bytes.Index(sealed, []byte(`"payload":"`))
	extra := func(receipt []byte) []byte { return receipt[bytes.Index(receipt, []byte("extra "))+6:][:43] }
	return map[string][]byte{
		"the content": []byte("the CANARY hospital"), "the reference": []byte("QM-CANARY-8"), "the payload": sealed[i+600 : i+640],
		"the salt of the message": extra(receipt), "the salt of a receipt": extra(proof),
	}
}
