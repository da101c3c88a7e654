package auditor_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/entraide/entraide/internal/auditor"
	"github.com/entraide/entraide/pkg/translog"
)

var begun = time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC)

// after is a time of the story, in minutes after its beginning.
func after(minutes int) string {
	return begun.Add(time.Duration(minutes) * time.Minute).Format(time.RFC3339)
}

func id(name string) string { return strings.Repeat(name, 32)[:32] }

func message(minutes int, name, caseName, act, pair string, seq int64, stage string) translog.Entry {
	from, to, _ := strings.Cut(pair, ">")
	return translog.Entry{Kind: translog.KindMessage, Time: after(minutes), Message: &translog.MessageFact{
		Digest: strings.Repeat("0", 64), ID: id(name), Case: id(caseName), From: from + ".mla", To: to + ".mla", Act: act, Lane: "urgent", Seq: seq, Stage: stage,
	}}
}

func receipt(minutes int, of, by string) translog.Entry {
	return translog.Entry{Kind: translog.KindReceipt, Time: after(minutes), Receipt: &translog.ReceiptFact{
		Digest: strings.Repeat("1", 64), Kind: "delivered", Message: id(of), By: by + ".mla",
	}}
}

func deadline(minutes int, caseName, clock string, due int, pair string) translog.Entry {
	from, to, _ := strings.Cut(pair, ">")
	return translog.Entry{Kind: translog.KindDeadline, Time: after(minutes), Deadline: &translog.DeadlineFact{
		Case: id(caseName), Clock: clock, Due: after(due), From: from + ".mla", To: to + ".mla",
	}}
}

// story is a history in which everything fits: case a is asked, acknowledged,
// answered and closed, and case b is not acknowledged in time.
func story() []translog.Entry {
	return []translog.Entry{
		{Kind: translog.KindStatement, Time: after(0), Statement: &translog.StatementFact{Subject: "QM.mla", Number: 1, Digest: "d", Signer: "QM"}},
		message(1, "1", "a", "request", "QM>QN", 1, "open"),
		receipt(2, "1", "QN"),
		message(31, "2", "a", "acknowledge", "QN>QM", 1, "acknowledged"),
		{Kind: translog.KindRejection, Time: after(32), Rejection: &translog.RejectionFact{Code: "bad-signature", By: "QN.mla"}},
		message(33, "3", "b", "request", "QM>QN", 2, "open"),
		deadline(274, "b", "acknowledgement", 273, "QM>QN"),
		message(601, "4", "a", "deliver", "QN>QM", 2, "answered"),
		message(602, "5", "a", "close", "QM>QN", 3, "closed"),
		{Kind: translog.KindConfiguration, Time: after(603), Configuration: &translog.ConfigurationFact{What: "settings", Detail: "x"}},
	}
}

// A reading is a story in a log, as an auditor of all exchanges was shown it.
type reading struct {
	*testLog
	m        *auditor.Mirror
	b        *auditor.Book
	home     string
	from     string // published files
	withheld map[int]bool
	private  map[int64]translog.Salted
}

// read puts entries at the end of a log and shows them to the auditor, who looks
// some minutes after the beginning.
func (r *reading) read(at int, entries ...translog.Entry) {
	r.t.Helper()
	for i, e := range entries {
		body, err := e.Marshal()
		r.must(err)
		salted, err := translog.NewSalted(body)
		r.must(err)
		index := int64(len(r.leaves))
		stored, err := tlog.StoredHashes(index, salted.Leaf(), r.testLog)
		r.must(err)
		r.stored, r.leaves = append(r.stored, stored...), append(r.leaves, salted.Leaf())
		if !r.withheld[i] {
			r.private[index] = salted
		}
	}
	r.publish(r.from)
	_, err := auditor.Look(r.t.Context(), r.m, r.b, begun.Add(time.Duration(at)*time.Minute))
	r.must(err)
	r.must(r.b.Keep(r.t.Context(), int64(len(r.leaves)), r.private))
}

