package directory_test

import (
	"strings"
	"testing"
	"time"

	"github.com/entraide/entraide/internal/testkit/states"
	"github.com/entraide/entraide/pkg/directory"
	"github.com/entraide/entraide/pkg/pgp"
	"github.com/entraide/entraide/pkg/problem"
)

// A candidate is a statement about to be signed and applied.
type candidate struct {
	key   *pgp.Key
	s     any
	index int64
}

// authorityOf edits the next statement of QM about QM.24-7.
func authorityOf(edit func(*states.World, *directory.AuthorityStatement)) func(*testing.T, *states.World) candidate {
	return func(t *testing.T, w *states.World) candidate {
		s := w.AuthorityStatement(t, "QM.24-7")
		edit(w, &s)
		return candidate{w.Parties["QM"], s, w.Directory.Size()}
	}
}

// partyOf edits the depositary's next statement about QM.
func PartyOf(edit func(*states.World, *directory.PartyStatement)) func(*testing.T, *states.World) candidate {
	return func(_ *testing.T, w *states.World) candidate {
		s := w.PartyStatement("QM")
		edit(w, &s)
		return candidate{w.Depositary, s, w.Directory.Size()}
	}
}

// signedBy has the next statement about QM.24-7 signed by another key.
func signedBy(key func(*states.World) *pgp.Key) func(*testing.T, *states.World) candidate {
	return func(t *testing.T, w *states.World) candidate {
		return candidate{key(w), w.AuthorityStatement(t, "QM.24-7"), w.Directory.Size()}
	}
}

// withCertificate puts a certificate into the next statement about QM.24-7.
func withCertificate(suite pgp.Suite, make func(*testing.T, *states.World) []byte) func(*testing.T, *states.World) candidate {
	return func(t *testing.T, w *states.World) candidate {
		s := w.AuthorityStatement(t, "QM.24-7")
		s.Certificates = map[pgp.Suite][]byte{suite: make(t, w)}
		return candidate{w.Parties["QM"], s, w.Directory.Size()}
	}
}

// certified has a party certify a new certificate.
func certified(t *testing.T, w *states.World, party string, suite pgp.Suite, userID string) []byte {
	t.Helper()
	c, err := w.Parties[party].Certify(w.Key(t, suite, userID).Certificate(), w.Now, 0)
	if err != nil {
		t.Fatal(err)
	}
	return c.Bytes()
}

// withoutSubkey returns a certificate of QM.24-7 of which one subkey is revoked.
func withoutSubkey(t *testing.T, w *states.World, which func(*pgp.Certificate, time.Time) (string, error)) []byte {
	t.Helper()
	key := w.Key(t, pgp.Modern6, states.UserID("QM.24-7"))
	subkey, err := which(key.Certificate(), w.Now)
	if err != nil {
		t.Fatal(err)
	}
	if err := key.RevokeSubkey(subkey, pgp.Retired, w.Now.Add(-time.Minute)); err != nil {
		t.Fatal(err)
	}
	c, err := w.Parties["QM"].Certify(key.Certificate(), w.Now, 0)
	if err != nil {
		t.Fatal(err)
	}
	return c.Bytes()
}

