package e2e_test

import (
	"bytes"
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/entraide/entraide/internal/broker"
	"github.com/entraide/entraide/internal/broker/home"
	"github.com/entraide/entraide/internal/desk"
	"github.com/entraide/entraide/internal/testkit/states"
	"github.com/entraide/entraide/pkg/convention"
	"github.com/entraide/entraide/pkg/evidence"
	"github.com/entraide/entraide/pkg/message"
	"github.com/entraide/entraide/pkg/problem"
	"github.com/entraide/entraide/pkg/workflow"
)

// A haul is a case in which QN has evidence for QM.
type haul struct {
	*hub
	qm, qn *desk.Desk
	opened desk.Message
	disk   []byte // content of the largest file
	items  []evidence.Item
}

// newHaul opens a case and makes evidence of two parts.
func newHaul(t *testing.T) *haul {
	t.Helper()
	h := &haul{hub: newHub(t)}
	h.qm, h.qn = h.pair()
	h.opened = h.send(h.qm, h.order(workflow.Request, "QM.mla", "QN.mla", desk.Message{}))
	h.must(h.qn.Sync(t.Context()))
	h.send(h.qn, h.order(workflow.Acknowledge, "QN.mla", "QM.mla", h.opened))
	h.disk = make([]byte, 20<<20)
	rand.Read(h.disk)
	dir := filepath.Join(h.dir, "seized")
	h.must(os.MkdirAll(filepath.Join(dir, "mail", "in"), 0o700))
	for name, data := range map[string][]byte{"disk.img": h.disk, "mail/in/1.eml": []byte("one"), "mail/empty": {}} {
		h.must(os.WriteFile(filepath.Join(dir, name), data, 0o600))
	}
	h.items = []evidence.Item{{Path: filepath.Join(dir, "disk.img")}, {Path: filepath.Join(dir, "mail")}}
	return h
}

// custody is a record that says what a delivery needs.
var custody = evidence.Custody{
	Identifier: "QN/26/1", Origin: "Example Cloud SA", AcquiredBy: "Cyber Desk", AcquiredAt: "2026-04-07T09:00:00Z",
	Method: "production order", Tool: "exporter", ToolVersion: "2",
}

// seal seals the evidence for QM.
func (h *haul) seal(restricted bool) (dir string) {
	h.t.Helper()
	dir = filepath.Join(h.t.TempDir(), "sealed")
	_, _, err := h.qn.SealEvidence(h.t.Context(), desk.Sealing{
		From: "QN.mla", To: "QM.mla", Dir: dir, Items: h.items, About: evidence.Collection{Restricted: restricted, Custody: custody},
	})
	h.must(err)
	return dir
}

// delivery is an order that delivers sealed evidence.
func (h *haul) delivery(medium *convention.Medium, dirs ...string) desk.Order {
	h.t.Helper()
	body, ok := states.Content(workflow.Deliver, "QN", "QM").(*convention.Delivery)
	if !ok {
		h.t.Fatal("the sample is no delivery")
	}
	body.Final = false
	for i, dir := range dirs {
		p, err := desk.ListPackage(dir, int64(i)+1, 1, convention.Text{Lang: "en", Text: "Access logs", Authentic: true})
		h.must(err)
		if medium != nil {
			h.must(desk.OnMedium(&p, dir, *medium))
		}
		body.Packages = append(body.Packages, p)
	}
	text, err := convention.Marshal(body)
	h.must(err)
	o := desk.Order{From: "QN.mla", To: "QM.mla", Case: message.ID(h.opened.Case), Act: workflow.Deliver, Body: text}
	if medium == nil {
		o.Evidence = dirs
	}
	return o
}

// fetch fetches the first package of a message into a new folder.
func (h *haul) fetch(id string, change func(*desk.Fetching)) (bag string, err error) {
	h.t.Helper()
	bag = filepath.Join(h.t.TempDir(), "bag")
	f := desk.Fetching{Message: id, Number: 1, Dir: bag}
	if change != nil {
		change(&f)
	}
	_, err = h.qm.FetchEvidence(h.t.Context(), f)
	return bag, err
}

// arrived checks that a bag holds what was sealed.
func (h *haul) arrived(bag string) {
	h.t.Helper()
	for name, want := range map[string][]byte{"disk.img": h.disk, "mail/in/1.eml": []byte("one"), "mail/empty": {}} {
		if got, err := os.ReadFile(filepath.Join(bag, "data", name)); err != nil || !bytes.Equal(got, want) {
			h.t.Errorf("%s: %d bytes, %v", name, len(got), err)
		}
	}
}

