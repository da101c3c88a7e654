package office_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/entraide/entraide/internal/desk"
	"github.com/entraide/entraide/internal/desk/office"
	"github.com/entraide/entraide/internal/store"
	"github.com/entraide/entraide/pkg/problem"
)

// shift puts an officer on duty every day, all day.
func (f *fixture) shift(officer string, level int64) {
	f.Helper()
	_, err := f.office.PutShift(f.Context(), admin, office.Shift{Officer: officer, Level: level, Begins: "00:00", Ends: "00:00", Zone: "UTC"})
	f.must(err)
}

// called is who was called for a page, with steps that nobody else sees left out.
func (f *fixture) called(id string) (all []string) {
	f.Helper()
	p, err := f.office.Page(f.Context(), ana, id)
	f.must(err)
	for _, c := range p.Called {
		if c.Channel == "board" {
			all = append(all, c.Officer)
		}
	}
	return all
}

// raised is the only page that nobody has acknowledged.
func (f *fixture) raised() office.Page {
	f.Helper()
	pages, err := f.office.Pages(f.Context(), ana, store.PageRaised, time.Time{})
	f.must(err)
	if len(pages) != 1 {
		f.Fatalf("%d pages are raised, want 1", len(pages))
	}
	return pages[0]
}

// TestWatch calls the watch for an emergency along the rota until somebody
// acknowledges it.
func TestWatch(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.shift("ana", 1)
	f.shift("bo", 2)
	f.must(f.office.PutSetting(t.Context(), admin, office.SettingPaging, office.Paging{EscalateMinutes: 3}))
	f.receive("urgent", information("en", "No page for this"))
	l := f.receive("emergency", information("en", "Emergencycanary"))
	page := f.raised()
	if page.Case != l.Case || page.Message != l.ID || page.Drill {
		t.Errorf("the page is %+v", page)
	}
	want := ""
	for _, x := range []struct {
		pass time.Duration
		who  string
	}{{0, "ana"}, {2 * time.Minute, ""}, {time.Minute, "bo"}, {3 * time.Minute, "ana"}} {
		f.clock.pass(x.pass)
		f.must(f.office.Tick(t.Context()))
		f.must(f.office.Tick(t.Context())) // nothing is done twice
		want = strings.TrimSpace(want + " " + x.who)
		if got := strings.Join(f.called(page.ID), " "); got != want {
			t.Fatalf("after %s were called %q, want %q", x.pass, got, want)
		}
	}
	f.clock.pass(30 * time.Second)
	if err := f.office.Acknowledge(t.Context(), auditor, page.ID); problem.CodeOf(err) != problem.Forbidden {
		t.Errorf("an auditor acknowledges: %v", err)
	}
	f.must(f.office.Acknowledge(t.Context(), bo, page.ID))
	if err := f.office.Acknowledge(t.Context(), ana, page.ID); problem.CodeOf(err) != problem.ActNotAllowed {
		t.Errorf("a page is acknowledged twice: %v", err)
	}
	f.clock.pass(time.Hour)
	f.must(f.office.Tick(t.Context()))
	if got := strings.Join(f.called(page.ID), " "); got != want {
		t.Errorf("after the acknowledgement were called %q", got)
	}
	drill, err := f.office.Drill(t.Context(), bo)
	f.must(err)
	f.must(f.office.Acknowledge(t.Context(), ana, drill.ID))
	figures, err := f.office.Figures(t.Context(), ana, f.clock.now())
	if want := (office.Figures{Month: "2026-11", Pages: 1, Drills: 1, Escalated: 1, Median: 390, Most: 390}); err != nil || figures != want {
		t.Errorf("the figures are %+v, want %+v: %v", figures, want, err)
	}
}