func TestApply(t *testing.T) {
	t.Parallel()
	qm := states.UserID("QM.24-7")
	for _, tt := range []struct {
		name  string
		make  func(*testing.T, *states.World) candidate
		code  problem.Code
		field string
	}{
		{"next authority statement", authorityOf(func(*states.World, *directory.AuthorityStatement) {}), "", ""},
		{"next party statement", PartyOf(func(*states.World, *directory.PartyStatement) {}), "", ""},
		{"next depositary statement", func(_ *testing.T, w *states.World) candidate {
			return candidate{w.Depositary, w.DepositaryStatement(), 1000}
		}, "", ""},

		{"auditors", func(_ *testing.T, w *states.World) candidate {
			s := w.DepositaryStatement()
			s.Auditors = []string{"QP.24-7", "QR.24-7"}
			return candidate{w.Depositary, s, w.Directory.Size()}
		}, "", ""},
		{"an unknown auditor", func(_ *testing.T, w *states.World) candidate {
			s := w.DepositaryStatement()
			s.Auditors = []string{"QM.mla", "QT.24-7"}
			return candidate{w.Depositary, s, w.Directory.Size()}
		}, problem.StatementInvalid, "auditors.1"},

		// The chain.
		{"number skipped", authorityOf(func(_ *states.World, s *directory.AuthorityStatement) { s.Number++ }), problem.StatementChain, "number"},
		{"number repeated", PartyOf(func(_ *states.World, s *directory.PartyStatement) { s.Number, s.Previous = 1, "" }), problem.StatementChain, "number"},
		{"first not 1", authorityOf(func(w *states.World, s *directory.AuthorityStatement) {
			s.ID, s.Subject = "QM.new", "QM.new"
		}), problem.StatementChain, "number"},
		{"another predecessor", authorityOf(func(_ *states.World, s *directory.AuthorityStatement) {
			s.Previous = strings.Repeat("0", 64)
		}), problem.StatementChain, "previous"},
		{"place taken", func(_ *testing.T, w *states.World) candidate {
			return candidate{w.Depositary, w.PartyStatement("QM"), w.Directory.Size() - 1}
		}, problem.StatementChain, "index"},

		// Who signs.
		{"signed by another party", signedBy(func(w *states.World) *pgp.Key { return w.Parties["QN"] }), problem.StatementSigner, "signature"},
		{"signed by the authority itself", signedBy(func(w *states.World) *pgp.Key { return w.Keys["QM.24-7"] }), problem.StatementSigner, "signature"},
		{"signed by the depositary", signedBy(func(w *states.World) *pgp.Key { return w.Depositary }), problem.StatementSigner, "signature"},
		{"depositary names itself for an authority", func(t *testing.T, w *states.World) candidate {
			s := w.AuthorityStatement(t, "QM.24-7")
			s.Signer = directory.DepositarySubject
			return candidate{w.Depositary, s, w.Directory.Size()}
		}, problem.StatementSigner, "signer"},
		{"another party names itself", func(t *testing.T, w *states.World) candidate {
			s := w.AuthorityStatement(t, "QM.24-7")
			s.Signer = "QN"
			return candidate{w.Parties["QN"], s, w.Directory.Size()}
		}, problem.StatementSigner, "signer"},
		// A party may not replace its own key, old or new (T24).
		{"party for itself", func(_ *testing.T, w *states.World) candidate {
			s := w.PartyStatement("QM")
			s.Signer = "QM"
			return candidate{w.Parties["QM"], s, w.Directory.Size()}
		}, problem.StatementSigner, "signer"},
		{"party in the depositary's name", func(_ *testing.T, w *states.World) candidate {
			return candidate{w.Parties["QM"], w.PartyStatement("QM"), w.Directory.Size()}
		}, problem.StatementSigner, "signature"},
		{"unknown party", func(t *testing.T, w *states.World) candidate {
			s := w.AuthorityStatement(t, "QM.24-7")
			s.Heading = w.Heading("QT.24-7", "QT")
			s.ID = "QT.24-7"
			return candidate{w.Parties["QM"], s, w.Directory.Size()}
		}, problem.StatementSigner, "signer"},
		{"another depositary", func(t *testing.T, w *states.World) candidate {
			other := w.Key(t, w.Suite, "depositary <depositary@entraide.example>")
			s := w.DepositaryStatement()
			s.Certificate = other.Certificate().Bytes()
			return candidate{other, s, w.Directory.Size()}
		}, problem.StatementSigner, "certificate"},

		// What is said of certificates.
		{"garbage", withCertificate(pgp.Modern6, func(*testing.T, *states.World) []byte { return []byte("certificate") }),
			problem.StatementInvalid, "certificates.modern-6"},
		{"filed under another suite", withCertificate(pgp.PQ6, func(t *testing.T, w *states.World) []byte {
			return certified(t, w, "QM", pgp.Modern6, qm)
		}), problem.StatementInvalid, "certificates.pq-6"},
		{"not certified", withCertificate(pgp.Modern6, func(t *testing.T, w *states.World) []byte {
			return w.Key(t, pgp.Modern6, qm).Certificate().Bytes()
		}), problem.StatementInvalid, "certificates.modern-6"},
		{"certified by another party", withCertificate(pgp.Modern6, func(t *testing.T, w *states.World) []byte {
			return certified(t, w, "QN", pgp.Modern6, qm)
		}), problem.StatementInvalid, "certificates.modern-6"},
		{"another authority's certificate", withCertificate(pgp.Modern6, func(t *testing.T, w *states.World) []byte {
			return certified(t, w, "QM", pgp.Modern6, states.UserID("QM.mla"))
		}), problem.StatementInvalid, "certificates.modern-6"},
		{"longer name that begins alike", withCertificate(pgp.Modern6, func(t *testing.T, w *states.World) []byte {
			return certified(t, w, "QM", pgp.Modern6, "QM.24-7b <x@qm.example>")
		}), problem.StatementInvalid, "certificates.modern-6"},
		{"expired", withCertificate(pgp.Modern6, func(t *testing.T, w *states.World) []byte {
			key, err := pgp.Generate(pgp.Modern6, qm, w.Now.Add(-2*time.Hour), time.Hour)
			if err != nil {
				t.Fatal(err)
			}
			return key.Certificate().Bytes()
		}), problem.StatementInvalid, "certificates.modern-6"},
		{"no key to sign with", withCertificate(pgp.Modern6, func(t *testing.T, w *states.World) []byte {
			return withoutSubkey(t, w, (*pgp.Certificate).SigningSubkey)
		}), problem.StatementInvalid, "certificates.modern-6"},
		{"no key to encrypt to", withCertificate(pgp.Modern6, func(t *testing.T, w *states.World) []byte {
			return withoutSubkey(t, w, (*pgp.Certificate).EncryptionSubkey)
		}), problem.StatementInvalid, "certificates.modern-6"},
		{"party's fingerprint", PartyOf(func(w *states.World, s *directory.PartyStatement) {
			s.Fingerprint = w.Parties["QN"].Fingerprint()
		}), problem.StatementInvalid, "fingerprint"},
		{"another party's certificate", PartyOf(func(w *states.World, s *directory.PartyStatement) {
			s.Certificate, s.Fingerprint = w.Parties["QN"].Certificate().Bytes(), w.Parties["QN"].Fingerprint()
		}), problem.StatementInvalid, "certificate"},

		// Who connects.
		{"another party's TLS key", authorityOf(func(_ *states.World, s *directory.AuthorityStatement) {
			s.Transport = states.Transport("QN.24-7")
		}), problem.StatementInvalid, "transport"},
		{"the depositary's TLS key", authorityOf(func(_ *states.World, s *directory.AuthorityStatement) {
			s.Transport = states.Transport("depositary")
		}), problem.StatementInvalid, "transport"},
		{"another of the party's TLS keys", authorityOf(func(_ *states.World, s *directory.AuthorityStatement) {
			s.Transport = states.Transport("QM.mla")
		}), "", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			w := states.New(t, pgp.Modern6)
			c := tt.make(t, w)
			signed, err := directory.Sign(c.key, c.s, w.Now)
			if err != nil {
				t.Fatal(err)
			}
			d, err := w.Directory.Apply(signed, c.index)
			wantProblem(t, err, tt.code, tt.field)
			if (d == nil) != (tt.code != "") {
				t.Errorf("Apply returns %v with error %v", d, err)
			}
		})
	}
}

