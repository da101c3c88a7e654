package directory_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/entraide/entraide/internal/testkit/states"
	"github.com/entraide/entraide/pkg/directory"
	"github.com/entraide/entraide/pkg/pgp"
	"github.com/entraide/entraide/pkg/problem"
)

// TestCompromised: keys that were in other hands are named, and that changes nothing
// else about the authority.
func TestCompromised(t *testing.T) {
	t.Parallel()
	w := states.New(t, pgp.Modern6)
	w.Now = w.Now.Add(time.Hour)
	first, other := strings.Repeat("A", 64), strings.Repeat("B", 40)
	at := func(hours int) directory.Time { return directory.At(w.Now.Add(time.Duration(hours) * time.Hour)) }
	named := func(list ...directory.Compromised) directory.AuthorityStatement {
		s := w.AuthorityStatement(t, "QM.24-7")
		s.Compromised = list
		return s
	}
	for _, tt := range []struct {
		name  string
		list  []directory.Compromised
		field string
	}{
		{"a list of none", []directory.Compromised{}, "compromised"},
		{"no fingerprint", []directory.Compromised{{Since: at(0)}}, "compromised.0.fingerprint"},
		{"a key identifier", []directory.Compromised{{Fingerprint: first[:16], Since: at(0)}}, "compromised.0.fingerprint"},
		{"no time", []directory.Compromised{{Fingerprint: first, Since: at(0)}, {Fingerprint: other}}, "compromised.1.since"},
		{"too many", slices.Repeat([]directory.Compromised{{Fingerprint: first, Since: at(0)}}, 65), "compromised"},
	} {
		_, err := directory.Sign(w.Parties["QM"], named(tt.list...), w.Now)
		t.Run(tt.name, func(t *testing.T) { wantProblem(t, err, problem.StatementInvalid, tt.field) })
	}
	w.Publish(t, w.Parties["QM"], named(directory.Compromised{Fingerprint: first, Since: at(-1)}, directory.Compromised{Fingerprint: other, Since: at(-9)}))
	a := w.Authority(t, "QM.24-7")
	if since, ok := a.CompromisedSince("", first); !ok || since != at(-1) {
		t.Errorf("since %s, %v", since, ok)
	}
	if since, ok := a.CompromisedSince(first, other); !ok || since != at(-9) {
		t.Errorf("of two, since %s, %v", since, ok)
	}
	if _, ok := a.CompromisedSince("", strings.Repeat("C", 64)); ok {
		t.Error("a key is said to be compromised that is not")
	}
	wantProblem(t, a.Check(w.Now), "", "")
	if strings.Contains(w.Statements()[0].Statement, "compromised") {
		t.Error("there is a list where nothing is compromised")
	}
}
