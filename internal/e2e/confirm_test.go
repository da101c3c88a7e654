package e2e_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/entraide/entraide/internal/desk"
	"github.com/entraide/entraide/pkg/message"
	"github.com/entraide/entraide/pkg/workflow"
)

// completed completes a reference and ten symbols to what nobody mistyped.
func completed(t *testing.T, reference, code string) string {
	t.Helper()
	for _, last := range "0123456789ABCDEFGHJKMNPQRSTVWXYZ" {
		if _, _, _, err := message.ParseCheckCode(reference, code+string(last)); err == nil {
			return code + string(last)
		}
	}
	t.Fatalf("no check symbol fits %s %s", reference, code)
	return ""
}

// TestConfirm: whoever holds a request on paper learns from the desk of the
// State that is asked whether it came, from whom and when; whoever guesses learns
// nothing, and not for long (B4).
func TestConfirm(t *testing.T) {
	t.Parallel()
	h := newHub(t)
	qm, qn := h.pair()
	sent := h.send(qm, h.order(workflow.Request, "QM.mla", "QN.mla", desk.Message{}))
	h.must(qn.Sync(t.Context()))
	got, err := qn.Message(t.Context(), sent.ID)
	h.must(err)
	if sent.CheckCode == "" || got.CheckCode != sent.CheckCode || got.Reference != sent.Reference {
		t.Fatalf("sender has %q %q, recipient %q %q", sent.Reference, sent.CheckCode, got.Reference, got.CheckCode)
	}
	confirm := func(reference, code string) (desk.Confirmed, error) { return qn.Confirm(t.Context(), reference, code) }
	genuine := func() {
		t.Helper()
		found, err := confirm(strings.ToLower(sent.Reference), strings.ReplaceAll(sent.CheckCode, "-", " "))
		want := desk.Confirmed{Reference: sent.Reference, From: "QM.mla", At: sent.Created}
		if err != nil || found != want {
			t.Fatalf("%+v, %v; want %+v", found, err, want)
		}
	}
	genuine()

	// The sender has not received it.
	if _, err := qm.Confirm(t.Context(), sent.Reference, sent.CheckCode); !errors.Is(err, desk.ErrUnconfirmed) {
		t.Errorf("the sender's desk says %v", err)
	}
	// The same answer for a request that exists and one that does not.
	wrong := completed(t, sent.Reference, "0000-0000-00")
	_, there := confirm(sent.Reference, wrong)
	_, nowhere := confirm("0000-0000", completed(t, "0000-0000", "1111-1111-11"))
	if !errors.Is(there, desk.ErrUnconfirmed) || nowhere == nil || there.Error() != nowhere.Error() {
		t.Errorf("a wrong code is answered %v, a request that does not exist %v", there, nowhere)
	}
	if _, err := confirm(sent.Reference, sent.CheckCode[:12]+"U"); !errors.Is(err, message.ErrMistyped) {
		t.Errorf("a mistyped code is answered %v", err)
	}

	// Guessing ends, for right codes too, whatever is restarted.
	for range 58 {
		if _, err := confirm(sent.Reference, wrong); !errors.Is(err, desk.ErrUnconfirmed) {
			t.Fatal(err)
		}
	}
	h.must(qn.Close())
	qn = h.open("QN")
	for _, code := range []string{wrong, sent.CheckCode} {
		if _, err := confirm(sent.Reference, code); !errors.As(err, &desk.TooManyCodes{}) {
			t.Fatalf("after sixty wrong codes: %v", err)
		}
	}
	h.pass(time.Hour)
	genuine()

	// The desk's own log has it, and a code altered in the case file is found.
	d := h.deskDatabase("QN")
	asked, err := d.value(`SELECT count(*) FROM log_entry WHERE CAST(body AS TEXT) LIKE '%wrong check code%'`)
	h.must(err)
	confirmed, err := d.value(`SELECT count(*) FROM log_entry WHERE CAST(body AS TEXT) LIKE '%request confirmed%'`)
	h.must(err)
	if asked != int64(60) || confirmed != int64(2) {
		t.Errorf("the desk's log has %v wrong codes and %v confirmations", asked, confirmed)
	}
	if _, err := qn.VerifyMessages(t.Context()); err != nil {
		t.Error(err)
	}
	h.must(d.exec("UPDATE letter SET code = ?", wrong))
	if _, err := qn.VerifyMessages(t.Context()); !errors.Is(err, desk.ErrAltered) {
		t.Errorf("an altered check code: %v", err)
	}
}
