package e2e_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"html"
	"io"
	"log/slog"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/pquerna/otp/totp"

	"github.com/entraide/entraide/internal/desk"
	"github.com/entraide/entraide/internal/desk/account"
	"github.com/entraide/entraide/internal/desk/web"
	"github.com/entraide/entraide/pkg/workflow"
)

const (
	pageOrigin   = "https://desk.example"
	pagePassword = "nine orange bicycles"
)

// A site is the pages of a desk.
type site struct {
	*hub
	pages    *web.Server
	accounts *account.Accounts
}

// site serves the pages of a desk.
func (h *hub) site(d *desk.Desk) *site {
	h.t.Helper()
	accounts, err := account.New(d, account.Cost{MemoryKiB: 64, Passes: 1, Lanes: 1})
	h.must(err)
	pages, err := web.New(web.Options{Desk: d, Accounts: accounts, Origin: pageOrigin, Log: slog.New(slog.DiscardHandler)})
	h.must(err)
	return &site{h, pages, accounts}
}

// A visitor is an officer with a browser that keeps cookies.
type visitor struct {
	*site
	cookies map[string]string
	secret  string
}

// visitor makes an officer, who signs in.
func (s *site) visitor(login string, roles ...desk.Role) *visitor {
	s.t.Helper()
	_, code, err := s.accounts.Invite(s.t.Context(), "desk", account.NewUser{Login: login, Name: "Name of " + login, Roles: roles})
	s.must(err)
	invited, err := s.accounts.Invitation(s.t.Context(), code)
	s.must(err)
	c := &visitor{site: s, cookies: map[string]string{}, secret: invited.Factor.Secret}
	c.moved(c.post("/welcome", url.Values{
		"code": {code}, "login": {login}, "name": {"Name of " + login}, "password": {pagePassword}, "repeat": {pagePassword}, "factor": {c.factor()},
	}))
	return c
}

func (c *visitor) factor() string {
	code, err := totp.GenerateCode(c.secret, c.now())
	c.must(err)
	return code
}

// send sends a request as a page of the desk would.
func (c *visitor) send(method, path, kind string, body io.Reader) *httptest.ResponseRecorder {
	r := httptest.NewRequestWithContext(c.t.Context(), method, pageOrigin+path, body)
	r.Header.Set("Origin", pageOrigin)
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	r.Header.Set("Accept-Language", "en")
	r.Header.Set("Content-Type", kind)
	for name, value := range c.cookies {
		r.AddCookie(&http.Cookie{Name: name, Value: value, Secure: true, HttpOnly: true, SameSite: http.SameSiteLaxMode})
	}
	w := httptest.NewRecorder()
	c.pages.ServeHTTP(w, r)
	for _, cookie := range w.Result().Cookies() {
		c.cookies[cookie.Name] = cookie.Value
	}
	return w
}

func (c *visitor) get(path string) string {
	c.t.Helper()
	got := c.send(http.MethodGet, path, "", http.NoBody)
	if got.Code != http.StatusOK {
		c.t.Fatalf("%s: %d\n%s", path, got.Code, wordsOf(got.Body.String()))
	}
	return html.UnescapeString(got.Body.String())
}

func (c *visitor) post(path string, form url.Values) *httptest.ResponseRecorder {
	return c.send(http.MethodPost, path, "application/x-www-form-urlencoded", strings.NewReader(form.Encode()))
}

// moved expects a form to be taken, and returns where it leads.
func (c *visitor) moved(got *httptest.ResponseRecorder) string {
	c.t.Helper()
	if got.Code != http.StatusSeeOther {
		c.t.Fatalf("%d\n%s", got.Code, wordsOf(got.Body.String()))
	}
	return got.Header().Get("Location")
}

// hiddenIn are the hidden fields of a page that a decision carries.
func hiddenIn(text string) url.Values {
	out := url.Values{}
	for _, name := range []string{"version", "digest"} {
		if m := regexp.MustCompile(`name="` + name + `" value="([^"]*)"`).FindStringSubmatch(text); m != nil {
			out.Set(name, m[1])
		}
	}
	return out
}

