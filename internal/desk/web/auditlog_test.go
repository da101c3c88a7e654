package web

import (
	"archive/zip"
	"bytes"
	"encoding/csv"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/entraide/entraide/internal/desk"
	"github.com/entraide/entraide/internal/store"
	"github.com/entraide/entraide/pkg/translog"
)

// TestAuditLog finds what officers did, verifies and exports the log, and says when
// it was altered.
func TestAuditLog(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	duty, auditor := h.user("duty", desk.DutyOfficer), h.user("auditor", desk.NationalAuditor)
	d := h.server.Desk
	h.must(d.Store().Write(t.Context(), func(w store.DeskWriter) error {
		return d.Record(t.Context(), w, duty.user.ID, "case printed", "=HYPERLINK(1)")
	}))
	find := func(query string) string { return auditor.get("/log?" + query).Body.String() }
	if body := find("by=" + duty.user.ID + "&what=Printed"); !strings.Contains(body, "=HYPERLINK(1)") || strings.Count(body, "<tr") != 2 {
		t.Errorf("by person and action:\n%s", body)
	}
	for _, query := range []string{"case=nowhere", "by=desk&what=printed", "until=2026-11-22", "since=2026-11-24"} {
		if body := find(query); !strings.Contains(body, "No entry fits") {
			t.Errorf("%s finds something:\n%s", query, body)
		}
	}
	if got := auditor.get("/log?since=yesterday"); got.Code != http.StatusUnprocessableEntity {
		t.Errorf("a day that is none: %d", got.Code)
	}
	rows, err := csv.NewReader(auditor.get("/log.csv?what=printed").Body).ReadAll()
	if err != nil || len(rows) != 2 || rows[1][5] != "'=HYPERLINK(1)" {
		t.Errorf("the table is %q: %v", rows, err)
	}
	if body := find("what=exported"); !strings.Contains(body, "1 entries as a table") {
		t.Error("the log does not say who took the table")
	}
	if body := auditor.post("/log/verify", url.Values{}).Body.String(); !strings.Contains(body, "All entries were read again") {
		t.Errorf("verifying:\n%s", body)
	}
	exported := auditor.post("/log/export", url.Values{}).Body.Bytes()
	files, err := zip.NewReader(bytes.NewReader(exported), int64(len(exported)))
	h.must(err)
	for _, name := range []string{"checkpoint", "entries.jsonl"} {
		if !slices.ContainsFunc(files.File, func(f *zip.File) bool { return f.Name == name }) {
			t.Errorf("the export lacks %s", name)
		}
	}
	h.must(d.Store().Write(t.Context(), func(w store.DeskWriter) error {
		head, err := w.Head(t.Context())
		h.must(err)
		entries, err := w.Entries(t.Context(), 0, 1)
		h.must(err)
		entries[0].Index = head.Size
		entries[0].Body = bytes.Replace(entries[0].Body, []byte(`"by":"`), []byte(`"by":"x`), 1)
		tree, err := translog.ParseTree(head.Size, head.Frontier)
		h.must(err)
		growth, err := tree.Append([]translog.Hash{translog.LeafHash(entries[0].Leaf)})
		h.must(err)
		return w.Log(t.Context(), head, store.Head{Size: head.Size + 1, Frontier: growth.After.Frontier()}, entries)
	}))
	if body := auditor.post("/log/verify", url.Values{}).Body.String(); !strings.Contains(body, "is not what was recorded") {
		t.Errorf("an altered log:\n%s", body)
	}
}
