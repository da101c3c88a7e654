package api_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/entraide/entraide/internal/broker/api"
	"github.com/entraide/entraide/pkg/directory"
	"github.com/entraide/entraide/pkg/message"
	"github.com/entraide/entraide/pkg/problem"
	"github.com/entraide/entraide/pkg/translog"
	"github.com/entraide/entraide/pkg/wire"
)

// Auditors of these tests: of a State that exchanges, of one that does not, and
// of all.
const (
	ofSender = "QM.mla"
	ofOthers = "QP.24-7"
	ofAll    = "QR.24-7"
)

// withAuditors names the auditors in the directory.
func (f *fixture) withAuditors() {
	f.t.Helper()
	for _, id := range []string{ofSender, ofOthers} {
		s := f.nextStatement(id)
		s.Roles = []string{directory.RoleAuditor}
		f.publish(f.world.Parties[directory.PartyOf(id)], s)
	}
	s := f.world.DepositaryStatement()
	known, _ := f.world.Directory.Depositary()
	s.Transport, s.Auditors = known.Transport, []string{ofAll}
	f.publish(f.world.Depositary, s)
}

// entries asks for entries and checks that their leaves commit to them.
func (f *fixture) entries(who, query string) (out wire.AuditEntries, bodies map[translog.Kind][]translog.Entry) {
	f.t.Helper()
	a := f.call(who, http.MethodGet, "/v1/audit/entries?"+query, nil)
	if err := json.Unmarshal(a.body, &out); err != nil || a.status != http.StatusOK {
		f.t.Fatalf("%s asks for %q: %d, %v: %s", who, query, a.status, err, a.body)
	}
	bundle := f.call("", http.MethodGet, "/"+translog.Path{Entries: true, Width: int(out.Size)}.String(), nil)
	leaves, err := translog.ParseBundle(bundle.body, int(out.Size))
	if err != nil {
		f.t.Fatal(err)
	}
	bodies = map[translog.Kind][]translog.Entry{}
	for _, item := range out.Items {
		salted := translog.Salted{Salt: [32]byte(item.Salt), Body: []byte(item.Body)}
		if string(salted.Leaf()) != string(leaves[item.Index]) {
			f.t.Errorf("entry %d is not the one that its leaf commits to", item.Index)
		}
		e, err := translog.ParseEntry([]byte(item.Body))
		if err != nil {
			f.t.Fatal(err)
		}
		bodies[e.Kind] = append(bodies[e.Kind], e)
	}
	return out, bodies
}

// TestAuditEntries shows each auditor what it may see: its party's exchanges,
// those of all, or none; and logs every reading.
func TestAuditEntries(t *testing.T) {
	t.Parallel()
	f := newFixture(t, api.DefaultLimits())
	f.withAuditors()
	f.call(sender, http.MethodPost, "/v1/messages", []byte("{")) // refused, logged, and covered by the next checkpoint
	m := f.first()
	f.accept(m)
	f.postReceipt(f.receipt(m, message.Delivered))

	for who, sees := range map[string]bool{ofSender: true, ofAll: true, ofOthers: false} {
		_, got := f.entries(who, "")
		for _, kind := range []translog.Kind{translog.KindMessage, translog.KindReceipt, translog.KindRejection} {
			if (len(got[kind]) == 1) != sees {
				t.Errorf("%s sees %d entries about a %s", who, len(got[kind]), kind)
			}
		}
		if len(got[translog.KindStatement]) == 0 {
			t.Errorf("%s does not see the directory", who)
		}
	}
	for query, want := range map[string]int{
		"kind=message": 1, "kind=receipt&case=" + string(m.Core.Case): 1, "stage=open&kind=message": 1, "stage=closed": 0,
		"code=" + string(problem.MalformedJSON): 1, "party=QN&kind=message": 1, "party=QN.24-7&kind=message": 1, "party=QP&kind=message": 0,
		"since=2026-03-02T09:00:00Z&kind=message": 1, "until=2026-03-02T09:00:00Z&kind=message": 0, "to=1": 1,
	} {
		if out, _ := f.entries(ofAll, query); len(out.Items) != want {
			t.Errorf("%s finds %d entries, want %d", query, len(out.Items), want)
		}
	}
	f.readingIsLogged()
}

// readingIsLogged reads, and expects the entry that says so, and its receipt.
func (f *fixture) readingIsLogged() {
	f.t.Helper()
	out, _ := f.entries(ofSender, "from=1&to=4&kind=statement")
	want := translog.AccessFact{By: ofSender, What: `entries {"kind":"statement"}`, Scope: "QM", From: 1, To: 4}
	if e := f.newest(); e.Access == nil || *e.Access != want {
		f.t.Errorf("the reading is logged as %+v", e.Access)
	}
	receipt, err := translog.ParseReceipt([]byte(out.Access))
	if err != nil {
		f.t.Fatal(err)
	}
	if e, err := translog.ParseEntry(receipt.Entry.Body); err != nil || e.Access == nil || *e.Access != want {
		f.t.Errorf("the receipt of the reading is about %+v, %v", e.Access, err)
	}
	// A State sees who has read of its exchanges, and not who has read of others'.
	_, seen := f.entries(ofSender, "kind=access")
	for _, e := range seen[translog.KindAccess] {
		if e.Access.Scope != "" && e.Access.Scope != "QM" {
			f.t.Errorf("an auditor of QM sees %+v", e.Access)
		}
	}
	if len(seen[translog.KindAccess]) < 2 {
		f.t.Errorf("an auditor of QM sees %d readings", len(seen[translog.KindAccess]))
	}
}

