package message_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/entraide/entraide/internal/testkit/states"
	"github.com/entraide/entraide/internal/testkit/vectors"
	"github.com/entraide/entraide/pkg/directory"
	"github.com/entraide/entraide/pkg/message"
	"github.com/entraide/entraide/pkg/pgp"
	"github.com/entraide/entraide/pkg/problem"
)

// A scenario is what a vector is made of.
type scenario struct {
	name, comment string
	forge         forge
	edit          func(string) string             // of the wire form
	then          func(*testing.T, *states.World) // after the message was made
	late          time.Duration
	code          problem.Code // "" means success
	member        string
}

// scenarios are made in every suite.
func scenarios(t *testing.T, w *states.World) []scenario {
	return []scenario{
		{name: "good", comment: "a request for preservation; all checks pass and the recipient opens it"},
		{name: "header_altered", comment: "the lane was changed after signing", edit: replace(`\\\"lane\\\":\\\"urgent`, `\\\"lane\\\":\\\"routine`),
			code: problem.BadSignature, member: "signature"},
		{name: "signature_of_another", comment: "signed by the recipient in the sender's name", forge: forge{signer: w.Keys["QN.24-7"]},
			code: problem.BadSignature, member: "signature"},
		{name: "signature_of_another_type", comment: "the signature says that it is over a receipt", forge: forge{signTyp: message.TypReceipt},
			code: problem.BadSignature, member: "signature"},
		{name: "signature_at_another_time", comment: "signed a second after created", forge: forge{signLate: time.Second},
			code: problem.BadSignature, member: "signature"},
		{name: "two_signatures", comment: "the same signature packet twice", forge: forge{signature: func(s []byte) []byte { return slices.Concat(s, s) }},
			code: problem.BadSignature, member: "signature"},
		{name: "framing_skesk", comment: "a passphrase packet in front: it makes some libraries skip the check of the intended recipients",
			forge: forge{sealed: repack(func(p []packet) []packet { return slices.Insert(p, 0, skesk) })},
			code:  problem.BadFraming, member: "payload"},
		{name: "framing_naked_literal", comment: "a literal packet, neither encrypted nor signed", forge: forge{sealed: func([]byte) []byte { return literal }},
			code: problem.BadFraming, member: "payload"},
		{name: "framing_trailing_literal", comment: "a literal packet behind the container", forge: forge{sealed: repack(func(p []packet) []packet { return append(p, literal) })},
			code: problem.BadFraming, member: "payload"},
		{name: "framing_swapped", comment: "the two encrypted session keys in the wrong order",
			forge: forge{sealed: repack(func(p []packet) []packet { p[0], p[1] = p[1], p[0]; return p })},
			code:  problem.BadFraming, member: "payload"},
		{name: "framing_third_recipient", comment: "one encrypted session key too many",
			forge: forge{sealed: repack(func(p []packet) []packet { return slices.Insert(p, 2, p[1]) })},
			code:  problem.BadFraming, member: "payload"},
		{name: "payload_of_another_type", comment: "the signature inside says that it is over a receipt", forge: forge{sealTyp: message.TypReceipt},
			code: problem.BadSignature, member: "payload"},
		{name: "payload_of_another_core", comment: "core_sha256 is that of another core",
			forge: forge{payload: func(p *message.Payload) { p.CoreSHA256 = message.DigestOf(nil) }},
			code:  problem.WrongDigest, member: "payload.core_sha256"},
	}
}

