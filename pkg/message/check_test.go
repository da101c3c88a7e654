package message_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/entraide/entraide/internal/testkit/states"
	"github.com/entraide/entraide/pkg/directory"
	"github.com/entraide/entraide/pkg/message"
	"github.com/entraide/entraide/pkg/pgp"
	"github.com/entraide/entraide/pkg/problem"
)

// republish publishes QM.24-7 or another authority once more, edited.
func republish(t *testing.T, w *states.World, id string, edit func(*directory.AuthorityStatement)) {
	t.Helper()
	s := w.AuthorityStatement(t, id)
	if c := w.Authority(t, id).Certificates[w.Suite]; c.Fingerprint() == w.Keys[id].Fingerprint() {
		s.Certificates[w.Suite] = c.Bytes()
	}
	edit(&s)
	w.Publish(t, w.Parties[s.Signer], s)
}

func TestCheckParties(t *testing.T) {
	t.Parallel()
	other := strings.Repeat("0", 64)
	for _, tt := range []struct {
		name  string
		forge forge
		then  func(*testing.T, *states.World) // after the message was made
		late  time.Duration
		code  problem.Code
		field string
	}{
		{name: "as sealed"},
		{name: "unknown sender", forge: forge{core: func(c *message.Core) { c.From.Authority = "QT.24-7" }},
			code: problem.UnknownAuthority, field: "core.from.authority"},
		{name: "unknown recipient", forge: forge{core: func(c *message.Core) { c.To.Authority = "QT.24-7" }},
			code: problem.UnknownAuthority, field: "core.to.authority"},
		{name: "another suite than the pair's", forge: forge{core: func(c *message.Core) { c.Suite = pgp.Classic4 }},
			code: problem.WrongSuite, field: "core.suite"},
		{name: "a better suite meanwhile", then: func(t *testing.T, w *states.World) {
			for _, id := range []string{"QM.24-7", "QN.24-7"} {
				s, _ := w.WithSuites(t, id, pgp.Modern6, pgp.PQ6)
				w.Publish(t, w.Parties[s.Signer], s)
			}
		}, code: problem.WrongSuite, field: "core.suite"},
		{name: "no suite in common", then: func(t *testing.T, w *states.World) {
			s, _ := w.WithSuites(t, "QN.24-7", pgp.Classic4)
			w.Publish(t, w.Parties[s.Signer], s)
		}, code: problem.WrongSuite, field: "core.suite"},
		{name: "sender's fingerprint", forge: forge{core: func(c *message.Core) { c.From.Fingerprint = other }},
			code: problem.WrongCertificate, field: "core.from.fingerprint"},
		{name: "sender's certificate", forge: forge{core: func(c *message.Core) { c.From.Certificate = message.Digest(other) }},
			code: problem.WrongCertificate, field: "core.from.certificate"},
		{name: "recipient's fingerprint", forge: forge{core: func(c *message.Core) { c.To.Fingerprint = other }},
			code: problem.WrongCertificate, field: "core.to.fingerprint"},
		{name: "recipient's certificate", forge: forge{core: func(c *message.Core) { c.To.Certificate = message.Digest(other) }},
			code: problem.WrongCertificate, field: "core.to.certificate"},
		{name: "recipient's new key", then: func(t *testing.T, w *states.World) {
			w.Keys["QN.24-7"] = w.Key(t, w.Suite, states.UserID("QN.24-7"))
			republish(t, w, "QN.24-7", func(*directory.AuthorityStatement) {})
		}, code: problem.WrongCertificate, field: "core.to.fingerprint"},
		{name: "encryption subkey", forge: forge{core: func(c *message.Core) { c.To.Encryption = other }},
			code: problem.WrongEncryptionKey, field: "core.to.encryption"},
		{name: "primary key as encryption subkey", forge: forge{core: func(c *message.Core) { c.To.Encryption = c.To.Fingerprint }},
			code: problem.WrongEncryptionKey, field: "core.to.encryption"},
		{name: "sender suspended", then: func(t *testing.T, w *states.World) { w.SetStanding(t, "QM.24-7", "QM", directory.Suspended) },
			code: problem.SuspendedAuthority, field: "core.from.authority"},
		{name: "recipient's party suspended", then: func(t *testing.T, w *states.World) {
			w.SetStanding(t, "QN", directory.DepositarySubject, directory.Suspended)
		}, code: problem.SuspendedAuthority, field: "core.to.authority"},
		{name: "recipient revoked", then: func(t *testing.T, w *states.World) { w.SetStanding(t, "QN.24-7", "QN", directory.Revoked) },
			code: problem.SuspendedAuthority, field: "core.to.authority"},
		{name: "sender expired", then: func(t *testing.T, w *states.World) {
			republish(t, w, "QM.24-7", func(s *directory.AuthorityStatement) { s.ValidUntil = directory.At(w.Now) })
		}, code: problem.ExpiredAuthority, field: "core.from.authority"},
		{name: "recipient expired", then: func(t *testing.T, w *states.World) {
			republish(t, w, "QN.24-7", func(s *directory.AuthorityStatement) { s.ValidUntil = directory.At(w.Now.Add(time.Hour)) })
		}, late: time.Hour, code: problem.ExpiredAuthority, field: "core.to.authority"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			w := states.New(t, pgp.Modern6)
			m := tt.forge.make(t, w)
			size := w.Directory.Size()
			if tt.then != nil {
				tt.then(t, w)
				// At its own place in the log the message stays what it was.
				wantProblem(t, m.CheckParties(w.Directory.AsOf(size), w.Now), "", "")
			}
			wantProblem(t, m.CheckParties(w.Directory, w.Now.Add(tt.late)), tt.code, tt.field)
		})
	}
}

