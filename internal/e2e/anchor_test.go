package e2e_test

import (
	"bytes"
	"database/sql"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/entraide/entraide/internal/auditor"
	"github.com/entraide/entraide/internal/desk"
	"github.com/entraide/entraide/internal/testkit/states"
	"github.com/entraide/entraide/pkg/translog"
	"github.com/entraide/entraide/pkg/wire"
	"github.com/entraide/entraide/pkg/workflow"
)

// TestAnchoredLog rewrites a desk's own log as its administrator can, whole and
// consistent: the broker's log was told of another. So it was if the desk's
// database is an old one, restored.
func TestAnchoredLog(t *testing.T) {
	t.Parallel()
	h := newHub(t)
	qm, _ := h.pair()
	h.must(qm.Sync(t.Context()))
	_, err := qm.AuditVerify(t.Context())
	h.must(err)
	file, old := filepath.Join(h.dir, "QM", "desk.db"), filepath.Join(h.dir, "old.db")
	h.must(qm.Close())
	h.copyDatabase(file, old)

	// What a desk exports is what any C2SP verifier reads, with what it commits to.
	qm = h.opened("QM")
	public := filepath.Join(h.dir, "own-log")
	size, err := qm.ExportLog(t.Context(), public, "officer.a")
	h.must(err)
	h.must(qm.Close())
	h.must(auditor.Create(filepath.Join(h.dir, "own-mirror"), h.ownLog(public)))
	m, err := auditor.Open(filepath.Join(h.dir, "own-mirror"), auditor.Directory(public))
	h.must(err)
	if r, err := m.Sync(t.Context()); err != nil || r.Size != size {
		t.Errorf("the exported log: %+v, %v, want %d entries", r, err, size)
	}
	h.must(m.Close())

	h.rewriteDeskLog(file)
	qm = h.opened("QM")
	if _, err := qm.AuditVerify(t.Context()); !errors.Is(err, desk.ErrAudit) {
		t.Errorf("a rewritten log: %v", err)
	} else {
		t.Log(err)
	}

	h.must(qm.Close())
	h.copyDatabase(old, file)
	qm = h.opened("QM")
	h.send(qm, h.order(workflow.Request, "QM.mla", "QN.mla", desk.Message{}))
	h.pass(time.Hour)
	h.must(qm.Sync(t.Context())) // is anchored anew
	_, err = qm.AuditVerify(t.Context())
	h.must(err)
	h.accused(qm, 0, "")
	h.must(qm.Close())
	h.copyDatabase(old, file)
	qm = h.opened("QM")
	if _, err := qm.AuditVerify(t.Context()); err != nil {
		t.Errorf("the old database knows no better: %v", err)
	}
	h.must(qm.Sync(t.Context()))
	_, _, err = qm.Send(t.Context(), desk.Order{
		From: "QM.mla", To: "QN.mla", Act: workflow.Inform, Lane: workflow.Routine, Body: states.Body(t, workflow.Inform, "QM.mla", "QN.mla"),
	})
	h.must(err)
	h.pass(time.Hour)
	h.must(qm.Sync(t.Context()))
	h.accused(qm, 1, "does not extend those")
}

// ownLog describes a desk's own log as if it were a broker's.
func (h *hub) ownLog(dir string) wire.Broker {
	h.t.Helper()
	key, err := os.ReadFile(filepath.Join(dir, "log.vkey"))
	h.must(err)
	own := h.public
	own.LogKey = strings.TrimSpace(string(key))
	own.Origin, _, _ = strings.Cut(own.LogKey, "+")
	return own
}

// rewriteDeskLog changes the first entry of a desk's own log and everything in
// the database that follows from it.
func (h *hub) rewriteDeskLog(file string) {
	h.t.Helper()
	conn, err := sql.Open("sqlite", file)
	h.must(err)
	defer conn.Close()
	d := &database{t: h.t, conn: conn}
	rows, err := conn.QueryContext(h.t.Context(), "SELECT salt, body FROM log_entry ORDER BY idx")
	h.must(err)
	defer rows.Close()
	var all []translog.Salted
	for rows.Next() {
		var salt, body []byte
		h.must(rows.Scan(&salt, &body))
		all = append(all, translog.Salted{Salt: [32]byte(salt), Body: body})
	}
	h.must(rows.Err())
	all[0].Body = bytes.Replace(all[0].Body, []byte(`"by":"desk"`), []byte(`"by":"nobody"`), 1)
	var hashes []translog.Hash
	for _, s := range all {
		hashes = append(hashes, translog.LeafHash(s.Leaf()))
	}
	growth, err := translog.NewTree().Append(hashes)
	h.must(err)
	leaf, hash := all[0].Leaf(), hashes[0]
	h.must(d.exec("UPDATE log_entry SET body = ?, leaf = ?, leaf_hash = ? WHERE idx = 0", all[0].Body, leaf, hash[:]))
	h.must(d.exec("UPDATE log_head SET frontier = ?", growth.After.Frontier()))
}
