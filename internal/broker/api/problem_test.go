package api_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/entraide/entraide/internal/broker/api"
	"github.com/entraide/entraide/internal/testkit/states"
	"github.com/entraide/entraide/pkg/directory"
	"github.com/entraide/entraide/pkg/message"
	"github.com/entraide/entraide/pkg/pgp"
	"github.com/entraide/entraide/pkg/problem"
	"github.com/entraide/entraide/pkg/strictjson"
	"github.com/entraide/entraide/pkg/translog"
	"github.com/entraide/entraide/pkg/workflow"
)

const (
	sender    = "QM.24-7"
	recipient = "QN.24-7"
)

// A provocation makes the API refuse with a code.
type provocation struct {
	name string
	code problem.Code
	// field is the member that the answer must name; "" where there is none.
	field string
	do    func(f *fixture) answer
	// logged says that the refusal must be an entry of the log.
	logged bool
	limits api.Limits
}

// provocations has at least one line for every code of the catalogue.
var provocations = []provocation{
	{name: "not JSON", code: problem.MalformedJSON, logged: true, do: body(`{`)},
	{name: "trailing data", code: problem.MalformedJSON, logged: true, do: func(f *fixture) answer {
		return f.post(append(f.wire(f.first()), '1'))
	}},
	{name: "unknown member", code: problem.UnknownMember, field: "extra", logged: true, do: func(f *fixture) answer {
		return f.post(bytes.Replace(f.wire(f.first()), []byte(`{"header"`), []byte(`{"extra":1,"header"`), 1))
	}},
	{name: "unknown member of the core", code: problem.UnknownMember, logged: true, do: func(f *fixture) answer {
		return f.resigned(f.first(), `{\"typ\":\"entraide/core/1\"`, `{\"more\":1,\"typ\":\"entraide/core/1\"`)
	}},
	{name: "duplicate member", code: problem.DuplicateMember, logged: true, do: func(f *fixture) answer {
		return f.post(bytes.Replace(f.wire(f.first()), []byte(`{"header"`), []byte(`{"payload":"","header"`), 1))
	}},
	{name: "page too long", code: problem.InvalidValue, field: "limit", do: func(f *fixture) answer {
		return f.call(sender, http.MethodGet, "/v1/inbox?limit=257", nil)
	}},
	{name: "identifier too short", code: problem.InvalidValue, field: "id", do: func(f *fixture) answer {
		return f.call(sender, http.MethodGet, "/v1/messages/abc", nil)
	}},
	{name: "unknown lane", code: problem.InvalidValue, logged: true, do: func(f *fixture) answer {
		return f.resigned(f.first(), `\"lane\":\"urgent\"`, `\"lane\":\"faster\"`)
	}},
	{name: "another type", code: problem.WrongType, field: "typ", logged: true, do: func(f *fixture) answer {
		return f.resigned(f.first(), `"entraide/message/1"`, `"entraide/receipt/1"`)
	}},
	{name: "no recipient", code: problem.MissingRecipient, logged: true, do: func(f *fixture) answer {
		return f.resigned(f.first(), `\"to\":{\"authority\":\"QN.24-7\"`, `\"to\":{\"authority\":\"\"`)
	}},
	{name: "body too large", code: problem.TooLarge, do: body(strings.Repeat(" ", 3<<20) + "{}")},
	{name: "text/plain", code: problem.UnsupportedMediaType, field: "Content-Type", do: func(f *fixture) answer {
		return f.callAs(sender, http.MethodPost, "/v1/messages", "text/plain", []byte("{}"))
	}},
	{name: "DELETE", code: problem.MethodNotAllowed, do: func(f *fixture) answer {
		return f.call(sender, http.MethodDelete, "/v1/messages", nil)
	}},
	{name: "no such address", code: problem.NotFound, do: func(f *fixture) answer {
		return f.call(sender, http.MethodGet, "/v2/messages", nil)
	}},
	{name: "message of others", code: problem.NotFound, field: "id", do: func(f *fixture) answer {
		f.accept(f.first())
		return f.call("QP.24-7", http.MethodGet, "/v1/messages/"+string(states.ID("message a")), nil)
	}},
	{name: "case of others", code: problem.NotFound, field: "core.case", logged: true, do: func(f *fixture) answer {
		f.accept(f.first())
		d := f.draft("QP.24-7", recipient, "b")
		d.Case, d.Act, d.Body = states.ID("case a"), workflow.Enquire, states.Body(f.t, workflow.Enquire, "QP.24-7", recipient)
		return f.submit(f.seal(d))
	}},
	{name: "no certificate", code: problem.Unauthenticated, do: func(f *fixture) answer {
		return f.call("", http.MethodGet, "/v1/inbox", nil)
	}},
	{name: "unknown certificate", code: problem.Unauthenticated, do: func(f *fixture) answer {
		return f.call("stranger", http.MethodGet, "/v1/inbox", nil)
	}},
	{name: "sender is somebody else", code: problem.Forbidden, field: "core.from.authority", logged: true, do: func(f *fixture) answer {
		return f.call("QP.24-7", http.MethodPost, "/v1/messages", f.wire(f.first()))
	}},
	{name: "inbox of somebody else", code: problem.Forbidden, field: "authority", do: func(f *fixture) answer {
		return f.call(sender, http.MethodGet, "/v1/inbox?authority="+recipient, nil)
	}},
	{name: "too many requests", code: problem.RateLimited, limits: api.Limits{PerSecond: 0.001, Burst: 1}, do: func(f *fixture) answer {
		f.call(sender, http.MethodGet, "/v1/inbox", nil)
		return f.call(sender, http.MethodGet, "/v1/inbox", nil)
	}},
	{name: "weaker suite", code: problem.WrongSuite, field: "core.suite", logged: true, do: weakerSuite},
	{name: "unknown recipient", code: problem.UnknownAuthority, field: "core.to.authority", logged: true, do: func(f *fixture) answer {
		d := f.draft(sender, recipient, "a")
		d.To.Statement.ID = "QN.nobody"
		return f.submit(f.seal(d))
	}},
	{name: "suspended recipient", code: problem.SuspendedAuthority, field: "core.to.authority", logged: true, do: func(f *fixture) answer {
		m := f.first()
		f.publishStanding(recipient, "QN", directory.Suspended)
		return f.submit(m)
	}},
	{name: "recipient not valid yet", code: problem.ExpiredAuthority, field: "core.to.authority", logged: true, do: func(f *fixture) answer {
		m := f.first()
		f.once(func() {
			s := f.nextStatement(recipient)
			s.ValidFrom = directory.At(states.Now.Add(time.Hour))
			f.publish(f.world.Parties["QN"], s)
		})
		return f.submit(m)
	}},
	{name: "another certificate", code: problem.WrongCertificate, logged: true, do: func(f *fixture) answer {
		d := f.draft(sender, recipient, "a")
		d.To.Certificates = map[pgp.Suite]*pgp.Certificate{pgp.Modern6: f.world.Keys["QP.24-7"].Certificate()}
		return f.submit(f.seal(d))
	}},
	{name: "another encryption subkey", code: problem.WrongEncryptionKey, field: "core.to.encryption", logged: true, do: func(f *fixture) answer {
		m := f.first()
		return f.resigned(m, m.Core.To.Encryption, strings.Repeat("A", len(m.Core.To.Encryption)))
	}},
	{name: "ten minutes slow", code: problem.StaleTime, field: "core.created", logged: true, do: func(f *fixture) answer {
		m := f.first()
		f.setClock(states.Now.Add(10 * time.Minute))
		return f.submit(m)
	}},
	{name: "ten minutes fast", code: problem.StaleTime, field: "core.created", logged: true, do: func(f *fixture) answer {
		m := f.first()
		f.setClock(states.Now.Add(-10 * time.Minute))
		return f.submit(m)
	}},
	{name: "too late", code: problem.ExpiredMessage, field: "core.not_after", logged: true, do: func(f *fixture) answer {
		d := f.draft(sender, recipient, "a")
		d.NotAfter = states.Now.Add(time.Minute)
		m := f.seal(d)
		f.setClock(states.Now.Add(2 * time.Minute))
		return f.submit(m)
	}},
	{name: "altered header", code: problem.BadSignature, field: "signature", logged: true, do: func(f *fixture) answer {
		m := f.first()
		m.HeaderText = strings.Replace(m.HeaderText, `\"directory\":`, `\"directory\":1`, 1)
		return f.submit(m)
	}},
	{name: "signature of another type", code: problem.BadSignature, field: "signature", logged: true, do: func(f *fixture) answer {
		m := f.first()
		m.Signature = f.sign(message.TypReceipt, m.HeaderText)
		return f.submit(m)
	}},
	{name: "altered payload", code: problem.WrongDigest, logged: true, do: func(f *fixture) answer {
		m := f.first()
		m.Payload[len(m.Payload)/2] ^= 1
		return f.submit(m)
	}},
	{name: "naked payload", code: problem.BadFraming, logged: true, do: func(f *fixture) answer {
		return f.repacked(f.first(), []byte("\xcb\x0bb\x00\x00\x00\x00\x00hello"))
	}},
	{name: "trailing packet", code: problem.BadFraming, logged: true, do: func(f *fixture) answer {
		m := f.first()
		return f.repacked(m, append(bytes.Clone(m.Payload), 0xca, 0x03, 'P', 'G', 'P'))
	}},
	{name: "other bytes under the same id", code: problem.DuplicateMessage, field: "core.id", logged: true, do: func(f *fixture) answer {
		f.accept(f.first())
		return f.submit(f.seal(f.draft(sender, recipient, "a")))
	}},
	{name: "number skipped", code: problem.SequenceGap, field: "core.seq", logged: true, do: func(f *fixture) answer {
		d := f.draft(sender, recipient, "a")
		d.Seq, d.Prev = 2, strings.Repeat("0", 64)
		return f.submit(f.seal(d))
	}},
	{name: "another predecessor", code: problem.SequenceGap, field: "core.prev", logged: true, do: func(f *fixture) answer {
		f.accept(f.first())
		d := f.draft(sender, recipient, "b")
		d.Seq, d.Prev = 2, strings.Repeat("0", 64)
		return f.submit(f.seal(d))
	}},
	{name: "evidence not uploaded", code: problem.MissingEvidence, field: "evidence.0", logged: true, do: withEvidence},
	{name: "more evidence than there is room for", code: problem.QuotaExceeded, field: "size", do: func(f *fixture) answer {
		return f.begin(sender, recipient, listed(4<<20), 4<<20)
	}},
	{name: "acknowledging one's own request", code: problem.ActNotAllowed, logged: true, do: func(f *fixture) answer {
		m := f.first()
		f.accept(m)
		d := f.draft(sender, recipient, "b")
		d.Case, d.Seq, d.Prev = m.Core.Case, 2, m.Digest()
		d.Act, d.Body = workflow.Acknowledge, states.Body(f.t, workflow.Acknowledge, sender, recipient)
		return f.submit(f.seal(d))
	}},
	{name: "answer to a request that was never sent", code: problem.ActNotAllowed, logged: true, do: func(f *fixture) answer {
		d := f.draft(recipient, sender, "b")
		d.Act, d.Body = workflow.Acknowledge, states.Body(f.t, workflow.Acknowledge, recipient, sender)
		return f.submit(f.seal(d))
	}},
	{name: "answer to a request to another State", code: problem.NotFound, field: "core.case", logged: true, do: func(f *fixture) answer {
		m := f.first()
		f.accept(m)
		d := f.draft(other, sender, "b")
		d.Case, d.Act, d.Body = m.Core.Case, workflow.Acknowledge, states.Body(f.t, workflow.Acknowledge, other, sender)
		return f.submit(f.seal(d))
	}},
	{name: "number of a statement skipped", code: problem.StatementChain, logged: true, do: func(f *fixture) answer {
		s := f.nextStatement(recipient)
		s.Number += 5
		return f.postStatement(f.world.Parties["QN"], s)
	}},
	{name: "statement of another State", code: problem.StatementSigner, logged: true, do: func(f *fixture) answer {
		s := f.nextStatement(recipient)
		s.Signer = "QM"
		return f.postStatement(f.world.Parties["QM"], s)
	}},
	{name: "statement without hours", code: problem.StatementInvalid, logged: true, do: func(f *fixture) answer {
		s := f.nextStatement(recipient)
		s.Hours = ""
		return f.postStatement(f.world.Parties["QN"], s)
	}},
	{name: "statement from the future", code: problem.StatementInvalid, field: "issued", logged: true, do: func(f *fixture) answer {
		s := f.nextStatement(recipient)
		f.world.Now = states.Now.Add(time.Hour)
		s.Issued = directory.At(f.world.Now)
		return f.postStatement(f.world.Parties["QN"], s)
	}},
	{name: "receipt of another message", code: problem.ReceiptMismatch, field: "message", logged: true, do: func(f *fixture) answer {
		m := f.first()
		f.accept(m)
		r := f.receipt(m, message.Delivered)
		r.Message = message.DigestOf([]byte("another"))
		return f.postReceipt(r)
	}},
	{name: "broker is stopping", code: problem.Overloaded, do: func(f *fixture) answer {
		m := f.first()
		f.broker.Stop()
		return f.submit(m)
	}},
	{name: "log cannot be signed", code: problem.LogUnavailable, do: func(f *fixture) answer {
		f.corruptGuard()
		f.submit(f.first())
		return f.submit(f.first())
	}},
	{name: "database gone", code: problem.Internal, do: func(f *fixture) answer {
		m := f.first()
		f.db.Close()
		return f.submit(m)
	}},
}

