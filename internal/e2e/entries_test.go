package e2e_test

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"net/http"
	"path/filepath"
	"strings"
	"testing"

	"github.com/entraide/entraide/internal/auditor"
	"github.com/entraide/entraide/internal/cli"
	"github.com/entraide/entraide/internal/desk"
	"github.com/entraide/entraide/pkg/wire"
	"github.com/entraide/entraide/pkg/workflow"
)

// TestAuditorReads has an auditor that the depositary named read the procedure
// of all exchanges on the command line, against a mirror of its own: as a table,
// as JSON, as values that no spreadsheet takes for formulas (peers.md T45). A
// broker that shows other entries than it signed, or hides that it was read, is
// found.
func TestAuditorReads(t *testing.T) {
	t.Parallel()
	h := newHub(t)
	qm, _ := h.pair()
	h.join("XA")
	sent := h.send(qm, h.order(workflow.Request, "QM.mla", "QN.mla", desk.Message{}))
	h.must(h.server.Broker.Hold(t.Context(), sent.Case, "order of the court", `=HYPERLINK("https://x.example")`, false))
	mirror := filepath.Join(h.dir, "mirror")
	h.must(auditor.Create(mirror, h.public))
	run := func(args ...string) (status int, out, errs bytes.Buffer) {
		all := append([]string{"audit", "entries", "--home", filepath.Join(h.dir, "XA"), "--mirror", mirror}, args...)
		status = cli.Run(all, nil, &out, &errs)
		return status, out, errs
	}
	if status, _, errs := run(); status != 1 || !strings.Contains(errs.String(), "auditor") {
		t.Fatalf("before it is named an auditor: %d, %s", status, &errs)
	}
	h.must(h.keeper.NameAuditors(t.Context(), []string{"XA.mla"}))

	status, out, errs := run("--json", "--party", "QN", "--kind", "message")
	var entries []auditor.Entry
	if err := json.Unmarshal(out.Bytes(), &entries); status != 0 || err != nil || len(entries) != 1 || entries[0].Entry.Message.ID != sent.ID {
		t.Errorf("status %d, %v, %s%s", status, err, &out, &errs)
	}
	if status, out, errs := run("--csv"); status != 0 {
		t.Errorf("status %d: %s", status, &errs)
	} else if rows, err := csv.NewReader(&out).ReadAll(); err != nil || len(rows) < 5 {
		t.Errorf("%d rows, %v", len(rows), err)
	} else if last := csvOf(rows, "operator"); last[3] != `'=HYPERLINK("https://x.example")` || !strings.Contains(last[6], sent.Case) {
		t.Errorf("the operator's act is %q", last)
	}
	if status, out, _ := run("--since", "2020-01-01", "--code", "none"); status != 0 || !strings.Contains(out.String(), "No entry") {
		t.Errorf("status %d: %s", status, &out)
	}
	if status, _, _ := run("--since", "yesterday"); status != 2 {
		t.Errorf("a time that is none: status %d", status)
	}
	for what, change := range map[string]func(*wire.AuditEntries){
		"an altered entry": func(a *wire.AuditEntries) { a.Items[0].Body = strings.Replace(a.Items[0].Body, "QM", "QN", 1) },
		"another place":    func(a *wire.AuditEntries) { a.Items[0].Index-- },
		"no account":       func(a *wire.AuditEntries) { a.Access = "" },
		"a hidden part":    func(a *wire.AuditEntries) { a.Next-- },
	} {
		h.meddle(func(w http.ResponseWriter, r *http.Request, next http.Handler) bool {
			if r.URL.Path != "/v1/audit/entries" {
				return false
			}
			altered(w, r, next, func(body []byte) []byte {
				var a wire.AuditEntries
				h.must(json.Unmarshal(body, &a))
				change(&a)
				body, err := json.Marshal(a)
				h.must(err)
				return body
			})
			return true
		})
		if status, _, errs := run("--kind", "message"); status != 3 {
			t.Errorf("%s: status %d, %s", what, status, &errs)
		}
	}
}

// csvOf returns the first row of a kind.
func csvOf(rows [][]string, kind string) []string {
	for _, row := range rows {
		if row[2] == kind {
			return row
		}
	}
	return make([]string, len(rows[0]))
}
