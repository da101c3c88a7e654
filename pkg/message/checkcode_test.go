package message_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/entraide/entraide/internal/testkit/states"
	"github.com/entraide/entraide/pkg/message"
	"github.com/entraide/entraide/pkg/pgp"
)

// TestCheckCode: both desks derive one code, which depends on what only they
// can read, and every slip of a finger is noticed before anybody is asked.
func TestCheckCode(t *testing.T) {
	t.Parallel()
	w := states.New(t, pgp.Modern6)
	m := w.Seal(t, w.Draft(t, "QM.24-7", "QN.24-7", "code"))
	sent, err := m.Open(w.Keys["QM.24-7"], w.Directory)
	if err != nil {
		t.Fatal(err)
	}
	received, err := m.Open(w.Keys["QN.24-7"], w.Directory)
	if err != nil {
		t.Fatal(err)
	}
	ref, code := message.Reference(m.Core.ID), sent.CheckCode(m)
	if code != received.CheckCode(m) {
		t.Error("the two desks derive different codes")
	}
	other := *sent
	other.Nonce = strings.Repeat("0", 64)
	if other.CheckCode(m) == code {
		t.Error("the code does not depend on what is sealed")
	}
	gotRef, gotCode, prefix, err := message.ParseCheckCode(" "+strings.ToLower(strings.ReplaceAll(ref, "-", " ")), strings.ReplaceAll(code, "0", "o"))
	if err != nil || gotRef != ref || gotCode != code || !strings.HasPrefix(string(m.Core.ID), prefix) || len(prefix) != 10 {
		t.Errorf("read as %q, %q, %q, %v; want %q, %q", gotRef, gotCode, prefix, err, ref, code)
	}

	const all = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
	both := []byte(ref + "/" + code)
	read := func(typed string) error {
		r, c, _ := strings.Cut(typed, "/")
		_, _, _, err := message.ParseCheckCode(r, c)
		return err
	}
	slips := 0
	for i, was := range both {
		if strings.IndexByte(all, was) < 0 {
			continue
		}
		for _, c := range []byte(all) {
			slip := append([]byte{}, both...)
			slip[i] = c
			if c != was && !errors.Is(read(string(slip)), message.ErrMistyped) {
				t.Errorf("%s is taken for %s", slip, both)
			}
			slips++
		}
		for j := range i {
			slip := append([]byte{}, both...)
			slip[i], slip[j] = slip[j], slip[i]
			if strings.IndexByte(all, both[j]) >= 0 && both[j] != was && !errors.Is(read(string(slip)), message.ErrMistyped) {
				t.Errorf("%s is taken for %s", slip, both)
			}
		}
	}
	if slips < 19*31 {
		t.Errorf("%d slips tried", slips)
	}
}

// FuzzParseCheckCode: what is read is written back identically, and what is
// read again is the same.
func FuzzParseCheckCode(f *testing.F) {
	f.Add("7Q4W-2M0K", "K3ZD-9T0A-VX4")
	f.Add("0000-0000", "0000-0000-000")
	f.Add("oooo oooo", "OOOOooooLIl")
	f.Add("", "UUUUUUUUUUU")
	f.Fuzz(func(t *testing.T, reference, code string) {
		ref, check, prefix, err := message.ParseCheckCode(reference, code)
		if err != nil {
			if !errors.Is(err, message.ErrMistyped) || ref+check+prefix != "" {
				t.Fatalf("%q %q: %v", reference, code, err)
			}
			return
		}
		again, same, p, err := message.ParseCheckCode(ref, check)
		if err != nil || again != ref || same != check || p != prefix {
			t.Fatalf("%q %q reads as %q %q, then as %q %q (%v)", reference, code, ref, check, again, same, err)
		}
		if got := message.Reference(message.ID(prefix + strings.Repeat("0", 22))); got != ref {
			t.Fatalf("%q is the reference of %s, not %q", got, prefix, ref)
		}
		if only, err := message.ParseReference(reference); err != nil || only != ref {
			t.Fatalf("%q alone reads as %q, %v", reference, only, err)
		}
	})
}