// wantCode checks that an error is a refusal with a code.
func wantCode(t *testing.T, what string, err error, code problem.Code) {
	t.Helper()
	if p, ok := errors.AsType[*problem.Error](err); !ok || p.Code != code {
		t.Errorf("%s: %v, want %s", what, err, code)
	}
}

// TestEvidence: evidence goes from desk to desk, is compared with what was
// signed, and its receipt says what was found.
func TestEvidence(t *testing.T) {
	t.Parallel()
	h := newHaul(t)
	sent := h.send(h.qn, h.delivery(nil, h.seal(false)))
	h.must(h.qm.Sync(t.Context()))
	_, err := h.qm.EvidenceReceipt(t.Context(), sent.Case, sent.ID)
	wantCode(t, "a receipt for what was not fetched", err, problem.InvalidValue)
	bag, err := h.fetch(sent.ID, nil)
	h.must(err)
	h.arrived(bag)
	lines, err := h.qm.Packages(t.Context(), sent.Case)
	h.must(err)
	if len(lines) != 1 || lines[0].State != "ok" || !lines[0].Incoming {
		t.Errorf("the packages are %+v", lines)
	}
	if left, err := os.ReadDir(filepath.Join(h.dir, "QM", "evidence")); err != nil || len(left) != 1 { // the lock
		t.Errorf("left in the home: %v %v", left, err)
	}
	body, err := h.qm.EvidenceReceipt(t.Context(), sent.Case, sent.ID)
	h.must(err)
	text, err := convention.Marshal(body)
	h.must(err)
	h.must(h.qm.Sync(t.Context()))
	h.send(h.qm, desk.Order{From: "QM.mla", To: "QN.mla", Case: message.ID(sent.Case), Act: workflow.Confirm, Body: text})

	_, found, err := h.qm.VerifyEvidence(t.Context(), bag, sent.ID, 1)
	if err != nil || len(found) > 0 {
		t.Errorf("verifying what arrived: %v %v", found, err)
	}
	h.must(os.WriteFile(filepath.Join(bag, "data", "mail", "in", "1.eml"), []byte("two"), 0o600))
	if _, found, err = h.qm.VerifyEvidence(t.Context(), bag, sent.ID, 1); err != nil || len(found) != 1 || found[0].Path != "data/mail/in/1.eml" {
		t.Errorf("verifying what was altered: %v %v", found, err)
	}
	_, err = h.fetch(sent.ID, func(f *desk.Fetching) { f.Dir = bag })
	if !errors.Is(err, fs.ErrExist) {
		t.Errorf("fetching over something: %v", err)
	}
	_, err = h.fetch(sent.ID, func(f *desk.Fetching) { f.Number = 2 })
	wantCode(t, "a package that is not there", err, problem.NotFound)
	h.must(h.server.Close())
	report, err := home.Check(t.Context(), filepath.Join(h.dir, "broker"), h.now)
	if err != nil || report.Evidence != 1 {
		t.Errorf("checking: %+v %v", report, err)
	}
}

// partFiles are the files of the parts at the broker, the list left out.
func (h *haul) partFiles() (files []string) {
	h.t.Helper()
	all, err := filepath.Glob(filepath.Join(h.dir, "broker", "parts", "??", "*", "*"))
	h.must(err)
	for _, f := range all {
		if filepath.Base(f) != filepath.Base(filepath.Dir(f)) {
			files = append(files, f)
		}
	}
	return files
}

