package recovery_test

import (
	"bytes"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/entraide/entraide/internal/recovery"
)

func TestSplitCombine(t *testing.T) {
	t.Parallel()
	secret, texts, set, err := recovery.Split(5, 3)
	if err != nil {
		t.Fatal(err)
	}
	if len(texts) != 5 || set.Shares != 5 || set.Threshold != 3 || len(secret) != 32 {
		t.Fatalf("made are %d shares, %+v", len(texts), set)
	}
	for _, some := range [][]string{texts[:3], texts[2:], {texts[4], texts[0], texts[2]}, texts, {texts[0], texts[0], texts[1], texts[2]}} {
		got, err := set.Combine(some)
		if err != nil || !bytes.Equal(got, secret) {
			t.Errorf("from %d shares: %x, error %v", len(some), got, err)
		}
	}
	typed := []string{"Share 1\n\n" + strings.ToLower(strings.ReplaceAll(texts[0], " ", "")) + "\n", texts[1], texts[2]}
	if got, err := set.Combine(typed); err != nil || !bytes.Equal(got, secret) {
		t.Errorf("as somebody types it: %v", err)
	}
}

func TestCombineRefuses(t *testing.T) {
	t.Parallel()
	_, texts, set, err := recovery.Split(4, 3)
	if err != nil {
		t.Fatal(err)
	}
	_, others, other, err := recovery.Split(4, 3)
	if err != nil {
		t.Fatal(err)
	}
	mistyped := []byte(texts[1])
	mistyped[7] = map[bool]byte{true: 'B', false: 'A'}[mistyped[7] == 'A']
	for _, tt := range []struct {
		name  string
		texts []string
		want  error
		says  string
	}{
		{"none", nil, recovery.ErrTooFew, "3 of set " + set.ID + " are needed, 0 different"},
		{"too few", texts[:2], recovery.ErrTooFew, "2 different ones"},
		{"one three times", []string{texts[0], texts[0], texts[0]}, recovery.ErrTooFew, "1 different ones"},
		{"mistyped", []string{texts[0], string(mistyped), texts[2]}, recovery.ErrShare, "share 2 of those given: not a good recovery share: its checksum is wrong"},
		{"of another set", []string{texts[0], texts[1], others[2]}, recovery.ErrShare, "share 3 of those given: not a good recovery share: it is of set " + other.ID},
		{"cut", []string{texts[0][:40], texts[1], texts[2]}, recovery.ErrShare, "share 1"},
		{"empty", []string{""}, recovery.ErrShare, "share 1"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := set.Combine(tt.texts)
			if !errors.Is(err, tt.want) || !strings.Contains(err.Error(), tt.says) {
				t.Errorf("error is %v", err)
			}
		})
	}
	damaged := set
	damaged.Digests = slices.Clone(set.Digests)
	damaged.Digests[0] = set.Digests[1]
	if _, err := damaged.Combine(texts); !errors.Is(err, recovery.ErrShare) || !strings.Contains(err.Error(), "not one that was made") {
		t.Errorf("a share with another content: %v", err)
	}
	for _, n := range [][2]int{{1, 1}, {5, 1}, {2, 3}, {17, 3}, {0, 0}} {
		if _, _, _, err := recovery.Split(n[0], n[1]); err == nil {
			t.Errorf("%d of %d is accepted", n[1], n[0])
		}
	}
}

// FuzzParse reads shares: what is read is written back and reads the same.
func FuzzParse(f *testing.F) {
	_, texts, _, err := recovery.Split(2, 2)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(texts[0])
	f.Add("Share 1 of 2\n" + strings.ToLower(texts[1]))
	f.Add("")
	f.Fuzz(func(t *testing.T, text string) {
		s, err := recovery.Parse(text)
		if err != nil {
			return
		}
		again, err := recovery.Parse(s.String())
		if err != nil || again.String() != s.String() || again.Number != s.Number {
			t.Errorf("%q is read again as %q, error %v", s, again, err)
		}
	})
}
