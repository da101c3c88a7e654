package e2e_test

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/entraide/entraide/internal/auditor"
	"github.com/entraide/entraide/internal/broker/home"
	"github.com/entraide/entraide/internal/cli"
	"github.com/entraide/entraide/internal/desk"
	"github.com/entraide/entraide/pkg/directory"
	"github.com/entraide/entraide/pkg/problem"
	"github.com/entraide/entraide/pkg/workflow"
)

// TestPublishedAndReported has a State publish figures of its own cases, which the
// other States and two auditors read and nobody else can make, and has the auditors
// report on the period: both make the same bytes, the second from a later state of the
// log.
func TestPublishedAndReported(t *testing.T) {
	t.Parallel()
	h := newHub(t)
	qm, qn := h.pair()
	h.join("XA")
	h.join("XB")
	h.must(h.keeper.NameAuditors(t.Context(), []string{"XA.mla", "XB.mla"}))
	day := func(days int) string { return h.now().AddDate(0, 0, days).UTC().Format(time.DateOnly) }
	figures := directory.StatisticsStatement{
		From: day(-60), To: day(-10), Decisions: []directory.OutcomeFigure{}, Grounds: []directory.GroundFigure{{Ground: "21A_FORM", Direction: directory.Incoming, Measures: 7}},
		Cases: []directory.CaseFigure{{Type: "T05", Direction: directory.Incoming, Cases: 12, Closed: 6, Median: 20, Ninety: 44}}, LeftOut: 2,
	}
	h.must(qm.PublishStatistics(t.Context(), figures))
	figures.LeftOut = 3
	h.must(qm.PublishStatistics(t.Context(), figures)) // a correction
	small := figures
	small.Cases = []directory.CaseFigure{{Type: "T05", Direction: directory.Incoming, Cases: 4}}
	if err := qm.PublishStatistics(t.Context(), small); problem.CodeOf(err) != problem.StatementInvalid {
		t.Errorf("a number below five is published: %v", err)
	}
	for _, d := range []*desk.Desk{qm, qn} {
		h.must(d.Sync(t.Context()))
		if got := d.Directory().Statistics("QM"); len(got) != 1 || got[0].LeftOut != 3 || got[0].Cases[0].Cases != 12 {
			t.Errorf("a desk reads %+v", got)
		}
		if _, err := d.VerifyDirectory(t.Context()); err != nil {
			t.Error(err)
		}
		if found, err := d.Incidents(t.Context()); err != nil || len(found) > 0 {
			t.Errorf("%+v, %v", found, err)
		}
	}

	sent := h.send(qm, h.order(workflow.Request, "QM.mla", "QN.mla", desk.Message{}))
	h.must(qn.Sync(t.Context()))
	audit := func(who string, args ...string) []byte {
		t.Helper()
		var out, errs bytes.Buffer
		if status := cli.Run(append([]string{"audit", "--home", filepath.Join(h.dir, "mirror-"+who)}, args...), nil, &out, &errs); status != 0 {
			t.Fatalf("audit %v: status %d, %s%s", args, status, &out, &errs)
		}
		return out.Bytes()
	}
	period := []string{"report", "--from", day(-1), "--to", day(1), "--unsigned", "--out"}
	first, second := filepath.Join(h.dir, "first"), filepath.Join(h.dir, "second")
	h.must(auditor.Create(filepath.Join(h.dir, "mirror-XA"), h.public))
	audit("XA", "check", "--account", filepath.Join(h.dir, "XA"))
	audit("XA", append(period, first)...)

	h.send(qn, h.order(workflow.Acknowledge, "QN.mla", "QM.mla", sent))
	h.must(auditor.Create(filepath.Join(h.dir, "mirror-XB"), h.public))
	audit("XB", "check", "--account", filepath.Join(h.dir, "XB"))
	audit("XB", append(period, second, "--checkpoint", filepath.Join(first, "report.json"))...)
	audit("XB", "report", "verify", first)
	for _, file := range []string{"report.json", "report.csv", "report.html"} {
		a, err := os.ReadFile(filepath.Join(first, file))
		h.must(err)
		b, err := os.ReadFile(filepath.Join(second, file))
		h.must(err)
		if !bytes.Equal(a, b) {
			t.Errorf("two auditors make another %s", file)
		}
	}
	h.must(h.server.Close())
	if _, err := home.Check(t.Context(), filepath.Join(h.dir, "broker"), h.now); err != nil {
		t.Errorf("the broker's own check: %v", err)
	}
	report, err := os.ReadFile(filepath.Join(first, "report.json"))
	h.must(err)
	if !bytes.Contains(report, []byte(`"typ": "entraide/statistics/1",
      "changes": [
        "left_out"
      ]`)) {
		t.Errorf("the report does not say what statements change: %s", report)
	}
	var stats auditor.Statistics
	h.must(json.Unmarshal(audit("XB", "statistics", "--json", "--party", "QM"), &stats))
	if len(stats.Published) != 2 || !stats.Published[0].Corrected || stats.Published[1].Corrected || stats.Published[1].Statement.LeftOut != 3 || stats.Published[1].Party != "QM" {
		t.Errorf("%+v", stats.Published)
	}
}