// TestApplySignature: what is signed is this text, as this type, at this time,
// and once.
func TestApplySignature(t *testing.T) {
	t.Parallel()
	w := states.New(t, pgp.Modern6)
	sign := func(typ string, text string, at time.Time) []byte {
		signature, err := w.Depositary.Sign(typ, []byte(text), at)
		if err != nil {
			t.Fatal(err)
		}
		return signature
	}
	good, err := directory.Sign(w.Depositary, w.PartyStatement("QM"), w.Now)
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name      string
		signature []byte
		code      problem.Code
	}{
		{"good", good.Signature, ""},
		{"again", sign(directory.TypParty, good.Statement, w.Now), ""},
		{"none", nil, problem.StatementSigner},
		{"another text", sign(directory.TypParty, good.Statement+" ", w.Now), problem.StatementSigner},
		{"another type", sign(directory.TypStanding, good.Statement, w.Now), problem.StatementSigner},
		{"a second later", sign(directory.TypParty, good.Statement, w.Now.Add(time.Second)), problem.StatementSigner},
		{"twice", append(sign(directory.TypParty, good.Statement, w.Now), good.Signature...), problem.StatementSigner},
		{"too large", make([]byte, directory.MaxSignatureBytes+1), problem.TooLarge},
	} {
		_, err := w.Directory.Apply(directory.Signed{Statement: good.Statement, Signature: tt.signature}, w.Directory.Size())
		t.Log(tt.name)
		if tt.code == "" {
			wantProblem(t, err, "", "")
		} else {
			wantProblem(t, err, tt.code, "signature")
		}
	}
}

