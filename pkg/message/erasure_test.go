package message_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/entraide/entraide/internal/testkit/states"
	"github.com/entraide/entraide/pkg/message"
	"github.com/entraide/entraide/pkg/pgp"
	"github.com/entraide/entraide/pkg/problem"
)

// erasureOf is QN.24-7's record of having erased a message.
func erasureOf(m *message.Message) message.Erasure {
	leaf := bytes.Repeat([]byte{1}, 33)
	return message.Erasure{
		Case: m.Core.Case, By: "QN.24-7", At: m.Core.Created, Directory: 9, Basis: "retention rule 4.2", Officer: "records office",
		Messages: []message.ErasedMessage{{
			Index: 9, Leaf: leaf, ID: m.Core.ID, Digest: message.Digest(m.Digest()), From: "QM.24-7", To: "QN.24-7",
			Act: "request", Lane: "urgent", Logged: m.Core.Created,
		}},
		Entries: []message.ErasedEntry{{Index: 10, Leaf: leaf, Kind: "receipt"}},
	}
}

func TestErasure(t *testing.T) {
	t.Parallel()
	w := states.New(t, pgp.Modern6)
	given := erasureOf(forge{}.make(t, w))
	signed, err := message.SignErasure(given, w.Keys["QN.24-7"])
	wantProblem(t, err, "", "")
	wantProblem(t, signed.Verify(w.Authority(t, "QN.24-7")), "", "")
	got, err := message.ParseErasure(signed)
	wantProblem(t, err, "", "")
	given.Typ, given.Fingerprint = message.TypErasure, w.Keys["QN.24-7"].Fingerprint()
	if diff := cmp.Diff(given, got); diff != "" {
		t.Errorf("(-signed +parsed):\n%s", diff)
	}
	wantProblem(t, signed.Verify(w.Authority(t, "QM.24-7")), problem.WrongCertificate, "by")
	another, err := message.SignErasure(given, w.Keys["QM.24-7"])
	wantProblem(t, err, "", "")
	wantProblem(t, another.Verify(w.Authority(t, "QN.24-7")), problem.WrongCertificate, "fingerprint")
	for _, tt := range []struct {
		name, old, next string
		code            problem.Code
		field           string
	}{
		{"basis", "rule 4.2", "rule 4.3", problem.BadSignature, "signature"},
		{"no basis", "retention rule 4.2", " ", problem.InvalidValue, "basis"},
		{"no officer", "records office", "", problem.InvalidValue, "officer"},
		{"order", `"index":9`, `"index":-9`, problem.InvalidValue, "messages.0.index"},
		{"leaf", "AQEB", "", problem.InvalidValue, "messages.0.leaf"},
		{"stranger", `"to":"QN.24-7"`, `"to":"QO.24-7"`, problem.InvalidValue, "messages.0"},
		{"type", "entraide/erasure/1", "entraide/receipt/1", problem.WrongType, "typ"},
		{"white space", `"case"`, ` "case"`, problem.MalformedJSON, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			changed := signed
			if changed.Erasure = strings.Replace(signed.Erasure, tt.old, tt.next, 1); changed.Erasure == signed.Erasure {
				t.Fatal("nothing changed")
			}
			wantProblem(t, changed.Verify(w.Authority(t, "QN.24-7")), tt.code, tt.field)
		})
	}
}

// FuzzParseErasure reads one spelling only.
func FuzzParseErasure(f *testing.F) {
	w := states.New(f, pgp.Modern6)
	signed, err := message.SignErasure(erasureOf(forge{}.make(f, w)), w.Keys["QN.24-7"])
	if err != nil {
		f.Fatal(err)
	}
	f.Add(signed.Erasure)
	f.Fuzz(func(t *testing.T, text string) {
		e, err := message.ParseErasure(message.SignedErasure{Erasure: text})
		if err != nil {
			return
		}
		again, err := message.SignErasure(e, w.Keys["QN.24-7"])
		if err == nil && e.Fingerprint == w.Keys["QN.24-7"].Fingerprint() && again.Erasure != text {
			t.Errorf("%q is written back as %q", text, again.Erasure)
		}
	})
}