// TestEveryProblem provokes every code of the catalogue through the API. A
// refused submission is logged by its code and changes nothing else (T9, T11).
func TestEveryProblem(t *testing.T) {
	t.Parallel()
	provoked := map[problem.Code]bool{}
	for _, p := range provocations {
		provoked[p.code] = true
		t.Run(string(p.code)+"/"+p.name, func(t *testing.T) {
			t.Parallel()
			if p.limits == (api.Limits{}) {
				p.limits = api.DefaultLimits()
			}
			p.check(newFixture(t, p.limits))
		})
	}
	for _, code := range problem.Codes() {
		if !provoked[code] {
			t.Errorf("nothing provokes %s", code)
		}
	}
	t.Logf("%d provocations of %d codes", len(provocations), len(problem.Codes()))
}

func (p provocation) check(f *fixture) {
	f.t.Helper()
	a := p.do(f)
	got := a.problem
	if got.Code != p.code || a.status != p.code.Status() || got.Status != a.status {
		f.t.Fatalf("got %d %s at %q (%s), want %d %s", a.status, got.Code, got.Field, got.Detail, p.code.Status(), p.code)
	}
	if p.field != "" && got.Field != p.field {
		f.t.Errorf("field %q, want %q", got.Field, p.field)
	}
	if got.Remedy == "" || got.Title == "" {
		f.t.Error("the answer gives no remedy or title")
	}
	if !p.logged {
		return
	}
	e := f.newest()
	if e.Kind != translog.KindRejection || e.Rejection.Code != string(p.code) {
		f.t.Errorf("newest entry is %+v, want a rejection with %s", e, p.code)
	}
}

