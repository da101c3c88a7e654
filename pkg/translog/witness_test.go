package translog_test

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"

	"github.com/entraide/entraide/pkg/translog"
)

// seen is when the witnesses of these tests cosign.
var seen = time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)

func witness(t *testing.T, name string) *translog.Cosigner {
	t.Helper()
	secret, public, err := translog.GenerateWitnessKey(name)
	if err != nil {
		t.Fatal(err)
	}
	c, err := translog.ParseCosigner(secret, func() time.Time { return seen })
	if err != nil {
		t.Fatal(err)
	}
	if k, err := translog.ParseWitnessKey(public); err != nil || k.String() != c.Key().String() {
		t.Fatalf("the verifier key is read as %v, %v", k, err)
	}
	return c
}

// cosign adds the witnesses' lines to a signed checkpoint.
func cosign(t *testing.T, signed []byte, cp translog.Checkpoint, by ...*translog.Cosigner) []byte {
	t.Helper()
	for _, c := range by {
		line, err := c.Cosign(cp)
		if err != nil {
			t.Fatal(err)
		}
		signed = append(bytes.Clone(signed), line...)
	}
	return signed
}

// signedTree signs the tree of the first leaves.
func signedTree(t *testing.T, n *naive, size int64, signer note.Signer) (translog.Checkpoint, []byte) {
	t.Helper()
	cp := translog.Checkpoint{Origin: origin, Size: size, Root: n.root(t, size)}
	signed, err := cp.Sign(signer)
	if err != nil {
		t.Fatal(err)
	}
	return cp, signed
}

