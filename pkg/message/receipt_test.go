package message_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/entraide/entraide/internal/testkit/states"
	"github.com/entraide/entraide/pkg/message"
	"github.com/entraide/entraide/pkg/pgp"
	"github.com/entraide/entraide/pkg/problem"
)

// receiptOf returns QN.24-7's receipt of a message.
func receiptOf(m *message.Message) message.Receipt {
	return message.Receipt{
		Kind: message.Delivered, Message: message.Digest(m.Digest()), ID: m.Core.ID, Case: m.Core.Case,
		By: "QN.24-7", At: message.At(m.Core.Created.Add(time.Minute)),
	}
}

func TestReceipt(t *testing.T) {
	t.Parallel()
	for _, suite := range states.Suites() {
		w := states.New(t, suite)
		given := receiptOf(forge{}.make(t, w))
		signed, err := message.SignReceipt(given, w.Keys["QN.24-7"])
		wantProblem(t, err, "", "")
		wantProblem(t, signed.Verify(w.Authority(t, "QN.24-7")), "", "")
		got, err := message.ParseReceipt(signed)
		wantProblem(t, err, "", "")
		given.Typ, given.Fingerprint = message.TypReceipt, w.Keys["QN.24-7"].Fingerprint()
		if diff := cmp.Diff(given, got); diff != "" {
			t.Errorf("%s (-signed +parsed):\n%s", suite, diff)
		}
		if signed.Digest() != string(message.DigestOf([]byte(signed.Receipt))) {
			t.Errorf("Digest = %s", signed.Digest())
		}
	}
}

// TestReceiptOfAnySuite: an authority with several certificates signs with any
// of them.
func TestReceiptOfAnySuite(t *testing.T) {
	t.Parallel()
	w := states.New(t, pgp.Classic4)
	s, keys := w.WithSuites(t, "QN.24-7", states.Suites()...)
	w.Publish(t, w.Parties["QN"], s)
	for _, suite := range states.Suites() {
		signed, err := message.SignReceipt(receiptOf(forge{}.make(t, states.New(t, pgp.Modern6))), keys[suite])
		wantProblem(t, err, "", "")
		wantProblem(t, signed.Verify(w.Authority(t, "QN.24-7")), "", "")
	}
}

func TestVerifyReceipt(t *testing.T) {
	t.Parallel()
	w := states.New(t, pgp.Modern6)
	key := w.Keys["QN.24-7"]
	good, err := message.SignReceipt(receiptOf(forge{}.make(t, w)), key)
	wantProblem(t, err, "", "")
	sign := func(key *pgp.Key, typ, text string, late time.Duration) []byte {
		signature, err := key.Sign(typ, []byte(text), w.Now.Add(time.Minute+late))
		if err != nil {
			t.Fatal(err)
		}
		return signature
	}
	named := func(fingerprint string) message.SignedReceipt {
		text := strings.Replace(good.Receipt, key.Fingerprint(), fingerprint, 1)
		return message.SignedReceipt{Receipt: text, Signature: sign(key, message.TypReceipt, text, 0)}
	}
	for _, tt := range []struct {
		name   string
		signed message.SignedReceipt
		by     string
		code   problem.Code
		field  string
	}{
		{"good", good, "QN.24-7", "", ""},
		{"held against another authority", good, "QN.mla", problem.WrongCertificate, "by"},
		{"other certificate named", named(w.Keys["QN.mla"].Fingerprint()), "QN.24-7", problem.WrongCertificate, "fingerprint"},
		{"signed by another", message.SignedReceipt{Receipt: good.Receipt, Signature: sign(w.Keys["QN.mla"], message.TypReceipt, good.Receipt, 0)},
			"QN.24-7", problem.BadSignature, "signature"},
		{"signed as a message", message.SignedReceipt{Receipt: good.Receipt, Signature: sign(key, message.TypMessage, good.Receipt, 0)},
			"QN.24-7", problem.BadSignature, "signature"},
		{"signed later", message.SignedReceipt{Receipt: good.Receipt, Signature: sign(key, message.TypReceipt, good.Receipt, time.Second)},
			"QN.24-7", problem.BadSignature, "signature"},
		{"opened for delivered", message.SignedReceipt{Receipt: strings.Replace(good.Receipt, "delivered", "opened", 1), Signature: good.Signature},
			"QN.24-7", problem.BadSignature, "signature"},
		{"signed twice", message.SignedReceipt{Receipt: good.Receipt, Signature: slices.Repeat(good.Signature, 2)},
			"QN.24-7", problem.BadSignature, "signature"},
		{"not signed", message.SignedReceipt{Receipt: good.Receipt}, "QN.24-7", problem.BadSignature, "signature"},
		{"no receipt", message.SignedReceipt{Receipt: "{}", Signature: good.Signature}, "QN.24-7", problem.WrongType, "typ"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			wantProblem(t, tt.signed.Verify(w.Authority(t, tt.by)), tt.code, tt.field)
		})
	}
}

