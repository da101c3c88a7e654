package e2e_test

import (
	"bytes"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/entraide/entraide/internal/desk"
	"github.com/entraide/entraide/internal/enrolment"
	"github.com/entraide/entraide/pkg/directory"
	"github.com/entraide/entraide/pkg/pgp"
	"github.com/entraide/entraide/pkg/problem"
	"github.com/entraide/entraide/pkg/workflow"
)

const day = 24 * time.Hour

// TestRotation: messages go on through a rotation on either side, old ones stay as
// they were, and another process of the desk sees the new subkeys.
func TestRotation(t *testing.T) {
	t.Parallel()
	h := newHub(t)
	qm, qn := h.pair()
	first := h.send(qm, h.order(workflow.Request, "QM.mla", "QN.mla", desk.Message{}))
	h.must(qn.Sync(t.Context()))
	h.pass(100 * day)
	other := h.open("QN") // as another process
	h.must(qn.Rotate(t.Context(), desk.Rotation{Authority: "QN.mla", Encryption: true, Signing: true}))
	h.send(qm, h.order(workflow.Enquire, "QM.mla", "QN.mla", first))
	h.must(other.Sync(t.Context()))
	h.must(qm.Rotate(t.Context(), desk.Rotation{Authority: "QM.mla", Encryption: true}))
	h.send(qn, h.order(workflow.Acknowledge, "QN.mla", "QM.mla", first))
	h.must(qm.Sync(t.Context()))
	for _, d := range []*desk.Desk{qm, qn, other} {
		n, err := d.VerifyMessages(t.Context())
		h.must(err)
		if n != 3 {
			t.Errorf("%d messages", n)
		}
	}
}

// TestEvidenceRotated: evidence that was sealed before both sides rotated is taken and
// opened; that to a subkey since revoked as compromised is not sent.
func TestEvidenceRotated(t *testing.T) {
	t.Parallel()
	h := newHaul(t)
	ctx := t.Context()
	h.items = h.items[1:] // the small ones
	dir := h.seal(false)
	h.pass(30 * day)
	h.must(h.qm.Rotate(ctx, desk.Rotation{Authority: "QM.mla", Encryption: true}))
	h.must(h.qn.Rotate(ctx, desk.Rotation{Authority: "QN.mla", Encryption: true, Signing: true}))
	m := h.send(h.qn, h.delivery(nil, dir))
	h.must(h.qm.Sync(ctx))
	bag, err := h.fetch(m.ID, nil)
	h.must(err)
	if got, err := os.ReadFile(filepath.Join(bag, "data", "mail", "in", "1.eml")); err != nil || string(got) != "one" {
		t.Errorf("%q, %v", got, err)
	}

	dir = h.seal(false)
	a, err := h.qn.Directory().Authority("QM.mla")
	h.must(err)
	subkey, err := a.Certificates[pgp.Modern6].EncryptionSubkey(h.now())
	h.must(err)
	h.must(h.qm.Revoke(ctx, desk.Revocation{
		Authority: "QM.mla", Suite: pgp.Modern6, Subkey: subkey, Reason: pgp.Compromised, Since: directory.At(h.now()),
	}))
	h.must(h.qn.Sync(ctx))
	_, _, err = h.qn.Send(ctx, h.delivery(nil, dir))
	wantCode(t, "sealed to a compromised subkey", err, problem.WrongEncryptionKey)
	if err == nil || !strings.Contains(err.Error(), "seal it again") {
		t.Errorf("it does not say what to do: %v", err)
	}
	// What was sealed to it before is opened, and its reader is told.
	all, err := h.qm.Messages(ctx)
	h.must(err)
	noted := false
	for _, m := range all {
		noted = noted || strings.Contains(m.KeyNote, "others may have read it")
	}
	if !noted {
		t.Error("nobody is told that others may have read the delivery")
	}
	if _, err := h.fetch(m.ID, nil); err != nil {
		t.Errorf("old evidence is not opened: %v", err)
	}
}