// TestCosignature cosigns a checkpoint, and refuses the line for anything else.
func TestCosignature(t *testing.T) {
	t.Parallel()
	n, _ := grown(t, 9)
	signer, _ := keys(t)
	cp, _ := signedTree(t, n, 7, signer)
	w, other := witness(t, "witness.example/w1"), witness(t, "witness.example/w1")
	line, err := w.Cosign(cp)
	if err != nil {
		t.Fatal(err)
	}
	got, err := translog.ReadCosignature(cp, line, w.Key())
	if err != nil || !got.At.Equal(seen) || !bytes.Equal(got.Line, line) {
		t.Errorf("read %+v, %v", got, err)
	}
	longer, _ := signedTree(t, n, 8, signer)
	for name, f := range map[string]func() error{
		"another tree": func() error { _, err := translog.ReadCosignature(longer, line, w.Key()); return err },
		"another key":  func() error { _, err := translog.ReadCosignature(cp, line, other.Key()); return err },
		"no line":      func() error { _, err := translog.ReadCosignature(cp, nil, w.Key()); return err },
		"another time": func() error {
			changed := bytes.Replace(line, []byte(" "), []byte(" "), 1)
			i := bytes.LastIndexByte(changed, ' ') + 8
			changed[i] ^= 1
			_, err := translog.ReadCosignature(cp, changed, w.Key())
			return err
		},
	} {
		if err := f(); !errors.Is(err, translog.ErrCosignature) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestWitnessKeys refuses keys of other kinds, and a second spelling.
func TestWitnessKeys(t *testing.T) {
	t.Parallel()
	logSecret, logPublic, err := translog.GenerateKey("broker.example/log")
	if err != nil {
		t.Fatal(err)
	}
	key := witness(t, "w").Key().String()
	for name, text := range map[string]string{
		"of a log": logPublic, "empty": "", "another name": "x" + key, "cut": key[:len(key)-1], "a secret": logSecret,
	} {
		if _, err := translog.ParseWitnessKey(text); err == nil {
			t.Errorf("the key %s was read", name)
		}
	}
	for name, text := range map[string]string{"public": key, "empty": "", "cut": logSecret[:len(logSecret)-4]} {
		if _, err := translog.ParseCosigner(text, nil); err == nil {
			t.Errorf("the signer key %s was read", name)
		}
	}
}

// TestPolicy holds quorums against the witnesses that have cosigned.
func TestPolicy(t *testing.T) {
	t.Parallel()
	n, _ := grown(t, 3)
	signer, verifier := keys(t)
	cp, signed := signedTree(t, n, 3, signer)
	a, b, c, d := witness(t, "a.example"), witness(t, "b.example"), witness(t, "c.example"), witness(t, "d.example")
	lines := "log " + logKey(t) + "\n"
	for name, w := range map[string]*translog.Cosigner{"A": a, "B": b, "C": c} {
		lines += fmt.Sprintf("witness %s %s https://%s.example/\n", name, w.Key(), name)
	}
	for _, tt := range []struct {
		name, policy string
		by           []*translog.Cosigner
		want         bool
	}{
		{"nobody needed", "quorum none\n", nil, true},
		{"one", "quorum A\n", []*translog.Cosigner{a}, true},
		{"another one", "quorum A\n", []*translog.Cosigner{b, c}, false},
		{"two of three", "group g 2 A B C\nquorum g\n", []*translog.Cosigner{c, a}, true},
		{"one of three", "group g 2 A B C\nquorum g\n", []*translog.Cosigner{c}, false},
		{"one twice", "group g 2 A B C\nquorum g\n", []*translog.Cosigner{c, c}, false},
		{"a stranger", "group g 2 A B C\nquorum g\n", []*translog.Cosigner{c, d}, false},
		{"groups", "group g any A B\ngroup h all g C\nquorum h\n", []*translog.Cosigner{b, c}, true},
		{"half of the groups", "group g any A B\ngroup h all g C\nquorum h\n", []*translog.Cosigner{a, b}, false},
	} {
		p, err := translog.ParsePolicy([]byte("# who watches\n\n" + lines + tt.policy))
		if err != nil {
			t.Fatalf("%s: %v", tt.name, err)
		}
		got, err := p.Open(cosign(t, signed, cp, tt.by...), origin, verifier)
		if err != nil || got.Witnessed != tt.want || got.Checkpoint != cp {
			t.Errorf("%s: %+v, %v; want witnessed %t", tt.name, got, err, tt.want)
		}
	}
	p, err := translog.ParsePolicy([]byte(lines + "quorum A\n"))
	if err != nil {
		t.Fatal(err)
	}
	_, stranger := keys(t)
	if _, err := p.Open(cosign(t, signed, cp, a), origin, stranger); !errors.Is(err, translog.ErrCheckpointSignature) {
		t.Errorf("without the log's own signature: %v", err)
	}
}

func logKey(t *testing.T) string {
	t.Helper()
	_, public, err := translog.GenerateKey(origin)
	if err != nil {
		t.Fatal(err)
	}
	return public
}

// TestPolicyRefused reads no policy that could mean two things.
func TestPolicyRefused(t *testing.T) {
	t.Parallel()
	k, l := witness(t, "a.example").Key().String(), logKey(t)
	w := "witness A " + k + "\nwitness B " + witness(t, "b.example").Key().String() + "\n"
	for name, text := range map[string]string{
		"no quorum": w, "two quorums": w + "quorum A\nquorum B\n", "unknown quorum": w + "quorum C\n",
		"witness twice": w + "witness A " + witness(t, "x").Key().String() + "\nquorum A\n",
		"key twice":     w + "witness C " + k + "\nquorum A\n", "witness none": "witness none " + k + "\nquorum none\n",
		"log twice": "log " + l + "\nlog " + l + "\nquorum none\n", "log with a witness's key": "log " + k + "\nquorum none\n",
		"witness with a log's key": "witness A " + l + "\nquorum none\n", "threshold 0": w + "group g 0 A\nquorum g\n",
		"threshold above": w + "group g 3 A B\nquorum g\n", "threshold 01": w + "group g 01 A B\nquorum g\n",
		"member twice": w + "group g 1 A A\nquorum g\n", "member of two": w + "group g 1 A\ngroup h 1 A B\nquorum h\n",
		"group before": "group g 1 A\n" + w + "quorum g\n", "group twice": w + "group g 1 A\ngroup g 1 B\nquorum g\n",
		"control character": w + "quorum\rA\n", "unknown word": w + "quorum A\nfurther\n",
		"too long": strings.Repeat("#", translog.MaxPolicyBytes+1),
	} {
		if _, err := translog.ParsePolicy([]byte(text)); !errors.Is(err, translog.ErrPolicy) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestFork convicts a log that signed two trees, and nobody else.
func TestFork(t *testing.T) {
	t.Parallel()
	n, honest := grown(t, 700)
	signer, verifier := keys(t)
	other, _ := grown(t, 300) // the same leaves, and then others
	for i := range 200 {
		other.add(t, leafHash(10_000+i))
	}
	_, older := signedTree(t, n, 300, signer)
	_, newer := signedTree(t, n, 700, signer)
	_, side := signedTree(t, other, 500, signer)
	_, equal := signedTree(t, other, 500, signer)
	cpEqual, _ := signedTree(t, n, 500, signer)
	straight, err := cpEqual.Sign(signer)
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name string
		a, b []byte
		want error
	}{
		{"one extends the other", older, newer, translog.ErrNoFork},
		{"the same", newer, newer, translog.ErrNoFork},
		{"two of one size", straight, equal, nil},
		{"older and newer", side, newer, nil},
		{"newer and older", newer, side, nil},
		{"the fork point", older, side, translog.ErrTiles}, // honest tiles are not those of the side tree
	} {
		f, err := translog.ProveFork(t.Context(), tt.a, tt.b, origin, honest.read, verifier)
		if !errors.Is(err, tt.want) {
			t.Errorf("%s: %v, want %v", tt.name, err, tt.want)
		}
		if tt.want != nil || err != nil {
			continue
		}
		text, err := f.Marshal()
		if err != nil {
			t.Fatal(err)
		}
		again, err := translog.ParseFork(text)
		if err != nil {
			t.Fatal(err)
		}
		if err := again.Check(origin, verifier); err != nil {
			t.Errorf("%s: the proof does not convict: %v", tt.name, err)
		}
		_, stranger := keys(t)
		if err := again.Check(origin, stranger); !errors.Is(err, translog.ErrNoFork) {
			t.Errorf("%s: it convicts another log: %v", tt.name, err)
		}
		if len(again.Proof) > 0 {
			again.Proof = again.Proof[1:]
			if err := again.Check(origin, verifier); !errors.Is(err, translog.ErrNoFork) {
				t.Errorf("%s: it convicts without its proof: %v", tt.name, err)
			}
		}
	}
	if _, err := translog.ParseFork([]byte(`{"typ":"entraide/entry/1","older":"","newer":"","root":"","proof":[]}`)); !errors.Is(err, translog.ErrNoFork) {
		t.Errorf("another type: %v", err)
	}
}

func FuzzParseAddCheckpoint(f *testing.F) {
	f.Add([]byte("old 2\n27uF6f6TixyGpN6eBJ3N2Sl4HjPfT/mveFcr2EfrF/k=\n\nbroker.example/log\n3\n"))
	f.Add([]byte("old 0\n\n"))
	f.Add([]byte("old 00\n\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		if a, err := translog.ParseAddCheckpoint(text); err == nil && !bytes.Equal(a.Format(), text) {
			t.Errorf("%q is written back as %q", text, a.Format())
		}
	})
}

func FuzzParsePolicy(f *testing.F) {
	f.Add("witness A a.example+8ff02eb4+BAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\ngroup g any A\nquorum g\n")
	f.Add("quorum none\n")
	f.Fuzz(func(t *testing.T, text string) {
		p, err := translog.ParsePolicy([]byte(text))
		if err != nil {
			return
		}
		var all []translog.Cosignature
		for _, w := range p.Witnesses {
			all = append(all, translog.Cosignature{Key: w.Key})
		}
		if !p.Met(all) {
			t.Errorf("%q is not met by all of its witnesses", text)
		}
	})
}

func FuzzParseWitnessKey(f *testing.F) {
	f.Add("a.example+8ff02eb4+BAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA")
	f.Fuzz(func(t *testing.T, text string) {
		if k, err := translog.ParseWitnessKey(text); err == nil && k.String() != text {
			t.Errorf("%q is written back as %q", text, k)
		}
	})
}

func FuzzParseFork(f *testing.F) {
	f.Add([]byte(`{"typ":"entraide/fork/1","older":"a","newer":"b","root":"","proof":[]}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		fork, err := translog.ParseFork(text)
		if err != nil {
			return
		}
		if fork.Check(origin) == nil {
			t.Errorf("%q convicts without a key", text)
		}
	})
}
