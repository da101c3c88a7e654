package snapshot_test

import (
	"bytes"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/entraide/entraide/internal/testkit/states"
	"github.com/entraide/entraide/pkg/directory"
	"github.com/entraide/entraide/pkg/pgp"
	"github.com/entraide/entraide/pkg/snapshot"
	"github.com/entraide/entraide/pkg/wire"
)

// made is a snapshot of a world, with receipts that nobody has signed.
func made(t testing.TB, n int) []byte {
	t.Helper()
	w := states.New(t, pgp.Modern6)
	statements := []wire.Statement{}
	for i, s := range w.Statements()[:n] {
		statements = append(statements, wire.Statement{Index: int64(i), Statement: s.Statement, Signature: s.Signature, Receipt: "none"})
	}
	s, err := snapshot.Make(snapshot.Heading{
		Made: directory.At(w.Now), Expires: directory.At(w.Now.Add(time.Hour)), By: "QM.24-7", Checkpoint: "none",
	}, statements, w.Keys["QM.24-7"])
	if err != nil {
		t.Fatal(err)
	}
	data, err := s.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// TestParse: what is not exactly a snapshot is none.
func TestParse(t *testing.T) {
	t.Parallel()
	good := made(t, 3)
	if _, err := snapshot.Parse(good); err != nil {
		t.Fatal(err)
	}
	swap := func(old, now string) []byte { return bytes.Replace(good, []byte(old), []byte(now), 1) }
	for what, data := range map[string][]byte{
		"nothing":                    nil,
		"cut":                        good[:len(good)/2],
		"two":                        append(bytes.Clone(good), good...),
		"a member twice":             swap(`"signature":`, `"signature":"","signature":`),
		"a member more":              swap(`{"snapshot":`, `{"armor":"","snapshot":`),
		"another type":               swap(`entraide/snapshot/1`, `entraide/snapshot/2`),
		"statements of another":      swap(`entraide/party/1`, `entraide/party/2`),
		"no authority":               swap(`QM.24-7`, `QM.`),
		"an end that is far away":    swap(`\"expires\":\"2026`, `\"expires\":\"2027`),
		"an expiry before beginning": swap(`\"expires\":\"2026`, `\"expires\":\"2025`),
	} {
		if _, err := snapshot.Parse(data); !errors.Is(err, snapshot.ErrMalformed) {
			t.Errorf("%s: %v", what, err)
		}
	}
	w := states.New(t, pgp.Modern6)
	if _, err := snapshot.Make(snapshot.Heading{
		Made: directory.At(w.Now), Expires: directory.At(w.Now.Add(snapshot.MaxValidity + time.Second)), By: "QM.24-7",
	}, nil, w.Keys["QM.24-7"]); err == nil {
		t.Error("a snapshot for more than 31 days is made")
	}
}

// FuzzParse: what parses is written back identically.
func FuzzParse(f *testing.F) {
	f.Add(made(f, 0))
	f.Add(made(f, 1))
	f.Add([]byte(`{"snapshot":"{}","signature":"","statements":[]}`))
	f.Add([]byte(strings.Repeat("[", 100)))
	f.Fuzz(func(t *testing.T, data []byte) {
		s, err := snapshot.Parse(data)
		if err != nil {
			if !errors.Is(err, snapshot.ErrMalformed) {
				t.Fatal(err)
			}
			return
		}
		again, err := s.Marshal()
		if err != nil || !bytes.Equal(again, data) {
			t.Fatalf("%q is written back as %q (%v)", data, again, err)
		}
	})
}
