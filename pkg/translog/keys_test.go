package translog_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"golang.org/x/mod/sumdb/note"

	"github.com/entraide/entraide/pkg/translog"
)

// TestTermsOfKeys opens checkpoints of several sizes, signed by the former key,
// the new one, both or a stranger's, with the keys of a log of which one took over
// from the other at ten entries.
func TestTermsOfKeys(t *testing.T) {
	t.Parallel()
	var signers []note.Signer
	var vkeys []string
	for range 3 {
		secret, vkey, err := translog.GenerateKey(origin)
		if err != nil {
			t.Fatal(err)
		}
		signer, err := translog.ParseSigner(secret)
		if err != nil {
			t.Fatal(err)
		}
		signers, vkeys = append(signers, signer), append(vkeys, vkey)
	}
	keys, err := translog.ParseLogKeys(fmt.Sprintf("%s 10 %s", vkeys[0], vkeys[1]))
	if err != nil || keys.Newest() != vkeys[1] || !keys.Rotated() {
		t.Fatalf("%v, %v", keys, err)
	}
	former, next, stranger := signers[0], signers[1], signers[2]
	for _, tt := range []struct {
		size int64
		by   []note.Signer
		want error
	}{
		{9, []note.Signer{former}, nil},
		{10, []note.Signer{former}, nil},
		{10, []note.Signer{next}, nil},
		{11, []note.Signer{next}, nil},
		{11, []note.Signer{former, next}, nil},
		{11, []note.Signer{stranger, former, next}, nil},
		{11, []note.Signer{former}, translog.ErrTerm},
		{11, []note.Signer{former, stranger}, translog.ErrTerm},
		{9, []note.Signer{next}, translog.ErrTerm},
		{11, []note.Signer{stranger}, translog.ErrOtherKey},
	} {
		signed, err := translog.Checkpoint{Origin: origin, Size: tt.size, Root: leafHash(0)}.Sign(tt.by...)
		if err != nil {
			t.Fatal(err)
		}
		_, err = translog.OpenCheckpoint(signed, origin, keys.Verifiers()...)
		if !errors.Is(err, tt.want) || (err != nil && !errors.Is(err, translog.ErrCheckpointSignature)) {
			t.Errorf("%d entries, %d signatures: %v, want %v", tt.size, len(tt.by), err, tt.want)
		}
		if err := translog.CheckSigners(signed, origin, keys.Verifiers()...); (err != nil) != slices.Contains(tt.by, stranger) {
			t.Errorf("%d entries, %d signatures, other signers: %v", tt.size, len(tt.by), err)
		}
	}
	for name, text := range map[string]string{
		"nothing": "", "no last key": vkeys[0] + " 10", "no size": vkeys[0] + " " + vkeys[1], "twice": vkeys[0] + " 1 " + vkeys[0],
		"backwards": vkeys[0] + " 10 " + vkeys[1] + " 9 " + vkeys[2], "other spelling": vkeys[0] + " 010 " + vkeys[1],
	} {
		if _, err := translog.ParseLogKeys(text); !errors.Is(err, translog.ErrLogKeys) {
			t.Errorf("%s: %v, want ErrLogKeys", name, err)
		}
	}
}

func FuzzParseLogKeys(f *testing.F) {
	_, one, err := translog.GenerateKey(origin)
	if err != nil {
		f.Fatal(err)
	}
	_, two, err := translog.GenerateKey(origin)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(one)
	f.Add(one + " 7 " + two)
	f.Fuzz(func(t *testing.T, text string) {
		k, err := translog.ParseLogKeys(text)
		if err == nil && (k.String() != text || !strings.HasSuffix(text, k.Newest()) || len(strings.Fields(text)) != 2*len(k.Verifiers())-1) {
			t.Errorf("%q is read as %d keys, the newest %q", text, len(k.Verifiers()), k.Newest())
		}
	})
}
