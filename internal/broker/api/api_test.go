package api_test

import (
	"bufio"
	"encoding/json"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/entraide/entraide/internal/broker/api"
	"github.com/entraide/entraide/internal/testkit/states"
	"github.com/entraide/entraide/pkg/message"
	"github.com/entraide/entraide/pkg/translog"
	"github.com/entraide/entraide/pkg/wire"
	"github.com/entraide/entraide/pkg/workflow"
)

// TestRoutes holds the route table and the API's description against each
// other.
func TestRoutes(t *testing.T) {
	t.Parallel()
	doc, err := document()
	if err != nil {
		t.Fatal(err)
	}
	described := map[string]string{}
	for path, item := range doc.Paths.Map() {
		for method, operation := range item.Operations() {
			described[method+" "+path] = operation.OperationID
		}
	}
	pattern := regexp.MustCompile(`\{([a-z]+):[^}]*\}`)
	for _, r := range api.Routes() {
		key := r.Method + " " + pattern.ReplaceAllString(r.Path, "{$1}")
		if described[key] != r.Name {
			t.Errorf("%s is %q in the description, %q in the table", key, described[key], r.Name)
		}
		delete(described, key)
	}
	for key := range described {
		t.Errorf("%s is described and not in the table", key)
	}
}

// TestReach calls every route as everybody: what the table says is what they
// may (peers.md T41).
func TestReach(t *testing.T) {
	t.Parallel()
	f := newFixture(t, api.DefaultLimits())
	allowed := map[string]map[string]bool{
		"public":    {"": true, "stranger": true, "depositary": true, sender: true},
		"member":    {"depositary": true, sender: true},
		"authority": {sender: true},
	}
	fill := strings.NewReplacer("{id}", strings.Repeat("0", 32), "{path:.+}", "0/000.p/1",
		"{manifest}", strings.Repeat("0", 64), "{evidence}", "0", "{part}", "0")
	calls := 0
	for _, r := range api.Routes() {
		if r.Name == "events" {
			continue // a stream without end; see TestEvents
		}
		for _, who := range []string{"", "stranger", "depositary", sender} {
			a := f.call(who, r.Method, fill.Replace(r.Path), nil)
			calls++
			refused := a.status == http.StatusUnauthorized || a.status == http.StatusForbidden && a.problem.Field == ""
			if refused == allowed[r.Reach][who] {
				t.Errorf("%s as %q: %d %s", r.Name, who, a.status, a.problem.Code)
			}
		}
	}
	t.Logf("%d calls", calls)
}

// TestRepeat submits the same bytes again, at once and a year later (peers.md
// T10): the first receipt comes back, byte for byte, and nothing is added.
func TestRepeat(t *testing.T) {
	t.Parallel()
	f := newFixture(t, api.DefaultLimits())
	first := f.accept(f.first())
	before, size := f.counts()
	f.repeats(first)
	if after, grown := f.counts(); after != before || grown != size {
		t.Errorf("the repeat changed %+v to %+v, and the log by %d", before, after, grown-size)
	}
	f.setClock(states.Now.Add(365 * 24 * time.Hour)) // deadlines pass meanwhile, and are logged
	f.repeats(first)
	after, _ := f.counts()
	after.Inbox = before.Inbox // both sides are told of the deadlines
	if after != before {
		t.Errorf("the late repeat changed %+v to %+v", before, after)
	}
}

// repeats submits the first message again and expects its first receipt.
func (f *fixture) repeats(receipt string) {
	f.t.Helper()
	again := f.submit(f.first())
	var out wire.Acceptance
	if err := json.Unmarshal(again.body, &out); err != nil {
		f.t.Fatal(err)
	}
	if again.status != http.StatusOK || out.Receipt != receipt {
		f.t.Errorf("the repeat was answered %d, with the first receipt: %v", again.status, out.Receipt == receipt)
	}
}

// inbox reads an authority's inbox.
func (f *fixture) inbox(who string, after string) (in wire.Inbox) {
	f.t.Helper()
	a := f.call(who, http.MethodGet, "/v1/inbox?after="+after, nil)
	if err := json.Unmarshal(a.body, &in); err != nil || a.status != http.StatusOK {
		f.t.Fatalf("%d, %v: %s", a.status, err, a.body)
	}
	return in
}

// caseOf reads a case as one of its parties.
func (f *fixture) caseOf(who string, id message.ID) (c wire.Case) {
	f.t.Helper()
	a := f.call(who, http.MethodGet, "/v1/cases/"+string(id), nil)
	if err := json.Unmarshal(a.body, &c); err != nil || a.status != http.StatusOK {
		f.t.Fatalf("%d, %v: %s", a.status, err, a.body)
	}
	return c
}

// TestDelivery follows a message to its recipient and the receipts back; late
// and repeated receipts are kept, and the stage never moves back (peers.md
// T29, T30).
func TestDelivery(t *testing.T) {
	t.Parallel()
	f := newFixture(t, api.DefaultLimits())
	m := f.first()
	f.accept(m)
	in := f.inbox(recipient, "-1")
	if len(in.Items) != 1 || in.Items[0].Kind != wire.KindMessage || in.Items[0].Ref != string(m.Core.ID) {
		t.Fatalf("the inbox holds %+v", in)
	}
	if got := f.call(recipient, http.MethodGet, "/v1/messages/"+in.Items[0].Ref, nil); got.status != http.StatusOK {
		t.Fatalf("fetching: %d", got.status)
	}
	ack := f.draft(recipient, sender, "ack")
	ack.Case, ack.Act, ack.Body = m.Core.Case, workflow.Acknowledge, states.Body(t, workflow.Acknowledge, recipient, sender)
	f.accept(f.seal(ack))
	delivered := f.receipt(m, message.Delivered)
	for i, want := range []int{http.StatusCreated, http.StatusOK} {
		if a := f.postReceipt(delivered); i == 0 && a.status != want {
			t.Errorf("receipt %d: %d %s", i, a.status, a.body)
		}
	}
	if a := f.postReceipt(f.receipt(m, message.Opened)); a.status != http.StatusCreated {
		t.Errorf("opening receipt: %d %s", a.status, a.body)
	}
	if c := f.caseOf(sender, m.Core.Case); c.Stage != "acknowledged" || len(c.Messages) != 2 {
		t.Errorf("after a late receipt the case is %s with %d messages", c.Stage, len(c.Messages))
	}
	kinds := map[string]int{}
	for _, item := range f.inbox(sender, "-1").Items {
		kinds[item.Kind]++
	}
	if kinds[wire.KindReceipt] < 2 || kinds[wire.KindMessage] != 1 {
		t.Errorf("the sender's inbox holds %v", kinds)
	}
}