// TestRefusalChangesNothing repeats every refusal that is logged and compares
// the database before and after.
func TestRefusalChangesNothing(t *testing.T) {
	if testing.Short() {
		t.Skip("the race detector sees the same code in TestEveryProblem")
	}
	t.Parallel()
	for _, p := range provocations {
		if !p.logged {
			continue
		}
		t.Run(string(p.code)+"/"+p.name, func(t *testing.T) {
			t.Parallel()
			f := newFixture(t, api.DefaultLimits())
			p.do(f)
			before, size := f.counts()
			p.check(f) // again, in a state that it has prepared itself
			after, grown := f.counts()
			if before != after || grown != size+1 {
				t.Errorf("the refusal changed the database from %+v to %+v, and the log by %d entries", before, after, grown-size)
			}
		})
	}
}

func body(text string) func(*fixture) answer {
	return func(f *fixture) answer { return f.post([]byte(text)) }
}

func (f *fixture) post(data []byte) answer {
	f.t.Helper()
	return f.call(sender, http.MethodPost, "/v1/messages", data)
}

func (f *fixture) draft(from, to, name string) message.Draft {
	return f.world.Draft(f.t, from, to, name)
}

func (f *fixture) seal(d message.Draft) *message.Message { return f.world.Seal(f.t, d) }

