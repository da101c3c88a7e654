package web

import (
	"html"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/entraide/entraide/internal/auditor"
	"github.com/entraide/entraide/internal/auditor/period"
	"github.com/entraide/entraide/internal/locale"
	"github.com/entraide/entraide/internal/store"
	"github.com/entraide/entraide/internal/store/sqlite"
	"github.com/entraide/entraide/internal/testkit/mirrors"
)

// TestSentences shows a finding of every code in Arabic and in Chinese, and those of a
// period in a French report: each sentence is in the language of the page, and none
// in English.
func TestSentences(t *testing.T) {
	t.Parallel()
	r := newRoom(t)
	v := r.auditor()
	for _, code := range mirrors.Codes() {
		found, _, err := r.mirror.Book.FindingsPage(t.Context(), auditor.FindingFilter{Code: code}, 0, 1)
		r.must(err)
		if len(found) == 0 {
			t.Errorf("nothing provokes %s", code)
			continue
		}
		for tag, letters := range map[string][2]rune{"ar": {0x0600, 0x06ff}, "zh-Hans": {0x4e00, 0x9fff}} {
			v.lang = tag
			l, err := locale.For(tag)
			r.must(err)
			got := v.get("/findings/" + found[0].Key)
			s := found[0].Sentence(l)
			if got.Code != http.StatusOK || s.Text == "" || !strings.Contains(got.Body.String(), "<dd>"+html.EscapeString(s.Text)) {
				t.Errorf("%s: the page of %s does not say %q: %d", tag, code, s.Text, got.Code)
			}
			if !strings.ContainsFunc(s.Text, func(c rune) bool { return c >= letters[0] && c <= letters[1] }) {
				t.Errorf("%s: %q is in another script", tag, s.Text)
			}
			if s.Cause == "" && strings.Contains(got.Body.String(), html.EscapeString(found[0].Text)) {
				t.Errorf("%s: the page of %s is in English: %q", tag, code, found[0].Text)
			}
		}
	}
	r.printed(t)
}

// TestSentenceOfOld shows a finding that was kept before there were facts in English,
// and says that it is.
func TestSentenceOfOld(t *testing.T) {
	t.Parallel()
	r := newRoom(t)
	db, err := sqlite.OpenMirror(t.Context(), filepath.Join(r.mirror.Home, "private", "entries.db"))
	r.must(err)
	defer db.Close()
	r.must(db.PutFinding(t.Context(), store.Finding{Code: auditor.FindGap, Grave: true, Index: -1, Who: "broker", Text: "kept by <an older one>", Key: "gap-0123"}))
	v := r.auditor()
	v.lang = "ar"
	want := `<dd><span lang="en" dir="ltr">kept by &lt;an older one&gt;</span></dd>`
	if got := v.get("/findings/gap-0123"); got.Code != http.StatusOK || !strings.Contains(got.Body.String(), want) {
		t.Errorf("%d %s", got.Code, got.Body)
	}
}

// printed looks at a report of the story in French.
func (r *room) printed(t *testing.T) {
	t.Helper()
	report, err := r.mirror.Book.Period(t.Context(), auditor.PeriodQuery{From: "2026-02-01", To: "2026-04-01", Remarks: true})
	r.must(err)
	printed, err := period.Render(report, period.HTML, "fr")
	r.must(err)
	text := html.UnescapeString(string(printed))
	l, err := locale.For("fr")
	r.must(err)
	var codes []string
	say := func(code, english string, s auditor.Sentence) {
		codes = append(codes, code)
		if s.Text == "" || !strings.Contains(text, s.Text) {
			t.Errorf("the report does not say %q", s.Text)
		}
		if s.Cause == "" && strings.Contains(text, english) {
			t.Errorf("the report says in English %q", english)
		}
	}
	for _, f := range report.Findings {
		say(f.Code, f.Text, f.Sentence(l))
	}
	for _, f := range report.Own.Findings {
		say(f.Code, f.Text, f.Sentence(l))
	}
	for _, code := range mirrors.Codes() {
		if !slices.Contains(codes, code) {
			t.Errorf("%s is not in the report", code)
		}
	}
}
