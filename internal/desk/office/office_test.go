package office_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/entraide/entraide/internal/desk"
	"github.com/entraide/entraide/internal/desk/office"
	"github.com/entraide/entraide/internal/store"
	"github.com/entraide/entraide/internal/testkit/desks"
	"github.com/entraide/entraide/internal/testkit/states"
	"github.com/entraide/entraide/pkg/convention"
	"github.com/entraide/entraide/pkg/problem"
	"github.com/entraide/entraide/pkg/workflow"
)

// The officers of the desk.
var (
	ana     = desk.Officer{ID: "ana", Name: "Ana A.", Roles: []desk.Role{desk.Drafter}}
	bo      = desk.Officer{ID: "bo", Name: "Bo B.", Roles: []desk.Role{desk.Approver, desk.DutyOfficer}}
	admin   = desk.Officer{ID: "root", Name: "Root", Roles: []desk.Role{desk.Administrator}}
	auditor = desk.Officer{ID: "aud", Name: "Aud", Roles: []desk.Role{desk.NationalAuditor}}
)

// A clock that a test moves.
type clock struct {
	mu sync.Mutex
	t  time.Time
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.t
}

func (c *clock) pass(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.t = c.t.Add(d)
}

// A fixture is the desk of a State that has letters, without a broker.
type fixture struct {
	testing.TB
	desk   *desk.Desk
	office *office.Office
	clock  *clock
	index  int64
}

func newFixture(t testing.TB) *fixture {
	t.Helper()
	c := &clock{t: time.Date(2026, 11, 28, 3, 0, 0, 0, time.UTC)}
	d := desks.New(t, c.now)
	return &fixture{TB: t, desk: d, office: office.New(d), clock: c}
}

func (f *fixture) must(err error) {
	f.Helper()
	if err != nil {
		f.Fatal(err)
	}
}

// receive puts a message of QN into the case file, as if it was opened once.
func (f *fixture) receive(lane string, body convention.Body) store.Letter {
	f.Helper()
	raw, err := convention.Marshal(body)
	f.must(err)
	f.index++
	act := map[string]string{"request": "request", "information": "inform"}[body.Kind()]
	l := store.Letter{
		ID: string(states.ID(fmt.Sprint("m", f.index))), Case: string(states.ID(fmt.Sprint("c", f.index))), From: "QN.mla", To: "QM.24-7", Incoming: true,
		Act: act, Lane: lane, Suite: "pq-6", Seq: f.index, Digest: fmt.Sprint(f.index), Index: f.index, AcceptedAt: f.clock.now().Unix(),
		Verdict: "authentic", Body: raw, OpenedAt: 1,
	}
	f.must(f.desk.Store().Write(f.Context(), func(w store.DeskWriter) error { return w.PutLetter(f.Context(), l) }))
	return l
}

// contacts are those of the samples.
var contacts = func() []convention.Contact {
	body, ok := states.Content(workflow.Inform, "QN", "QM").(*convention.Information)
	if !ok {
		return nil
	}
	return body.Contacts
}()

// information is a message that says something in a language.
func information(lang, text string) *convention.Information {
	return &convention.Information{
		Head: convention.HeadOf("information"), From: "QN", To: "QM", OwnRef: "INF-7/2026",
		Information: convention.Text{Lang: lang, Text: text, Authentic: true},
		Purpose:     convention.Text{Lang: lang, Text: text, Authentic: true},
		Contacts:    contacts,
	}
}

// found counts what a search finds for an officer.
func (f *fixture) found(by desk.Officer, asked string) int {
	f.Helper()
	hits, err := f.desk.Search(f.Context(), by, asked, "", 0)
	f.must(err)
	return len(hits.Hits)
}