func newReading(t testing.TB) *reading {
	t.Helper()
	r := &reading{testLog: newLog(t), from: t.TempDir(), withheld: map[int]bool{}, private: map[int64]translog.Salted{}}
	r.m, r.home = r.mirror(auditor.Directory(r.from))
	var err error
	r.b, err = auditor.OpenBook(t.Context(), r.home)
	r.must(err)
	t.Cleanup(func() { r.b.Close() })
	return r
}

// derive returns the findings as "code index".
func (r *reading) derive(at int) (auditor.Summary, []string) {
	r.t.Helper()
	s, err := r.b.Derive(r.t.Context(), r.m, auditor.DefaultRules(), begun.Add(time.Duration(at)*time.Minute))
	r.must(err)
	found := []string{}
	r.must(r.b.EachFinding(r.t.Context(), func(f auditor.Finding) error {
		found = append(found, fmt.Sprintf("%s %d", f.Code, f.Index))
		if f.Text == "" || f.Who == "" || f.Found == "" {
			r.t.Errorf("a finding that says too little: %+v", f)
		}
		return nil
	}))
	return s, found
}

// TestUnfit changes the story in one way after the other, and finds each
// change at its place (audit.md, threats 2, 5, 7, 9, 11, 20; peers.md T53).
func TestUnfit(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		change func(*reading, []translog.Entry) []translog.Entry
		want   string // "" for nothing
		others bool   // the change brings other findings too
	}{
		{"as it was", func(_ *reading, e []translog.Entry) []translog.Entry { return e }, "", false},
		{"dated back", func(_ *reading, e []translog.Entry) []translog.Entry { e[6].Time = after(20); return e }, "dated-before-neighbour 6", true},
		{"dated ahead", func(_ *reading, e []translog.Entry) []translog.Entry { e[9].Time = after(2000); return e }, "dated-outside 9", false},
		{"not shown", func(r *reading, e []translog.Entry) []translog.Entry { r.withheld[4] = true; return e }, "entry-withheld 4", false},
		{"erased", func(r *reading, e []translog.Entry) []translog.Entry {
			r.withheld[4] = true
			return append(e, translog.Entry{Kind: translog.KindErasure, Time: after(604), Erasure: &translog.ErasureFact{Index: 4, Basis: "rule", By: "x"}})
		}, "", false},
		{"a number left out", func(_ *reading, e []translog.Entry) []translog.Entry { e[8].Message.Seq = 4; return e }, "message-without-entry 8", false},
		{"a number twice", func(_ *reading, e []translog.Entry) []translog.Entry { e[8].Message.Seq = 2; return e }, "reordered 8", false},
		{"in another order", func(_ *reading, e []translog.Entry) []translog.Entry {
			e[1].Message.Seq, e[5].Message.Seq = 2, 1
			return e
		}, "reordered 1", false},
		{"a receipt of nothing", func(_ *reading, e []translog.Entry) []translog.Entry { e[2].Receipt.Message = id("9"); return e }, "entry-without-message 2", false},
		{"a receipt by another", func(_ *reading, e []translog.Entry) []translog.Entry { e[2].Receipt.By = "QO.mla"; return e }, "receipt-mismatch 2", false},
		{"a receipt too early", func(_ *reading, e []translog.Entry) []translog.Entry { e[2].Receipt.Message = id("5"); return e }, "receipt-mismatch 2", false},
		{"an act out of place", func(_ *reading, e []translog.Entry) []translog.Entry { e[3].Message.Act = "decide"; return e }, "act-not-allowed 3", false},
		{"another stage", func(_ *reading, e []translog.Entry) []translog.Entry { e[3].Message.Stage = "decided"; return e }, "stage-differs 3", false},
		{"a case without its opening", func(_ *reading, e []translog.Entry) []translog.Entry {
			return append(e, message(604, "7", "c", "notify", "QM>QN", 4, "open"))
		}, "entry-without-message 10", false},
		{"a deadline that was met", func(_ *reading, e []translog.Entry) []translog.Entry {
			return append(e, deadline(604, "a", "acknowledgement", 241, "QM>QN"))
		}, "deadline-wrong 10", false},
		{"a deadline before its time", func(_ *reading, e []translog.Entry) []translog.Entry {
			e[6].Deadline.Due = after(300)
			return e
		}, "deadline-wrong 6", false},
		{"a deadline of others", func(_ *reading, e []translog.Entry) []translog.Entry { e[6].Deadline.To = "QO.mla"; return e }, "deadline-wrong 6", false},
		{"a deadline that is missing", func(_ *reading, e []translog.Entry) []translog.Entry {
			e[4] = message(32, "6", "c", "request", "QM>QN", 2, "open")
			e[5].Message.Seq, e[8].Message.Seq = 3, 4
			return e
		}, "deadline-missing 4", false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			r := newReading(t)
			r.read(605, tt.change(r, story())...)
			s, found := r.derive(606)
			if tt.want == "" && len(found) > 0 || tt.want != "" && (len(found) == 0 || !tt.others && len(found) != 1 || !strings.Contains(strings.Join(found, ","), tt.want)) {
				t.Errorf("found %v, want %q", found, tt.want)
			}
			if grave := s.Grave > 0; grave != (tt.want != "" && !strings.HasPrefix(tt.want, "deadline-missing")) {
				t.Errorf("%d grave findings: %v", s.Grave, found)
			}
		})
	}
}