func TestParseReceipt(t *testing.T) {
	t.Parallel()
	w := states.New(t, pgp.Modern6)
	good, err := message.SignReceipt(receiptOf(forge{}.make(t, w)), w.Keys["QN.24-7"])
	wantProblem(t, err, "", "")
	for _, tt := range []struct {
		name  string
		edit  func(string) string
		code  problem.Code
		field string
	}{
		{"as signed", func(s string) string { return s }, "", ""},
		{"opened", replace("delivered", "opened"), "", ""},
		{"typ", replace("entraide/receipt/1", "entraide/message/1"), problem.WrongType, "typ"},
		{"kind", replace("delivered", "read"), problem.InvalidValue, "kind"},
		{"message", replace(`"message":"`, `"message":"x`), problem.InvalidValue, "message"},
		{"id", replace(`"id":"`, `"id":"x`), problem.InvalidValue, "id"},
		{"case", replace(`"case":"`, `"case":"x`), problem.InvalidValue, "case"},
		{"by", replace(`QN.24-7`, `QN`), problem.InvalidValue, "by"},
		{"fingerprint", replace(`"fingerprint":"`, `"fingerprint":"x`), problem.InvalidValue, "fingerprint"},
		{"at missing", replace(`,"at":"2026-03-02T09:01:00Z"`, ``), problem.InvalidValue, "at"},
		{"fraction", replace(`09:01:00Z`, `09:01:00.5Z`), problem.InvalidValue, "at"},
		{"unknown member", replace(`"kind"`, `"x":1,"kind"`), problem.UnknownMember, "x"},
		{"duplicate member", replace(`"kind"`, `"id":"","kind"`), problem.DuplicateMember, "id"},
		{"space", replace(`,"kind"`, `, "kind"`), problem.MalformedJSON, ""},
		{"trailing", func(s string) string { return s + "\n" }, problem.MalformedJSON, ""},
		{"too large", func(s string) string { return s + strings.Repeat(" ", message.MaxReceiptBytes) }, problem.TooLarge, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			_, err := message.ParseReceipt(message.SignedReceipt{Receipt: tt.edit(good.Receipt), Signature: good.Signature})
			wantProblem(t, err, tt.code, tt.field)
		})
	}
	_, err = message.ParseReceipt(message.SignedReceipt{Receipt: good.Receipt, Signature: make([]byte, message.MaxSignatureBytes+1)})
	wantProblem(t, err, problem.TooLarge, "signature")
	bad := receiptOf(forge{}.make(t, w))
	bad.Kind = ""
	_, err = message.SignReceipt(bad, w.Keys["QN.24-7"])
	wantProblem(t, err, problem.InvalidValue, "kind")
}

// FuzzParseReceipt checks that a receipt has one spelling.
func FuzzParseReceipt(f *testing.F) {
	w := states.New(f, pgp.Classic4)
	signed, err := message.SignReceipt(receiptOf(forge{}.make(f, w)), w.Keys["QN.24-7"])
	if err != nil {
		f.Fatal(err)
	}
	f.Add(signed.Receipt)
	f.Fuzz(func(t *testing.T, text string) {
		r, err := message.ParseReceipt(message.SignedReceipt{Receipt: text})
		if err != nil {
			if problem.CodeOf(err) == problem.Internal {
				t.Errorf("%v is no problem", err)
			}
			return
		}
		if got := marshal(t, r); got != text {
			t.Errorf("%q parses but is written back as %q", text, got)
		}
	})
}