// wordsOf is what a page says.
func wordsOf(text string) string {
	_, text, _ = strings.Cut(text, "<main")
	text, _, _ = strings.Cut(text, "</main>")
	return strings.Join(strings.Fields(regexp.MustCompile(`<[^>]*>`).ReplaceAllString(text, " ")), " ")
}

// says holds that a page says some things.
func says(t *testing.T, text string, want ...string) {
	t.Helper()
	for _, x := range want {
		if !strings.Contains(text, x) {
			t.Errorf("the page lacks %q:\n%s", x, wordsOf(text))
		}
	}
}

// bring sends a file in pieces, as the script of the page does, or whole as a form
// does.
func (c *visitor) bring(draft, name string, data []byte, pieces bool) {
	c.t.Helper()
	if !pieces {
		c.moved(c.whole(draft, name, data))
		return
	}
	for at := 0; at < len(data); {
		piece := data[at:min(len(data), at+4<<20)]
		query := url.Values{"name": {name}, "offset": {strconv.Itoa(at)}, "total": {strconv.Itoa(len(data))}}
		got := c.send(http.MethodPost, draft+"/files/chunk?"+query.Encode(), "application/octet-stream", bytes.NewReader(piece))
		if at += len(piece); got.Code != http.StatusOK || !strings.Contains(got.Body.String(), `"have":`+strconv.Itoa(at)) {
			c.t.Fatalf("%d %s", got.Code, wordsOf(got.Body.String()))
		}
	}
}

// whole sends a file as a form does.
func (c *visitor) whole(draft, name string, data []byte) *httptest.ResponseRecorder {
	c.t.Helper()
	var body bytes.Buffer
	form := multipart.NewWriter(&body)
	part, err := form.CreateFormFile("files", name)
	c.must(err)
	_, err = part.Write(data)
	c.must(err)
	c.must(form.Close())
	return c.send(http.MethodPost, draft+"/files", form.FormDataContentType(), &body)
}

// seal seals what was brought.
func (c *visitor) seal(draft string) {
	c.t.Helper()
	form := hiddenIn(c.get(draft + "/files"))
	for field, value := range map[string]string{
		"measure": "1", "description": "Access logs of the account", "origin": "Example Cloud SA", "acquired_by": "Cyber Desk",
		"acquired_at": "2026-04-07T09:00", "method": "production order",
	} {
		form.Set(field, value)
	}
	c.moved(c.post(draft+"/files/seal", form))
	c.whenSealed(draft)
}

// whenSealed waits until what was brought is sealed: a form does not wait long.
func (c *visitor) whenSealed(draft string) {
	c.t.Helper()
	c.until("the files are sealed", func() bool { return !strings.Contains(c.get(draft+"/files"), "Being sealed") })
}

// sumOf is a SHA-256.
func sumOf(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}

var draftAt = regexp.MustCompile(`/drafts/[0-9a-f]{32}`)

