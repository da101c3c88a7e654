package web

import (
	"bytes"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/entraide/entraide/internal/auditor"
	"github.com/entraide/entraide/internal/auditor/period"
	"github.com/entraide/entraide/pkg/pgp"
)

// TestReports makes reports on the page: unsigned, signed with the auditor's own
// key, and again; what is handed out is what anybody makes of the same log.
func TestReports(t *testing.T) {
	t.Parallel()
	r := newRoom(t)
	v := r.auditor()
	form := func(pairs ...string) url.Values {
		in := url.Values{"from": {"2026-03-01"}, "to": {"2026-03-20"}, "language": {"all"}}
		for i := 0; i < len(pairs); i += 2 {
			in.Set(pairs[i], pairs[i+1])
		}
		return in
	}
	for name, in := range map[string]url.Values{
		"no days": form("from", "", "to", ""), "the wrong way round": form("from", "2026-03-20", "to", "2026-03-01"), "no day": form("to", "2026-02-30"),
		"no size": form("size", "x"), "a size that was not taken": form("size", "99"),
	} {
		if got := v.post("/reports", in); got.Code != http.StatusUnprocessableEntity || !strings.Contains(got.Body.String(), "ed-errors") {
			t.Errorf("%s: %d", name, got.Code)
		}
	}
	if body := v.get("/reports").Body.String(); !strings.Contains(body, "entraide audit key init") {
		t.Error("the page does not say how to make a key")
	}
	if got := v.post("/reports", form()); got.Code != http.StatusSeeOther {
		t.Fatalf("a report: %d %s", got.Code, got.Body)
	}
	want, err := r.mirror.Book.Period(t.Context(), auditor.PeriodQuery{From: "2026-03-01", To: "2026-03-20"})
	r.must(err)
	if files := v.files(); len(files) != 3 {
		t.Errorf("the files %v", files)
	}
	for _, format := range period.Formats() {
		content, err := period.Render(want, format)
		r.must(err)
		got := v.get("/reports/2026-03-01_2026-03-20_" + jsonNumber(r.mirror.Size()) + "/report." + format)
		if !bytes.Equal(got.Body.Bytes(), content) || !strings.HasPrefix(got.Header().Get("Content-Disposition"), "attachment") {
			t.Errorf("%s: %d, another than is made by hand", format, got.Code)
		}
	}
	passphrase := "five fictitious words for tests"
	_, err = period.MakeKey(r.mirror.Home, "Court of Audit of QZ", []byte(passphrase), r.now())
	r.must(err)
	if got := v.post("/reports", form("passphrase", "zz wrong")); got.Code != http.StatusUnprocessableEntity || strings.Contains(got.Body.String(), "zz wrong") {
		t.Errorf("a wrong passphrase: %d", got.Code)
	}
	if got := v.post("/reports", form("passphrase", passphrase, "own", "1", "language", "en")); got.Code != http.StatusSeeOther {
		t.Fatalf("a signed report: %d %s", got.Code, got.Body)
	}
	dir := "/reports/2026-03-01_2026-03-20_" + jsonNumber(r.mirror.Size()) + "-own/"
	certificate, err := pgp.ParseCertificate(v.get(dir + "auditor.pgp").Body.Bytes())
	r.must(err)
	if err := certificate.Verify(auditor.TypPeriod, v.get(dir+"report.html").Body.Bytes(), v.get(dir+"report.html.sig").Body.Bytes(), r.now()); err != nil {
		t.Error(err)
	}
	if files := v.files(); len(files) != 3+7 {
		t.Errorf("the files %v", files)
	}
	if strings.Contains(r.log.String(), passphrase) {
		t.Error("the passphrase is in the log")
	}
}

// files are the addresses of files on the page of the reports.
func (v *visitor) files() []string {
	var files []string
	for _, m := range regexp.MustCompile(`href="(/reports/[^"]+)"`).FindAllStringSubmatch(v.get("/reports").Body.String(), -1) {
		files = append(files, m[1])
	}
	return files
}
