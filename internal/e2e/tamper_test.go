package e2e_test

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/entraide/entraide/internal/auditor"
	"github.com/entraide/entraide/internal/broker/home"
	"github.com/entraide/entraide/internal/desk"
	"github.com/entraide/entraide/internal/testkit/pgserver"
	"github.com/entraide/entraide/pkg/translog"
	"github.com/entraide/entraide/pkg/wire"
	"github.com/entraide/entraide/pkg/workflow"
)

// A database is what a superuser with direct SQL, or with the file, gets at.
type database struct {
	t    *testing.T
	conn *sql.DB
	pg   bool
}

// exec runs a statement with ? as placeholder.
func (d *database) exec(query string, args ...any) error {
	d.t.Helper()
	_, err := d.conn.ExecContext(d.t.Context(), d.dialect(query), args...)
	return err
}

func (d *database) dialect(query string) string {
	if !d.pg {
		return query
	}
	n := 0
	return regexp.MustCompile(`\?`).ReplaceAllStringFunc(query, func(string) string { n++; return fmt.Sprintf("$%d", n) })
}

// value reads one cell.
func (d *database) value(query string, args ...any) (v any, err error) {
	d.t.Helper()
	err = d.conn.QueryRowContext(d.t.Context(), d.dialect(query), args...).Scan(&v)
	return v, err
}

// flip changes a cell a little: a bit, a letter, or one more.
func flip(table, column, where string) func(*database) error {
	return func(d *database) error {
		v, err := d.value("SELECT " + column + " FROM " + table + " WHERE " + where)
		if err != nil {
			return err
		}
		switch old := v.(type) {
		case []byte:
			changed := bytes.Clone(old)
			changed[len(changed)/2] ^= 1
			v = changed
		case string:
			last := byte('0')
			if strings.HasSuffix(old, "0") {
				last = '1'
			}
			v = old[:len(old)-1] + string(last)
		case int64:
			v = old + 1
		case bool:
			v = !old
		default:
			return fmt.Errorf("a %T cannot be flipped", v)
		}
		return d.exec("UPDATE "+table+" SET "+column+" = ? WHERE "+where, v)
	}
}

// run runs a statement.
func run(query string) func(*database) error {
	return func(d *database) error { return d.exec(query) }
}

// rewrite changes an entry, and everything in the database that follows from
// it, as its administrator can: salt, leaf, tree hashes, head. Only the
// signatures are out of reach.
func rewrite(d *database) error {
	body, err := d.value("SELECT body FROM log_entry WHERE idx = 5")
	if err != nil {
		return err
	}
	text, ok := body.([]byte)
	if !ok {
		return fmt.Errorf("a body is a %T", body)
	}
	salted, err := translog.NewSalted(bytes.Replace(text, []byte(`:00Z`), []byte(`:01Z`), 1))
	if err != nil {
		return err
	}
	leaf := salted.Leaf()
	hash := translog.LeafHash(leaf)
	if err := d.exec("UPDATE log_entry SET salt = ?, body = ?, leaf = ?, leaf_hash = ? WHERE idx = 5", salted.Salt[:], salted.Body, leaf, hash[:]); err != nil {
		return err
	}
	rows, err := d.conn.QueryContext(d.t.Context(), "SELECT leaf FROM log_entry ORDER BY idx")
	if err != nil {
		return err
	}
	defer rows.Close()
	var hashes []translog.Hash
	for rows.Next() {
		var leaf []byte
		if err := rows.Scan(&leaf); err != nil {
			return err
		}
		hashes = append(hashes, translog.LeafHash(leaf))
	}
	growth, err := translog.NewTree().Append(hashes)
	if err := errors.Join(err, rows.Err(), rows.Close()); err != nil {
		return err
	}
	for _, n := range growth.Nodes {
		if err := d.exec("UPDATE log_node SET hash = ? WHERE level = ? AND idx = ?", n.Hash[:], n.Level, n.Index); err != nil {
			return err
		}
	}
	return d.exec("UPDATE log_head SET frontier = ?", growth.After.Frontier())
}

// A change is one row of the matrix: what is done, and where it is located.
type change struct {
	what  string
	do    func(*database) error
	where string // regular expression that the finding matches
}

// first are the first rows of tables.
const (
	firstMessage   = "idx = (SELECT min(idx) FROM message)"
	firstReceipt   = "idx = (SELECT min(idx) FROM receipt)"
	firstStatement = "idx = (SELECT min(idx) FROM statement WHERE subject = 'QM.mla')"
)

// ofTable makes a change of every column of a row.
func ofTable(table, where, found string, columns ...string) []change {
	var out []change
	for _, c := range columns {
		out = append(out, change{table + "." + c + " changed", flip(table, c, where), found})
	}
	return out
}

