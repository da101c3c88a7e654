package web

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/entraide/entraide/internal/auditor"
	"github.com/entraide/entraide/internal/testkit/mirrors"
	"github.com/entraide/entraide/pkg/translog"
)

// TestPages follows what the overview leads to: every fault that was planted is on
// a page two clicks away.
func TestPages(t *testing.T) {
	t.Parallel()
	r := newRoom(t)
	v := r.auditor()
	body := v.get("/").Body.String()
	if !strings.Contains(body, "findings are evidence") || !strings.Contains(body, "2 of 3") && !strings.Contains(strings.ReplaceAll(strings.ReplaceAll(body, "\u2068", ""), "\u2069", ""), "2 of 3 witnesses") {
		t.Errorf("the overview does not say it first: %s", body[:min(3000, len(body))])
	}
	for _, code := range auditor.FindingCodes() {
		if !strings.Contains(body, "/findings?code="+code) {
			t.Errorf("the overview does not lead to %s", code)
			continue
		}
		list := v.get("/findings?code=" + code).Body.String()
		links := regexp.MustCompile(`href="(/findings/`+code+`-[^"]+)"`).FindAllStringSubmatch(list, -1)
		if len(links) != 1 {
			t.Errorf("%s: %d in its list", code, len(links))
			continue
		}
		if got := v.get(links[0][1]); got.Code != http.StatusOK {
			t.Errorf("%s: %d", links[0][1], got.Code)
		}
		r.pass(time.Second)
	}
	late := v.get("/cases?requesting=QZ&requested=XZ&overdue=1").Body.String()
	if n := strings.Count(late, "data-row"); !strings.Contains(body, "requesting=QZ") || n != mirrors.Late {
		t.Errorf("%d late acknowledgements are listed", n)
	}
	if page := v.get("/cases/" + mirrors.ID("1a7e03")).Body.String(); strings.Count(page, "Late by") != 2 {
		t.Error("the case does not mark the late step")
	}
}

// TestExplorer pages through the log, filters it, shows an entry with its proof,
// and exports what it shows.
func TestExplorer(t *testing.T) {
	t.Parallel()
	r := newRoom(t)
	v := r.auditor()
	seen := 0
	for path := "/entries?kind=rejection"; path != ""; {
		body := v.get(path).Body.String()
		seen += strings.Count(body, "data-row")
		next := regexp.MustCompile(`rel="next" href="([^"]+)"`).FindStringSubmatch(body)
		if path = ""; next != nil {
			path = strings.ReplaceAll(next[1], "&amp;", "&")
		}
	}
	table, err := csv.NewReader(v.get("/entries.csv?kind=rejection").Body).ReadAll()
	if err != nil || len(table) != seen+1 || seen < 20 {
		t.Errorf("%d entries on pages, %d in the table: %v", seen, len(table)-1, err)
	}
	var list []auditor.Entry
	if err := json.Unmarshal(v.get("/entries.json?kind=rejection&since=2026-02-27").Body.Bytes(), &list); err != nil || len(list) != seen {
		t.Errorf("%d as data, %v", len(list), err)
	}
	if got := v.get("/entries?since=yesterday"); got.Code != http.StatusUnprocessableEntity {
		t.Errorf("a day that is none: %d", got.Code)
	}
	if got := v.get("/entries.csv?since=yesterday"); got.Code != http.StatusUnprocessableEntity {
		t.Errorf("a table of a day that is none: %d", got.Code)
	}
	page := v.get("/entries/7").Body.String()
	proof := v.get("/entries/7/proof").Body.Bytes()
	receipt, err := translog.ParseReceipt(proof)
	if err != nil || receipt.Index != 7 || !strings.Contains(page, fmt.Sprintf("%x", receipt.Entry.Salt)) {
		t.Errorf("the proof of entry 7: %v", err)
	}
	if _, _, err := r.mirror.Book.Hold(t.Context(), proof); err != nil {
		t.Error(err)
	}
	if got := v.get(fmt.Sprintf("/entries/%d", r.mirror.Size())); got.Code != http.StatusNotFound {
		t.Errorf("an entry that is not there: %d", got.Code)
	}
}