// first is a good first message, the same every time.
func (f *fixture) first() *message.Message {
	f.t.Helper()
	if f.sealed == nil {
		f.sealed = f.wire(f.seal(f.draft(sender, recipient, "a")))
	}
	m, err := message.Parse(f.sealed)
	if err != nil {
		f.t.Fatal(err)
	}
	return m
}

func (f *fixture) wire(m *message.Message) []byte {
	f.t.Helper()
	data, err := m.Wire()
	if err != nil {
		f.t.Fatal(err)
	}
	return data
}

func (f *fixture) sign(typ, text string) []byte {
	f.t.Helper()
	signature, err := f.world.Keys[sender].Sign(typ, []byte(text), states.Now)
	if err != nil {
		f.t.Fatal(err)
	}
	return signature
}

// resigned submits the message with a text of its header replaced, and signed
// again by its sender.
func (f *fixture) resigned(m *message.Message, old, text string) answer {
	f.t.Helper()
	altered := strings.Replace(m.HeaderText, old, text, 1)
	if altered == m.HeaderText {
		f.t.Fatalf("the header has no %s", old)
	}
	m.HeaderText = altered
	m.Signature = f.sign(message.TypMessage, altered)
	return f.submit(m)
}

// repacked submits the message with another payload, its header in order.
func (f *fixture) repacked(m *message.Message, payload []byte) answer {
	f.t.Helper()
	sum := sha256.Sum256(payload)
	m.Payload = payload
	m.Header.Payload.Size, m.Header.Payload.SHA256 = int64(len(payload)), message.Digest(hex.EncodeToString(sum[:]))
	header, err := strictjson.Marshal(m.Header)
	if err != nil {
		f.t.Fatal(err)
	}
	m.HeaderText = string(header)
	m.Signature = f.sign(message.TypMessage, m.HeaderText)
	return f.submit(m)
}

