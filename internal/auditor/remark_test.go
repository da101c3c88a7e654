package auditor_test

import (
	"database/sql"
	"errors"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/entraide/entraide/internal/auditor"
	"github.com/entraide/entraide/pkg/problem"
	"github.com/entraide/entraide/pkg/verify"
)

// unfit is a story with two findings that are evidence and one that is a notice.
func unfit(t *testing.T) *reading {
	t.Helper()
	r := newReading(t)
	e := story()
	e[3].Message.Stage = "decided"
	e[8].Message.Seq = 4
	r.read(605, e...)
	if _, found := r.derive(606); strings.Join(found, ",") != "stage-differs 3,message-without-entry 8" {
		t.Fatalf("found %v", found)
	}
	return r
}

// TestRemarks remarks on findings, derives anew, and finds the remarks where they
// were.
func TestRemarks(t *testing.T) {
	t.Parallel()
	r := unfit(t)
	ctx := t.Context()
	const key = "stage-differs-3"
	for _, tt := range []struct{ key, state, comment, by, field string }{
		{"stage-differs-4", "explained", "x", "A. Inspector", "finding"},
		{"", "explained", "x", "A. Inspector", "finding"},
		{key, "done", "x", "A. Inspector", "state"},
		{key, "explained", " ", "A. Inspector", "comment"},
		{key, "explained", "a\x00b", "A. Inspector", "comment"},
		{key, "explained", strings.Repeat("é", auditor.MaxComment+1), "A. Inspector", "comment"},
		{key, "explained", "x", "", "by"},
		{key, "explained", "x", "A.\nInspector", "by"},
	} {
		_, err := r.b.Remark(ctx, tt.key, tt.state, tt.comment, tt.by, begun)
		if p, ok := errors.AsType[*problem.Error](err); !ok || p.Field != tt.field {
			t.Errorf("%+v: %v", tt, err)
		}
	}
	first, err := r.b.Remark(ctx, key, "explained", "The broker was <at> rest.\r\nSee annex 2.", " A. Inspector ", begun)
	r.must(err)
	second, err := r.b.Remark(ctx, key, "", strings.Repeat("é", auditor.MaxComment), "B. Inspector", begun.Add(time.Hour))
	r.must(err)
	if first.Number != 1 || first.By != "A. Inspector" || strings.Contains(first.Comment, "\r") || second.State != "explained" || second.Hash == first.Hash {
		t.Errorf("%+v, %+v", first, second)
	}
	r.read(608, story()[9]) // the log goes on, and everything is derived anew
	r.derive(609)
	f, err := r.b.Finding(ctx, key)
	r.must(err)
	if f.State != "explained" || len(f.Remarks) != 2 || f.Remarks[0] != first || first.About != f.Text {
		t.Errorf("%+v", f)
	}
	_, err = r.b.Remark(ctx, key, "closed", "Put right.", "A. Inspector", begun)
	r.must(err)
	for _, tt := range []struct {
		filter auditor.FindingFilter
		want   int
	}{
		{auditor.FindingFilter{}, 2}, {auditor.FindingFilter{State: "open"}, 1}, {auditor.FindingFilter{State: "closed"}, 1}, {auditor.FindingFilter{State: "explained"}, 0},
		{auditor.FindingFilter{Code: "stage-differs", State: "closed", Grave: true}, 1}, {auditor.FindingFilter{Case: id("a")}, 2}, {auditor.FindingFilter{Key: key}, 1},
	} {
		if found, _, err := r.b.FindingsPage(ctx, tt.filter, 0, 10); err != nil || len(found) != tt.want {
			t.Errorf("%+v: %+v, %v", tt.filter, found, err)
		}
	}
	counts, err := r.b.FindingCounts(ctx)
	if err != nil || len(counts) != 2 || counts[1] != (auditor.FindingCount{Code: "stage-differs", State: "closed", Grave: true, Count: 1}) {
		t.Errorf("%+v, %v", counts, err)
	}
	if o, err := r.b.Overview(ctx); err != nil || o.Grave != 1 || o.States["closed"] != 1 || o.Findings["stage-differs"] != 1 {
		t.Errorf("%+v, %v", o, err)
	}
	if last, err := r.b.CheckRemarks(ctx); err != nil || last.Number != 3 {
		t.Errorf("%+v, %v", last, err)
	}
}

// TestRemarksAltered changes the log of remarks behind the program's back. The
// database refuses what it can; what is forced is found, and the book opens no
// more.
func TestRemarksAltered(t *testing.T) {
	t.Parallel()
	for name, script := range map[string]string{
		"altered":           `DROP TRIGGER remark_stands; UPDATE remark SET comment = 'all is well' WHERE number = 1`,
		"another name":      `DROP TRIGGER remark_stands; UPDATE remark SET by = 'C. Inspector' WHERE number = 2`,
		"hash and all":      `DROP TRIGGER remark_stands; UPDATE remark SET hash = 'aa' WHERE number = 3`,
		"the first missing": `DROP TRIGGER remark_stays; DELETE FROM remark WHERE number = 1`,
		"one missing":       `DROP TRIGGER remark_stays; DELETE FROM remark WHERE number = 2`,
		"the last missing":  `DROP TRIGGER remark_stays; DELETE FROM remark WHERE number = 3`,
		"all missing":       `DROP TRIGGER remark_stays; DELETE FROM remark`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := unfit(t)
			for range 3 {
				_, err := r.b.Remark(t.Context(), "stage-differs-3", "explained", "It was so.", "A. Inspector", begun)
				r.must(err)
			}
			db, err := sql.Open("sqlite", filepath.Join(r.home, "private", "entries.db"))
			r.must(err)
			defer db.Close()
			for _, refused := range []string{`UPDATE remark SET state = 'closed'`, `DELETE FROM remark`} {
				if _, err := db.ExecContext(t.Context(), refused); err == nil {
					t.Errorf("%s is done", refused)
				}
			}
			_, err = db.ExecContext(t.Context(), script)
			r.must(err)
			if _, err := r.b.Remark(t.Context(), "stage-differs-3", "closed", "x", "A. Inspector", begun); !errors.Is(err, auditor.ErrRemarks) {
				t.Errorf("remarking: %v", err)
			}
			if _, err := r.b.CheckRemarks(t.Context()); !errors.Is(err, auditor.ErrRemarks) || !errors.Is(err, verify.ErrMisbehaviour) {
				t.Errorf("checking: %v", err)
			}
			if b, err := auditor.OpenBook(t.Context(), r.home); !errors.Is(err, auditor.ErrRemarks) {
				t.Errorf("opening: %v", err)
				b.Close()
			}
		})
	}
}