// TestChangeInterrupted cuts the line after the broker has taken a statement: the
// change of keys is carried through later, with the same statement, and the desk does
// not lock itself out with a TLS key that it has not put in its place.
func TestChangeInterrupted(t *testing.T) {
	t.Parallel()
	h := newHub(t)
	qm, qn := h.pair()
	ctx := t.Context()
	h.meddle(func(_ http.ResponseWriter, r *http.Request, next http.Handler) bool {
		if r.Method != http.MethodPost || r.URL.Path != "/v1/directory/statements" {
			return false
		}
		altered(discard{}, r, next, bytes.Clone)
		panic(http.ErrAbortHandler)
	})
	if err := qm.RenewTransport(ctx); err == nil || !strings.Contains(err.Error(), "is kept and will be published") {
		t.Errorf("the line was cut: %v", err)
	}
	h.meddle(nil)
	h.must(qm.Close()) // it loses power, too
	qm = h.open("QM")
	h.must(qm.Rotate(ctx, desk.Rotation{Authority: "QM.mla", Signing: true}))
	request := h.send(qm, h.order(workflow.Request, "QM.mla", "QN.mla", desk.Message{}))
	h.must(qn.Sync(ctx))
	h.send(qn, h.order(workflow.Acknowledge, "QN.mla", "QM.mla", request))
	h.must(qm.Sync(ctx))
	if n := len(qm.Directory().History("QM.mla")); n != 3 {
		t.Errorf("%d statements, want the first and one for each change", n)
	}
	left, err := filepath.Glob(filepath.Join(h.dir, "QM", "change*"))
	h.must(err)
	if len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

// TestReceiptSignedAnew: a delivery receipt that waits for the line is signed again
// when the subkey that had signed it is revoked as compromised.
func TestReceiptSignedAnew(t *testing.T) {
	t.Parallel()
	h := newHub(t)
	qm, qn := h.pair()
	ctx := t.Context()
	request := h.send(qm, h.order(workflow.Request, "QM.mla", "QN.mla", desk.Message{}))
	h.meddle(func(w http.ResponseWriter, r *http.Request, next http.Handler) bool {
		return r.URL.Path == "/v1/receipts" && cutOff(w, r, next)
	})
	if err := qn.Sync(ctx); err == nil {
		t.Fatal("the receipt was not cut off")
	}
	a, err := qn.Directory().Authority("QN.mla")
	h.must(err)
	subkey, err := a.Certificates[pgp.Modern6].SigningSubkey(h.now())
	h.must(err)
	h.must(qn.Revoke(ctx, desk.Revocation{
		Authority: "QN.mla", Suite: pgp.Modern6, Subkey: subkey, Reason: pgp.Compromised, Since: directory.At(h.now()),
	}))
	h.meddle(nil)
	h.must(qn.Sync(ctx))
	h.must(qm.Sync(ctx))
	in, err := qm.Case(ctx, request.Case)
	h.must(err)
	if len(in.Events) != 1 || len(in.Events[0].Receipts) != 1 {
		t.Errorf("the sender has %+v", in.Events)
	}
}

// TestLockedOut: a thief of the State's key gives the desk's place to himself. The State
// comes back through the depositary, with files, to what it had said of itself.
func TestLockedOut(t *testing.T) {
	t.Parallel()
	h := newHub(t)
	qm, qn := h.pair()
	ctx := t.Context()
	request := h.send(qm, h.order(workflow.Request, "QM.mla", "QN.mla", desk.Message{}))
	locked, err := os.ReadFile(filepath.Join(h.dir, "QM", "keys", "party.key"))
	h.must(err)
	thief, err := pgp.Unlock(locked, passphrase)
	h.must(err)
	a, err := qm.Directory().Authority("QM.mla")
	h.must(err)
	said := a.Statement
	forged := said
	forged.Number, forged.Previous = qm.Directory().Next("QM.mla")
	forged.Issued, forged.Transport = directory.At(h.now()), strings.Repeat("ab", 32)
	forged.Contact.Email = "thief@qx.example"
	signed, err := directory.Sign(thief, forged, h.now())
	h.must(err)
	_, err = h.as("QN").Publish(ctx, signed)
	h.must(err)
	wantCode(t, "locked out", qm.Sync(ctx), problem.Unauthenticated)

	asked, err := qm.RequestParty(ctx)
	h.must(err)
	h.must(h.keeper.Replace(ctx, asked))
	h.must(qn.Sync(ctx))
	snapshot, err := qn.ExportDirectory(ctx, "QN.mla", time.Hour)
	h.must(err)
	_, err = qm.ImportDirectory(ctx, snapshot)
	h.must(err)
	err = qm.Sync(ctx)
	if err == nil || !strings.Contains(err.Error(), "send enrolment.json to the depositary") {
		t.Errorf("it does not say what to do: %v", err)
	}
	file, err := os.ReadFile(filepath.Join(h.dir, "QM", desk.EnrolmentFile))
	h.must(err)
	again, err := enrolment.Parse(bytes.TrimSpace(file))
	h.must(err)
	h.must(h.keeper.Admit(ctx, again))
	h.must(qm.Sync(ctx))
	a, err = qm.Directory().Authority("QM.mla")
	h.must(err)
	if a.Statement.Transport != said.Transport || a.Statement.Contact != said.Contact {
		t.Errorf("the entry says %+v", a.Statement)
	}
	h.send(qm, h.order(workflow.Enquire, "QM.mla", "QN.mla", request))
}
