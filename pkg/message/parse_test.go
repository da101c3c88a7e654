package message_test

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/entraide/entraide/internal/testkit/states"
	"github.com/entraide/entraide/pkg/message"
	"github.com/entraide/entraide/pkg/pgp"
	"github.com/entraide/entraide/pkg/problem"
	"github.com/entraide/entraide/pkg/strictjson"
	"github.com/entraide/entraide/pkg/workflow"
)

// TestParseCore: each member of core and header has its form.
func TestParseCore(t *testing.T) {
	t.Parallel()
	digest := message.DigestOf(nil)
	for _, tt := range []struct {
		name  string
		forge forge
		code  problem.Code
		field string
	}{
		{"as sealed", forge{}, "", ""},
		{"typ of core", forge{core: func(c *message.Core) { c.Typ = message.TypReceipt }}, problem.WrongType, "core.typ"},
		{"suite", forge{core: func(c *message.Core) { c.Suite = "modern-7" }}, problem.WrongSuite, "core.suite"},
		{"id", forge{core: func(c *message.Core) { c.ID = c.ID[1:] }}, problem.InvalidValue, "core.id"},
		{"upper-case id", forge{core: func(c *message.Core) { c.ID = "A" + c.ID[1:] }}, problem.InvalidValue, "core.id"},
		{"case", forge{core: func(c *message.Core) { c.Case = "" }}, problem.InvalidValue, "core.case"},
		{"act", forge{core: func(c *message.Core) { c.Act = "demand" }}, problem.InvalidValue, "core.act"},
		{"event as act", forge{core: func(c *message.Core) { c.Act = workflow.Delivered }}, problem.InvalidValue, "core.act"},
		{"final request", forge{core: func(c *message.Core) { c.Final = true }}, problem.InvalidValue, "core.final"},
		{"final delivery", forge{core: func(c *message.Core) { c.Final, c.Act = true, workflow.Deliver }}, "", ""},
		{"lane", forge{core: func(c *message.Core) { c.Lane = "fast" }}, problem.InvalidValue, "core.lane"},
		{"created missing", forge{coreText: cut(`"created":"`)}, problem.InvalidValue, "core.created"},
		{"not_after at once", forge{core: func(c *message.Core) { c.NotAfter = c.Created }}, problem.InvalidValue, "core.not_after"},
		{"not_after 31 days", forge{core: after(message.MaxValidity)}, "", ""},
		{"not_after 31 days and a second", forge{core: after(message.MaxValidity + time.Second)}, problem.InvalidValue, "core.not_after"},
		{"fraction of a second", forge{coreText: replace(`:00Z","not_after"`, `:00.5Z","not_after"`)}, problem.InvalidValue, "core.created"},
		{"offset", forge{coreText: replace(`:00Z","not_after"`, `:00+00:00","not_after"`)}, problem.InvalidValue, "core.created"},
		{"sender", forge{core: func(c *message.Core) { c.From.Authority = "QM" }}, problem.InvalidValue, "core.from.authority"},
		{"sender's fingerprint", forge{core: func(c *message.Core) { c.From.Fingerprint = strings.ToLower(c.From.Fingerprint) }}, problem.InvalidValue, "core.from.fingerprint"},
		{"sender's key id", forge{core: func(c *message.Core) { c.From.Fingerprint = c.From.Fingerprint[:16] }}, problem.InvalidValue, "core.from.fingerprint"},
		{"sender's certificate", forge{core: func(c *message.Core) { c.From.Certificate = "" }}, problem.InvalidValue, "core.from.certificate"},
		{"no recipient", forge{core: func(c *message.Core) { c.To = message.Recipient{} }}, problem.MissingRecipient, "core.to"},
		{"recipient missing", forge{coreText: func(s string) string {
			return s[:strings.Index(s, `"to":{`)] + s[strings.Index(s, `"after":[`):]
		}}, problem.MissingRecipient, "core.to"},
		{"recipient", forge{core: func(c *message.Core) { c.To.Authority = "qn.24-7" }}, problem.InvalidValue, "core.to.authority"},
		{"recipient's fingerprint", forge{core: func(c *message.Core) { c.To.Fingerprint = "" }}, problem.InvalidValue, "core.to.fingerprint"},
		{"recipient's certificate", forge{core: func(c *message.Core) { c.To.Certificate = "x" }}, problem.InvalidValue, "core.to.certificate"},
		{"encryption subkey", forge{core: func(c *message.Core) { c.To.Encryption = "" }}, problem.InvalidValue, "core.to.encryption"},
		{"to itself", forge{core: func(c *message.Core) { c.To.Authority = c.From.Authority }}, problem.InvalidValue, "core.to.authority"},
		{"after", forge{core: func(c *message.Core) { c.After = []message.Digest{"x"} }}, problem.InvalidValue, "core.after.0"},
		{"after twice", forge{core: func(c *message.Core) { c.After = []message.Digest{digest, digest} }}, problem.InvalidValue, "core.after"},
		{"after out of order", forge{core: func(c *message.Core) {
			c.After = []message.Digest{digest, message.Digest(strings.Repeat("0", 64))}
		}}, problem.InvalidValue, "core.after"},
		{"64 after", forge{core: manyAfter(64)}, "", ""},
		{"65 after", forge{core: manyAfter(65)}, problem.InvalidValue, "core.after"},
		{"seq 0", forge{core: func(c *message.Core) { c.Seq = 0 }}, problem.InvalidValue, "core.seq"},
		{"seq 1 with prev", forge{core: func(c *message.Core) { c.Prev = string(digest) }}, problem.InvalidValue, "core.prev"},
		{"seq 2 without prev", forge{core: func(c *message.Core) { c.Seq = 2 }}, problem.InvalidValue, "core.prev"},
		{"seq 2", forge{core: func(c *message.Core) { c.Seq, c.Prev = 2, string(digest) }}, "", ""},
		{"prev", forge{core: func(c *message.Core) { c.Seq, c.Prev = 2, "x" }}, problem.InvalidValue, "core.prev"},
		{"directory", forge{core: func(c *message.Core) { c.Directory = 0 }}, problem.InvalidValue, "core.directory"},
		{"directory missing", forge{coreText: func(s string) string { return s[:strings.Index(s, `,"directory"`)] + "}" }}, problem.InvalidValue, "core.directory"},
		{"final missing", forge{coreText: replace(`"final":false,`, ``)}, problem.MalformedJSON, "core"},
		{"unknown member of core", forge{coreText: replace(`"seq":1`, `"seq":1,"bcc":"QP.24-7"`)}, problem.UnknownMember, "core.bcc"},
		{"unknown member below", forge{coreText: replace(`"encryption":`, `"Encryption":`)}, problem.UnknownMember, "core.to.Encryption"},
		{"duplicate member of core", forge{coreText: replace(`"seq":1`, `"seq":1,"seq":1`)}, problem.DuplicateMember, "core.seq"},
		{"null", forge{coreText: replace(`"prev":""`, `"prev":null`)}, problem.InvalidValue, "core.prev"},
		{"text for a number", forge{coreText: replace(`"seq":1`, `"seq":"1"`)}, problem.InvalidValue, "core.seq"},
		{"number beyond doubles", forge{coreText: replace(`"seq":1`, `"seq":9007199254740992`)}, problem.InvalidValue, "core.seq"},
		{"space in core", forge{coreText: replace(`,"seq":`, `, "seq":`)}, problem.MalformedJSON, "core"},
		{"order of core", forge{coreText: replace(`"seq":1,"prev":""`, `"prev":"","seq":1`)}, problem.MalformedJSON, "core"},
		{"core is no object", forge{coreText: func(string) string { return "" }}, problem.MalformedJSON, "core"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			w := states.New(t, pgp.Modern6)
			_, err := message.Parse(wire(t, tt.forge.make(t, w)))
			wantProblem(t, err, tt.code, tt.field)
		})
	}
}