// TestLooks holds entries against the looks between which they came, a silent
// log against the clock, and keeps what a look itself has found (T49).
func TestLooks(t *testing.T) {
	t.Parallel()
	r := newReading(t)
	e := story()
	r.read(500, e[:5]...)
	r.read(700, e[5:]...) // of 274 minutes and less, and not in the log after 500
	s, found := r.derive(701)
	if want := "dated-outside 5,dated-outside 6"; strings.Join(found, ",") != want || s.Grave != 2 {
		t.Errorf("found %v, want %s", found, want)
	}
	if _, found := r.derive(700 + 25*60); !strings.Contains(strings.Join(found, ","), "silence -1") {
		t.Errorf("a silent log: %v", found)
	}
	// The log is rewound, as after a restore.
	rewound := r.fork(7)
	rewound.publish(r.from)
	if _, err := auditor.Look(t.Context(), r.m, r.b, begun); !errors.Is(err, auditor.ErrRewind) {
		t.Fatalf("a rewound log is followed: %v", err)
	}
	var evidence string
	_, found = r.derive(701)
	r.must(r.b.EachFinding(t.Context(), func(f auditor.Finding) error {
		if f.Code == "rewind" {
			evidence = f.Evidence
		}
		return nil
	}))
	if _, err := os.Stat(evidence); err != nil || !strings.Contains(strings.Join(found, ","), "rewind -1") {
		t.Errorf("found %v, evidence %q: %v", found, evidence, err)
	}
}