// delivered has two officers of QN deliver evidence through their pages, and
// returns the address of the package on QM's.
func (h *haul) delivered(name string) (at string) {
	h.t.Helper()
	pages := h.site(h.qn)
	drafter, approver := pages.visitor("ana", desk.Drafter), pages.visitor("bo", desk.Approver)
	draft := draftAt.FindString(drafter.moved(drafter.post("/drafts/new", url.Values{"case": {h.opened.Case}, "act": {"deliver"}, "kind": {"delivery"}, "final": {"1"}})))
	drafter.bring(draft, "mistaken.txt", []byte("not this"), false)
	drafter.seal(draft)
	page := drafter.get(draft + "/files")
	says(h.t, page, "mistaken.txt", "Take the last package out again")
	drafter.moved(drafter.post(draft+"/files/unseal", hiddenIn(page)))
	if strings.Contains(drafter.get(draft+"/files"), "mistaken.txt") {
		h.t.Error("a package that was taken out is still there")
	}
	drafter.bring(draft, name, h.disk, true)
	for _, name := range []string{"con", "a\u202eexe.jpg", "x:part", "..", " x", "CON.txt"} {
		got := drafter.whole(draft, name, []byte("one"))
		if got.Code != http.StatusUnprocessableEntity || strings.Contains(got.Body.String(), "\u202e") {
			h.t.Errorf("the name %q: %d", name, got.Code)
		}
	}
	drafter.bring(draft, "mail – بريد 邮件.eml", []byte("one"), false)
	drafter.seal(draft)
	form := hiddenIn(drafter.get(draft + "/part/content"))
	form.Set("/results/#count", "1")
	form.Set("/results/0/result", "executed")
	form.Set("/executing/phone", "+99955501234")
	drafter.moved(drafter.post(draft+"/part/content", form))
	check := drafter.get(draft + "/check")
	says(h.t, check, name, "mail – بريد 邮件.eml", sumOf(h.disk), sumOf([]byte("one")), "Example Cloud SA", "Cyber Desk", "production order", "20")
	drafter.moved(drafter.post(draft+"/submit", hiddenIn(check)))
	approver.moved(approver.post(draft+"/approve", hiddenIn(approver.get(draft+"/check"))))
	h.must(h.qn.Upload(h.t.Context()))
	h.must(h.qn.Sync(h.t.Context()))
	h.must(h.qm.Sync(h.t.Context()))
	lines, err := h.qm.Packages(h.t.Context(), h.opened.Case)
	h.must(err)
	if len(lines) != 2 {
		h.t.Fatalf("the packages are %+v", lines)
	}
	return "/messages/" + lines[1].Message + "/evidence/1"
}

// TestEvidencePages has evidence go from desk to desk through pages alone: brought
// in pieces and whole, checked, approved, fetched, handed out to an officer whom
// the log names, damaged, found out, and confirmed.
func TestEvidencePages(t *testing.T) {
	t.Parallel()
	h := newHaul(t)
	const name = `disk 'one'; x=é %41 你 مرحبا.img`
	secret := h.send(h.qn, h.delivery(nil, h.seal(true)))
	at := h.delivered(name)
	pages := h.site(h.qm)
	ina, auditor := pages.visitor("ina", desk.Drafter), pages.visitor("aud", desk.NationalAuditor)
	says(t, ina.get("/cases/"+h.opened.Case), "Access logs of the account", "Not fetched yet", "this log has no witnesses")
	if got := auditor.post(at+"/fetch", nil); got.Code != http.StatusForbidden {
		t.Errorf("an auditor fetches: %d", got.Code)
	}
	if got := ina.post(at+"/receipt", nil); got.Code == http.StatusSeeOther {
		t.Error("a receipt of what was not fetched")
	}
	ina.moved(ina.post(at+"/fetch", nil))
	says(t, ina.get(at), "Being fetched")
	h.must(h.qm.FetchAsked(t.Context()))
	page := ina.get(at)
	says(t, page, "Verified", name, "mail – بريد 邮件.eml", sumOf(h.disk), "Example Cloud SA")
	got := ina.post(at+"/file", url.Values{"file": {"0"}})
	if got.Code != http.StatusOK || !bytes.Equal(got.Body.Bytes(), h.disk) || got.Header().Get("Content-Length") != strconv.Itoa(len(h.disk)) {
		t.Errorf("the file: %d, %d bytes", got.Code, got.Body.Len())
	}
	if d := got.Header().Get("Content-Disposition"); !strings.HasPrefix(d, "attachment") || strings.ContainsAny(d, "\r\n") {
		t.Errorf("the file comes as %q", d)
	}
	signed := regexp.MustCompile(`[0-9a-f]{64}`).FindString(page)
	if got := ina.post(at+"/package", nil); got.Code != http.StatusOK || sumOf(got.Body.Bytes()) != signed {
		t.Errorf("the package: %d, SHA-256 %s, not %s", got.Code, sumOf(got.Body.Bytes()), signed)
	}
	if log := auditor.get("/log.csv?" + url.Values{"what": {"of evidence taken"}}.Encode()); strings.Count(log, "Name of ina") != 2 {
		t.Errorf("the log does not name who took what, twice:\n%s", log)
	}
	h.restricted(ina, "/messages/"+secret.ID+"/evidence/1")
	h.damage(ina, at)
	h.confirmed(ina, at)
}