func TestCheckTime(t *testing.T) {
	t.Parallel()
	w := states.New(t, pgp.Modern6)
	draft := w.Draft(t, "QM.24-7", "QN.24-7", "time")
	draft.NotAfter = w.Now.Add(time.Minute)
	m := w.Seal(t, draft)
	long := w.Seal(t, w.Draft(t, "QM.24-7", "QN.24-7", "time"))
	for _, tt := range []struct {
		name  string
		m     *message.Message
		late  time.Duration
		code  problem.Code
		field string
	}{
		{"at once", m, 0, "", ""},
		{"clock behind", long, -message.ClockSkew, "", ""},
		{"clock far behind", long, -message.ClockSkew - time.Nanosecond, problem.StaleTime, "core.created"},
		{"late", long, message.ClockSkew, "", ""},
		{"too late", long, message.ClockSkew + time.Nanosecond, problem.StaleTime, "core.created"},
		{"a year late", long, 365 * 24 * time.Hour, problem.StaleTime, "core.created"},
		{"last moment", m, time.Minute, "", ""},
		{"past it", m, time.Minute + time.Nanosecond, problem.ExpiredMessage, "core.not_after"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			wantProblem(t, tt.m.CheckTime(w.Now.Add(tt.late)), tt.code, tt.field)
		})
	}
	if got := long.Core.NotAfter.Sub(long.Core.Created.Time); got != message.DefaultValidity {
		t.Errorf("validity %v, want %v", got, message.DefaultValidity)
	}
}

func TestCheckSignature(t *testing.T) {
	t.Parallel()
	for _, suite := range states.Suites() {
		w := states.New(t, suite)
		for _, tt := range []struct {
			name  string
			forge forge
			code  problem.Code
			field string
		}{
			{"as sealed", forge{}, "", ""},
			{"another header", forge{signature: func([]byte) []byte { return w.Seal(t, w.Draft(t, "QM.24-7", "QN.24-7", "x")).Signature }}, problem.BadSignature, "signature"},
			{"another authority of the party", forge{signer: w.Keys["QM.mla"]}, problem.BadSignature, "signature"},
			{"the party", forge{signer: w.Parties["QM"]}, problem.BadSignature, "signature"},
			{"the recipient", forge{signer: w.Keys["QN.24-7"]}, problem.BadSignature, "signature"},
			// T8: a signature for another purpose.
			{"as a receipt", forge{signTyp: message.TypReceipt}, problem.BadSignature, "signature"},
			{"a second later", forge{signLate: time.Second}, problem.BadSignature, "signature"},
			{"twice", forge{signature: func(s []byte) []byte { return slices.Concat(s, s) }}, problem.BadSignature, "signature"},
			{"marker behind", forge{signature: func(s []byte) []byte { return slices.Concat(s, marker) }}, problem.BadSignature, "signature"},
			{"bit flipped", forge{signature: func(s []byte) []byte { s[len(s)-1] ^= 1; return s }}, problem.BadSignature, "signature"},
			{"cut", forge{signature: func(s []byte) []byte { return s[:len(s)-1] }}, problem.BadSignature, "signature"},
			{"armored", forge{signature: func([]byte) []byte { return []byte("-----BEGIN PGP SIGNATURE-----\n\n-----END PGP SIGNATURE-----\n") }}, problem.BadSignature, "signature"},
			{"certificate not the directory's", forge{core: func(c *message.Core) { c.From.Certificate = message.DigestOf(nil) }},
				problem.WrongCertificate, "core.from.certificate"},
			{"unknown sender", forge{core: func(c *message.Core) { c.From.Authority = "QT.24-7" }}, problem.UnknownAuthority, "core.from.authority"},
			// T12: a member signs in its own name, for another.
			{"another authority named", forge{core: func(c *message.Core) { c.From.Authority = "QM.mla" }}, problem.WrongCertificate, "core.from.fingerprint"},
			{"suite without certificate", forge{core: func(c *message.Core) { c.Suite = another(c.Suite) }}, problem.WrongCertificate, "core.from.certificate"},
		} {
			t.Run(string(suite)+"/"+tt.name, func(t *testing.T) {
				t.Parallel()
				wantProblem(t, tt.forge.make(t, w).CheckSignature(w.Directory), tt.code, tt.field)
			})
		}
	}
}

