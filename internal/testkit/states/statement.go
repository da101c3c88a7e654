package states

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/entraide/entraide/pkg/directory"
	"github.com/entraide/entraide/pkg/pgp"
)

// Heading returns the heading of the next statement about a subject.
func (w *World) Heading(subject, signer string) directory.Heading {
	number, previous := w.Directory.Next(subject)
	return directory.Heading{
		Subject: subject, Number: number, Previous: previous, Issued: directory.At(w.Now), Signer: signer,
	}
}

// DepositaryStatement returns the depositary's next statement about itself.
func (w *World) DepositaryStatement() directory.DepositaryStatement {
	return directory.DepositaryStatement{
		Heading:     w.Heading(directory.DepositarySubject, directory.DepositarySubject),
		Certificate: w.Depositary.Certificate().Bytes(),
		Transport:   Transport(directory.DepositarySubject),
	}
}

// PartyStatement returns the depositary's next statement about a party, with
// the party's key of the world.
func (w *World) PartyStatement(party string) directory.PartyStatement {
	c := w.Parties[party].Certificate()
	return directory.PartyStatement{
		Heading:     w.Heading(party, directory.DepositarySubject),
		Names:       map[string]string{"en": "State of " + party, "fr": "État de " + party},
		Certificate: c.Bytes(),
		Fingerprint: c.Fingerprint(),
	}
}

// AuthorityStatement returns a party's next statement about an authority, with
// the authority's key of the world.
func (w *World) AuthorityStatement(t testing.TB, id string) directory.AuthorityStatement {
	t.Helper()
	s, err := w.authorityStatement(id)
	if err != nil {
		t.Fatalf("describing %s: %v", id, err)
	}
	return s
}

func (w *World) authorityStatement(id string) (directory.AuthorityStatement, error) {
	party, label, _ := strings.Cut(id, ".")
	c, err := w.Parties[party].Certify(w.Keys[id].Certificate(), w.Now, 0)
	if err != nil {
		return directory.AuthorityStatement{}, fmt.Errorf("certifying: %w", err)
	}
	role := label
	if label == "mla" {
		role = "central"
	}
	return directory.AuthorityStatement{
		Heading:      w.Heading(id, party),
		ID:           id,
		Roles:        []string{role},
		Articles:     []string{"40", "41"},
		Names:        map[string]string{"en": "Authority " + id, "ar": "السلطة " + id},
		Languages:    map[string][]string{"emergency": {"en", "ar"}, "urgent": {"en", "ar"}, "routine": {"en"}},
		Hours:        "24/7",
		TimeZone:     "Africa/Cairo",
		Contact:      directory.Contact{Email: label + "@" + strings.ToLower(party) + ".example", Phone: "+99955501234"},
		Callback:     []string{"+99955505678"},
		Certificates: map[pgp.Suite][]byte{w.Suite: c.Bytes()},
		Transport:    Transport(id),
		Limits:       directory.Limits{EvidenceBytes: 1 << 30, QuotaBytes: 1 << 36},
		Stance:       directory.Stance{Positions: map[string][]string{"accepts-oral": {}}},
		ValidFrom:    directory.At(Now.Add(-time.Hour)),
		ValidUntil:   directory.At(Now.AddDate(2, 0, 0)),
	}, nil
}

// WithSuites returns the party's next statement about an authority with
// certificates of several suites, and the keys behind them. The key of the
// world's suite stays as it is.
func (w *World) WithSuites(t testing.TB, id string, suites ...pgp.Suite) (directory.AuthorityStatement, map[pgp.Suite]*pgp.Key) {
	t.Helper()
	party, _, _ := strings.Cut(id, ".")
	s := w.AuthorityStatement(t, id)
	s.Certificates = map[pgp.Suite][]byte{}
	keys := map[pgp.Suite]*pgp.Key{}
	for _, suite := range suites {
		keys[suite] = w.Keys[id]
		if suite != w.Suite {
			keys[suite] = w.Key(t, suite, UserID(id))
		}
		c, err := w.Parties[party].Certify(keys[suite].Certificate(), w.Now, 0)
		if err != nil {
			t.Fatalf("certifying: %v", err)
		}
		s.Certificates[suite] = c.Bytes()
	}
	return s, keys
}

// SetStanding publishes a standing statement, signed by the depositary or by a
// party.
func (w *World) SetStanding(t testing.TB, subject, signer, standing string) {
	t.Helper()
	key := w.Depositary
	if signer != directory.DepositarySubject {
		key = w.Parties[signer]
	}
	w.Publish(t, key, directory.StandingStatement{
		Heading: w.Heading(subject, signer), Standing: standing, Reason: "The officer in charge has asked for it.",
	})
}
