package e2e_test

import (
	"archive/zip"
	"bytes"
	"errors"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/entraide/entraide/internal/broker"
	"github.com/entraide/entraide/internal/broker/home"
	"github.com/entraide/entraide/internal/desk"
	"github.com/entraide/entraide/pkg/workflow"
)

// TestBackup backs a broker up, restores the backup, and refuses one that is older
// than what the log has signed, or was tampered with. Nothing secret is in it, and
// nothing that was erased. It is restored on a second machine too, and verified there
// (T56).
func TestBackup(t *testing.T) {
	t.Parallel()
	h := newHub(t)
	qm, qn := h.pair()
	erased := h.send(qm, h.order(workflow.Request, "QM.mla", "QN.mla", desk.Message{}))
	h.must(qn.Sync(t.Context()))
	h.send(qm, h.order(workflow.Withdraw, "QM.mla", "QN.mla", erased))
	h.must(qn.Sync(t.Context()))
	h.send(qm, h.order(workflow.Close, "QM.mla", "QN.mla", erased))
	kept := h.send(qm, h.order(workflow.Request, "QM.mla", "QN.mla", desk.Message{}))
	h.must(h.server.Close())
	dir, quiet := filepath.Join(h.dir, "broker"), slog.New(slog.DiscardHandler)
	_, err := home.Erase(t.Context(), dir, h.now, quiet, erased.Case, "retention rule", "records office")
	h.must(err)

	file := filepath.Join(h.dir, "one.backup")
	m, err := home.Backup(t.Context(), dir, h.now, quiet, file, "night operator")
	h.must(err)
	if _, report, err := home.VerifyBackup(t.Context(), file); err != nil || report.Entries != m.Size || report.Messages == 0 {
		t.Errorf("the backup: %+v, %v", report, err)
	}
	h.holdsNothing(file, dir, erased.ID, kept.ID)
	if _, err := home.Backup(t.Context(), dir, h.now, quiet, file, "night operator"); err == nil {
		t.Error("a backup was written over")
	}

	// The database is lost, and comes back: the log says so.
	database := filepath.Join(dir, "broker.db")
	if _, err := home.Restore(t.Context(), dir, h.now, quiet, file, "night operator"); !errors.Is(err, home.ErrBackup) {
		t.Errorf("over a database that is there: %v", err)
	}
	h.lose(database)
	h.elsewhere(file)
	if _, err := home.Restore(t.Context(), dir, h.now, quiet, file, "night operator"); err != nil {
		t.Fatalf("restoring: %v", err)
	}
	report, err := home.Check(t.Context(), dir, time.Now)
	if err != nil || report.Entries != m.Size+1 {
		t.Errorf("after the restore: %+v, %v", report, err)
	}
	h.start()
	h.send(qm, h.order(workflow.Request, "QM.mla", "QN.mla", desk.Message{}))
	h.must(h.server.Close())

	h.lose(database)
	if _, err := home.Restore(t.Context(), dir, h.now, quiet, file, "night operator"); !errors.Is(err, broker.ErrRewound) {
		t.Errorf("a backup older than the log: %v", err)
	}
	if _, err := os.Stat(database); err == nil {
		t.Error("a refused backup is in place")
	}
	h.tamperedBackups(file)
}

// lose removes a database.
func (h *hub) lose(file string) {
	h.t.Helper()
	for _, suffix := range []string{"", "-wal", "-shm"} {
		if err := os.Remove(file + suffix); err != nil && !errors.Is(err, os.ErrNotExist) {
			h.t.Fatal(err)
		}
	}
}

// unzipped returns the files of a backup.
func (h *hub) unzipped(file string) map[string][]byte {
	h.t.Helper()
	z, err := zip.OpenReader(file)
	h.must(err)
	defer z.Close()
	files := map[string][]byte{}
	for _, f := range z.File {
		in, err := f.Open()
		h.must(err)
		files[f.Name], err = io.ReadAll(in)
		h.must(errors.Join(err, in.Close()))
	}
	return files
}

// holdsNothing looks for secrets and for what was erased in a backup.
func (h *hub) holdsNothing(file, dir, erased, kept string) {
	h.t.Helper()
	files := h.unzipped(file)
	for _, name := range []string{"log.key", "tls.key", "guard/checkpoint"} {
		secret, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			h.t.Fatalf("%s: %v", name, err)
		}
		for in, content := range files {
			if bytes.Contains(content, bytes.TrimSpace(secret)) && name != "guard/checkpoint" || strings.HasPrefix(in, "guard") || in == name {
				h.t.Errorf("%s of the backup holds %s", in, name)
			}
		}
	}
	db := files["broker.db"]
	if !bytes.Contains(db, []byte(kept)) || bytes.Contains(db, []byte(erased)) {
		h.t.Error("the backup holds what was erased, or not what was kept")
	}
}

// tamperedBackups changes a backup in ways that its verification finds.
func (h *hub) tamperedBackups(file string) {
	h.t.Helper()
	found := func(what, where string, change func(map[string][]byte)) {
		files := h.unzipped(file)
		change(files)
		path := filepath.Join(h.t.TempDir(), "changed.backup")
		var buffer bytes.Buffer
		z := zip.NewWriter(&buffer)
		for name, content := range files {
			w, err := z.Create(name)
			h.must(err)
			_, err = w.Write(content)
			h.must(err)
		}
		h.must(z.Close())
		h.must(os.WriteFile(path, buffer.Bytes(), 0o600))
		if _, _, err := home.VerifyBackup(h.t.Context(), path); err == nil || !regexp.MustCompile(where).MatchString(err.Error()) {
			h.t.Errorf("%s: %v, want %q", what, err, where)
		} else {
			h.t.Logf("%-40s | backup verify | %v", what, err)
		}
	}
	found("a bit of the database", "broker.db is not what was backed up", func(f map[string][]byte) { f["broker.db"][len(f["broker.db"])/2] ^= 1 })
	found("a file too many", "does not hold the files", func(f map[string][]byte) { f["../../evil"] = []byte("x") })
	found("a file too few", "does not hold the files", func(f map[string][]byte) { delete(f, "log.vkey") })
	found("another name in the manifest", "no part of a backup", func(f map[string][]byte) {
		f["manifest.json"] = bytes.Replace(f["manifest.json"], []byte(`"log.vkey"`), []byte(`"../vkey"`), 1)
	})
	found("no manifest", "no manifest", func(f map[string][]byte) { delete(f, "manifest.json") })
	found("another key of the log", "not signed by the log|not what was backed up", func(f map[string][]byte) { f["log.vkey"] = f["broker.json"] })
}

// elsewhere restores a backup on a second machine, which has the keys and the guard of
// the broker, and verifies its log.
func (h *hub) elsewhere(file string) {
	h.t.Helper()
	second := filepath.Join(h.dir, "second")
	h.must(os.CopyFS(second, os.DirFS(filepath.Join(h.dir, "broker"))))
	h.must(os.Chmod(second, 0o700))
	m, err := home.Restore(h.t.Context(), second, h.now, slog.New(slog.DiscardHandler), file, "day operator")
	if err != nil {
		h.t.Fatalf("restoring on a second machine: %v", err)
	}
	report, err := home.Check(h.t.Context(), second, time.Now)
	if err != nil || report.Entries != m.Size+1 || report.Messages == 0 {
		h.t.Errorf("on a second machine: %+v, %v", report, err)
	}
}