// TestDeadlines lets clocks pass: an entry of the log, told to both sides, once;
// nothing is decided.
func TestDeadlines(t *testing.T) {
	t.Parallel()
	f := newFixture(t, api.DefaultLimits())
	m := f.first()
	f.accept(m)
	f.setClock(states.Now.Add(100 * time.Hour)) // beyond all clocks of the urgent lane
	f.call(sender, http.MethodPost, "/v1/messages", []byte("{"))
	for _, who := range []string{sender, recipient} {
		for _, item := range f.deadlines(who, 3) {
			r, err := translog.ParseReceipt([]byte(item.Receipt))
			if err != nil {
				t.Fatal(err)
			}
			e, err := translog.ParseEntry(r.Entry.Body)
			if err != nil || e.Deadline == nil || e.Deadline.Case != string(m.Core.Case) {
				t.Errorf("the deadline's entry is %+v, %v", e, err)
			}
		}
	}
	for _, k := range f.caseOf(sender, m.Core.Case).Clocks {
		if k.State != "passed" {
			t.Errorf("the clock %s is %s", k.Name, k.State)
		}
	}
	if c := f.caseOf(sender, m.Core.Case); c.Stage != "open" {
		t.Errorf("the passed deadlines made the case %s", c.Stage)
	}
}

// deadlines waits until an authority has been told of at least n deadlines, and
// returns all that it was told of.
func (f *fixture) deadlines(who string, n int) []wire.InboxItem {
	f.t.Helper()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		told := slices.DeleteFunc(f.inbox(who, "-1").Items, func(i wire.InboxItem) bool { return i.Kind != wire.KindDeadline })
		if len(told) >= n {
			if len(told) > n {
				f.t.Errorf("%s was told of %d deadlines, want %d", who, len(told), n)
			}
			return told
		}
		<-tick.C
	}
}

// TestEvents wakes a recipient that waits.
func TestEvents(t *testing.T) {
	t.Parallel()
	f := newFixture(t, api.DefaultLimits())
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, f.base+"/v1/inbox/events?after=-1", nil)
	if err != nil {
		t.Fatal(err)
	}
	res, err := f.clients[recipient].Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if got := res.Header.Get("Content-Type"); got != "text/event-stream" {
		t.Fatalf("Content-Type %q", got)
	}
	f.accept(f.first())
	for lines := bufio.NewScanner(res.Body); lines.Scan(); {
		if strings.HasPrefix(lines.Text(), `data: {"index":`) {
			return
		}
	}
	t.Error("the stream ended without an event")
}

// TestUnseen tells a sender whose act comes too late what it has not seen.
func TestUnseen(t *testing.T) {
	t.Parallel()
	f := newFixture(t, api.DefaultLimits())
	m := f.first()
	f.accept(m)
	withdrawal := f.draft(sender, recipient, "w")
	withdrawal.Case, withdrawal.Seq, withdrawal.Prev = m.Core.Case, 2, m.Digest()
	withdrawal.Act, withdrawal.Body = workflow.Withdraw, states.Body(t, workflow.Withdraw, sender, recipient)
	w := f.seal(withdrawal)
	f.accept(w)
	late := f.draft(recipient, sender, "l")
	late.Case, late.After = m.Core.Case, []message.Digest{message.Digest(m.Digest())}
	late.Act, late.Body = workflow.Acknowledge, states.Body(t, workflow.Acknowledge, recipient, sender)
	a := f.submit(f.seal(late))
	if a.problem.Stage != "withdrawn" || len(a.problem.Unseen) != 1 || a.problem.Unseen[0] != w.Digest() {
		t.Errorf("answered %+v, want stage withdrawn and the withdrawal unseen", a.problem)
	}
}

// TestLogIsServed reads checkpoint and tiles as anybody.
func TestLogIsServed(t *testing.T) {
	t.Parallel()
	f := newFixture(t, api.DefaultLimits())
	a := f.call("", http.MethodGet, "/checkpoint", nil)
	if a.status != http.StatusOK || !strings.HasPrefix(string(a.body), "broker.example/log\n") {
		t.Fatalf("checkpoint: %d %s", a.status, a.body)
	}
	_, size := f.counts()
	width := translog.Path{Width: int(size)}.String()
	if tile := f.call("", http.MethodGet, "/"+width, nil); tile.status != http.StatusOK || len(tile.body) != int(size)*32 {
		t.Errorf("%s: %d, %d bytes", width, tile.status, len(tile.body))
	}
	beyond := translog.Path{Width: int(size) + 1}.String()
	if tile := f.call("", http.MethodGet, "/"+beyond, nil); tile.status != http.StatusNotFound {
		t.Errorf("%s, beyond the checkpoint: %d", beyond, tile.status)
	}
}