// TestSearch finds words in the languages of the exchange, whatever their case,
// marks and variants, and where words are not parted.
func TestSearch(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	for _, x := range []struct {
		lang, text    string
		find, findNot []string
	}{
		{"en", "The mailbox mule@bank.example was used from 203.0.113.9.", []string{"MAILBOX", "mailb", "mule@bank.example", "203.0.113.9", "bank used"}, []string{"ailbox", "mule@other.example", "203.0.113.8"}},
		{"vi", "Tài khoản của Nguyễn Thị Ánh bị chiếm đoạt tại Đà Nẵng.", []string{"nguyen thi anh", "NGUYỄN", "chiem doat", "Đà Nẵng", "da nang"}, []string{"nguyen van"}},
		{"ar", "تمّ الاحتيال على الشركة بواسطة رسالة إلكترونيّة مؤرخة ٢٠١٩", []string{"احتيال", "الاحتيال", "الشركه", "إلكترونية", "الكترونيه", "بالاحتيال", "2019"}, []string{"المصرف"}},
		{"zh-Hans", "嫌疑人通过网络犯罪骗取公司资金。", []string{"网络犯罪", "络犯", "犯罪", "罪", "公司资金", "金"}, []string{"银行", "犯络"}},
		{"ru", "Мошенничество с электронной почтой, Ёлкин Пётр", []string{"мошенничество", "елкин петр", "Пётр", "электронн"}, []string{"Иванов"}},
		{"fr", "L’œuvre d’un réseau : prélèvements frauduleux à Genève", []string{"oeuvre", "reseau", "Geneve", "prelevement"}, []string{"zurich"}},
		{"es", "Extorsión cometida por Núñez", []string{"extorsion", "nunez"}, []string{"nunca"}},
	} {
		l := f.receive("routine", information(x.lang, x.text))
		for want, asked := range map[int][]string{1: x.find, 0: x.findNot} {
			for _, q := range asked {
				hits, err := f.desk.Search(t.Context(), ana, q, "", 0)
				f.must(err)
				if len(hits.Hits) != want || want == 1 && hits.Hits[0].Message.ID != l.ID {
					t.Errorf("%s: %q finds %d messages, want %d", x.lang, q, len(hits.Hits), want)
				}
			}
		}
	}
	if n := f.found(ana, `INF-7/2026`); n != 7 {
		t.Errorf("a reference finds %d messages, want 7", n)
	}
	for _, q := range []string{`"`, `a" OR "b`, `NEAR(a b)`, `words:x`, "*"} { // no syntax gets through
		if hits, err := f.desk.Search(t.Context(), ana, q, "", 0); err == nil && len(hits.Hits) > 0 || err != nil && problem.CodeOf(err) != problem.InvalidValue {
			t.Errorf("%q finds %v: %v", q, hits.Hits, err)
		}
	}
	page, err := f.desk.Search(t.Context(), ana, "INF-7/2026", "", 4)
	f.must(err)
	rest, err := f.desk.Search(t.Context(), ana, "INF-7/2026", page.Next, 4)
	f.must(err)
	if len(page.Hits) != 4 || len(rest.Hits) != 3 || rest.Next != "" || rest.Hits[0].Message.Index >= page.Hits[3].Message.Index {
		t.Errorf("the pages have %d and %d hits", len(page.Hits), len(rest.Hits))
	}
}

// sealedRequest is a request for named officers only.
func sealedRequest(t *testing.T) *convention.Request {
	t.Helper()
	body, err := convention.ParseBody(states.Body(t, "request", "QN.mla", "QM.24-7"))
	if err != nil {
		t.Fatal(err)
	}
	q, ok := body.(*convention.Request)
	if !ok {
		t.Fatal("it is no request")
	}
	q.Confidentiality, q.NoNoticeUntil = "SEALED", convention.Time{}
	return q
}

// TestSealed keeps a case for named officers from the others, in lists, search and
// reading.
func TestSealed(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	l := f.receive("urgent", sealedRequest(t))
	open := f.receive("routine", information("en", "Nothing special"))
	listed := func(by desk.Officer) int {
		lines, err := f.desk.List(t.Context(), by, desk.ListFilter{}, "", 0)
		f.must(err)
		return len(lines.Cases)
	}
	if n := listed(ana); n != 1 {
		t.Errorf("who is not named lists %d cases", n)
	}
	if n := f.found(ana, "T01 QN"); n != 0 {
		t.Errorf("who is not named finds %d messages", n)
	}
	for what, err := range map[string]error{
		"note": f.office.Note(t.Context(), ana, l.Case, "x"), "tag": f.office.Tag(t.Context(), ana, l.Case, "x", false),
		"assign": f.office.Assign(t.Context(), ana, l.Case, "ana", ""), "read": second(f.office.Open(t.Context(), ana, l.ID)),
		"name": f.office.NameReader(t.Context(), ana, l.Case, "ana"),
	} {
		if problem.CodeOf(err) != problem.NotFound {
			t.Errorf("who is not named may %s: %v", what, err)
		}
	}
	f.must(f.office.PutMember(t.Context(), admin, "cyber", "ana", false))
	f.must(f.office.Assign(t.Context(), bo, l.Case, "", "cyber"))
	if n := listed(ana); n != 2 {
		t.Errorf("a member of the team that it is assigned to lists %d cases", n)
	}
	if n := f.found(ana, "T01 QN"); n != 1 {
		t.Errorf("a member of the team finds %d messages", n)
	}
	_, err := f.office.Open(t.Context(), ana, l.ID)
	f.must(err)
	if seen, err := f.office.SeenBy(t.Context(), ana, l.ID); err != nil || len(seen) != 1 || seen[0].Officer != "ana" {
		t.Errorf("it was seen by %+v: %v", seen, err)
	}
	if _, err := f.office.Open(t.Context(), auditor, open.ID); problem.CodeOf(err) != problem.Forbidden {
		t.Errorf("an auditor who is not named reads content: %v", err)
	}
	f.must(f.office.NameReader(t.Context(), bo, open.Case, auditor.ID))
	_, err = f.office.Open(t.Context(), auditor, open.ID)
	f.must(err)
	mine, err := f.desk.List(t.Context(), ana, desk.ListFilter{Officer: "ana"}, "", 0)
	if err != nil || len(mine.Cases) != 1 || mine.Cases[0].Team != "cyber" {
		t.Errorf("the work of an officer is %+v: %v", mine, err)
	}
}