// parsing are scenarios of text and members, made in one suite.
func parsing() []scenario {
	return []scenario{
		{name: "wire_unknown_member", comment: "a fourth member", edit: func(s string) string { return `{"armor":"",` + s[1:] },
			code: problem.UnknownMember, member: "armor"},
		{name: "wire_duplicate_member", comment: "two payloads", edit: func(s string) string { return `{"payload":"",` + s[1:] },
			code: problem.DuplicateMember, member: "payload"},
		{name: "wire_trailing_data", comment: "a second object behind the first", edit: func(s string) string { return s + "{}" },
			code: problem.MalformedJSON},
		{name: "header_unknown_member", comment: "a subject in the header", forge: forge{text: replace(`"payload":{`, `"subject":"x","payload":{`)},
			code: problem.UnknownMember, member: "header.subject"},
		{name: "header_not_canonical", comment: "a space behind a comma, signed so", forge: forge{text: replace(`,"core"`, `, "core"`)},
			code: problem.MalformedJSON, member: "header"},
		{name: "header_of_another_type", comment: "typ is that of a payload", forge: forge{header: func(h *message.Header) { h.Typ = message.TypPayload }},
			code: problem.WrongType, member: "typ"},
		{name: "core_duplicate_member", comment: "seq twice", forge: forge{coreText: replace(`"seq":1`, `"seq":1,"seq":1`)},
			code: problem.DuplicateMember, member: "core.seq"},
		{name: "core_unknown_member", comment: "a member that version 1 does not have", forge: forge{coreText: replace(`"seq":1`, `"seq":1,"bcc":"QP.24-7"`)},
			code: problem.UnknownMember, member: "core.bcc"},
		{name: "core_missing_recipient", comment: "no member to", forge: forge{coreText: func(s string) string {
			return s[:strings.Index(s, `"to":{`)] + s[strings.Index(s, `"after":[`):]
		}}, code: problem.MissingRecipient, member: "core.to"},
		{name: "core_unknown_suite", comment: "a suite that does not exist", forge: forge{core: func(c *message.Core) { c.Suite = "modern-7" }},
			code: problem.WrongSuite, member: "core.suite"},
		{name: "core_final_request", comment: "final is for deliveries", forge: forge{core: func(c *message.Core) { c.Final = true }},
			code: problem.InvalidValue, member: "core.final"},
		{name: "core_long_validity", comment: "not_after is 31 days and a second after created", forge: forge{core: after(message.MaxValidity + time.Second)},
			code: problem.InvalidValue, member: "core.not_after"},
		{name: "core_fraction_of_a_second", comment: "times are whole seconds", forge: forge{coreText: replace(`:00Z","not_after"`, `:00.5Z","not_after"`)},
			code: problem.InvalidValue, member: "core.created"},
		{name: "core_after_unordered", comment: "the digests in after are ascending", forge: forge{core: func(c *message.Core) {
			c.After = []message.Digest{message.DigestOf(nil), message.Digest(strings.Repeat("0", 64))}
		}}, code: problem.InvalidValue, member: "core.after"},
	}
}

// judging are scenarios that need directory, clock or key, made in one suite.
func judging(w *states.World) []scenario {
	other := strings.Repeat("0", 64)
	return []scenario{
		{name: "wrong_suite", comment: "the directory fixes another suite for the pair", forge: forge{core: func(c *message.Core) { c.Suite = pgp.PQ6 }},
			code: problem.WrongSuite, member: "core.suite"},
		{name: "unknown_sender", comment: "not in the directory", forge: forge{core: func(c *message.Core) { c.From.Authority = "QT.24-7" }},
			code: problem.UnknownAuthority, member: "core.from.authority"},
		{name: "wrong_certificate", comment: "the digest is not that of the recipient's certificate", forge: forge{core: func(c *message.Core) { c.To.Certificate = message.Digest(other) }},
			code: problem.WrongCertificate, member: "core.to.certificate"},
		{name: "wrong_fingerprint", comment: "the fingerprint is not that of the sender's certificate", forge: forge{core: func(c *message.Core) { c.From.Fingerprint = other }},
			code: problem.WrongCertificate, member: "core.from.fingerprint"},
		{name: "wrong_encryption_key", comment: "not the recipient's encryption subkey", forge: forge{core: func(c *message.Core) { c.To.Encryption = other }},
			code: problem.WrongEncryptionKey, member: "core.to.encryption"},
		{name: "stale", comment: "judged five minutes and a second after created", late: message.ClockSkew + time.Second,
			code: problem.StaleTime, member: "core.created"},
		{name: "expired", comment: "judged a second after not_after", forge: forge{core: after(time.Minute)}, late: time.Minute + time.Second,
			code: problem.ExpiredMessage, member: "core.not_after"},
		{name: "payload_altered", comment: "the payload is another than the signed one", edit: func(s string) string {
			i := strings.Index(s, `"payload":"`) + 200
			return s[:i] + "AAAA" + s[i+4:]
		}, code: problem.WrongDigest, member: "payload.sha256"},
		{name: "payload_size", comment: "the header names another size", forge: forge{header: func(h *message.Header) { h.Payload.Size++ }},
			code: problem.WrongDigest, member: "payload.size"},
		{name: "payload_sealed_by_another", comment: "taken over from another authority", forge: forge{sealer: w.Keys["QP.24-7"]},
			code: problem.BadFraming, member: "payload"},
		{name: "payload_commitment", comment: "the plaintext is not the one committed to", forge: forge{header: func(h *message.Header) { h.Payload.Commitment = message.DigestOf(nil) }},
			code: problem.WrongDigest, member: "payload.commitment"},
		{name: "plaintext_duplicate_member", comment: "pad twice", forge: forge{plaintext: replace(`"pad":`, `"pad":"","pad":`)},
			code: problem.DuplicateMember, member: "payload"},
		{name: "plaintext_evidence", comment: "the header lists an evidence file that the payload does not name",
			forge: forge{header: func(h *message.Header) { h.Evidence = []message.EvidenceRef{evidence.Ref} }},
			code:  problem.InvalidValue, member: "payload.evidence"},
		{name: "plaintext_other_party", comment: "the body is a request to another party", forge: forge{payload: func(p *message.Payload) {
			p.Body = []byte(strings.Replace(string(p.Body), `"requested":"QN"`, `"requested":"QP"`, 1))
		}}, code: problem.InvalidValue, member: "payload.body"},
		{name: "plaintext_other_kind", comment: "a request does not travel with the act close", forge: forge{core: func(c *message.Core) { c.Act = "close" }},
			code: problem.InvalidValue, member: "payload.body"},
		{name: "suspended", comment: "the depositary has suspended the recipient's party", then: func(t *testing.T, w *states.World) {
			w.SetStanding(t, "QN", directory.DepositarySubject, directory.Suspended)
		}, code: problem.SuspendedAuthority, member: "core.to.authority"},
	}
}