// another returns another suite.
func another(suite pgp.Suite) pgp.Suite {
	if suite == pgp.PQ6 {
		return pgp.Modern6
	}
	return pgp.PQ6
}

func TestCheckPayload(t *testing.T) {
	t.Parallel()
	for _, suite := range states.Suites() {
		w := states.New(t, suite)
		for _, tt := range []struct {
			name  string
			forge forge
			code  problem.Code
			field string
		}{
			{"as sealed", forge{}, "", ""},
			{"size", forge{header: func(h *message.Header) { h.Payload.Size++ }}, problem.WrongDigest, "payload.size"},
			{"digest", forge{header: func(h *message.Header) { h.Payload.SHA256 = message.DigestOf(nil) }}, problem.WrongDigest, "payload.sha256"},
			{"passphrase packet in front", forge{sealed: repack(func(p []packet) []packet { return slices.Insert(p, 0, skesk) })}, problem.BadFraming, "payload"},
			{"passphrase packet between", forge{sealed: repack(func(p []packet) []packet { return slices.Insert(p, 1, skesk) })}, problem.BadFraming, "payload"},
			{"marker in front", forge{sealed: repack(func(p []packet) []packet { return slices.Insert(p, 0, marker) })}, problem.BadFraming, "payload"},
			{"literal behind", forge{sealed: repack(func(p []packet) []packet { return append(p, literal) })}, problem.BadFraming, "payload"},
			{"naked literal", forge{sealed: func([]byte) []byte { return literal }}, problem.BadFraming, "payload"},
			{"not for the sender", forge{sealed: repack(func(p []packet) []packet { return slices.Delete(p, 1, 2) })}, problem.BadFraming, "payload"},
			{"not for the recipient", forge{sealed: repack(func(p []packet) []packet { return slices.Delete(p, 0, 1) })}, problem.BadFraming, "payload"},
			{"recipients swapped", forge{sealed: repack(func(p []packet) []packet { p[0], p[1] = p[1], p[0]; return p })}, problem.BadFraming, "payload"},
			{"three recipients", forge{sealed: repack(func(p []packet) []packet { return slices.Insert(p, 2, p[1]) })}, problem.BadFraming, "payload"},
			{"sealed to another", forge{sealedTo: w.Authority(t, "QP.24-7").Certificates[suite]}, problem.BadFraming, "payload"},
			{"sealed by another", forge{sealer: w.Keys["QM.mla"]}, problem.BadFraming, "payload"},
			{"nothing encrypted", forge{sealed: repack(func(p []packet) []packet { return p[:2] })}, problem.BadFraming, "payload"},
			{"cut", forge{sealed: func(b []byte) []byte { return b[:len(b)-1] }}, problem.BadFraming, "payload"},
			{"unknown sender", forge{core: func(c *message.Core) { c.From.Authority = "QT.24-7" }}, problem.UnknownAuthority, "core.from.authority"},
		} {
			t.Run(string(suite)+"/"+tt.name, func(t *testing.T) {
				t.Parallel()
				m := tt.forge.make(t, w)
				wantProblem(t, m.CheckPayload(w.Directory), tt.code, tt.field)
				// The digest alone is right unless it is the fault.
				if digest := m.CheckDigest(); (digest != nil) != (tt.code == problem.WrongDigest) {
					t.Errorf("CheckDigest = %v", digest)
				}
				// What is not framed rightly is not opened either.
				if _, err := m.Open(w.Keys["QN.24-7"], w.Directory); (err == nil) != (tt.code == "") {
					t.Errorf("Open = %v", err)
				}
			})
		}
	}
}
