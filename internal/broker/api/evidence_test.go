package api_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/entraide/entraide/internal/broker/api"
	"github.com/entraide/entraide/internal/testkit/states"
	"github.com/entraide/entraide/pkg/convention"
	"github.com/entraide/entraide/pkg/evidence"
	"github.com/entraide/entraide/pkg/message"
	"github.com/entraide/entraide/pkg/pgp"
	"github.com/entraide/entraide/pkg/problem"
	"github.com/entraide/entraide/pkg/wire"
	"github.com/entraide/entraide/pkg/workflow"
)

// other is an authority of a State that is no party to what sender and recipient
// exchange.
const other = "QP.24-7"

// listed is a list of parts of evidence of a size, which do not exist.
func listed(size int64) []byte {
	var p evidence.Parts
	for n := int64(0); n < size; n += evidence.PartBytes {
		p.Digests = append(p.Digests, strings.Repeat("ab", 32))
	}
	return p.Text()
}

// begin begins an upload.
func (f *fixture) begin(from, to string, list []byte, size int64) answer {
	f.t.Helper()
	path := fmt.Sprintf("/v1/evidence/%s?from=%s&to=%s&size=%d", message.DigestOf(list), from, to, size)
	return f.callAs(from, http.MethodPut, path, "application/octet-stream", list)
}

// put uploads a part.
func (f *fixture) put(from string, list []byte, index int, part []byte) answer {
	f.t.Helper()
	path := fmt.Sprintf("/v1/evidence/%s/parts/%d?from=%s", message.DigestOf(list), index, from)
	return f.callAs(from, http.MethodPut, path, "application/octet-stream", part)
}

// sealedEvidence seals bytes from sender to recipient and returns the list of
// parts and the only part.
func (f *fixture) sealedEvidence(plaintext string) (list, part []byte) {
	f.t.Helper()
	suite := pgp.Modern6
	to, from := f.world.Authority(f.t, recipient), f.world.Authority(f.t, sender)
	var out bytes.Buffer
	_, err := pgp.Encrypt(&out, strings.NewReader(plaintext), []*pgp.Certificate{to.Certificates[suite], from.Certificates[suite]}, f.clock())
	if err != nil {
		f.t.Fatal(err)
	}
	p := evidence.Parts{Digests: []string{string(message.DigestOf(out.Bytes()))}, Bytes: int64(out.Len())}
	return p.Text(), out.Bytes()
}

// delivering is the first message with evidence in its header.
func (f *fixture) delivering(list, part []byte) *message.Message {
	f.t.Helper()
	d := f.draft(sender, recipient, "evidence")
	request, ok := states.Content(workflow.Request, "QM", "QN").(*convention.Request)
	if !ok {
		f.t.Fatal("the sample is no request")
	}
	request.Attachments = []convention.Attachment{{Number: 1, Role: "other", Name: "logs.txt", MediaType: "text/plain", Size: 8, SHA256: string(message.DigestOf(nil))}}
	body, err := convention.Marshal(request)
	if err != nil {
		f.t.Fatal(err)
	}
	d.Body = body
	d.Evidence = []message.Evidence{{
		Ref:  message.EvidenceRef{Size: int64(len(part)), SHA256: message.DigestOf(list)},
		File: message.EvidenceFile{Name: "evidence-1.tar", MediaType: "application/x-tar", SHA256: message.DigestOf(nil)},
	}}
	return f.seal(d)
}

func (f *fixture) missing(a answer) []int {
	f.t.Helper()
	var m wire.Missing
	if err := json.Unmarshal(a.body, &m); err != nil || a.status != http.StatusOK {
		f.t.Fatalf("%d %s %v", a.status, a.body, err)
	}
	return m.Parts
}

// TestEvidence: evidence is uploaded, delivered to the parties of its message
// alone, whole or in ranges, and given up after its time.
func TestEvidence(t *testing.T) {
	t.Parallel()
	f := newFixture(t, api.DefaultLimits())
	list, part := f.sealedEvidence("the logs")
	size := int64(len(part))
	if got := f.missing(f.begin(sender, recipient, list, size)); len(got) != 1 {
		t.Fatalf("missing are %v", got)
	}
	if a := f.submit(f.delivering(list, part)); a.problem.Code != problem.MissingEvidence {
		t.Errorf("a message before its evidence: %d %s", a.status, a.body)
	}
	if a := f.put(sender, list, 0, part); a.status != http.StatusOK {
		t.Fatalf("putting: %d %s", a.status, a.body)
	}
	if got := f.missing(f.begin(sender, recipient, list, size)); len(got) != 0 {
		t.Errorf("missing are still %v", got)
	}
	m := f.delivering(list, part)
	f.accept(m)
	at := fmt.Sprintf("/v1/messages/%s/evidence/0", m.Core.ID)
	for _, who := range []string{sender, recipient} {
		if a := f.call(who, http.MethodGet, at, nil); !bytes.Equal(a.body, list) {
			t.Errorf("the list for %s: %d %s", who, a.status, a.body)
		}
		if a := f.call(who, http.MethodGet, at+"/parts/0", nil); !bytes.Equal(a.body, part) {
			t.Errorf("the part for %s: %d", who, a.status)
		}
	}
	for _, path := range []string{at, at + "/parts/0"} {
		if a := f.call(other, http.MethodGet, path, nil); a.status != http.StatusNotFound {
			t.Errorf("%s for a State that is no party: %d", path, a.status)
		}
	}
	for _, path := range []string{"1", "1/parts/0", "0/parts/1", "0/parts/-1", "x"} {
		if a := f.call(recipient, http.MethodGet, fmt.Sprintf("/v1/messages/%s/evidence/%s", m.Core.ID, path), nil); a.status == http.StatusOK {
			t.Errorf("evidence/%s was found", path)
		}
	}
	f.sweptAfter(m, at)
}