// TestEvidenceDamaged: one flipped byte of a part is found and named, by the
// broker's check and by the recipient, and only that part is fetched again.
func TestEvidenceDamaged(t *testing.T) {
	t.Parallel()
	h := newHaul(t)
	sent := h.send(h.qn, h.delivery(nil, h.seal(false)))
	h.must(h.qm.Sync(t.Context()))
	files := h.partFiles()
	if len(files) != 2 {
		t.Fatalf("%d parts", len(files))
	}
	whole, err := os.ReadFile(files[1])
	h.must(err)
	flipped := bytes.Clone(whole)
	flipped[len(flipped)/2] ^= 1
	h.must(os.WriteFile(files[1], flipped, 0o600))
	_, err = h.fetch(sent.ID, nil)
	wrong, ok := errors.AsType[*evidence.PartError](err)
	if !ok || wrong.SHA256 != filepath.Base(files[1]) {
		t.Fatalf("fetching: %v", err)
	}
	t.Log(err)
	ina, at := h.site(h.qm).visitor("ina", desk.Drafter), "/messages/"+sent.ID+"/evidence/1"
	ina.moved(ina.post(at+"/fetch", nil))
	h.must(h.qm.FetchAsked(t.Context()))
	says(t, ina.get(at), "Damaged", "is not as it was sealed")
	h.must(h.server.Close())
	_, err = home.Check(t.Context(), filepath.Join(h.dir, "broker"), h.now)
	if !errors.Is(err, broker.ErrInconsistent) || !strings.Contains(err.Error(), filepath.Base(files[1])) {
		t.Errorf("the broker's check: %v", err)
	}
	h.must(os.WriteFile(files[1], whole, 0o600))
	h.start()
	var mu sync.Mutex
	var asked []string
	h.meddle(func(_ http.ResponseWriter, r *http.Request, _ http.Handler) bool {
		mu.Lock()
		defer mu.Unlock()
		if strings.Contains(r.URL.Path, "/parts/") {
			asked = append(asked, r.URL.Path)
		}
		return false
	})
	bag, err := h.fetch(sent.ID, nil)
	h.must(err)
	h.arrived(bag)
	if len(asked) != 1 || !strings.HasSuffix(asked[0], fmt.Sprintf("/parts/%d", wrong.Index)) {
		t.Errorf("asked again for %q", asked)
	}
}

// TestEvidenceLost: what the broker has lost is named, and the receipt says it.
func TestEvidenceLost(t *testing.T) {
	t.Parallel()
	h := newHaul(t)
	sent := h.send(h.qn, h.delivery(nil, h.seal(false)))
	h.must(h.qm.Sync(t.Context()))
	h.must(os.Remove(h.partFiles()[1]))
	_, err := h.fetch(sent.ID, nil)
	wantCode(t, "a lost part", err, problem.MissingEvidence)
	body, err := h.qm.EvidenceReceipt(t.Context(), sent.Case, sent.ID)
	if err != nil || body.Packages[0].Result != "missing" {
		t.Errorf("the receipt is %+v, %v", body, err)
	}
}

// TestEvidenceInterrupted: a line that breaks again and again carries each part
// once.
func TestEvidenceInterrupted(t *testing.T) {
	t.Parallel()
	h := newHaul(t)
	dir := h.seal(false)
	var mu sync.Mutex
	took := map[string]int{}
	calls := 0
	h.meddle(func(w http.ResponseWriter, r *http.Request, next http.Handler) bool {
		if !strings.Contains(r.URL.Path, "/parts/") {
			return false
		}
		mu.Lock()
		calls++
		cut := calls%2 == 1
		if !cut {
			took[r.Method+r.URL.Path]++
		}
		mu.Unlock()
		if cut {
			panic(http.ErrAbortHandler)
		}
		return false
	})
	id, _, err := h.qn.Send(t.Context(), h.delivery(nil, dir))
	h.must(err)
	for tries := 0; ; tries++ {
		if _, err = h.qn.Await(t.Context(), id); err == nil {
			break
		}
		if tries == 20 {
			t.Fatal(err)
		}
	}
	h.must(h.qm.Sync(t.Context()))
	for tries := 0; ; tries++ {
		bag, err := h.fetch(string(id), nil)
		if err == nil {
			h.arrived(bag)
			break
		}
		if tries == 20 {
			t.Fatal(err)
		}
	}
	for path, n := range took {
		if n != 1 {
			t.Errorf("%s was carried %d times", path, n)
		}
	}
	if len(took) != 4 {
		t.Errorf("carried were %v", took)
	}
}

// TestEvidenceRefused: what cannot be delivered is refused before anything is
// sent.
func TestEvidenceRefused(t *testing.T) {
	t.Parallel()
	h := newHaul(t)
	dir, another := h.seal(false), h.sealedToAnother()
	h.must(h.qn.Sync(t.Context()))
	size := h.logSize()
	for _, tt := range []struct {
		name string
		edit func(*desk.Order)
		want string
	}{
		{"no directory", func(o *desk.Order) { o.Evidence = []string{filepath.Join(h.dir, "nothing")} }, "not a directory of sealed evidence"},
		{"another act", func(o *desk.Order) {
			o.Act, o.Body = workflow.Acknowledge, states.Body(t, workflow.Acknowledge, "QN.mla", "QM.mla")
		}, "Only a delivery carries evidence"},
		{"not listed", func(o *desk.Order) { o.Body = states.Body(t, workflow.Deliver, "QN.mla", "QM.mla") }, "lists no package"},
		{"sealed to others", func(o *desk.Order) { *o = h.delivery(nil, another) }, "seal it again"},
	} {
		o := h.delivery(nil, dir)
		tt.edit(&o)
		if _, _, err := h.qn.Send(t.Context(), o); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v", tt.name, err)
		}
	}
	h.must(h.qn.Sync(t.Context()))
	if got := h.logSize(); got != size {
		t.Errorf("the log has grown from %s to %s", size, got)
	}
	lines, err := h.qn.Packages(t.Context(), h.opened.Case)
	if err != nil || len(lines) > 0 {
		t.Errorf("there are packages: %v %v", lines, err)
	}
}