// TestRota keeps the times of the day of a zone, over midnight and through summer
// time.
func TestRota(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	for _, s := range []office.Shift{
		{Officer: "night", Level: 1, Begins: "20:00", Ends: "08:00", Zone: "Europe/Paris", Days: []string{"sat"}},
		{Officer: "day", Level: 2, Begins: "08:00", Ends: "20:00", Zone: "Europe/Paris"},
		{Officer: "cover", Level: 1, Begins: "00:00", Ends: "00:00", Zone: "UTC", Since: time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC), Until: time.Date(2027, 1, 2, 0, 0, 0, 0, time.UTC)},
	} {
		_, err := f.office.PutShift(t.Context(), admin, s)
		f.must(err)
	}
	for at, want := range map[string]string{
		"2027-03-27T18:59:00Z": "day",   // Saturday, 19:59 in Paris
		"2027-03-27T19:00:00Z": "night", // 20:00
		"2027-03-28T05:59:00Z": "night", // Sunday, 07:59 by now: the clocks went forward
		"2027-03-28T06:00:00Z": "day",
		"2027-03-28T18:00:00Z": "", // Sunday, 20:00: nobody
		"2027-01-01T10:00:00Z": "cover day",
		"2027-01-02T00:00:00Z": "",
	} {
		when, err := time.Parse(time.RFC3339, at)
		f.must(err)
		on, err := f.office.OnDuty(t.Context(), when)
		f.must(err)
		var names []string
		for _, s := range on {
			names = append(names, s.Officer)
		}
		if got := strings.Join(names, " "); got != want {
			t.Errorf("at %s %q is on duty, want %q", at, got, want)
		}
	}
	for _, s := range []office.Shift{
		{Officer: "x", Level: 1, Begins: "8", Ends: "20:00", Zone: "UTC"}, {Officer: "x", Level: 1, Begins: "08:00", Ends: "20:00", Zone: "Mars/Olympus"},
		{Officer: "x", Level: 0, Begins: "08:00", Ends: "20:00", Zone: "UTC"}, {Officer: "x", Level: 1, Begins: "08:00", Ends: "20:00", Zone: "UTC", Days: []string{"someday"}},
	} {
		if _, err := f.office.PutShift(t.Context(), admin, s); problem.CodeOf(err) != problem.InvalidValue {
			t.Errorf("the rota takes %+v: %v", s, err)
		}
	}
	if _, err := f.office.PutShift(t.Context(), ana, office.Shift{}); problem.CodeOf(err) != problem.Forbidden {
		t.Errorf("a drafter changes the rota: %v", err)
	}
}

// mailServer takes mail and keeps all that was said to it.
func mailServer(t *testing.T) (address string, said func() string) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	var mu sync.Mutex
	var all strings.Builder
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			fmt.Fprint(conn, "220 mail.example\r\n")
			data := false
			for lines := bufio.NewScanner(conn); lines.Scan(); {
				mu.Lock()
				fmt.Fprintln(&all, lines.Text())
				mu.Unlock()
				switch line := lines.Text(); {
				case data && line == ".":
					data = false
					fmt.Fprint(conn, "250 taken\r\n")
				case data:
				case line == "DATA":
					data = true
					fmt.Fprint(conn, "354 go on\r\n")
				default:
					fmt.Fprint(conn, "250 well\r\n")
				}
			}
			conn.Close()
		}
	}()
	return listener.Addr().String(), func() string {
		mu.Lock()
		defer mu.Unlock()
		return all.String()
	}
}

