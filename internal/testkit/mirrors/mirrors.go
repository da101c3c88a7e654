// Package mirrors gives tests an auditor's mirror of a fictitious log, with a book
// that holds what a broker would show: cases of many States, and faults that are
// planted among them, one of every kind that an auditor can find.
package mirrors

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/entraide/entraide/internal/auditor"
	"github.com/entraide/entraide/pkg/translog"
	"github.com/entraide/entraide/pkg/wire"
)

// Origin is the name of the log.
const Origin = "broker.example/log"

// A Mirror is a log, its published files, and an auditor's mirror and book of it.
type Mirror struct {
	Home, Published string
	Book            *auditor.Book
	Origin          string
	Broker          wire.Broker
	Signer          note.Signer

	t         testing.TB
	witnesses []*translog.Cosigner
	clock     time.Time // of the witnesses
	salted    []translog.Salted
	stored    []tlog.Hash
}

// New makes a log of entries, published, with three witnesses of which two must
// vouch and one is behind. Withheld says which entries the broker does not show.
// The mirror has looked at the log once and holds everything else; nothing is
// derived yet.
func New(t testing.TB, entries []translog.Entry, withheld map[int]bool, looked time.Time) *Mirror {
	t.Helper()
	dir := t.TempDir()
	m := &Mirror{t: t, Origin: Origin, Home: filepath.Join(dir, "mirror"), Published: filepath.Join(dir, "log"), clock: looked}
	secret, vkey, err := translog.GenerateKey(Origin)
	m.must(err)
	m.Signer, err = translog.ParseSigner(secret)
	m.must(err)
	m.Broker = wire.Broker{URL: "https://broker.example", Transport: strings.Repeat("0", 64), Origin: Origin, LogKey: vkey, Depositary: "00", Policy: m.policy()}
	m.must(auditor.Create(m.Home, m.Broker))
	m.Book, err = auditor.OpenBook(t.Context(), m.Home)
	m.must(err)
	t.Cleanup(func() { m.must(m.Book.Close()) })
	if len(entries) > 1 { // the third witness has seen the beginning
		m.clock, err = time.Parse(time.RFC3339, entries[0].Time)
		m.must(err)
		m.append(entries[:1])
		m.Publish(1, m.witnesses)
		m.must(m.Look(m.clock))
	}
	m.clock = looked
	m.append(entries[min(1, len(entries)):])
	m.Publish(int64(len(entries)), m.witnesses[:2])
	m.must(m.Look(looked))
	m.take(entries, withheld)
	return m
}

func (m *Mirror) must(err error) {
	m.t.Helper()
	if err != nil {
		m.t.Fatal(err)
	}
}

// policy makes three witnesses and asks for two.
func (m *Mirror) policy() string {
	var b strings.Builder
	for _, name := range []string{"qm.example", "qn.example", "qo.example"} {
		secret, vkey, err := translog.GenerateWitnessKey(name + "/witness")
		m.must(err)
		w, err := translog.ParseCosigner(secret, func() time.Time { return m.clock })
		m.must(err)
		m.witnesses = append(m.witnesses, w)
		b.WriteString("witness " + strings.TrimSuffix(name, ".example") + " " + vkey + "\n")
	}
	return b.String() + "group two 2 qm qn qo\nquorum two\n"
}

// ReadHashes implements [tlog.HashReader].
func (m *Mirror) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	out := make([]tlog.Hash, len(indexes))
	for i, index := range indexes {
		out[i] = m.stored[index]
	}
	return out, nil
}

// append adds entries to the log.
func (m *Mirror) append(entries []translog.Entry) {
	m.t.Helper()
	for _, e := range entries {
		body, err := e.Marshal()
		m.must(err)
		salted, err := translog.NewSalted(body)
		m.must(err)
		m.Append(salted)
	}
}

// Append adds one entry to the log.
func (m *Mirror) Append(salted translog.Salted) {
	m.t.Helper()
	hashes, err := tlog.StoredHashes(int64(len(m.salted)), salted.Leaf(), m)
	m.must(err)
	m.salted, m.stored = append(m.salted, salted), append(m.stored, hashes...)
}

// Size is how many entries the log has.
func (m *Mirror) Size() int64 { return int64(len(m.salted)) }