// TestBook keeps what it was shown private, forgets what was erased, and sums
// up.
func TestBook(t *testing.T) {
	t.Parallel()
	r := newReading(t)
	entries := story()
	r.read(605, append(entries, message(604, "8", "d", "request", "QO>QN", 1, "open"))...)
	s, found := r.derive(606)
	if len(found) > 0 || s.Entries != 11 || s.Cases != 3 || s.Scope != "all" {
		t.Errorf("%+v, %v", s, found)
	}
	stats, err := r.b.Statistics(t.Context(), "QM")
	r.must(err)
	if len(stats.Pairs) != 1 || stats.Rejections["bad-signature"] != 1 || stats.Statements["QM.mla"] != 1 || stats.Entries["message"] != 6 || !strings.HasPrefix(stats.Checkpoint, origin) {
		t.Fatalf("%+v", stats)
	}
	f := stats.Pairs[0]
	if f.Cases != 2 || f.Stages["closed"] != 1 || f.Stages["open"] != 1 || f.Overdue != 1 || f.Messages != 5 ||
		f.Acknowledged != 1 || *f.AcknowledgedP50 != 30*60 || *f.AcknowledgedP90 != 30*60 || f.Answered != 1 || *f.AnsweredP50 != 600*60 {
		t.Errorf("%+v", f)
	}
	r.lists()
	dir := filepath.Join(r.home, "private")
	for path, want := range map[string]os.FileMode{dir: 0o700, filepath.Join(dir, "entries.db"): 0o600} {
		if info, err := os.Stat(path); err != nil || info.Mode().Perm() != want {
			t.Errorf("%s: %v, %v", path, info.Mode(), err)
		}
	}
	// What is erased loses its private half in the files, and stays counted.
	salt := r.private[4].Salt
	canary := salt[:]
	holds := func() bool {
		files, err := filepath.Glob(filepath.Join(dir, "*"))
		r.must(err)
		for _, file := range files {
			data, err := os.ReadFile(file)
			r.must(err)
			if bytes.Contains(data, canary) {
				return true
			}
		}
		return false
	}
	if !holds() {
		t.Error("the salt is not in the files before, so that nothing is proved")
	}
	r.read(607, translog.Entry{Kind: translog.KindErasure, Time: after(606), Erasure: &translog.ErasureFact{Index: 4, Basis: "rule", By: "x"}})
	if s, found := r.derive(608); len(found) > 0 || s.Entries != 12 || holds() {
		t.Errorf("after the erasure: %+v, %v, still there: %v", s, found, holds())
	}
}

// lists looks at the story in lists.
func (r *reading) lists() {
	r.t.Helper()
	for _, tt := range []struct {
		filter auditor.Filter
		before int64
		want   string
	}{
		{auditor.Filter{}, 3, "2 1 0"},
		{auditor.Filter{Party: "QO"}, 99, "10"},
		{auditor.Filter{Party: "QM", Kind: "receipt"}, 99, "2"},
		{auditor.Filter{Party: "QN"}, 7, "6 5 4 3 2 1"},
		{auditor.Filter{Kind: "message", Stage: "open"}, 99, "10 5 1"},
		{auditor.Filter{Case: id("a")}, 99, "8 7 3 2 1"},
		{auditor.Filter{Code: "bad-signature"}, 99, "4"},
		{auditor.Filter{Lane: "routine"}, 99, ""},
	} {
		list, err := r.b.Listed(r.t.Context(), tt.filter, tt.before, 6)
		r.must(err)
		var got []string
		for _, e := range list {
			got = append(got, fmt.Sprint(e.Index))
			if string(e.Entry.Kind) != e.Kind {
				r.t.Errorf("entry %d is listed as %s", e.Index, e.Kind)
			}
		}
		if strings.Join(got, " ") != tt.want {
			r.t.Errorf("%+v: %v, want %s", tt.filter, got, tt.want)
		}
	}
	for _, tt := range []struct {
		filter auditor.Filter
		want   int
	}{{auditor.Filter{}, 3}, {auditor.Filter{Party: "QM"}, 2}, {auditor.Filter{Stage: "closed"}, 1}, {auditor.Filter{Overdue: true}, 1}, {auditor.Filter{Party: "QP"}, 0}} {
		if cases, err := r.b.Cases(r.t.Context(), tt.filter, 99, 10); err != nil || len(cases) != tt.want {
			r.t.Errorf("%+v: %+v, %v", tt.filter, cases, err)
		}
	}
	if o, err := r.b.Overview(r.t.Context()); err != nil || o.Days["2026-03-02"] != 6 || len(o.Looks) != 1 || len(o.Findings) != 0 {
		r.t.Errorf("%+v, %v", o, err)
	}
}