// sealedToAnother seals the evidence to another State.
func (h *haul) sealedToAnother() string {
	h.t.Helper()
	h.join("QP")
	h.must(h.qn.Sync(h.t.Context()))
	dir := filepath.Join(h.t.TempDir(), "sealed")
	_, _, err := h.qn.SealEvidence(h.t.Context(), desk.Sealing{
		From: "QN.mla", To: "QP.mla", Dir: dir, Items: h.items, About: evidence.Collection{Custody: custody},
	})
	h.must(err)
	return dir
}

// logSize is the size of the broker's log, as QN has seen it.
func (h *haul) logSize() string {
	h.t.Helper()
	text, err := h.qn.Checkpoint(h.t.Context())
	h.must(err)
	return strings.Split(text, "\n")[1]
}

// TestEvidenceRestricted: restricted material is opened only by who says that he
// may, and nothing looks at what it is.
func TestEvidenceRestricted(t *testing.T) {
	t.Parallel()
	h := newHaul(t)
	h.must(os.WriteFile(filepath.Join(h.dir, "seized", "mail", "p.jpg"), []byte{0xff, 0xd8, 0xff, 0xe0}, 0o600))
	sent := h.send(h.qn, h.delivery(nil, h.seal(true)))
	h.must(h.qm.Sync(t.Context()))
	_, err := h.fetch(sent.ID, nil)
	wantCode(t, "without the permission", err, problem.Forbidden)
	bag, err := h.fetch(sent.ID, func(f *desk.Fetching) { f.Restricted = true })
	h.must(err)
	h.arrived(bag)
	p, _, err := evidence.CheckBag(bag)
	h.must(err)
	if i := slices.IndexFunc(p.Files, func(f evidence.File) bool { return f.MediaType != "application/octet-stream" }); i >= 0 {
		t.Errorf("somebody looked at %s: %s", p.Files[i].Path, p.Files[i].MediaType)
	}
}

// TestEvidenceOnMedium: a courier carries what the broker does not; the message
// says how to know it.
func TestEvidenceOnMedium(t *testing.T) {
	t.Parallel()
	h := newHaul(t)
	dir := h.seal(false)
	medium := &convention.Medium{Description: "USB disk, serial XTS-1", Courier: "Embassy courier", Seals: []string{"S-77"}}
	sent := h.send(h.qn, h.delivery(medium, dir))
	h.must(h.qm.Sync(t.Context()))
	if len(h.partFiles()) > 0 {
		t.Error("parts went to the broker")
	}
	_, err := h.fetch(sent.ID, func(f *desk.Fetching) { f.Medium = t.TempDir() })
	if !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("an empty medium: %v", err)
	}
	bag, err := h.fetch(sent.ID, func(f *desk.Fetching) { f.Medium = dir })
	h.must(err)
	h.arrived(bag)
	other := h.seal(false) // of the same files, under another key
	_, err = h.fetch(sent.ID, func(f *desk.Fetching) { f.Medium = other })
	if !errors.Is(err, evidence.ErrManifest) {
		t.Errorf("another medium: %v", err)
	}
}

// TestEvidenceErased: the parts of an erased case are gone from the broker.
func TestEvidenceErased(t *testing.T) {
	t.Parallel()
	h := newHaul(t)
	sent := h.send(h.qn, h.delivery(nil, h.seal(false)))
	h.must(h.qm.Sync(t.Context()))
	h.send(h.qm, h.order(workflow.Withdraw, "QM.mla", "QN.mla", sent))
	h.must(h.qn.Sync(t.Context()))
	h.send(h.qn, h.order(workflow.Close, "QN.mla", "QM.mla", sent))
	h.must(h.server.Close())
	defer h.start()
	_, err := home.Erase(t.Context(), filepath.Join(h.dir, "broker"), h.now, slog.New(slog.DiscardHandler), sent.Case, "retention rule 4.2", "records office")
	h.must(err)
	if left := h.partFiles(); len(left) > 0 {
		t.Errorf("left are %q", left)
	}
	if _, err := home.Check(t.Context(), filepath.Join(h.dir, "broker"), time.Now); err != nil {
		t.Error(err)
	}
}