// cut returns an edit that removes the member that begins so, with its value,
// a text.
func cut(member string) func(string) string {
	return func(s string) string {
		before, rest, _ := strings.Cut(s, member)
		_, behind, _ := strings.Cut(rest, `",`)
		return before + behind
	}
}

func after(validity time.Duration) func(*message.Core) {
	return func(c *message.Core) { c.NotAfter = message.At(c.Created.Add(validity)) }
}

func manyAfter(n int) func(*message.Core) {
	return func(c *message.Core) {
		for i := range n {
			c.After = append(c.After, message.Digest(strings.Repeat("0", 62)+string("0123456789abcdef"[i/16])+string("0123456789abcdef"[i%16])))
		}
	}
}

func TestParseHeader(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name  string
		forge forge
		code  problem.Code
		field string
	}{
		// T8: an object of another type is no message.
		{"typ", forge{header: func(h *message.Header) { h.Typ = message.TypPayload }}, problem.WrongType, "typ"},
		{"payload size", forge{header: func(h *message.Header) { h.Payload.Size = 0 }}, problem.InvalidValue, "payload.size"},
		{"payload size over the cap", forge{header: func(h *message.Header) { h.Payload.Size = message.MaxPayloadBytes + 1 }}, problem.InvalidValue, "payload.size"},
		{"payload digest", forge{header: func(h *message.Header) { h.Payload.SHA256 = "" }}, problem.InvalidValue, "payload.sha256"},
		{"commitment", forge{header: func(h *message.Header) { h.Payload.Commitment = "x" }}, problem.InvalidValue, "payload.commitment"},
		{"evidence size", forge{header: func(h *message.Header) {
			h.Evidence = []message.EvidenceRef{{Size: 1, SHA256: message.DigestOf(nil)}, {Size: 0, SHA256: message.DigestOf(nil)}}
		}}, problem.InvalidValue, "evidence.1.size"},
		{"evidence twice", forge{header: func(h *message.Header) {
			h.Evidence = []message.EvidenceRef{{Size: 1, SHA256: message.DigestOf(nil)}, {Size: 1, SHA256: message.DigestOf(nil)}}
		}}, problem.InvalidValue, "evidence.1.sha256"},
		{"evidence digest", forge{header: func(h *message.Header) { h.Evidence = []message.EvidenceRef{{Size: 1}} }}, problem.InvalidValue, "evidence.0.sha256"},
		{"unknown member", forge{text: replace(`"payload":{`, `"subject":"x","payload":{`)}, problem.UnknownMember, "header.subject"},
		{"duplicate member", forge{text: replace(`"evidence":[]`, `"evidence":[],"evidence":[]`)}, problem.DuplicateMember, "header.evidence"},
		{"trailing object", forge{text: func(s string) string { return s + s }}, problem.MalformedJSON, "header"},
		{"trailing space", forge{text: func(s string) string { return s + " " }}, problem.MalformedJSON, "header"},
		{"other escape", forge{text: replace(`entraide/message/1`, `entraide\/message/1`)}, problem.MalformedJSON, "header"},
		{"empty", forge{text: func(string) string { return "" }}, problem.MalformedJSON, "header"},
		{"too large", forge{text: func(s string) string { return s + strings.Repeat(" ", message.MaxHeaderBytes) }}, problem.TooLarge, "header"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			w := states.New(t, pgp.Modern6)
			_, err := message.Parse(wire(t, tt.forge.make(t, w)))
			wantProblem(t, err, tt.code, tt.field)
		})
	}
}