// TestNotices tells officers by mail and web-hook that something waits, and
// nothing of what.
func TestNotices(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	var got []byte
	hook := httptest.NewTLSServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { got, _ = io.ReadAll(r.Body) }))
	defer hook.Close()
	server, said := mailServer(t)
	host := strings.TrimPrefix(hook.URL, "https://")
	f.must(f.office.PutSetting(t.Context(), admin, office.SettingNotification, office.Notification{Server: server, From: "desk@mla.example", Hooks: []string{host}}))
	f.must(f.office.PutContact(t.Context(), ana, "ana", "ana@mla.example", hook.URL+"/watch"))
	l := f.receive("emergency", information("en", "Emergencycanary in Canaryland"))
	f.must(f.office.Tick(t.Context()))
	page := f.raised()
	transport, ok := hook.Client().Transport.(*http.Transport)
	if !ok {
		t.Fatal("no transport")
	}
	// This machine is refused, after its name was resolved.
	guarded := &office.Notifier{Office: f.office, Transport: transport}
	f.must(guarded.Send(t.Context()))
	if got != nil {
		t.Error("a web-hook goes to this machine")
	}
	open := &office.Notifier{Office: f.office, Transport: transport, Reachable: func(netip.Addr) bool { return true }}
	f.clock.pass(time.Minute)
	f.must(open.Send(t.Context()))
	f.must(open.Send(t.Context()))
	var content struct {
		Event, Page string
		Drill       bool
	}
	if err := json.Unmarshal(got, &content); err != nil || content.Page != page.ID || content.Drill {
		t.Errorf("the web-hook says %s", got)
	}
	if !strings.Contains(said(), page.ID) || !strings.Contains(said(), "RCPT TO:<ana@mla.example>") {
		t.Errorf("the mail says %s", said())
	}
	if n := strings.Count(said(), "RCPT TO"); n != 1 {
		t.Errorf("%d mails were sent", n)
	}
	for _, secret := range []string{"canary", "Canary", l.Case, l.ID, "QN", "emergency", "INF-7"} {
		if strings.Contains(said(), secret) || strings.Contains(string(got), secret) {
			t.Errorf("a notice says %q", secret)
		}
	}
	shown, err := f.office.Page(t.Context(), ana, page.ID)
	f.must(err)
	for _, c := range shown.Called {
		if !c.Sent || c.Problem != "" {
			t.Errorf("the call is %+v", c)
		}
	}
}

// TestHooksAllowed lets web-hooks go only where the office allows, and never where
// machines keep their secrets (T42).
func TestHooksAllowed(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.must(f.office.PutSetting(t.Context(), admin, office.SettingNotification, office.Notification{Hooks: []string{"hooks.example"}}))
	for address, code := range map[string]problem.Code{
		"https://hooks.example/a": "", "https://hooks.example:443/a": "",
		"https://hooks.example:8443/a": problem.Forbidden, "https://other.example/": problem.Forbidden, "https://hooks.example.other.example/": problem.Forbidden,
		"http://hooks.example/": problem.InvalidValue, "https://user@hooks.example/": problem.InvalidValue, "file:///etc/passwd": problem.InvalidValue,
	} {
		err := f.office.PutContact(t.Context(), ana, "ana", "", address)
		if problem.CodeOf(err) != code && (code != "" || err != nil) {
			t.Errorf("%s: %v, want %q", address, err, code)
		}
	}
	if err := f.office.PutContact(t.Context(), ana, "bo", "a@mla.example", ""); problem.CodeOf(err) != problem.Forbidden {
		t.Errorf("an officer sets the contact of another: %v", err)
	}
	if err := f.office.PutContact(t.Context(), ana, "ana", "a@mla.example\r\nBcc: x@other.example", ""); problem.CodeOf(err) != problem.InvalidValue {
		t.Errorf("an address of two lines is taken: %v", err)
	}
	for address, routable := range map[string]bool{
		"203.0.113.7": true, "10.1.2.3": true, "2001:db8::1": true,
		"127.0.0.1": false, "::1": false, "169.254.169.254": false, "::ffff:169.254.169.254": false, "fe80::1": false, "0.0.0.0": false,
		"fd00:ec2::254": false, "100.100.100.200": false, "224.0.0.1": false,
	} {
		if got := office.Routable(netip.MustParseAddr(address)); got != routable {
			t.Errorf("%s is routable: %v", address, got)
		}
	}
	if err := f.office.PutSetting(t.Context(), desk.Officer{ID: "x"}, office.SettingPaging, office.Paging{}); err == nil {
		t.Error("who has no role changes a setting")
	}
}
