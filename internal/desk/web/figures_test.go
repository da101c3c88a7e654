package web

import (
	"encoding/csv"
	"encoding/json"
	"html"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/entraide/entraide/internal/desk"
	"github.com/entraide/entraide/internal/desk/office"
	"github.com/entraide/entraide/internal/store"
	"github.com/entraide/entraide/pkg/convention"
)

// counted puts three cases into the case file: two that came in, of which one was
// acknowledged after six hours and refused after three days, and one that is sealed.
func (h *house) counted() {
	h.t.Helper()
	opened := h.now().Unix()
	var body []byte
	for _, c := range convention.Codes("refusal-ground") { // the first that the law gives for it
		if body == nil {
			body, _ = convention.Marshal(&convention.Decision{Head: convention.HeadOf("decision"), Items: []convention.DecisionItem{{
				Measure: 1, Type: "T01", Outcome: "refused", Grounds: []string{c.Code}, Reasons: &convention.Text{Lang: "en", Text: "See there.", Authentic: true},
			}}})
		}
	}
	h.must(h.server.Desk.Store().Write(h.t.Context(), func(w store.DeskWriter) error {
		for i, l := range []store.Letter{{Case: strings.Repeat("a", 32), Act: "acknowledge", AcceptedAt: opened + 6*3600}, {Case: strings.Repeat("a", 32), Act: "decide", AcceptedAt: opened + 3*24*3600, Body: body}} {
			l.ID, l.From, l.To, l.Lane, l.Suite, l.Seq, l.Digest, l.Index, l.Verdict = strings.Repeat(string(rune('d'+i)), 32), "QM.24-7", "QN.24-7", "routine", "modern-6", int64(i+1), string(rune('d'+i)), int64(10+i), "authentic"
			if err := w.PutLetter(h.t.Context(), l); err != nil {
				return err
			}
		}
		return nil
	}))
	// The lines last: they are derived anew when letters come.
	h.putLine(store.Line{Case: strings.Repeat("a", 32), Index: 1, Incoming: true, Stage: "decided", Lane: "routine", Counterpart: "QN.24-7", Reference: "REF-A", Types: []string{"T01"}, OpenedAt: opened, DueAt: opened - 3600})
	h.putLine(store.Line{Case: strings.Repeat("b", 32), Index: 2, Incoming: true, Stage: "delivered", Lane: "routine", Counterpart: "QN.24-7", Reference: "REF-B", Types: []string{"T01"}, OpenedAt: opened, Sealed: true})
	h.putLine(store.Line{Case: strings.Repeat("c", 32), Index: 3, Stage: "delivered", Lane: "routine", Counterpart: "QP.mla", Reference: "REF-C", Types: []string{"T05"}, OpenedAt: opened})
}

// TestFigures shows the State's own figures, from which every number leads to the
// list behind it, and hands them out.
func TestFigures(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	ana := h.user("ana", desk.Drafter)
	if body := ana.get("/statistics").Body.String(); !strings.Contains(body, "No case was opened in this period") {
		t.Errorf("without a case:\n%s", body)
	}
	h.counted()
	body := ana.get("/statistics").Body.String()
	body = strings.NewReplacer("\u2066", "", "\u2068", "", "\u2069", "").Replace(body) // what keeps the order of machine values
	for _, want := range []string{"6 hours", "3 days", "Refused by this State", "(50 % of those that are open)", "ed-chart__drawing"} {
		if !strings.Contains(body, want) {
			t.Errorf("the figures lack %q:\n%s", want, body)
		}
	}
	seen := 0
	for _, m := range regexp.MustCompile(`href="(/(?:inbox|outbox|statistics/refused)\?[^"]+)"`).FindAllStringSubmatch(body, -1) {
		seen++
		if got := ana.get(html.UnescapeString(m[1])); got.Code != http.StatusOK || !strings.Contains(got.Body.String(), "REF-") && !strings.Contains(m[1], "overdue") && !strings.Contains(m[1], "open") {
			t.Errorf("%s leads to %d:\n%s", m[1], got.Code, got.Body)
		}
	}
	if seen < 10 {
		t.Errorf("only %d figures lead anywhere", seen)
	}
	if list := ana.get("/inbox?state=all&from=2026-11-01&to=2026-12-01").Body.String(); !strings.Contains(list, "REF-A") || strings.Contains(list, "REF-B") {
		t.Errorf("the list behind:\n%s", list)
	}
	if list := ana.get("/inbox?state=all&from=2026-12-01").Body.String(); strings.Contains(list, "REF-A") {
		t.Error("a list of what was opened later holds the case")
	}
	if root := h.user("root", desk.Administrator).get("/statistics").Body.String(); strings.Contains(root, `href="/inbox?`) || !strings.Contains(root, "ed-chart__drawing") {
		t.Error("an administrator is led to lists of cases")
	}
	if got := ana.get("/statistics/refused?ground=none&way=in").Code; got != http.StatusNotFound {
		t.Errorf("a ground that there is not: %d", got)
	}
	var figures office.Statistics
	if err := json.Unmarshal(ana.get("/statistics/figures.json").Body.Bytes(), &figures); err != nil || len(figures.Months) != 12 || len(figures.Types) != 2 || figures.Types[0].Cases != 2 {
		t.Errorf("the data: %+v %v", figures, err)
	}
	rows, err := csv.NewReader(ana.get("/statistics/figures.csv").Body).ReadAll()
	if err != nil || len(rows) < 20 || !strings.Contains(strings.Join(rows[len(rows)-1], ","), "cases_with,out,QP.mla,1") {
		t.Errorf("the table: %v %v", rows, err)
	}
}