func TestParseWire(t *testing.T) {
	t.Parallel()
	w := states.New(t, pgp.Modern6)
	good := string(wire(t, forge{}.make(t, w)))
	member := func(name, value string) string {
		before, rest, _ := strings.Cut(good, `"`+name+`":"`)
		_, behind, _ := strings.Cut(rest, `"`)
		return before + `"` + name + `":"` + value + `"` + behind
	}
	for _, tt := range []struct {
		name, data string
		code       problem.Code
		field      string
	}{
		{"as written", good, "", ""},
		{"spread over lines", "{\n" + good[1:] + "\n", "", ""},
		{"nothing", "", problem.MalformedJSON, ""},
		{"no JSON", "From: QM", problem.MalformedJSON, ""},
		{"another object behind", good + good, problem.MalformedJSON, ""},
		{"unknown member", `{"armor":"",` + good[1:], problem.UnknownMember, "armor"},
		{"duplicate member", `{"payload":"",` + good[1:], problem.DuplicateMember, "payload"},
		{"invalid UTF-8", strings.Replace(good, "entraide/message", "entraide\xff", 1), problem.MalformedJSON, "header"},
		{"signature missing", member("signature", ""), problem.InvalidValue, "signature"},
		{"payload missing", member("payload", ""), problem.InvalidValue, "payload"},
		{"line break in base64", member("signature", `AA\nAA`), problem.InvalidValue, "signature"},
		{"no padding", member("signature", `AA`), problem.InvalidValue, "signature"},
		{"stray bits", member("signature", `AB==`), problem.InvalidValue, "signature"},
		{"URL alphabet", member("signature", `__-_`), problem.InvalidValue, "signature"},
		{"largest signature", member("signature", zeros(message.MaxSignatureBytes)), "", ""},
		{"signature one byte over", member("signature", zeros(message.MaxSignatureBytes+1)), problem.TooLarge, "signature"},
		{"largest payload", member("payload", zeros(message.MaxPayloadBytes)), "", ""},
		{"payload one byte over", member("payload", zeros(message.MaxPayloadBytes+1)), problem.TooLarge, "payload"},
		{"payload far over", member("payload", zeros(message.MaxPayloadBytes+100)), problem.TooLarge, "payload"},
		{"whole one byte over", good + strings.Repeat(" ", message.MaxWireBytes+1-len(good)), problem.TooLarge, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			_, err := message.Parse([]byte(tt.data))
			wantProblem(t, err, tt.code, tt.field)
		})
	}
}