// TestRemarks remarks on a finding under the name of who came in, and closes it.
func TestRemarks(t *testing.T) {
	t.Parallel()
	r := newRoom(t)
	v := r.auditor()
	found, _, err := r.mirror.Book.FindingsPage(t.Context(), auditor.FindingFilter{Code: auditor.FindFork}, 0, 1)
	if err != nil || len(found) != 1 {
		t.Fatal(found, err)
	}
	path := "/findings/" + found[0].Key
	if got := v.post(path, url.Values{"comment": {" "}, "state": {"closed"}}); got.Code != http.StatusUnprocessableEntity {
		t.Errorf("nothing is remarked: %d", got.Code)
	}
	if got := v.post(path, url.Values{"comment": {"<b>The operator</b> was told."}, "state": {"explained"}}); got.Code != http.StatusSeeOther {
		t.Errorf("a remark: %d %s", got.Code, got.Body)
	}
	body := v.get(path).Body.String()
	if !strings.Contains(body, "&lt;b&gt;The operator&lt;/b&gt;") || !strings.Contains(body, "Ines Haddad") || !strings.Contains(body, "explained") {
		t.Error("the remark is not shown, or not as it was written")
	}
	evidence := v.get(path + "/evidence")
	if fork, err := translog.ParseFork([]byte(strings.TrimSpace(evidence.Body.String()))); err != nil || fork.Typ != translog.TypFork {
		t.Errorf("the evidence: %d, %v", evidence.Code, err)
	}
	if disposition := evidence.Header().Get("Content-Disposition"); !strings.HasPrefix(disposition, "attachment; filename=\"fork-") {
		t.Errorf("%q", disposition)
	}
}

// TestFollow looks at the log when it is asked to, and shows what is new.
func TestFollow(t *testing.T) {
	t.Parallel()
	r := newRoom(t)
	v := r.auditor()
	salted, err := translog.NewSalted(r.mirror.Salted(0).Body)
	r.must(err)
	r.mirror.Append(salted)
	r.mirror.Restore()
	following := make(chan error, 1)
	ctx, stop := contextOf(t)
	go func() { following <- r.server.Follow(ctx) }()
	if got := v.post("/check", nil); got.Code != http.StatusSeeOther {
		t.Fatalf("check now: %d", got.Code)
	}
	s, err := r.mirror.Book.Standing(t.Context())
	if err != nil || s.Head.Size != r.mirror.Size() || !s.Synced.Equal(r.now()) {
		t.Errorf("%+v, %v", s, err)
	}
	stop()
	r.must(<-following)
}

// TestScopes says what an auditor may not see, and why: of one State, and with no
// account at all.
func TestScopes(t *testing.T) {
	t.Parallel()
	r := newRoom(t)
	v := r.auditor()
	var hidden string
	for index := range r.mirror.Size() {
		if sight, _, err := r.mirror.Book.Sight(t.Context(), index); err == nil && sight == auditor.Withheld {
			hidden = fmt.Sprintf("/entries/%d", index)
		}
	}
	r.must(r.mirror.Book.Take(t.Context(), nil, "QM", r.mirror.Size()))
	for path, want := range map[string]string{"/entries": "You are shown the exchanges of", "/": "whose auditor you are", hidden: "has no part"} {
		if got := v.get(path); !strings.Contains(got.Body.String(), want) {
			t.Errorf("%s as the auditor of a State: %d, no %q", path, got.Code, want)
		}
	}
	r.must(r.mirror.Book.Take(t.Context(), nil, "QM", 3))
	if got := v.get(hidden); !strings.Contains(got.Body.String(), "has not been asked for this entry yet") {
		t.Errorf("an entry that nobody asked for: %d", got.Code)
	}
}