// TestAuditPages goes through the log page by page.
func TestAuditPages(t *testing.T) {
	t.Parallel()
	f := newFixture(t, api.DefaultLimits())
	f.withAuditors()
	_, size := f.counts()
	seen := map[int64]bool{}
	for from := int64(0); from < size; {
		out, _ := f.entries(ofAll, fmt.Sprintf("limit=3&from=%d&to=%d", from, size))
		for _, item := range out.Items {
			seen[item.Index] = true
		}
		if from = out.Next; len(out.Items) == 0 {
			t.Fatal("a page is empty")
		}
	}
	if int64(len(seen)) != size {
		t.Errorf("%d entries of %d", len(seen), size)
	}
}

// TestAuditRefusals: who is no auditor, or one no longer, sees nothing.
func TestAuditRefusals(t *testing.T) {
	t.Parallel()
	f := newFixture(t, api.DefaultLimits())
	f.withAuditors()
	for who, code := range map[string]problem.Code{sender: problem.Forbidden, "depositary": problem.Forbidden, "": problem.Unauthenticated} {
		if a := f.call(who, http.MethodGet, "/v1/audit/entries", nil); a.problem.Code != code {
			t.Errorf("%q: %d %s", who, a.status, a.problem.Code)
		}
	}
	f.publishStanding(ofAll, "QR", directory.Suspended)
	if a := f.call(ofAll, http.MethodGet, "/v1/audit/entries", nil); a.problem.Code != problem.SuspendedAuthority {
		t.Errorf("a suspended auditor: %d %s", a.status, a.problem.Code)
	}
	for query, field := range map[string]string{
		"from=x": "from", "from=-1": "from", "limit=0": "limit", "limit=257": "limit", "case=x": "case", "since=yesterday": "since",
		"party=" + strings.Repeat("Q", 50): "party",
	} {
		if a := f.call(ofSender, http.MethodGet, "/v1/audit/entries?"+query, nil); a.problem.Code != problem.InvalidValue || a.problem.Field != field {
			t.Errorf("%s: %d %s at %q", query, a.status, a.problem.Code, a.problem.Field)
		}
	}
}

// TestAnchor logs the head of a desk's own log once, answers a repeat with the
// first receipt, and tells of the head before.
func TestAnchor(t *testing.T) {
	t.Parallel()
	f := newFixture(t, api.DefaultLimits())
	secret, key, err := translog.GenerateKey("desk.example/log")
	if err != nil {
		t.Fatal(err)
	}
	signer, err := translog.ParseSigner(secret)
	if err != nil {
		t.Fatal(err)
	}
	anchor := func(size int64, key string) (a answer, out wire.Anchored) {
		signed, err := translog.Checkpoint{Origin: "desk.example/log", Size: size, Root: translog.Hash{1}}.Sign(signer)
		if err != nil {
			t.Fatal(err)
		}
		body, err := json.Marshal(wire.Anchor{Key: key, Checkpoint: string(signed)})
		if err != nil {
			t.Fatal(err)
		}
		a = f.call(sender, http.MethodPost, "/v1/anchors", body)
		_ = json.Unmarshal(a.body, &out)
		return a, out
	}
	first, one := anchor(7, key)
	if e := f.newest(); first.status != http.StatusCreated || e.Anchor == nil || e.Anchor.Size != 7 || e.Anchor.Authority != sender || one.Previous != "" {
		t.Errorf("%d, logged as %+v", first.status, e)
	}
	if again, same := anchor(7, key); again.status != http.StatusOK || same.Receipt != one.Receipt {
		t.Errorf("the same head again: %d", again.status)
	}
	if soon, _ := anchor(8, key); soon.problem.Code != problem.RateLimited {
		t.Errorf("another head at once: %d %s", soon.status, soon.problem.Code)
	}
	f.setClock(f.clock().Add(time.Hour))
	if later, two := anchor(5, key); later.status != http.StatusCreated || two.Previous != one.Receipt {
		t.Errorf("a smaller head, which the desk itself must judge: %d", later.status)
	}
	_, other, err := translog.GenerateKey("desk.example/log")
	if err != nil {
		t.Fatal(err)
	}
	for key, code := range map[string]problem.Code{other: problem.BadSignature, "nonsense": problem.InvalidValue} {
		if a, _ := anchor(9, key); a.problem.Code != code {
			t.Errorf("under the key %q: %d %s", key, a.status, a.problem.Code)
		}
	}
}

// TestMailbox states how many items an authority was sent: when that changes,
// once a minute at most, and once a day without.
func TestMailbox(t *testing.T) {
	t.Parallel()
	f := newFixture(t, api.DefaultLimits())
	said := func() (fact translog.MailboxFact, size int64) {
		r, err := translog.ParseReceipt([]byte(f.inbox(recipient, "-1").Mailbox))
		if err != nil {
			t.Fatal(err)
		}
		e, err := translog.ParseEntry(r.Entry.Body)
		if err != nil {
			t.Fatal(err)
		}
		_, size = f.counts()
		return *e.Mailbox, size
	}
	if fact, _ := said(); fact.Authority != recipient || fact.Items != 0 {
		t.Errorf("at first it says %+v", fact)
	}
	f.accept(f.first())
	if fact, _ := said(); fact.Items != 0 {
		t.Errorf("within a minute it says %+v", fact)
	}
	f.setClock(f.clock().Add(time.Minute))
	fact, before := said()
	if fact.Items != 1 || fact.Size >= before {
		t.Errorf("after a minute it says %+v", fact)
	}
	if _, size := said(); size != before {
		t.Error("asked again, it says the same once more")
	}
	f.setClock(f.clock().Add(mailboxDay))
	if fact, _ := said(); fact.Size <= before-1 {
		t.Errorf("after a day it says %+v", fact)
	}
}

// mailboxDay is longer than a mailbox goes without a statement.
const mailboxDay = 25 * time.Hour