// TestWire: Parse reads what Wire writes, and Wire writes it again.
func TestWire(t *testing.T) {
	t.Parallel()
	for _, suite := range states.Suites() {
		w := states.New(t, suite)
		m := w.Seal(t, w.Draft(t, "QM.24-7", "QN.24-7", "wire"))
		data := wire(t, m)
		back, err := message.Parse(data)
		wantProblem(t, err, "", "")
		if diff := cmp.Diff(m, back); diff != "" {
			t.Errorf("%s (-sealed +parsed):\n%s", suite, diff)
		}
		if !bytes.Equal(wire(t, back), data) {
			t.Errorf("%s: written back differently", suite)
		}
	}
}

// small returns a message whose binary parts are as small as may be, so that
// the fuzzer spends its time on the text.
func small(t testing.TB) *message.Message {
	t.Helper()
	m := forge{}.make(t, states.New(t, pgp.Modern6))
	m.Signature, m.Payload = []byte{1}, []byte{2}
	return m
}

// FuzzParse checks that what parses is written back to the same message, and
// that the texts within have one spelling.
func FuzzParse(f *testing.F) {
	f.Add(wire(f, small(f)))
	f.Add([]byte(`{"header":"{}","signature":"AAAA","payload":"AAAA"}`))
	f.Fuzz(writtenBack)
}

// FuzzParseCore does the same with a core inside a sound message (T17).
func FuzzParseCore(f *testing.F) {
	good := small(f)
	f.Add(good.Header.Core)
	f.Add(strings.Replace(good.Header.Core, `"seq":1,"prev":""`, `"seq":2,"prev":"`+strings.Repeat("0", 64)+`"`, 1))
	f.Fuzz(func(t *testing.T, core string) {
		m := *good
		m.Header.Core = core
		header, err := strictjson.Marshal(m.Header)
		if err != nil {
			return // not even a string
		}
		m.HeaderText = string(header)
		data, err := m.Wire()
		if err != nil {
			return // a text that cannot be written, such as one not in NFC
		}
		writtenBack(t, data)
	})
}

// writtenBack checks the property of both.
func writtenBack(t *testing.T, data []byte) {
	m, err := message.Parse(data)
	if err != nil {
		if code := problem.CodeOf(err); code == problem.Internal {
			t.Errorf("%v is no problem", err)
		}
		return
	}
	if marshal(t, m.Core) != m.Header.Core || marshal(t, m.Header) != m.HeaderText {
		t.Errorf("a second spelling of a header: %q", m.HeaderText)
	}
	back, err := message.Parse(wire(t, m))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(m, back); diff != "" {
		t.Errorf("written back differently:\n%s", diff)
	}
}

// zeros returns n zero bytes in base64.
func zeros(n int) string {
	full, rest := strings.Repeat("AAAA", n/3), []string{"", "AA==", "AAA="}[n%3]
	return full + rest
}
