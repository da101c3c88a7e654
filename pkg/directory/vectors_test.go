package directory_test

import (
	"bytes"
	"errors"
	"flag"
	"maps"
	"strings"
	"testing"

	"github.com/entraide/entraide/internal/testkit/states"
	"github.com/entraide/entraide/internal/testkit/vectors"
	"github.com/entraide/entraide/pkg/directory"
	"github.com/entraide/entraide/pkg/pgp"
	"github.com/entraide/entraide/pkg/problem"
	"github.com/entraide/entraide/pkg/strictjson"
)

// update makes the vectors anew, with new keys; those of the message vectors,
// world_*, excepted. A release freezes them.
var update = flag.Bool("update", false, "make the golden vectors anew")

const vectorDir = "../../testdata/vectors/directory"

// TestVectors applies the statements of every vector; all but the last must be
// accepted, and the last is judged.
func TestVectors(t *testing.T) {
	if *update {
		writeVectors(t)
	}
	t.Parallel()
	for _, v := range vectors.Read(t, vectorDir) {
		t.Run(v.Name, func(t *testing.T) {
			t.Parallel()
			d := directory.New(v.Fields["anchor"])
			lines := bytes.SplitAfter(bytes.TrimSuffix(v.Body, []byte("\n")), []byte("\n"))
			var err error
			for i, line := range lines {
				var s directory.Signed
				if err := strictjson.Unmarshal(line, len(line), &s); err != nil {
					t.Fatal(err)
				}
				var next *directory.Directory
				if next, err = d.Apply(s, int64(i)); err == nil {
					d = next
				} else if i < len(lines)-1 {
					t.Fatalf("statement %d: %v", i, err)
				}
			}
			code, field := vectors.Success, ""
			if p, ok := errors.AsType[*problem.Error](err); ok {
				code, field = string(p.Code), p.Field
			}
			if code != v.Fields["expect"] || field != v.Fields["member"] {
				t.Errorf("%s in %q (%v), want %s in %q", code, field, err, v.Fields["expect"], v.Fields["member"])
			}
		})
	}
}

// A scenario is what a vector is made of: what happens before, who signs the
// last statement, and how its text is changed before and after.
type scenario struct {
	name, comment string
	before        func()
	key           *pgp.Key
	statement     func() any
	edit          func(*directory.Signed)
	code          problem.Code
	member        string
}