// TestApplyTwice: a statement that is in the directory does not enter again.
func TestApplyTwice(t *testing.T) {
	t.Parallel()
	w := states.New(t, pgp.Modern6)
	_, err := w.Directory.Apply(w.Statements()[3], w.Directory.Size())
	wantProblem(t, err, problem.StatementChain, "number")
}

// TestOlder: time does not run backwards along a chain, nor past the newest
// statement about the signer. Otherwise a stolen key that was revoked since
// could still sign, dated back to before.
func TestOlder(t *testing.T) {
	t.Parallel()
	w := states.New(t, pgp.Modern6)
	w.Now = w.Now.Add(-time.Second)
	wantProblem(t, apply(w, w.Depositary, w.PartyStatement("QM")), problem.StatementChain, "issued")

	w = states.New(t, pgp.Modern6)
	w.Now = w.Now.Add(time.Hour)
	w.Publish(t, w.Depositary, w.PartyStatement("QM"))
	w.Now = w.Now.Add(-time.Minute)
	wantProblem(t, apply(w, w.Parties["QM"], w.AuthorityStatement(t, "QM.24-7")), problem.StatementSigner, "issued")
}

// TestEnrolment: a party signs its first authorities before it is admitted.
func TestEnrolment(t *testing.T) {
	t.Parallel()
	w := states.New(t, pgp.Modern6)
	w.Parties["QT"] = w.Key(t, pgp.Modern6, "QT <party@qt.example>")
	w.Keys["QT.24-7"] = w.Key(t, pgp.Modern6, states.UserID("QT.24-7"))
	enrolment, err := directory.Sign(w.Parties["QT"], w.AuthorityStatement(t, "QT.24-7"), w.Now)
	wantProblem(t, err, "", "")
	w.Now = w.Now.Add(time.Hour)
	w.Publish(t, w.Depositary, w.PartyStatement("QT"))
	_, err = w.Directory.Apply(enrolment, w.Directory.Size())
	wantProblem(t, err, "", "")
	// Once more than the first is said of the party, this is over.
	w.SetStanding(t, "QT", directory.DepositarySubject, directory.Suspended)
	w.SetStanding(t, "QT", directory.DepositarySubject, directory.Restored)
	_, err = w.Directory.Apply(enrolment, w.Directory.Size())
	wantProblem(t, err, problem.StatementSigner, "issued")
}

// TestPartyKeyReplaced: after the depositary has replaced a party's key, the
// old one signs nothing any more, and what it signed stays (T24).
func TestPartyKeyReplaced(t *testing.T) {
	t.Parallel()
	w := states.New(t, pgp.Modern6)
	old := w.Parties["QM"]
	w.Parties["QM"] = w.Key(t, pgp.Modern6, "QM <party@qm.example>")
	w.Publish(t, w.Depositary, w.PartyStatement("QM"))
	wantProblem(t, apply(w, old, w.AuthorityStatement(t, "QM.24-7")), problem.StatementSigner, "signature")
	_, err := w.Directory.Check("QM.24-7", w.Now)
	wantProblem(t, err, "", "")
	wantProblem(t, apply(w, w.Parties["QM"], w.AuthorityStatement(t, "QM.24-7")), "", "")
}

// TestEmpty: nothing can be said before the depositary is known.
func TestEmpty(t *testing.T) {
	t.Parallel()
	w := states.New(t, pgp.Modern6)
	d := directory.New(strings.ToLower(w.Depositary.Fingerprint()))
	if d.Size() != 0 || d.AsOf(5).Size() != 0 || len(d.Parties()) != 0 {
		t.Error("the empty directory is not empty")
	}
	statements := w.Statements()
	_, err := d.Apply(statements[1], 0)
	wantProblem(t, err, problem.StatementSigner, "signer")
	d, err = d.Apply(statements[0], 0)
	wantProblem(t, err, "", "")
	_, err = d.Apply(statements[1], 1)
	wantProblem(t, err, "", "")
}
