package directory_test

import (
	"slices"
	"testing"
	"time"

	"github.com/entraide/entraide/internal/testkit/states"
	"github.com/entraide/entraide/pkg/directory"
	"github.com/entraide/entraide/pkg/pgp"
)

// TestChanges: a statement's changes are its members that differ, keys by their
// fingerprints, and a key is dated by the statement that brought it.
func TestChanges(t *testing.T) {
	t.Parallel()
	w := states.New(t, pgp.Modern6)
	first := w.Directory.History("QN.24-7")[0]
	since := func() int64 {
		t.Helper()
		r, ok := w.Directory.KeySince("QN.24-7", pgp.Modern6)
		if !ok {
			t.Fatal("no key")
		}
		return r.Number
	}
	old := w.Authority(t, "QN.24-7").Certificates[pgp.Modern6].Fingerprint()

	// Another address: the key is as old as before.
	w.Now = w.Now.Add(time.Hour)
	s := w.AuthorityStatement(t, "QN.24-7")
	s.Certificates, s.Contact.Email = w.Authority(t, "QN.24-7").Statement.Certificates, "new@qn.example"
	w.Publish(t, w.Parties["QN"], s)
	if since() != first.Number {
		t.Errorf("the key is of statement %d, want %d", since(), first.Number)
	}
	// Another key.
	w.Now = w.Now.Add(time.Hour)
	certified, err := w.Parties["QN"].Certify(w.Key(t, pgp.Modern6, states.UserID("QN.24-7")).Certificate(), w.Now, 0)
	if err != nil {
		t.Fatal(err)
	}
	s = w.Authority(t, "QN.24-7").Statement
	s.Heading = w.Heading("QN.24-7", "QN")
	s.Certificates = map[pgp.Suite][]byte{pgp.Modern6: certified.Bytes()}
	w.Publish(t, w.Parties["QN"], s)
	if since() != first.Number+2 {
		t.Errorf("the new key is of statement %d, want %d", since(), first.Number+2)
	}
	if _, ok := w.Directory.KeySince("QN.24-7", pgp.PQ6); ok {
		t.Error("there is a key in a suite without one")
	}

	history := w.Directory.History("QN.24-7")
	changed := func(i int) (members []string, changes []directory.Change) {
		t.Helper()
		after, err := directory.Parse(history[i].Signed.Statement)
		if err != nil {
			t.Fatal(err)
		}
		var before directory.Statement
		if i > 0 {
			if before, err = directory.Parse(history[i-1].Signed.Statement); err != nil {
				t.Fatal(err)
			}
		}
		changes = directory.Changes(before, after)
		for _, c := range changes {
			members = append(members, c.Member)
		}
		return members, changes
	}
	if members, _ := changed(0); !slices.Contains(members, "certificates.modern-6") || !slices.Contains(members, "hours") || slices.Contains(members, "issued") {
		t.Errorf("the first statement brings %v", members)
	}
	if members, changes := changed(1); !slices.Equal(members, []string{"contact.email"}) || changes[0].After != "new@qn.example" {
		t.Errorf("the second statement changes %v", changes)
	}
	members, changes := changed(2)
	if !slices.Equal(members, []string{"certificates.modern-6"}) || changes[0].Before[:64] != old || changes[0].After[:64] == old {
		t.Errorf("the third statement changes %v", changes)
	}
}