// changes of a broker's database.
func changes() []change {
	all := ofTable("log_entry", "idx = 5", "entry 5", "leaf", "leaf_hash", "salt", "body")
	all = append(all, ofTable("log_head", "size > 0", "head of the log|entry|entries", "size", "frontier")...)
	all = append(all, ofTable("log_node", "level = 1", "tile hash at level 1, index 0", "hash")...)
	all = append(all, ofTable("log_checkpoint", "size = (SELECT min(size) FROM log_checkpoint)", "checkpoint of [0-9]+ entries", "note")...)
	all = append(all, ofTable("log_witnessed", "size = (SELECT max(size) FROM log_witnessed)", "witnessed checkpoint of [0-9]+ entries", "note", "size")...)
	all = append(all, ofTable("log_cosignature", "size = (SELECT max(size) FROM log_cosignature)", "cosignature of the (witnessed )?checkpoint of [0-9]+ entries", "line", "witness")...)
	all = append(all, ofTable("message", firstMessage, "entry [0-9]+: its message",
		"id", "case_id", "sender", "recipient", "act", "lane", "stage", "seq", "digest", "header", "signature", "payload", "idx", "accepted_at_unix")...)
	all = append(all, ofTable("case_state", "1 = 1", "entry [0-9]+: .*its case",
		"requesting", "requested", "opening", "lane", "stage", "handed", "opened_at_unix", "last_by_requesting_unix")...)
	all = append(all, ofTable("pair_head", "sender = 'QM.mla'", "entry [0-9]+: the newest message from QM.mla to QN.mla", "seq", "digest", "recipient")...)
	all = append(all, ofTable("inbox", "authority = 'QN.mla' AND kind = 'message'", "entry [0-9]+: it does not wait in the inbox of QN.mla", "ref", "kind", "authority", "idx")...)
	all = append(all, ofTable("receipt", firstReceipt, "entry [0-9]+: .*receipt", "kind", "message_id", "case_id", "authority", "text", "signature", "digest", "idx")...)
	all = append(all, ofTable("statement", firstStatement, "entry [0-9]+: .*", "subject", "number", "text", "signature", "digest")...)
	all = append(all, ofTable("log_latest", "kind = 'configuration' AND subject = 'settings'", `newest configuration entry about "settings"`, "idx", "subject", "kind")...)
	all = append(all, ofTable("log_latest", "kind = 'mailbox' AND subject = 'QN.mla'", `newest mailbox entry about "QN.mla"`, "idx")...)
	all = append(all, ofTable("log_latest", "kind = 'anchor' AND subject = 'QN.mla'", `newest anchor entry about "QN.mla"`, "idx")...)
	all = append(all, ofTable("clock", "name = 'delivery'", "entry [0-9]+: (the clock .* of )?its case", "state", "name")...)
	return append(all,
		change{"log_entry deleted", run("DELETE FROM log_entry WHERE idx = 5"), "entry 5 is missing"},
		change{"log_entry truncated", run("DELETE FROM log_entry WHERE idx >= (SELECT size - 3 FROM log_head)"), "entry [0-9]+ is missing"},
		change{"log_entry swapped", func(d *database) error {
			return errors.Join(d.exec("UPDATE log_entry SET idx = -1 WHERE idx = 5"), d.exec("UPDATE log_entry SET idx = 5 WHERE idx = 6"), d.exec("UPDATE log_entry SET idx = 6 WHERE idx = -1"))
		}, "entr|tile hash|head of the log"},
		change{"log_entry erased, and nothing says why", run("UPDATE log_entry SET salt = NULL, body = NULL WHERE idx = 5"), "entry 5 has lost its private half, and no entry says why"},
		change{"log_entry erased, and another entry named", run("UPDATE log_entry SET salt = NULL, body = NULL, erased_by = 6 WHERE idx = 5"), "entry 5 has lost its private half, and entry 6 does not say why"},
		change{"log_node deleted", run("DELETE FROM log_node"), "tile hash at level 1"},
		change{"log_checkpoint deleted", run("DELETE FROM log_checkpoint"), "no checkpoint"},
		change{"log_checkpoint replaced by an older one", run("UPDATE log_checkpoint SET note = (SELECT note FROM log_checkpoint ORDER BY size LIMIT 1) WHERE size = (SELECT max(size) FROM log_checkpoint)"), "another size"},
		change{"entry back-dated, and everything after it rewritten", rewrite, "signed another tree|entry 5"},
		change{"message deleted", run("DELETE FROM message WHERE " + firstMessage), "entry [0-9]+: its message is missing"},
		change{"message inserted", run(`INSERT INTO message SELECT 'z' || substr(id, 2), case_id, sender, recipient, act, lane, stage, seq + 100, digest, header, signature, payload, idx + 100000, accepted_at_unix FROM message WHERE ` + firstMessage), "it holds|newest message"},
		change{"case_state deleted", run("DELETE FROM case_state"), "entry [0-9]+: .*its case"},
		change{"pair_head deleted", run("DELETE FROM pair_head WHERE sender = 'QM.mla'"), "newest message from QM.mla"},
		change{"inbox item deleted: delivery withheld", run("DELETE FROM inbox WHERE authority = 'QN.mla' AND kind = 'message'"), "does not wait in the inbox of QN.mla"},
		change{"inbox item inserted", run("INSERT INTO inbox SELECT authority, idx + 100000, kind, ref FROM inbox WHERE authority = 'QN.mla' AND kind = 'message'"), "it holds"},
		change{"receipt deleted", run("DELETE FROM receipt WHERE " + firstReceipt), "entry [0-9]+: its receipt is missing"},
		change{"statement deleted", run("DELETE FROM statement WHERE " + firstStatement), "entry [0-9]+: its statement is missing"},
		change{"log_latest deleted", run("DELETE FROM log_latest WHERE subject = 'settings'"), `newest configuration entry about "settings"`},
		change{"log_latest inserted", run("INSERT INTO log_latest VALUES ('backup', 'sqlite', 3)"), `newest backup entry about "sqlite"`},
		change{"clock deleted", run("DELETE FROM clock WHERE name = 'answer'"), "has 2 clocks, and not 3"},
	)
}

