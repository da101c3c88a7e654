package e2e_test

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/entraide/entraide/internal/auditor"
	"github.com/entraide/entraide/internal/cli"
	"github.com/entraide/entraide/internal/desk"
	"github.com/entraide/entraide/pkg/wire"
	"github.com/entraide/entraide/pkg/workflow"
)

// TestAuditorChecks has an auditor of all exchanges follow a broker, derive every
// case anew and get figures, on the command line: nothing is found where nothing
// is wrong, with a bundle of a party as with the broker's entries; an entry that
// the broker hides is named; and so is an erasure that an entry stands for.
func TestAuditorChecks(t *testing.T) {
	t.Parallel()
	h := newHub(t)
	qm, qn := h.pair()
	h.join("XA")
	h.must(h.keeper.NameAuditors(t.Context(), []string{"XA.mla"}))
	sent := h.send(qm, h.order(workflow.Request, "QM.mla", "QN.mla", desk.Message{}))
	h.must(qn.Sync(t.Context()))
	h.send(qn, h.order(workflow.Acknowledge, "QN.mla", "QM.mla", sent))
	h.must(qm.Sync(t.Context()))
	h.must(qn.Sync(t.Context()))
	h.must(qm.Sync(t.Context()))
	mirror, zip := filepath.Join(h.dir, "mirror"), filepath.Join(h.dir, "case.zip")
	var packed bytes.Buffer
	h.bundle(qm, sent.Case, &packed)
	h.must(os.WriteFile(zip, packed.Bytes(), 0o600))
	run := func(args ...string) (status int, out, errs bytes.Buffer) {
		status = cli.Run(append([]string{"audit", "--home", mirror}, args...), nil, &out, &errs)
		return status, out, errs
	}
	h.must(auditor.Create(mirror, h.public))

	// Without an account there are only receipts and bundles to derive from.
	if status, out, errs := run("check"); status != 0 || !strings.Contains(out.String(), "0 of them are in the book (files)") {
		t.Errorf("status %d, %s%s", status, &out, &errs)
	}
	if status, out, errs := run("add", zip); status != 0 || !strings.Contains(out.String(), "Took ") {
		t.Errorf("status %d, %s%s", status, &out, &errs)
	}
	if status, out, errs := run("check"); status != 0 || !strings.Contains(out.String(), "make up 1 cases") || !strings.Contains(out.String(), "Nothing was found") {
		t.Errorf("status %d, %s%s", status, &out, &errs)
	}
	// With one, everything is judged.
	account := []string{"check", "--json", "--account", filepath.Join(h.dir, "XA")}
	var checked struct {
		Summary  auditor.Summary
		Findings []auditor.Finding
	}
	status, out, errs := run(account...)
	if err := json.Unmarshal(out.Bytes(), &checked); status != 0 || err != nil || len(checked.Findings) > 0 || checked.Summary.Scope != "all" || checked.Summary.Cases != 1 {
		t.Fatalf("status %d, %v, %s%s", status, err, &out, &errs)
	}
	var stats auditor.Statistics
	status, out, errs = run("statistics", "--json", "--party", "QN")
	if err := json.Unmarshal(out.Bytes(), &stats); status != 0 || err != nil || len(stats.Pairs) != 1 || stats.Pairs[0].Stages["acknowledged"] != 1 || stats.Pairs[0].AcknowledgedP50 == nil {
		t.Errorf("status %d, %v, %s%s", status, err, &out, &errs)
	}
	status, out, errs = run("statistics", "--csv")
	if rows, err := csv.NewReader(&out).ReadAll(); status != 0 || err != nil || rows[1][1] != "QM" || rows[1][3] != "urgent" {
		t.Errorf("status %d, %v, %s", status, err, &errs)
	}
	if status, out, _ := run("statistics"); status != 0 || !strings.Contains(out.String(), "QM > QN") || !strings.Contains(out.String(), "rest on the checkpoint\n\nbroker.example/log") {
		t.Errorf("status %d, %s", status, &out)
	}

	// The broker hides an entry.
	h.send(qm, h.order(workflow.Request, "QM.mla", "QN.mla", desk.Message{}))
	h.meddle(func(w http.ResponseWriter, r *http.Request, next http.Handler) bool {
		if r.URL.Path != "/v1/audit/entries" {
			return false
		}
		altered(w, r, next, func(body []byte) []byte {
			var a wire.AuditEntries
			h.must(json.Unmarshal(body, &a))
			a.Items = a.Items[:len(a.Items)-1]
			body, err := json.Marshal(a)
			h.must(err)
			return body
		})
		return true
	})
	status, out, errs = run(account...)
	if err := json.Unmarshal(out.Bytes(), &checked); status != 3 || err != nil || len(checked.Findings) != 1 || checked.Findings[0].Code != auditor.FindWithheld {
		t.Errorf("status %d, %v, %s%s", status, err, &out, &errs)
	}
	h.meddle(nil)
	if status, out, errs := run(append(account, "--again")...); status != 0 {
		t.Errorf("shown after all: status %d, %s%s", status, &out, &errs)
	}
}
