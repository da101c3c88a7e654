// Package states gives tests a small fictitious world: a depositary, the
// States QM, QN, QP and QR with their authorities, all their keys, a fixed
// clock, and the directory in which they are published. Nothing in it is
// real.
package states

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/entraide/entraide/pkg/directory"
	"github.com/entraide/entraide/pkg/pgp"
)

// Now is the time in the world: when its statements are issued, and a time at
// which all its keys are valid.
var Now = time.Date(2026, time.March, 2, 9, 0, 0, 0, time.UTC)

// parties are the States with their authorities.
var parties = map[string][]string{
	"QM": {"QM.24-7", "QM.mla"},
	"QN": {"QN.24-7", "QN.mla"},
	"QP": {"QP.24-7"},
	"QR": {"QR.24-7"},
}

// A World is the fictitious world as one test sees it: adding to it does not
// change it for other tests.
type World struct {
	// Suite is the suite of all keys, unless a test adds others.
	Suite pgp.Suite
	// Now is the time, at first [Now]. A test may move it.
	Now time.Time
	// Depositary is the key of the trust anchor.
	Depositary *pgp.Key
	// Parties are the keys of the States.
	Parties map[string]*pgp.Key
	// Keys are the keys of the authorities, of the world's suite.
	Keys map[string]*pgp.Key
	// Directory holds everything that was published, in order: the entries 0
	// to Size()-1 of a log.
	Directory *directory.Directory
}

// Suites returns the suites that tests use worlds of, strongest first. Making
// keys of hsm-4 would take most of the time of a test; package pgp tests that
// suite like every other, and the golden vectors have messages in it.
func Suites() []pgp.Suite { return []pgp.Suite{pgp.PQ6, pgp.Modern6, pgp.Classic4} }

// worlds makes one world for each suite and process: keys take time.
var worlds = map[pgp.Suite]func() (*World, error){
	pgp.Classic4: sync.OnceValues(func() (*World, error) { return begin(pgp.Classic4) }),
	pgp.HSM4:     sync.OnceValues(func() (*World, error) { return begin(pgp.HSM4) }),
	pgp.Modern6:  sync.OnceValues(func() (*World, error) { return begin(pgp.Modern6) }),
	pgp.PQ6:      sync.OnceValues(func() (*World, error) { return begin(pgp.PQ6) }),
}

// New returns a world in which all keys are of one suite. Its keys are the
// same in all tests of a process.
func New(t testing.TB, suite pgp.Suite) *World {
	t.Helper()
	w, err := worlds[suite]()
	if err != nil {
		t.Fatalf("making the fictitious States: %v", err)
	}
	own := *w
	own.Parties, own.Keys = maps.Clone(w.Parties), maps.Clone(w.Keys)
	return &own
}

// begin makes the world of a suite.
func begin(suite pgp.Suite) (*World, error) {
	w := &World{Suite: suite, Now: Now, Parties: map[string]*pgp.Key{}, Keys: map[string]*pgp.Key{}}
	var err error
	if w.Depositary, err = generate(suite, "depositary <depositary@entraide.example>"); err != nil {
		return nil, err
	}
	w.Directory = directory.New(w.Depositary.Fingerprint())
	if err := w.publish(w.Depositary, w.DepositaryStatement()); err != nil {
		return nil, err
	}
	for _, party := range []string{"QM", "QN", "QP", "QR"} {
		if w.Parties[party], err = generate(suite, fmt.Sprintf("%s <party@%s.example>", party, strings.ToLower(party))); err != nil {
			return nil, err
		}
		if err := w.publish(w.Depositary, w.PartyStatement(party)); err != nil {
			return nil, err
		}
		for _, id := range parties[party] {
			if w.Keys[id], err = generate(suite, UserID(id)); err != nil {
				return nil, err
			}
			s, err := w.authorityStatement(id)
			if err != nil {
				return nil, err
			}
			if err := w.publish(w.Parties[party], s); err != nil {
				return nil, err
			}
		}
	}
	return w, nil
}

// generate makes a key an hour before the statements are issued.
func generate(suite pgp.Suite, userID string) (*pgp.Key, error) {
	return pgp.Generate(suite, userID, Now.Add(-time.Hour), 0)
}

// UserID returns the User ID of an authority's certificate.
func UserID(id string) string {
	party, label, _ := strings.Cut(id, ".")
	return fmt.Sprintf("%s <%s@%s.example>", id, label, strings.ToLower(party))
}

// Key makes another key of any suite, as old as all others.
func (w *World) Key(t testing.TB, suite pgp.Suite, userID string) *pgp.Key {
	t.Helper()
	key, err := generate(suite, userID)
	if err != nil {
		t.Fatalf("generating a key: %v", err)
	}
	return key
}

// Transport returns the SHA-256 of the TLS public key that an authority has in
// the directory. It is made up: there is no such key.
func Transport(id string) string {
	sum := sha256.Sum256([]byte("transport key of " + id))
	return hex.EncodeToString(sum[:])
}

// Authority returns an authority of the directory.
func (w *World) Authority(t testing.TB, id string) directory.Authority {
	t.Helper()
	a, err := w.Directory.Authority(id)
	if err != nil {
		t.Fatalf("looking up %s: %v", id, err)
	}
	return a
}

// Publish signs a statement at the time of the world and adds it to the
// directory as the next entry of the log.
func (w *World) Publish(t testing.TB, key *pgp.Key, statement any) {
	t.Helper()
	if err := w.publish(key, statement); err != nil {
		t.Fatalf("publishing a statement: %v", err)
	}
}

func (w *World) publish(key *pgp.Key, statement any) error {
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

// Statements returns everything that was published, in order.
func (w *World) Statements() []directory.Signed {
	var all []directory.Signed
	for _, r := range w.Directory.Records() {
		all = append(all, r.Signed)
	}
	return all
}