// TestTamperMatrix changes a broker's database by direct SQL, one change at a
// time, on both engines: each is found by the broker's own check, and located (T50).
func TestTamperMatrix(t *testing.T) {
	t.Parallel()
	t.Run("sqlite", func(t *testing.T) {
		t.Parallel()
		h := exchanged(t, newHub(t))
		file, whole := filepath.Join(h.dir, "broker", "broker.db"), filepath.Join(h.dir, "whole.db")
		h.copyDatabase(file, whole)
		h.matrix(false, func() *sql.DB {
			h.copyDatabase(whole, file)
			conn, err := sql.Open("sqlite", file)
			h.must(err)
			return conn
		})
	})
	t.Run("postgres", func(t *testing.T) {
		t.Parallel()
		server := pgserver.Start(t)
		address := server.Database(t)
		h := exchanged(t, newHubOn(t, address))
		admin, name := h.administrator(address)
		ddl := func(query string) {
			_, err := admin.ExecContext(t.Context(), query)
			h.must(err)
		}
		ddl("CREATE DATABASE whole TEMPLATE " + name)
		h.matrix(true, func() *sql.DB {
			ddl("DROP DATABASE " + name + " WITH (FORCE)")
			ddl("CREATE DATABASE " + name + " TEMPLATE whole")
			conn, err := sql.Open("postgres", address)
			h.must(err)
			conn.SetMaxOpenConns(1)
			_, err = conn.ExecContext(t.Context(), "SET session_replication_role = replica")
			h.must(err)
			return conn
		})
	})
}

// exchanged has two States exchange a few messages before a witness, and
// enough refusals that the tree has a full tile. The broker is stopped.
func exchanged(t *testing.T, h *hub) *hub {
	t.Helper()
	line, _ := h.auditor("auditor")
	h.witnesses(line + "quorum auditor\n")
	qm, qn := h.pair()
	sent := h.send(qm, h.order(workflow.Request, "QM.mla", "QN.mla", desk.Message{}))
	h.must(qn.Sync(t.Context()))
	h.send(qn, h.order(workflow.Acknowledge, "QN.mla", "QM.mla", sent))
	h.must(qm.Sync(t.Context()))
	as := h.as("QM")
	found, err := as.Message(t.Context(), sent.ID)
	h.must(err)
	again := bytes.Replace(found.Message, []byte(`"payload":"w`), []byte(`"payload":"x`), 1)
	for range translog.TileWidth {
		if _, err := as.Submit(t.Context(), again); err == nil {
			t.Fatal("an altered message was accepted")
		}
	}
	h.until("a witnessed receipt", func() bool { return h.graded(as, sent.ID).Grade == wire.GradeWitnessed })
	h.must(h.server.Close())
	if report, err := home.Check(t.Context(), filepath.Join(h.dir, "broker"), time.Now); err != nil || report.Entries < translog.TileWidth {
		t.Fatalf("before: %+v, %v", report, err)
	}
	return h
}

// matrix makes each change to a fresh copy, and prints who found it where.
func (h *hub) matrix(pg bool, fresh func() *sql.DB) {
	t := h.t
	for _, c := range changes() {
		d := &database{t: t, conn: fresh(), pg: pg}
		if err := errors.Join(c.do(d), d.conn.Close()); err != nil {
			t.Errorf("%s: %v", c.what, err)
			continue
		}
		_, err := home.Check(context.WithoutCancel(t.Context()), filepath.Join(h.dir, "broker"), time.Now)
		if err == nil || !regexp.MustCompile(c.where).MatchString(err.Error()) {
			t.Errorf("%s: %v, want a finding at %q", c.what, err, c.where)
			continue
		}
		t.Logf("%-50s | broker check | %v", c.what, err)
	}
}