func second[T any](_ T, err error) error { return err }

// TestConditionsFirst holds back what its sender wants opened only under accepted
// conditions.
func TestConditionsFirst(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	body := information("en", "Wiretap canary")
	body.Conditions = []convention.Condition{{Number: 1, Type: "use", Text: convention.Text{Lang: "en", Text: "For this case only.", Authentic: true}, BeforeOpening: true}}
	l := f.receive("routine", body)
	if _, err := f.office.Open(t.Context(), ana, l.ID); problem.CodeOf(err) != problem.Forbidden {
		t.Errorf("it opens before its condition was accepted: %v", err)
	}
	if _, err := f.desk.Body(t.Context(), l.ID); problem.CodeOf(err) != problem.Forbidden {
		t.Errorf("the desk shows it: %v", err)
	}
	if n := f.found(ana, "wiretap"); n != 0 {
		t.Error("its content is found before it may be read")
	}
	if pending, err := f.desk.PendingConditions(t.Context(), l.ID); err != nil || len(pending) != 1 {
		t.Errorf("to be accepted are %v: %v", pending, err)
	}
	if err := f.office.Accept(t.Context(), ana, l.ID); problem.CodeOf(err) != problem.Forbidden {
		t.Errorf("a drafter accepts conditions: %v", err)
	}
	f.must(f.office.Accept(t.Context(), bo, l.ID))
	_, err := f.office.Open(t.Context(), ana, l.ID)
	f.must(err)
	if n := f.found(ana, "wiretap"); n != 1 {
		t.Error("its content is not found after it may be read")
	}
}

// TestForgotten takes what officers wrote of a case out of the file of the
// database.
func TestForgotten(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	l := f.receive("routine", information("en", "Zebracanary content"))
	f.must(f.office.Note(t.Context(), ana, l.Case, "Zebracanary note"))
	f.must(f.office.Tag(t.Context(), ana, l.Case, "zebracanarytag", false))
	_, err := f.office.NewDraft(t.Context(), ana, office.NewDraft{
		Case: l.Case, Act: "ask", Title: "Zebracanary title", Body: []byte(`{"kind":"question","version":1,"x":"Zebracanary draft"}`),
	})
	f.must(err)
	if n := f.found(ana, "zebracanary"); n != 2 {
		t.Fatalf("%d hits, want a message and a note", n)
	}
	f.must(f.desk.Store().Write(t.Context(), func(w store.DeskWriter) error {
		return errors.Join(w.ForgetCase(t.Context(), l.Case), func() error { l.Body = nil; return w.PutLetter(t.Context(), l) }())
	}))
	if n := f.found(ana, "zebracanary"); n != 0 {
		t.Errorf("%d hits in what was forgotten", n)
	}
	if !desks.InFile() {
		return // the files of PostgreSQL are looked through in its own package
	}
	f.must(f.desk.Store().Purge(t.Context()))
	files, err := filepath.Glob(filepath.Join(filepath.Dir(t.TempDir()), "*", "QM", "desk.db*"))
	f.must(err)
	if len(files) == 0 {
		t.Fatal("there is no database")
	}
	for _, file := range files {
		data, err := os.ReadFile(file)
		f.must(err)
		if i := bytes.Index(bytes.ToLower(data), []byte("zebracanary")); i >= 0 {
			t.Errorf("%s still holds %q", filepath.Base(file), data[max(0, i-40):min(len(data), i+60)])
		}
	}
}