// Salted is the private half of an entry.
func (m *Mirror) Salted(index int64) translog.Salted { return m.salted[index] }

// Fork returns the same log with another history from a size on, of as many
// entries as are asked for.
func (m *Mirror) Fork(size, entries int64) *Mirror {
	m.t.Helper()
	count := tlog.StoredHashCount(size)
	f := *m
	f.salted, f.stored = m.salted[:size:size], m.stored[:count:count]
	for range entries {
		salted, err := translog.NewSalted(m.salted[0].Body)
		m.must(err)
		f.Append(salted)
	}
	return &f
}

// Checkpoint signs the tree of a size, with witnesses.
func (m *Mirror) Checkpoint(size int64, witnesses []*translog.Cosigner) []byte {
	m.t.Helper()
	root, err := tlog.TreeHash(size, m)
	m.must(err)
	cp := translog.Checkpoint{Origin: m.Origin, Size: size, Root: root}
	signed, err := cp.Sign(m.Signer)
	m.must(err)
	for _, w := range witnesses {
		line, err := w.Cosign(cp)
		m.must(err)
		signed = append(signed, line...)
	}
	return signed
}

// Publish writes the first entries of the log as static files.
func (m *Mirror) Publish(size int64, witnesses []*translog.Cosigner) {
	m.t.Helper()
	m.must(translog.Export(m.t.Context(), m.Published, translog.Source{
		Checkpoint: m.Checkpoint(size, witnesses), Size: size, VerifierKey: m.Broker.LogKey,
		Hashes: m.hashes,
		Leaves: func(_ context.Context, from, to int64) ([][]byte, error) {
			var out [][]byte
			for _, s := range m.salted[from:to] {
				out = append(out, s.Leaf())
			}
			return out, nil
		},
	}))
}

// hashes returns tree hashes as a store does.
func (m *Mirror) hashes(_ context.Context, level int, from, to int64) ([]translog.Hash, error) {
	var out []translog.Hash
	for i := from; i < to; i++ {
		out = append(out, m.stored[tlog.StoredHashIndex(8*level, i)])
	}
	return out, nil
}

// Restore publishes the whole log again, as it is, with the witnesses that vouch
// for it.
func (m *Mirror) Restore() {
	m.t.Helper()
	m.must(os.RemoveAll(m.Published))
	m.Publish(m.Size(), m.witnesses[:2])
}

// open opens the mirror for something.
func (m *Mirror) open(do func(*auditor.Mirror) error) error {
	m.t.Helper()
	mirror, err := auditor.Open(m.Home, auditor.Directory(m.Published))
	m.must(err)
	err = do(mirror)
	m.must(mirror.Close())
	return err
}

// Look looks at the published log.
func (m *Mirror) Look(now time.Time) error {
	return m.open(func(mirror *auditor.Mirror) error {
		_, err := auditor.Look(m.t.Context(), mirror, m.Book, now)
		return err
	})
}

// Add takes a file into the book.
func (m *Mirror) Add(file []byte, now time.Time) error {
	return m.open(func(mirror *auditor.Mirror) error {
		_, err := m.Book.Add(m.t.Context(), mirror, file, now)
		return err
	})
}

// Derive derives the book.
func (m *Mirror) Derive(rules auditor.Rules, now time.Time) (s auditor.Summary) {
	m.t.Helper()
	m.must(m.open(func(mirror *auditor.Mirror) (err error) {
		s, err = m.Book.Derive(m.t.Context(), mirror, rules, now)
		return err
	}))
	return s
}

// batch is how many entries are taken at once.
const batch = 20_000

// take has the book hold the entries, as if the broker had shown them to an auditor
// of all exchanges.
func (m *Mirror) take(entries []translog.Entry, withheld map[int]bool) {
	m.t.Helper()
	for from := 0; from < len(entries); from += batch {
		to := min(from+batch, len(entries))
		rows := make([]auditor.Entry, 0, to-from)
		for i := from; i < to; i++ {
			if !withheld[i] {
				rows = append(rows, auditor.Entry{Index: int64(i), Entry: entries[i], Private: m.salted[i]})
			}
		}
		m.must(m.Book.Take(m.t.Context(), rows, "", int64(to)))
	}
}