// TestTamperedFiles changes files: the signer guard, a published log, and a
// desk's case file.
func TestTamperedFiles(t *testing.T) {
	t.Parallel()
	h := exchanged(t, newHub(t))
	broker := filepath.Join(h.dir, "broker")
	found := func(what, by, where string, err error) {
		t.Helper()
		if err == nil || !regexp.MustCompile(where).MatchString(err.Error()) {
			t.Errorf("%s: %s says %v, want %q", what, by, err, where)
			return
		}
		t.Logf("%-50s | %-12s | %v", what, by, err)
	}
	spoil := func(path string, change func([]byte) []byte, look func()) {
		t.Helper()
		old, err := os.ReadFile(path)
		h.must(err)
		h.must(os.WriteFile(path, change(bytes.Clone(old)), 0o600))
		look()
		h.must(os.WriteFile(path, old, 0o600))
	}
	bit := func(b []byte) []byte { b[len(b)/2] ^= 1; return b }
	half := func(b []byte) []byte { return b[:len(b)/2] }
	check := func() error { _, err := home.Check(t.Context(), broker, time.Now); return err }

	spoil(filepath.Join(broker, "guard", "checkpoint"), bit, func() { found("guard changed", "broker check", "signer guard", check()) })
	spoil(filepath.Join(broker, "guard", "checkpoint"), half, func() { found("guard truncated", "broker check", "signer guard", check()) })

	public := filepath.Join(h.dir, "public")
	_, err := home.ExportLog(t.Context(), broker, h.now, slog.New(slog.DiscardHandler), public, "test")
	h.must(err)
	mirrors := 0
	mirror := func() error {
		mirrors++
		dir := filepath.Join(h.dir, fmt.Sprintf("mirror-%d", mirrors))
		h.must(auditor.Create(dir, h.public))
		m, err := auditor.Open(dir, auditor.Directory(public))
		h.must(err)
		defer m.Close()
		_, err = m.Sync(t.Context())
		return err
	}
	h.must(mirror())
	for _, file := range []struct{ path, where string }{
		{"checkpoint", "checkpoint is not its own"},
		{"tile/entries/000", "something else than it signed|signed"},
		{"tile/0/000", "something else than it signed|tile"},
	} {
		path := filepath.Join(public, file.path)
		spoil(path, bit, func() { found("published "+file.path+" changed", "mirror", file.where, mirror()) })
		spoil(path, half, func() { found("published "+file.path+" truncated", "mirror", ".", mirror()) })
	}
	h.must(os.Remove(filepath.Join(public, "tile/entries/000")))
	found("published tile deleted", "mirror", "does not show everything", mirror())

	h.start() // the desk looks at its own file while the broker runs
	t.Cleanup(func() { h.server.Close() })
	file, whole := filepath.Join(h.dir, "QN", "desk.db"), filepath.Join(h.dir, "whole.db")
	h.copyDatabase(file, whole)
	letter := "incoming = 1"
	for _, c := range append(append(ofTable("letter", letter, "message [0-9a-f]{32} of case",
		"case_id", "sender", "act", "lane", "seq", "digest", "accepted_at_unix", "broker_stage", "body", "sealed", "receipt"),
		append(ofTable("log_entry", "idx = 2", "entry 2|its head", "leaf", "salt", "body"),
			ofTable("log_anchor", "idx = (SELECT min(idx) FROM log_anchor)", "anchor [0-9]+", "size", "root", "proof", "idx")...)...),
		change{"log_entry deleted", run("DELETE FROM log_entry WHERE idx = 2"), "entry 2|its head"},
		change{"letter deleted", run("DELETE FROM letter WHERE incoming = 1"), "message [0-9a-f]{32} .*missing"},
	) {
		h.copyDatabase(whole, file)
		conn, err := sql.Open("sqlite", file)
		h.must(err)
		d := &database{t: t, conn: conn}
		h.must(errors.Join(c.do(d), conn.Close()))
		q, err := desk.Open(t.Context(), filepath.Join(h.dir, "QN"), desk.Options{
			Passphrase: func() ([]byte, error) { return passphrase, nil }, Now: h.now, Log: slog.New(slog.DiscardHandler),
		})
		h.must(err)
		_, err = q.VerifyMessages(t.Context())
		if err == nil {
			_, err = q.AuditVerify(t.Context())
		}
		h.must(q.Close())
		found("desk's "+c.what, "desk check", c.where, err)
	}
}
