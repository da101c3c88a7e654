package enrolment_test

import (
	"bytes"
	"errors"
	"testing"

	"github.com/entraide/entraide/internal/enrolment"
	"github.com/entraide/entraide/pkg/strictjson"
)

// FuzzParse: an enrolment that parses has a code, and is written back as one with
// the same code.
func FuzzParse(f *testing.F) {
	f.Add([]byte(`{"typ":"entraide/enrolment/1","party":"QM","names":{"en":"Meridia"},"certificate":"AAAA","authorities":[{"statement":"{}","signature":"AAAA"}]}`))
	f.Add([]byte(`{"typ":"entraide/enrolment/1","party":"QM","certificate":"AAAA"}`))
	f.Add([]byte(`{}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		e, err := enrolment.Parse(data)
		if err != nil {
			if !errors.Is(err, enrolment.ErrMalformed) {
				t.Fatal(err)
			}
			return
		}
		code, err := e.Code()
		if err != nil || len(code) != 24 {
			t.Fatalf("code %q, %v", code, err)
		}
		text, err := strictjson.Marshal(e)
		if err != nil {
			t.Fatal(err)
		}
		again, err := enrolment.Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		if same, err := again.Code(); err != nil || same != code {
			t.Fatalf("%q has the code %s, then %s (%v)", data, code, same, err)
		}
	})
}

// FuzzParseStatements: statements that parse are written back identically, but for
// white space.
func FuzzParseStatements(f *testing.F) {
	f.Add([]byte(`{"typ":"entraide/statements/1","statements":[{"statement":"{}","signature":"AAAA"}]}` + "\n"))
	f.Add([]byte(`{"typ":"entraide/statements/1","statements":[]}`))
	f.Add([]byte(`{"typ":"entraide/enrolment/1","statements":[{}]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		statements, err := enrolment.ParseStatements(data)
		if err != nil {
			if !errors.Is(err, enrolment.ErrNoStatements) {
				t.Fatal(err)
			}
			return
		}
		text, err := enrolment.MarshalStatements(statements)
		if err != nil {
			t.Fatal(err)
		}
		again, err := enrolment.ParseStatements(text)
		if err != nil {
			t.Fatal(err)
		}
		same, err := enrolment.MarshalStatements(again)
		if err != nil || !bytes.Equal(same, text) {
			t.Fatalf("%q is written back as %q (%v)", text, same, err)
		}
	})
}