// restricted has restricted material opened by nobody but an officer who may and
// says so.
func (h *haul) restricted(ina *visitor, at string) {
	h.t.Helper()
	lea := ina.visitor("lea", desk.DutyOfficer)
	for _, o := range []struct {
		*visitor
		form url.Values
	}{{ina, url.Values{"restricted": {"1"}}}, {lea, nil}} {
		if got := o.post(at+"/fetch", o.form); got.Code != http.StatusUnprocessableEntity || !strings.Contains(got.Body.String(), "restricted material") {
			h.t.Errorf("restricted material is fetched: %d", got.Code)
		}
	}
	lea.moved(lea.post(at+"/fetch", url.Values{"restricted": {"1"}}))
	h.must(h.qm.FetchAsked(h.t.Context()))
	says(h.t, lea.get(at), "Verified", "Restricted material", "disk.img")
	if page := ina.get(at); strings.Contains(page, "disk.img") || !strings.Contains(page, "sees what is in it") {
		h.t.Error("a drafter sees what restricted material is")
	}
	for _, path := range []string{"/file", "/package"} {
		if got := ina.post(at+path, url.Values{"file": {"0"}}); got.Code != http.StatusForbidden {
			h.t.Errorf("a drafter takes restricted material: %d", got.Code)
		}
	}
}

// damage changes a byte of what QM keeps: the page names the file, and it is not
// handed out.
func (h *haul) damage(ina *visitor, at string) {
	h.t.Helper()
	kept, err := filepath.Glob(filepath.Join(h.dir, "QM", "evidence", "*.opened", "data", "disk 'one*"))
	if err != nil || len(kept) != 1 {
		h.t.Fatalf("kept is %v, %v", kept, err)
	}
	wrong := bytes.Clone(h.disk)
	wrong[7<<20] ^= 1
	h.must(os.WriteFile(kept[0], wrong, 0o600))
	if got := ina.post(at+"/file", url.Values{"file": {"0"}}); got.Body.Len() >= len(h.disk) {
		h.t.Error("a damaged file is handed out whole")
	}
	ina.moved(ina.post(at+"/check", nil))
	h.must(h.qm.FetchAsked(h.t.Context()))
	says(h.t, ina.get(at), "Damaged", "data/disk")
	ina.moved(ina.post(at+"/fetch", nil))
	h.must(h.qm.FetchAsked(h.t.Context()))
	says(h.t, ina.get(at), "Verified")
}

// confirmed sends the receipt of evidence, and QN has it.
func (h *haul) confirmed(ina *visitor, at string) {
	h.t.Helper()
	message := strings.TrimSuffix(at, "/evidence/1")
	draft := draftAt.FindString(ina.moved(ina.post(message+"/receipt", nil)))
	check := ina.get(draft + "/check")
	ina.moved(ina.post(draft+"/submit", hiddenIn(check)))
	eve := ina.visitor("eve", desk.Approver)
	eve.moved(eve.post(draft+"/approve", hiddenIn(eve.get(draft+"/check"))))
	h.must(h.qm.Sync(h.t.Context()))
	h.must(h.qn.Sync(h.t.Context()))
	all, err := h.qn.Messages(h.t.Context())
	h.must(err)
	if last := all[len(all)-1]; last.Act != string(workflow.Confirm) || last.Verdict != "authentic" {
		h.t.Errorf("QN has %s %s at last", last.Act, last.Verdict)
	}
	h.pass(time.Second)
}