// weakerSuite submits in classic-4 between two that both have modern-6 too.
func weakerSuite(f *fixture) answer {
	f.once(func() { f.sealed = f.wire(sealWeaker(f)) })
	return f.submit(f.first())
}

func sealWeaker(f *fixture) *message.Message {
	keys := map[string]*pgp.Key{}
	d := f.draft(sender, recipient, "a")
	for id, side := range map[string]*directory.Authority{sender: &d.From, recipient: &d.To} {
		s, both := f.world.WithSuites(f.t, id, pgp.Modern6, pgp.Classic4)
		s.Transport = f.world.Authority(f.t, id).Statement.Transport
		party, _, _ := strings.Cut(id, ".")
		f.publish(f.world.Parties[party], s)
		a := f.world.Authority(f.t, id)
		a.Certificates = map[pgp.Suite]*pgp.Certificate{pgp.Classic4: a.Certificates[pgp.Classic4]}
		*side, keys[id] = a, both[pgp.Classic4]
	}
	m, err := message.Seal(d, keys[sender], states.Now)
	if err != nil {
		f.t.Fatal(err)
	}
	return m
}

func withEvidence(f *fixture) answer {
	d := f.draft(sender, recipient, "a")
	m := f.seal(d)
	digest := message.DigestOf([]byte("manifest"))
	m.Header.Evidence = []message.EvidenceRef{{Size: 1, SHA256: digest}}
	header, err := strictjson.Marshal(m.Header)
	if err != nil {
		f.t.Fatal(err)
	}
	m.HeaderText = string(header)
	m.Signature = f.sign(message.TypMessage, m.HeaderText)
	return f.submit(m)
}

