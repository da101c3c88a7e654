package directory_test

import (
	"testing"

	"github.com/entraide/entraide/internal/testkit/states"
	"github.com/entraide/entraide/pkg/directory"
	"github.com/entraide/entraide/pkg/pgp"
	"github.com/entraide/entraide/pkg/problem"
)

// TestStanding plays sequences of standing statements. Each is "subject signer
// standing", and the last one is judged.
func TestStanding(t *testing.T) {
	t.Parallel()
	type step struct{ subject, signer, standing string }
	const d = directory.DepositarySubject
	for _, tt := range []struct {
		name  string
		steps []step
		code  problem.Code // of the last step
		field string
		want  string // standing of QM.24-7
	}{
		{"party suspends", []step{{"QM.24-7", "QM", "suspended"}}, "", "", "suspended"},
		{"party restores", []step{{"QM.24-7", "QM", "suspended"}, {"QM.24-7", "QM", "restored"}}, "", "", "active"},
		{"depositary suspends and restores", []step{{"QM.24-7", d, "suspended"}, {"QM.24-7", d, "restored"}}, "", "", "active"},
		{"party cannot lift the depositary's", []step{{"QM.24-7", d, "suspended"}, {"QM.24-7", "QM", "restored"}},
			problem.StatementInvalid, "standing", "suspended"},
		{"party cannot take over the depositary's", []step{{"QM.24-7", d, "suspended"}, {"QM.24-7", "QM", "suspended"}, {"QM.24-7", "QM", "restored"}},
			"", "", "suspended"},
		{"depositary does not lift the party's", []step{{"QM.24-7", "QM", "suspended"}, {"QM.24-7", d, "restored"}},
			problem.StatementInvalid, "standing", "suspended"},
		{"nothing to lift", []step{{"QM.24-7", "QM", "restored"}}, problem.StatementInvalid, "standing", "active"},
		{"suspended twice", []step{{"QM.24-7", "QM", "suspended"}, {"QM.24-7", "QM", "suspended"}}, problem.StatementInvalid, "standing", "suspended"},
		{"revocation by the party", []step{{"QM.24-7", "QM", "revoked"}}, "", "", "revoked"},
		{"revocation by the depositary", []step{{"QM.24-7", d, "revoked"}}, "", "", "revoked"},
		{"revocation is final", []step{{"QM.24-7", d, "revoked"}, {"QM.24-7", d, "restored"}}, problem.StatementChain, "subject", "revoked"},
		{"another party", []step{{"QM.24-7", "QN", "suspended"}}, problem.StatementSigner, "signer", "active"},
		{"whole party", []step{{"QM", d, "suspended"}}, "", "", "suspended"},
		{"whole party restored", []step{{"QM", d, "suspended"}, {"QM", d, "restored"}}, "", "", "active"},
		{"whole party by itself", []step{{"QM", "QM", "suspended"}}, problem.StatementSigner, "signer", "active"},
		{"whole party revoked", []step{{"QM.24-7", "QM", "suspended"}, {"QM", d, "revoked"}}, "", "", "revoked"},
		{"suspended party is silent", []step{{"QM", d, "suspended"}, {"QM.24-7", "QM", "revoked"}}, problem.StatementSigner, "signer", "suspended"},
		{"unknown subject", []step{{"QM.other", "QM", "suspended"}}, problem.StatementInvalid, "subject", "active"},
		{"unknown party", []step{{"QT.24-7", "QT", "suspended"}}, problem.StatementSigner, "signer", "active"},
		{"depositary has no standing", []step{{d, d, "suspended"}}, problem.StatementInvalid, "subject", "active"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			w := states.New(t, pgp.Modern6)
			var err error
			for i, s := range tt.steps {
				key := w.Depositary
				if s.signer != d {
					key = w.Parties[s.signer]
				}
				if key == nil {
					key = w.Parties["QN"]
				}
				err = apply(w, key, directory.StandingStatement{
					Heading: w.Heading(s.subject, s.signer), Standing: s.standing, Reason: "A test.",
				})
				if i < len(tt.steps)-1 {
					wantProblem(t, err, "", "")
				}
			}
			wantProblem(t, err, tt.code, tt.field)
			a := w.Authority(t, "QM.24-7")
			if a.Standing != tt.want {
				t.Errorf("QM.24-7 is %s, want %s", a.Standing, tt.want)
			}
			if found := w.Directory.ByTransport(a.Statement.Transport); (len(found) == 0) != (tt.want == directory.Revoked) {
				t.Errorf("ByTransport finds %d authorities", len(found))
			}
			_, err = w.Directory.Check("QM.24-7", w.Now)
			if want := problem.SuspendedAuthority; tt.want != directory.Active {
				wantProblem(t, err, want, "")
			} else {
				wantProblem(t, err, "", "")
			}
		})
	}
}

// apply signs a statement and adds it to the world, or returns why not.
func apply(w *states.World, key *pgp.Key, statement any) error {
	signed, err := directory.Sign(key, statement, w.Now)
	if err != nil {
		return err
	}
	next, err := w.Directory.Apply(signed, w.Directory.Size())
	if err != nil {
		return err
	}
	w.Directory = next
	return nil
}
