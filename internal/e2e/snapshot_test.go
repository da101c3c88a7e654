package e2e_test

import (
	"bytes"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/entraide/entraide/internal/desk"
	"github.com/entraide/entraide/pkg/directory"
	"github.com/entraide/entraide/pkg/snapshot"
	"github.com/entraide/entraide/pkg/verify"
	"github.com/entraide/entraide/pkg/workflow"
)

// TestSnapshot: a desk without a line gets the directory as a file (B14). It sends
// by it until it expires, and reads after that; what is older or contradicts what
// it knows is refused, and so is every file that somebody has touched.
func TestSnapshot(t *testing.T) {
	t.Parallel()
	h := newHub(t)
	qm, qn := h.pair()
	export := func(d *desk.Desk, by string) []byte {
		t.Helper()
		data, err := d.ExportDirectory(t.Context(), by, 48*time.Hour)
		h.must(err)
		return data
	}
	refused := func(what string, d *desk.Desk, data []byte, want error) {
		t.Helper()
		if _, err := d.ImportDirectory(t.Context(), data); !errors.Is(err, want) {
			t.Errorf("%s: %v, want %v", what, err, want)
		}
	}
	early := export(qm, "QM.mla")

	// The third State has never had a line, and gets a file.
	h.admitted("QP")
	h.must(h.sync(qm))
	now := export(qm, "QM.mla")
	h.meddle(cutOff)
	qp := h.opened("QP")
	send := func() error {
		_, _, err := qp.Send(t.Context(), h.order(workflow.Request, "QP.mla", "QN.mla", desk.Message{}))
		return err
	}
	if err := send(); err == nil {
		t.Fatal("a desk sends that knows nobody")
	}
	in, err := qp.ImportDirectory(t.Context(), now)
	h.must(err)
	if !in.Fresh || in.By != "QM.mla" || in.New != len(qm.Directory().Records()) {
		t.Errorf("imported %+v", in)
	}
	h.must(send())
	refused("an older snapshot", qp, early, desk.ErrOlder)

	// Nobody can make another one of it.
	for _, i := range []int{1, len(now) / 4, len(now) / 2, len(now) - 2} {
		changed := bytes.Clone(now)
		changed[i] ^= 1
		if _, err := qp.ImportDirectory(t.Context(), changed); err == nil {
			t.Errorf("byte %d of %d was changed, and nobody noticed", i, len(now))
		}
	}
	s, err := snapshot.Parse(now)
	h.must(err)
	longer := bytes.Replace(now, []byte(s.Heading.Expires.String()), []byte(directory.At(s.Heading.Expires.Add(24*time.Hour)).String()), 1)
	refused("an expiry that was put off", qp, longer, snapshot.ErrUnsigned)
	refused("a space", qp, append([]byte(" "), now...), snapshot.ErrMalformed)
	trust, err := verify.NewTrust(h.public)
	h.must(err)
	trust.Anchor = strings.Repeat("0", 40)
	if _, err := s.Verify(t.Context(), trust); err == nil {
		t.Error("the snapshot is believed under another trust anchor")
	}

	// It expires: what was received can be read, and nothing new is sent.
	h.pass(49 * time.Hour)
	if err := send(); !errors.Is(err, desk.ErrStale) || !strings.Contains(err.Error(), "the snapshot of QM.mla expired at") {
		t.Errorf("after its end: %v", err)
	}
	if cases, err := qp.Cases(t.Context()); err != nil || len(cases) != 0 {
		t.Errorf("reading: %v, %v", cases, err)
	}
	in, err = qp.ImportDirectory(t.Context(), now)
	if err != nil || in.Fresh || in.New != 0 {
		t.Errorf("imported again: %+v, %v", in, err)
	}
	// A desk that has not seen the log vouches for nothing.
	if _, err := qm.ExportDirectory(t.Context(), "QM.mla", time.Hour); !errors.Is(err, desk.ErrStale) {
		t.Errorf("an old directory is exported: %v", err)
	}

	// The line is back; the log proves what the file said, and the order leaves.
	h.meddle(nil)
	h.must(h.sync(qp))
	h.must(h.sync(qn))
	if cases, err := qn.Cases(t.Context()); err != nil || len(cases) != 1 {
		t.Errorf("QN has %v, %v", cases, err)
	}
	h.must(send())

	// One that is signed by somebody who may no longer is refused.
	h.must(h.sync(qm))
	again := export(qm, "QM.mla")
	h.must(h.keeper.SetStanding(t.Context(), "QM", directory.Suspended, "a test"))
	h.must(h.sync(qm))
	suspended, err := qm.ExportDirectory(t.Context(), "QM.mla", time.Hour)
	h.must(err)
	refused("signed by a suspended State", qp, suspended, snapshot.ErrUnsigned)
	if _, err := qp.ImportDirectory(t.Context(), again); err != nil {
		t.Errorf("made before the suspension: %v", err)
	}
}
