package e2e_test

import (
	"bytes"
	"database/sql"
	"encoding/json"
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/entraide/entraide/internal/auditor"
	"github.com/entraide/entraide/internal/broker"
	"github.com/entraide/entraide/internal/broker/home"
	"github.com/entraide/entraide/internal/desk"
	"github.com/entraide/entraide/internal/testkit/pgserver"
	"github.com/entraide/entraide/pkg/problem"
	"github.com/entraide/entraide/pkg/workflow"
)

// TestErasure erases a closed case at the broker: a legal hold prevents it, the
// content and the salts are in no file of the database afterwards, and
// everything else still verifies, for those who saw the log before as for those
// who see it now.
func TestErasure(t *testing.T) {
	t.Parallel()
	t.Run("sqlite", func(t *testing.T) {
		t.Parallel()
		h := newHub(t)
		file := filepath.Join(h.dir, "broker", "broker.db")
		h.erasure("sqlite", file, filepath.Join(h.dir, "broker"))
	})
	t.Run("postgres", func(t *testing.T) {
		t.Parallel()
		server := pgserver.Start(t, "wal_recycle=off")
		address := server.Database(t)
		newHubOn(t, address).erasure("postgres", address, server.Dir())
	})
}

func (h *hub) erasure(driver, address, files string) {
	t := h.t
	qm, qn := h.pair()
	kept := h.send(qm, h.order(workflow.Request, "QM.mla", "QN.mla", desk.Message{}))
	sent := h.send(qm, h.order(workflow.Request, "QM.mla", "QN.mla", desk.Message{}))
	h.must(qn.Sync(t.Context()))
	h.must(qm.Sync(t.Context()))
	h.send(qm, h.order(workflow.Withdraw, "QM.mla", "QN.mla", sent))
	h.must(qn.Sync(t.Context()))
	home1 := filepath.Join(h.dir, "broker")
	erase := func(caseID string) (int, error) {
		h.must(h.server.Close())
		defer h.start()
		return home.Erase(t.Context(), home1, h.now, slog.New(slog.DiscardHandler), caseID, "retention rule 4.2", "records office")
	}
	holds := func(lift bool) error {
		h.must(h.server.Close())
		defer h.start()
		return home.Hold(t.Context(), home1, h.now, slog.New(slog.DiscardHandler), sent.Case, "order of the court", "records office", lift)
	}
	refused := func(what string, err error, code problem.Code) {
		t.Helper()
		if p, ok := errors.AsType[*problem.Error](err); !ok || p.Code != code {
			t.Errorf("%s: %v, want %s", what, err, code)
		}
	}
	_, err := erase(sent.Case)
	refused("an open case", err, problem.ActNotAllowed)
	_, err = erase(strings.Repeat("0", 32))
	refused("no case", err, problem.NotFound)
	h.send(qn, h.order(workflow.Close, "QN.mla", "QM.mla", sent))
	h.must(qm.Sync(t.Context()))
	h.must(holds(false))
	refused("a second hold", holds(false), problem.ActNotAllowed)
	_, err = erase(sent.Case)
	refused("a case under a hold", err, problem.Forbidden)
	h.must(holds(true))

	// An auditor has seen the log before.
	mirror := filepath.Join(h.dir, "mirror")
	follow := func() {
		t.Helper()
		if _, err := os.Stat(mirror); err != nil {
			h.must(auditor.Create(mirror, h.public))
		}
		m, err := auditor.Open(mirror, nil)
		h.must(err)
		defer m.Close()
		_, err = m.Sync(t.Context())
		h.must(err)
	}
	follow()
	h.flush(driver, address)
	canaries := h.canaries(driver, address, sent.Case)
	for name, canary := range canaries {
		if !contains(t, files, canary) {
			t.Errorf("%s is not in the files before, so that nothing is proved", name)
		}
	}

	n, err := erase(sent.Case)
	h.must(err)
	if n < 6 {
		t.Errorf("%d entries erased, want three messages and their receipts", n)
	}
	for name, canary := range canaries {
		if contains(t, files, canary) {
			t.Errorf("%s is still in the files", name)
		}
	}
	_, err = erase(sent.Case)
	refused("an erased case", err, problem.NotFound)

	// The log is whole, whoever looks; other cases go on; nothing comes back.
	follow()
	h.must(h.server.Close())
	report, err := home.Check(t.Context(), home1, time.Now)
	h.must(err)
	if report.Erased != int64(n) || report.Cases != 1 {
		t.Errorf("%+v after erasing %d entries", report, n)
	}
	h.start()
	h.send(qn, h.order(workflow.Acknowledge, "QN.mla", "QM.mla", kept))
	if _, err := h.as("QM").Message(t.Context(), sent.ID); err == nil {
		t.Error("the broker still gives the message out")
	}
	h.must(qm.Sync(t.Context()))
	if _, err := qm.Case(t.Context(), sent.Case); err != nil {
		t.Errorf("the parties keep their own: %v", err)
	}

	// An erasure that no entry stands for is a finding.
	h.must(h.server.Close())
	conn, err := sql.Open(driver, address)
	h.must(err)
	_, err = conn.ExecContext(t.Context(), `UPDATE log_entry SET salt = NULL, body = NULL, erased_by = 1 WHERE idx = 3`)
	h.must(errors.Join(err, conn.Close()))
	if _, err := home.Check(t.Context(), home1, time.Now); !errors.Is(err, broker.ErrInconsistent) || !strings.Contains(err.Error(), "entry 3 has lost its private half") {
		t.Errorf("an erasure behind the log's back: %v", err)
	}
	h.start()
}

// flush has a server write its tables to their files.
func (h *hub) flush(driver, address string) {
	if driver != "postgres" {
		return
	}
	conn, err := sql.Open(driver, address)
	h.must(err)
	_, err = conn.ExecContext(h.t.Context(), "CHECKPOINT")
	h.must(errors.Join(err, conn.Close()))
}

// canaries are what must not survive: bytes of a sealed payload and of a header,
// a salt, and the body of an entry.
func (h *hub) canaries(driver, address, caseID string) map[string][]byte {
	h.t.Helper()
	conn, err := sql.Open(driver, address)
	h.must(err)
	defer conn.Close()
	var payload, header, salt, body []byte
	h.must(conn.QueryRowContext(h.t.Context(), `SELECT m.payload, m.header, e.salt, e.body FROM message m JOIN log_entry e ON e.idx = m.idx
		WHERE m.case_id = '`+caseID+`' ORDER BY m.idx LIMIT 1`).Scan(&payload, &header, &salt, &body))
	var parsed struct{ Payload struct{ Commitment string } }
	h.must(json.Unmarshal(header, &parsed))
	return map[string][]byte{
		"the payload": payload[1000:1032], "the header": []byte(parsed.Payload.Commitment), "the salt": salt, "the entry": body,
	}
}

// contains looks for bytes in every file of a directory.
func contains(t *testing.T, dir string, canary []byte) (found bool) {
	t.Helper()
	if err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || !e.Type().IsRegular() {
			return nil //nolint:nilerr // the server removes files while we look
		}
		data, err := os.ReadFile(path)
		if err == nil && bytes.Contains(data, canary) {
			t.Logf("%q in %s", canary[:8], path)
			found = true
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	return found
}