// sweptAfter checks when the broker gives evidence up.
func (f *fixture) sweptAfter(m *message.Message, at string) {
	f.t.Helper()
	held := func() bool { return f.call(recipient, http.MethodGet, at+"/parts/0", nil).status == http.StatusOK }
	sweep := func(after time.Duration) {
		f.setClock(states.Now.Add(after))
		for range 2 { // what is dropped goes with the next
			if err := f.broker.SweepEvidence(f.t.Context()); err != nil {
				f.t.Fatal(err)
			}
		}
	}
	sweep(48 * time.Hour)
	if !held() {
		f.t.Error("evidence that was not delivered was given up")
	}
	f.setClock(states.Now.Add(time.Minute))
	if a := f.postReceipt(f.receipt(m, message.Delivered)); a.status != http.StatusCreated {
		f.t.Fatalf("delivery receipt: %d %s", a.status, a.body)
	}
	sweep(50 * time.Minute)
	if !held() {
		f.t.Error("evidence was given up before its time")
	}
	sweep(48 * time.Hour)
	if held() {
		f.t.Error("evidence is kept after its time")
	}
}

// TestBadParts: what is not the part that was announced is not kept (T36).
func TestBadParts(t *testing.T) {
	t.Parallel()
	f := newFixture(t, api.DefaultLimits())
	list, part := f.sealedEvidence("the logs")
	size := int64(len(part))
	flipped := bytes.Clone(part)
	flipped[100] ^= 1
	f.missing(f.begin(sender, recipient, list, size))
	elsewhere := listed(1 << 20)
	for _, tt := range []struct {
		name string
		do   func() answer
		code problem.Code
	}{
		{"flipped", func() answer { return f.put(sender, list, 0, flipped) }, problem.WrongDigest},
		{"short", func() answer { return f.put(sender, list, 0, part[1:]) }, problem.WrongDigest},
		{"long", func() answer { return f.put(sender, list, 0, append(bytes.Clone(part), 0)) }, problem.WrongDigest},
		{"empty", func() answer { return f.put(sender, list, 0, []byte{}) }, problem.WrongDigest},
		{"of no such index", func() answer { return f.put(sender, list, 1, part) }, problem.InvalidValue},
		{"not begun", func() answer { return f.put(sender, elsewhere, 0, part) }, problem.MissingEvidence},
		{"begun by another", func() answer { return f.put(other, list, 0, part) }, problem.MissingEvidence},
		{"list of another size", func() answer { return f.begin(sender, recipient, list, size+evidence.PartBytes) }, problem.InvalidValue},
		{"list that is none", func() answer { return f.begin(sender, recipient, []byte("x"), 1) }, problem.InvalidValue},
		{"list of another digest", func() answer {
			path := fmt.Sprintf("/v1/evidence/%s?from=%s&to=%s&size=%d", strings.Repeat("0", 64), sender, recipient, size)
			return f.callAs(sender, http.MethodPut, path, "application/octet-stream", list)
		}, problem.WrongDigest},
		{"larger than the recipient takes", func() answer { return f.begin(sender, recipient, listed(2<<30), 2<<30) }, problem.TooLarge},
		{"for nobody", func() answer { return f.begin(sender, "QZ.nobody", list, size) }, problem.UnknownAuthority},
		{"from another's name", func() answer {
			path := fmt.Sprintf("/v1/evidence/%s?from=%s&to=%s&size=%d", message.DigestOf(list), other, recipient, size)
			return f.callAs(sender, http.MethodPut, path, "application/octet-stream", list)
		}, problem.Forbidden},
		{"not octets", func() answer {
			return f.callAs(sender, http.MethodPut, fmt.Sprintf("/v1/evidence/%s/parts/0?from=%s", message.DigestOf(list), sender), "text/plain", part)
		}, problem.UnsupportedMediaType},
	} {
		if a := tt.do(); a.problem.Code != tt.code {
			t.Errorf("%s: %d %s, want %s", tt.name, a.status, a.body, tt.code)
		}
	}
	if got := f.missing(f.begin(sender, recipient, list, size)); len(got) != 1 {
		t.Errorf("something was kept: missing are %v", got)
	}
	f.sealedToOthers()
}

// sealedToOthers submits evidence that is not sealed to recipient and sender.
func (f *fixture) sealedToOthers() {
	f.t.Helper()
	part := []byte("this is no OpenPGP message")
	p := evidence.Parts{Digests: []string{string(message.DigestOf(part))}, Bytes: int64(len(part))}
	f.missing(f.begin(sender, recipient, p.Text(), p.Bytes))
	if a := f.put(sender, p.Text(), 0, part); a.status != http.StatusOK {
		f.t.Fatalf("putting: %d %s", a.status, a.body)
	}
	if a := f.submit(f.delivering(p.Text(), part)); a.problem.Code != problem.BadFraming || a.problem.Field != "evidence.0" {
		f.t.Errorf("evidence that is not sealed: %d %s", a.status, a.body)
	}
}
