package e2e_test

import (
	"bytes"
	"errors"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/entraide/entraide/internal/desk"
	"github.com/entraide/entraide/internal/desk/office"
	"github.com/entraide/entraide/pkg/convention"
	"github.com/entraide/entraide/pkg/evidence"
	"github.com/entraide/entraide/pkg/problem"
	"github.com/entraide/entraide/pkg/workflow"
)

// A docket is a case whose request carries two attachments.
type docket struct {
	*hub
	qm, qn *desk.Desk
	office *office.Office
	draft  string // address of the draft, on the pages of QM
	id     string // of the draft
	ana    *visitor
	bo     *visitor
}

// The documents of a docket, in the order of their names.
const orderName, summonsName = "order – أمر 命令.pdf", "summons.txt"

var orderText, summonsText = bytes.Repeat([]byte("the court orders "), 1000), []byte("the court summons")

// newDocket has a drafter of QM attach two documents to a request, one of them as
// the translation of the other.
func newDocket(t *testing.T) *docket {
	t.Helper()
	h := &docket{hub: newHub(t)}
	h.qm, h.qn = h.pair()
	h.office = office.New(h.qm)
	h.id = newDraft(t, h.office, ana, workflow.Urgent).ID
	h.draft = "/drafts/" + h.id
	pages := h.site(h.qm)
	h.ana, h.bo = pages.visitor("ana", desk.Drafter), pages.visitor("bo", desk.Approver)
	h.ana.bring(h.draft, orderName, orderText, true)
	h.attach(url.Values{"role": {"order"}, "lang": {"ar"}, "certified": {"1"}})
	h.ana.bring(h.draft, summonsName, summonsText, false)
	h.attach(url.Values{"role": {"translation"}, "lang": {"en"}, "translation_of": {"1"}})
	return h
}

// attach seals what was brought as documents of a kind.
func (h *docket) attach(about url.Values) {
	h.t.Helper()
	about.Set("version", hiddenIn(h.ana.get(h.draft+"/files")).Get("version"))
	h.ana.moved(h.ana.post(h.draft+"/files/attach", about))
	h.ana.whenSealed(h.draft)
}

// sent has the request approved and sent, and returns its address on QN's pages.
func (h *docket) sent() string {
	h.t.Helper()
	h.must(h.qm.Upload(h.t.Context()))
	h.must(h.qm.Sync(h.t.Context()))
	h.must(h.qn.Sync(h.t.Context()))
	all, err := h.qn.Messages(h.t.Context())
	h.must(err)
	if len(all) != 1 {
		h.t.Fatalf("%d messages arrived", len(all))
	}
	return "/messages/" + all[0].ID
}

// approve has the approver look and sign.
func (h *docket) approve() {
	h.t.Helper()
	h.ana.moved(h.ana.post(h.draft+"/submit", hiddenIn(h.ana.get(h.draft+"/check"))))
	check := h.bo.get(h.draft + "/check")
	says(h.t, check, "Attachment 1", orderName, sumOf(orderText), "Attachment 2", summonsName, sumOf(summonsText))
	h.bo.moved(h.bo.post(h.draft+"/approve", hiddenIn(check)))
}