// TestEvidenceTampered: whatever somebody with the database changes of what it
// says of evidence, the broker's check finds and locates.
func TestEvidenceTampered(t *testing.T) {
	t.Parallel()
	h := newHaul(t)
	sent := h.send(h.qn, h.delivery(nil, h.seal(false)))
	h.must(h.server.Close())
	database := filepath.Join(h.dir, "broker", "broker.db")
	list := filepath.Dir(h.partFiles()[0])
	list = filepath.Join(list, filepath.Base(list))
	whole, err := os.ReadFile(list)
	h.must(err)
	place := fmt.Sprintf("entry %d", sent.Index)
	rows := 0
	for what, change := range map[string]func(){
		"use deleted":       func() { h.sql(database, `DELETE FROM evidence_use`) },
		"use of another":    func() { h.sql(database, `UPDATE evidence_use SET manifest = 'x'`) },
		"said to be gone":   func() { h.sql(database, `UPDATE evidence_use SET dropped_by = 3`) },
		"one use more":      func() { h.sql(database, `INSERT INTO evidence_use SELECT message_id, 'x', 0 FROM evidence_use`) },
		"upload deleted":    func() { h.sql(database, `DELETE FROM evidence_upload`) },
		"upload smaller":    func() { h.sql(database, `UPDATE evidence_upload SET bytes = bytes - 1`) },
		"upload of another": func() { h.sql(database, `UPDATE evidence_upload SET authority = 'QM.mla'`) },
		"upload for others": func() { h.sql(database, `UPDATE evidence_upload SET recipient = 'QP.mla'`) },
		"list swapped": func() {
			lines := strings.SplitAfter(string(whole), "\n")
			h.must(os.WriteFile(list, []byte(lines[1]+lines[0]), 0o600))
		},
		"list shorter": func() { h.must(os.WriteFile(list, whole[:len(whole)/2], 0o600)) },
		"list gone":    func() { h.must(os.Remove(list)) },
	} {
		saved := filepath.Join(h.dir, "saved.db")
		h.copyDatabase(database, saved)
		change()
		_, err := home.Check(t.Context(), filepath.Join(h.dir, "broker"), h.now)
		if !errors.Is(err, broker.ErrInconsistent) || !strings.Contains(err.Error(), place) {
			t.Errorf("%s: %v, want %s", what, err, place)
		} else {
			t.Logf("%-18s %v", what, err)
		}
		h.copyDatabase(saved, database)
		h.must(os.WriteFile(list, whole, 0o600))
		rows++
	}
	t.Logf("%d rows", rows)
	if _, err := home.Check(t.Context(), filepath.Join(h.dir, "broker"), h.now); err != nil {
		t.Error(err)
	}
	h.start()
}

// sql changes a database behind everybody's back.
func (h *haul) sql(database, statement string) {
	h.t.Helper()
	conn, err := sql.Open("sqlite", database)
	h.must(err)
	defer conn.Close()
	_, err = conn.ExecContext(h.t.Context(), statement)
	h.must(err)
}

// TestEvidenceDropped: what was delivered is given up after its time, by an entry
// of the log, with which the check agrees; under a legal hold it stays.
func TestEvidenceDropped(t *testing.T) {
	t.Parallel()
	h := newHaul(t)
	sent := h.send(h.qn, h.delivery(nil, h.seal(false)))
	h.must(h.qm.Sync(t.Context()))
	hold := func(lift bool) {
		h.must(h.server.Close())
		h.must(home.Hold(t.Context(), filepath.Join(h.dir, "broker"), h.now, slog.New(slog.DiscardHandler), sent.Case, "order", "court", lift))
		h.start()
	}
	hold(false)
	h.pass(92 * 24 * time.Hour)
	h.must(h.server.Broker.SweepEvidence(t.Context()))
	if n := len(h.partFiles()); n != 2 {
		t.Errorf("%d parts are kept under a legal hold", n)
	}
	hold(true)
	for range 2 { // what is dropped goes with the next
		h.must(h.server.Broker.SweepEvidence(t.Context()))
	}
	if n := len(h.partFiles()); n != 0 {
		t.Errorf("%d parts are kept after their time", n)
	}
	_, err := h.fetch(sent.ID, nil)
	wantCode(t, "what was dropped", err, problem.MissingEvidence)
	h.must(h.server.Close())
	if report, err := home.Check(t.Context(), filepath.Join(h.dir, "broker"), h.now); err != nil || report.Evidence != 0 {
		t.Errorf("checking: %+v, %v", report, err)
	}
	h.start()
}