// writeVectors makes all vectors anew.
func writeVectors(t *testing.T) {
	t.Helper()
	for _, suite := range pgp.Suites() {
		w := states.New(t, suite)
		list := scenarios(t, w)
		if suite == pgp.Modern6 {
			list = slices.Concat(list, parsing(), judging(w))
		}
		for _, id := range []string{"QM.24-7", "QN.24-7"} {
			locked, err := w.Keys[id].Export([]byte(passphrase))
			if err != nil {
				t.Fatal(err)
			}
			write(t, filepath.Join("keys", id+"."+string(suite)+".pgp"), locked)
		}
		writeReceipts(t, w)
		// The last scenario adds to the world.
		for _, s := range list {
			writeVector(t, w, s)
		}
		writeWorld(t, w)
	}
}

func write(t *testing.T, path string, data []byte) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(vectorDir, path), data, 0o644); err != nil {
		t.Fatal(err)
	}
}

// world is the file of a suite's directory.
func world(suite pgp.Suite) string { return "../directory/world_" + string(suite) }

func writeWorld(t *testing.T, w *states.World) {
	t.Helper()
	var body []byte
	for _, s := range w.Statements() {
		body = append(append(body, marshal(t, s)...), '\n')
	}
	vectors.Write(t, filepath.Join(vectorDir, "../directory"), vectors.Vector{
		Name: filepath.Base(world(w.Suite)), Body: body,
		Fields: map[string]string{
			"expect": vectors.Success, "anchor": w.Directory.Anchor(),
			"comment": "the directory of the message vectors: a depositary, four States and their authorities",
		},
	})
}

// fieldsOf returns the fields that all vectors have.
func fieldsOf(w *states.World, s scenario) map[string]string {
	return map[string]string{
		"expect": string(either(s.code, vectors.Success)), "member": s.member, "comment": s.comment,
		"directory": world(w.Suite), "size": strconv.FormatInt(w.Directory.Size(), 10), "suite": string(w.Suite),
	}
}

func writeVector(t *testing.T, w *states.World, s scenario) {
	t.Helper()
	m := s.forge.make(t, w)
	if s.then != nil {
		s.then(t, w)
	}
	data := edited(s.edit, string(wire(t, m)))
	fields := fieldsOf(w, s)
	fields["object"] = "message"
	fields["now"] = w.Now.Add(s.late).Format(time.RFC3339)
	fields["key"] = fmt.Sprintf("keys/QN.24-7.%s.pgp", w.Suite)
	if s.code == "" {
		p, err := m.Open(w.Keys["QN.24-7"], w.Directory)
		if err != nil {
			t.Fatal(err)
		}
		fields["body"] = string(p.Body)
		fields["reference"], fields["check_code"] = message.Reference(m.Core.ID), p.CheckCode(m)
	}
	vectors.Write(t, vectorDir, vectors.Vector{Name: string(w.Suite) + "_" + s.name, Fields: fields, Body: []byte(data)})
}

// writeReceipts makes the vectors of delivery and opening receipts.
func writeReceipts(t *testing.T, w *states.World) {
	t.Helper()
	for _, s := range []struct {
		scenario
		key *pgp.Key
		of  func(string) string
	}{
		{scenario{name: "receipt_good", comment: "delivered"}, w.Keys["QN.24-7"], nil},
		{scenario{name: "receipt_altered", comment: "opened, where delivered was signed", code: problem.BadSignature, member: "signature"},
			w.Keys["QN.24-7"], replace(`delivered`, `opened`)},
		{scenario{name: "receipt_of_another", comment: "made by the sender itself", code: problem.WrongCertificate, member: "fingerprint"},
			w.Keys["QM.24-7"], nil},
		{scenario{name: "receipt_unknown_member", comment: "a member that version 1 does not have", code: problem.UnknownMember, member: "note"},
			w.Keys["QN.24-7"], replace(`"kind"`, `"note":"","kind"`)},
	} {
		signed, err := message.SignReceipt(receiptOf(forge{}.make(t, w)), s.key)
		if err != nil {
			t.Fatal(err)
		}
		signed.Receipt = edited(s.of, signed.Receipt)
		fields := fieldsOf(w, s.scenario)
		fields["object"] = "receipt"
		vectors.Write(t, vectorDir, vectors.Vector{Name: string(w.Suite) + "_" + s.name, Fields: fields, Body: []byte(marshal(t, signed))})
	}
}