// nextStatement is an authority's next statement, unchanged.
func (f *fixture) nextStatement(id string) directory.AuthorityStatement {
	s := f.world.Authority(f.t, id).Statement
	h := f.world.Heading(id, s.Signer)
	h.Typ = s.Typ
	s.Heading = h
	return s
}

// publish signs a statement, which must be accepted, in world and broker.
func (f *fixture) publish(key *pgp.Key, statement any) {
	f.t.Helper()
	f.world.Publish(f.t, key, statement)
	all := f.world.Statements()
	if _, err := f.broker.Publish(f.t.Context(), "test", all[len(all)-1]); err != nil {
		f.t.Fatal(err)
	}
}

func (f *fixture) publishStanding(subject, party, standing string) {
	f.once(func() {
		f.publish(f.world.Parties[party], directory.StandingStatement{
			Heading: f.world.Heading(subject, party), Standing: standing, Reason: "The officer in charge has asked for it.",
		})
	})
}

// once prepares what a provocation needs, the first time that it is made.
func (f *fixture) once(prepare func()) {
	if !f.prepared {
		f.prepared = true
		prepare()
	}
}

func (f *fixture) postStatement(key *pgp.Key, statement any) answer {
	f.t.Helper()
	text, err := strictjson.Marshal(statement)
	if err != nil {
		f.t.Fatal(err)
	}
	signature, err := key.Sign(directory.TypAuthority, text, f.world.Now)
	if err != nil {
		f.t.Fatal(err)
	}
	data, err := strictjson.Marshal(directory.Signed{Statement: string(text), Signature: signature})
	if err != nil {
		f.t.Fatal(err)
	}
	return f.call(recipient, http.MethodPost, "/v1/directory/statements", data)
}

// receipt is the recipient's receipt of a message, unsigned.
func (f *fixture) receipt(m *message.Message, kind message.ReceiptKind) message.Receipt {
	return message.Receipt{
		Kind: kind, Message: message.Digest(m.Digest()), ID: m.Core.ID, Case: m.Core.Case,
		By: m.Core.To.Authority, At: message.At(f.clock()),
	}
}

func (f *fixture) postReceipt(r message.Receipt) answer {
	f.t.Helper()
	signed, err := message.SignReceipt(r, f.world.Keys[r.By])
	if err != nil {
		f.t.Fatal(err)
	}
	data, err := json.Marshal(signed)
	if err != nil {
		f.t.Fatal(err)
	}
	return f.call(r.By, http.MethodPost, "/v1/receipts", data)
}

// corruptGuard makes the guard remember a larger tree than the database has:
// what a database restored from an older backup looks like.
func (f *fixture) corruptGuard() {
	f.t.Helper()
	_, size := f.counts()
	signed, err := translog.Checkpoint{Origin: "broker.example/log", Size: size + 100}.Sign(f.signer)
	if err != nil {
		f.t.Fatal(err)
	}
	if err := os.WriteFile(f.guard, signed, 0o600); err != nil {
		f.t.Fatal(err)
	}
}