// scenarios are the same in every suite, and made in one.
func scenarios(t *testing.T, w *states.World) []scenario {
	qm, dep := w.Parties["QM"], w.Depositary
	authority := func(edit func(*directory.AuthorityStatement)) func() any {
		return func() any {
			s := w.AuthorityStatement(t, "QM.24-7")
			edit(&s)
			return s
		}
	}
	as := func(*directory.AuthorityStatement) {}
	standing := func(subject, signer, standing string) func() any {
		return func() any {
			return directory.StandingStatement{Heading: w.Heading(subject, signer), Standing: standing, Reason: "A vector."}
		}
	}
	figures := func() any { return statistics(w, "2025-12-01", "2026-02-28") }
	suspended := func() { w.SetStanding(t, "QM.24-7", directory.DepositarySubject, directory.Suspended) }
	return []scenario{
		{name: "authority_again", comment: "a second statement about an authority", key: qm, statement: authority(as)},
		{name: "standing_by_party", comment: "a party suspends its authority", key: qm, statement: standing("QM.24-7", "QM", "suspended")},
		{name: "standing_lifted_by_party", comment: "a party may not lift the depositary's suspension", before: suspended,
			key: qm, statement: standing("QM.24-7", "QM", "restored"), code: problem.StatementInvalid, member: "standing"},
		{name: "revocation_is_final", comment: "nothing more is said about a revoked authority",
			before: func() { w.SetStanding(t, "QM.24-7", "QM", directory.Revoked) },
			key:    qm, statement: authority(as), code: problem.StatementChain, member: "subject"},
		{name: "suspended_party", comment: "a suspended party signs nothing",
			before: func() { w.SetStanding(t, "QM", directory.DepositarySubject, directory.Suspended) },
			key:    qm, statement: authority(as), code: problem.StatementSigner, member: "signer"},
		{name: "number_skipped", comment: "number 3 after number 1", key: qm,
			statement: authority(func(s *directory.AuthorityStatement) { s.Number++ }), code: problem.StatementChain, member: "number"},
		{name: "another_predecessor", comment: "previous is the digest of another statement", key: qm,
			statement: authority(func(s *directory.AuthorityStatement) { _, s.Previous = w.Directory.Next("QN.24-7") }),
			code:      problem.StatementChain, member: "previous"},
		{name: "signed_by_another_party", comment: "QN signs for QM", key: w.Parties["QN"], statement: authority(as),
			code: problem.StatementSigner, member: "signature"},
		{name: "signed_by_the_authority", comment: "an authority signs for itself", key: w.Keys["QM.24-7"], statement: authority(as),
			code: problem.StatementSigner, member: "signature"},
		{name: "party_for_itself", comment: "a party replaces its own key", key: qm, statement: func() any {
			s := w.PartyStatement("QM")
			s.Signer = "QM"
			return s
		}, code: problem.StatementSigner, member: "signer"},
		{name: "altered", comment: "a word was changed after signing", key: dep, statement: standing("QM", "depositary", "suspended"),
			edit: func(s *directory.Signed) {
				s.Statement = string(bytes.Replace([]byte(s.Statement), []byte("A vector."), []byte("A victor."), 1))
			}, code: problem.StatementSigner, member: "signature"},
		{name: "two_signatures", comment: "the same signature packet twice", key: dep, statement: standing("QM", "depositary", "suspended"),
			edit: func(s *directory.Signed) { s.Signature = bytes.Repeat(s.Signature, 2) }, code: problem.StatementSigner, member: "signature"},
		{name: "not_canonical", comment: "a space behind the text", key: dep, statement: standing("QM", "depositary", "suspended"),
			edit: func(s *directory.Signed) { s.Statement += " " }, code: problem.MalformedJSON},
		{name: "not_certified", comment: "the party has not certified the certificate", key: qm,
			statement: authority(func(s *directory.AuthorityStatement) {
				s.Certificates[w.Suite] = w.Key(t, w.Suite, states.UserID("QM.24-7")).Certificate().Bytes()
			}), code: problem.StatementInvalid, member: "certificates." + string(w.Suite)},
		{name: "another_authoritys_certificate", comment: "the User ID is that of another authority", key: qm,
			statement: authority(func(s *directory.AuthorityStatement) {
				s.Certificates[w.Suite] = w.Authority(t, "QM.mla").Certificates[w.Suite].Bytes()
			}), code: problem.StatementInvalid, member: "certificates." + string(w.Suite)},
		{name: "transport_of_another_party", comment: "the TLS key is in use by QN", key: qm,
			statement: authority(func(s *directory.AuthorityStatement) { s.Transport = states.Transport("QN.24-7") }),
			code:      problem.StatementInvalid, member: "transport"},
		{name: "statistics", comment: "a party publishes figures of its own cases", key: qm, statement: figures},
		{name: "statistics_small", comment: "a number below five", key: qm,
			statement: figures, edit: func(s *directory.Signed) { resign(t, w, s, `"cases":12`, `"cases":4`) },
			code: problem.StatementInvalid, member: "cases.0.cases"},
		{name: "statistics_overlap", comment: "a period that overlaps with the one before", key: qm,
			before:    func() { w.Publish(t, qm, statistics(w, "2025-10-01", "2025-12-31")) },
			statement: figures, code: problem.StatementInvalid, member: "from"},
		{name: "statistics_by_another_party", comment: "QN signs the figures of QM", key: w.Parties["QN"],
			statement: figures, code: problem.StatementSigner, member: "signature"},
		{name: "another_depositary", comment: "not the trust anchor", key: qm, statement: func() any {
			s := w.DepositaryStatement()
			s.Certificate = qm.Certificate().Bytes()
			return s
		}, code: problem.StatementSigner, member: "certificate"},
	}
}

// resign changes the text of a statement of QM and signs it again, as only somebody
// who writes statements by hand does.
func resign(t *testing.T, w *states.World, s *directory.Signed, from, to string) {
	t.Helper()
	s.Statement = strings.Replace(s.Statement, from, to, 1)
	var err error
	if s.Signature, err = w.Parties["QM"].Sign(directory.TypStatistics, []byte(s.Statement), w.Now); err != nil {
		t.Fatal(err)
	}
}

func writeVectors(t *testing.T) {
	t.Helper()
	w := states.New(t, pgp.Modern6)
	begun := w.Directory
	for _, s := range scenarios(t, w) {
		w.Directory = begun
		if s.before != nil {
			s.before()
		}
		signed, err := directory.Sign(s.key, s.statement(), w.Now)
		if err != nil {
			t.Fatal(err)
		}
		if s.edit != nil {
			s.edit(&signed)
		}
		var body []byte
		for _, statement := range append(w.Statements(), signed) {
			line, err := strictjson.Marshal(statement)
			if err != nil {
				t.Fatal(err)
			}
			body = append(append(body, line...), '\n')
		}
		fields := map[string]string{"expect": vectors.Success, "anchor": w.Directory.Anchor(), "comment": s.comment}
		if s.code != "" {
			maps.Copy(fields, map[string]string{"expect": string(s.code), "member": s.member})
		}
		vectors.Write(t, vectorDir, vectors.Vector{Name: s.name, Fields: fields, Body: body})
	}
}