// TestAttachments takes documents that belong to a request from State to State
// through pages alone: brought, described, taken out, approved, fetched, handed out. What
// another State has sent is saved and never shown by the browser (T16).
func TestAttachments(t *testing.T) {
	t.Parallel()
	h := newDocket(t)
	page := h.ana.get(h.draft + "/files")
	says(t, page, orderName, summonsName, "Take the last attachment out again")
	h.ana.moved(h.ana.post(h.draft+"/files/unseal", hiddenIn(page)))
	h.ana.bring(h.draft, summonsName, summonsText, false)
	if got := h.ana.post(h.draft+"/files/attach", hiddenIn(h.ana.get(h.draft+"/files"))); got.Code != http.StatusUnprocessableEntity {
		t.Errorf("a document of no kind: %d", got.Code)
	}
	h.attach(url.Values{"role": {"summons"}})
	draft, err := h.office.Draft(t.Context(), ana, h.id)
	h.must(err)
	other := "QP.mla"
	_, err = h.office.SaveDraft(t.Context(), ana, h.id, draft.Version, office.Edit{To: &other})
	wantCode(t, "a new recipient of what is sealed for another", err, problem.InvalidValue)
	h.approve()

	ina := h.site(h.qn).visitor("ina", desk.Drafter)
	message := h.sent()
	says(t, ina.get(message), "Attachment 1", orderName, "Attachment 2", summonsName)
	ina.moved(ina.post(message+"/open", nil))
	says(t, ina.get(message), "certified copy", sumOf(summonsText))
	for at, want := range map[string][]byte{message + "/evidence/1": orderText, message + "/evidence/2": summonsText} {
		ina.moved(ina.post(at+"/fetch", nil))
		h.must(h.qn.FetchAsked(t.Context()))
		page := ina.get(at)
		says(t, page, "Verified", sumOf(want))
		if strings.Contains(page, message+"/receipt") || strings.Contains(page, at+"/package") {
			t.Error("an attachment is treated as a delivery")
		}
		if got := ina.post(at+"/file", url.Values{"file": {"0"}}); !bytes.Equal(got.Body.Bytes(), want) {
			t.Errorf("%s: %d, %d bytes", at, got.Code, got.Body.Len())
		} else if header := got.Header(); !strings.HasPrefix(header.Get("Content-Disposition"), "attachment;") ||
			header.Get("Content-Type") != "application/octet-stream" || header.Get("X-Content-Type-Options") != "nosniff" {
			t.Errorf("%s may be shown by a browser: %v", at, header)
		}
	}
	if got := ina.post(message+"/receipt", nil); got.Code == http.StatusSeeOther {
		t.Error("a receipt of evidence for a request")
	}
}

// TestAttachmentsExchanged has the sender's files tampered with, so that one attachment
// is in the place of another: the recipient's desk finds out, and keeps neither.
func TestAttachmentsExchanged(t *testing.T) {
	t.Parallel()
	h := newDocket(t)
	at := func(name string) string { return filepath.Join(h.dir, "QM", "drafts", h.id, name) }
	for _, move := range [][2]string{
		{"sealed-1", "other"}, {"sealed-2", "sealed-1"}, {"other", "sealed-2"}, // but for their descriptions
		{"sealed-1/package.json", "other"}, {"sealed-2/package.json", "sealed-1/package.json"}, {"other", "sealed-2/package.json"},
	} {
		h.must(os.Rename(at(move[0]), at(move[1])))
	}
	h.approve()
	id := strings.TrimPrefix(h.sent(), "/messages/")
	for number := 1; number <= 2; number++ {
		bag := filepath.Join(t.TempDir(), "bag")
		_, err := h.qn.FetchEvidence(t.Context(), desk.Fetching{Message: id, Number: number, Dir: bag})
		if !errors.Is(err, evidence.ErrContent) {
			t.Errorf("an attachment in the place of another: %v", err)
		}
		if left, err := filepath.Glob(bag + "*"); err != nil || len(left) > 0 {
			t.Errorf("it is kept: %v, %v", left, err)
		}
	}
}

// TestBroughtMeanwhile brings a file while others are being sealed: it stays, and so
// does what was written meanwhile.
func TestBroughtMeanwhile(t *testing.T) {
	t.Parallel()
	h := newHub(t)
	qm, _ := h.pair()
	o := office.New(qm)
	d := newDraft(t, o, ana, workflow.Urgent)
	bring := func(name string) {
		_, err := o.Receive(t.Context(), ana, d.ID, office.Chunk{Name: name, Total: int64(len(name))}, strings.NewReader(name))
		h.must(err)
	}
	bring("early.txt")
	meanwhile := sync.OnceFunc(func() {
		bring("late.txt")
		save(t, o, ana, d, "written meanwhile")
	})
	sealed, err := o.Attach(t.Context(), ana, d.ID, office.Attaching{
		Version: d.Version, About: convention.Attachment{Role: "order"}, Report: func(desk.Progress) { meanwhile() },
	})
	h.must(err)
	whole, underWay, err := o.Files(t.Context(), ana, d.ID)
	h.must(err)
	if len(whole) != 1 || whole[0].Name != "late.txt" || len(underWay) > 0 {
		t.Errorf("the files that are left are %v and %v", whole, underWay)
	}
	for _, want := range []string{`"early.txt"`, "written meanwhile"} {
		if !strings.Contains(string(sealed.Body), want) {
			t.Errorf("the draft lacks %s: %s", want, sealed.Body)
		}
	}
}
