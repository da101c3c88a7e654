package home

import (
	"archive/zip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/entraide/entraide/internal/broker"
	"github.com/entraide/entraide/internal/guard"
	"github.com/entraide/entraide/internal/store"
	"github.com/entraide/entraide/internal/store/sqlite"
	"github.com/entraide/entraide/pkg/strictjson"
	"github.com/entraide/entraide/pkg/translog"
	"github.com/entraide/entraide/pkg/verify"
)

// ErrBackup is wrapped by every error about a file that is to be restored.
var ErrBackup = errors.New("backup")

// Parts of a backup.
const (
	typBackup    = "entraide/backup/1"
	manifestFile = "manifest.json"
	databaseFile = "broker.db"
	maxManifest  = 1 << 20
	// maxSettings bounds each other file than the database.
	maxSettings = 1 << 20
)

// A BackupManifest says what a backup holds: the database, and of the
// configuration what is not secret. It never holds the signer guard, the key of
// the log, the TLS key, or any credentials.
type BackupManifest struct {
	Typ    string       `json:"typ"`
	Origin string       `json:"origin"`
	Made   time.Time    `json:"made"`
	Size   int64        `json:"size"` // of the log
	Files  []BackupFile `json:"files"`
}

// A BackupFile is a file of a backup.
type BackupFile struct {
	Name   string `json:"name"`
	Size   int64  `json:"size"`
	SHA256 string `json:"sha256"`
}

// Backup writes a backup of an SQLite broker to a new file. That it is made, and
// by whom, is an entry of the log, the newest that the backup holds. A PostgreSQL
// database is backed up with its own tools: [store.ErrElsewhere]; say so in the
// log with [NoteBackup].
func Backup(ctx context.Context, home string, now func() time.Time, log *slog.Logger, out, by string) (m BackupManifest, err error) {
	c, err := read(home)
	if err != nil {
		return m, err
	}
	if _, err := c.sqliteFile(home); err != nil {
		return m, err
	}
	f, err := os.OpenFile(out, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return m, err
	}
	dir, err := os.MkdirTemp(filepath.Dir(out), ".backup-*")
	if err != nil {
		return m, errors.Join(err, f.Close())
	}
	defer os.RemoveAll(dir)
	err = acting(ctx, home, now, log, func(s *Server) error {
		if err := s.Broker.NoteBackup(ctx, by, "sqlite", filepath.Base(out)); err != nil {
			return err
		}
		copied := filepath.Join(dir, databaseFile)
		if err := os.WriteFile(copied, nil, 0o600); err != nil {
			return err
		}
		if err := s.store.Backup(ctx, copied); err != nil {
			return err
		}
		m = BackupManifest{Typ: typBackup, Origin: s.Config.Origin, Made: now().UTC().Truncate(time.Second), Size: s.Broker.Signed()}
		return writeBackup(f, home, c, copied, &m)
	})
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return m, errors.Join(err, os.Remove(out))
	}
	return m, nil
}

// NoteBackup logs that a backup was made with other tools, by whom, and what it
// is called there.
func NoteBackup(ctx context.Context, home string, now func() time.Time, log *slog.Logger, name, by string) error {
	return acting(ctx, home, now, log, func(s *Server) error { return s.Broker.NoteBackup(ctx, by, "other tools", name) })
}

// sqliteFile returns the path of the SQLite database.
func (c Config) sqliteFile(home string) (string, error) {
	address, err := c.database(home)
	if err != nil {
		return "", err
	}
	file, ok := strings.CutPrefix(address, "sqlite:")
	if !ok {
		return "", fmt.Errorf("%w: back it up and restore it with them, and log it with --recorded", store.ErrElsewhere)
	}
	return within(home, file), nil
}

// writeBackup writes the files, each with its digest, and the manifest.
func writeBackup(w io.Writer, home string, c Config, copied string, m *BackupManifest) error {
	z := zip.NewWriter(w)
	files := []struct{ name, path string }{
		{databaseFile, copied}, {configFile, filepath.Join(home, configFile)},
		{PublicFile, filepath.Join(home, PublicFile)}, {vkeyFile, filepath.Join(home, vkeyFile)},
	}
	if c.Policy != "" {
		files = append(files, struct{ name, path string }{"policy", within(home, c.Policy)})
	}
	for _, file := range files {
		entry, err := addFile(z, file.name, file.path)
		if err != nil {
			return err
		}
		m.Files = append(m.Files, entry)
	}
	text, err := strictjson.Marshal(m)
	if err != nil {
		return err
	}
	e, err := z.Create(manifestFile)
	if err != nil {
		return err
	}
	if _, err := e.Write(text); err != nil {
		return err
	}
	return z.Close()
}

// addFile adds one file.
func addFile(z *zip.Writer, name, path string) (BackupFile, error) {
	f, err := os.Open(path)
	if err != nil {
		return BackupFile{}, err
	}
	defer f.Close()
	e, err := z.Create(name)
	if err != nil {
		return BackupFile{}, err
	}
	sum := sha256.New()
	n, err := io.Copy(io.MultiWriter(e, sum), f)
	return BackupFile{Name: name, Size: n, SHA256: hex.EncodeToString(sum.Sum(nil))}, err
}

// VerifyBackup reads a whole backup: each file against its digest, and the
// database against its log. Sealed evidence is not in it and not looked at.
func VerifyBackup(ctx context.Context, file string) (m BackupManifest, report broker.Report, err error) {
	dir, err := os.MkdirTemp(filepath.Dir(file), ".verify-*")
	if err != nil {
		return m, report, err
	}
	defer os.RemoveAll(dir)
	return unpack(ctx, file, dir)
}

// unpack writes the files of a backup to a directory and verifies them.
func unpack(ctx context.Context, file, dir string) (m BackupManifest, report broker.Report, err error) {
	z, err := zip.OpenReader(file)
	if err != nil {
		return m, report, fmt.Errorf("%w: %s cannot be read: %w", ErrBackup, file, err)
	}
	defer z.Close()
	if m, err = readManifest(&z.Reader); err != nil {
		return m, report, err
	}
	for _, f := range m.Files {
		if err := extract(&z.Reader, f, dir); err != nil {
			return m, report, err
		}
	}
	report, err = checkCopy(ctx, dir, m)
	return m, report, err
}

// readManifest reads which files there must be.
func readManifest(z *zip.Reader) (m BackupManifest, err error) {
	f, err := z.Open(manifestFile)
	if err != nil {
		return m, fmt.Errorf("%w: it has no manifest", ErrBackup)
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxManifest+1))
	if err == nil {
		err = strictjson.Unmarshal(text, maxManifest, &m)
	}
	if err != nil || m.Typ != typBackup {
		return m, errors.Join(fmt.Errorf("%w: its manifest is not one", ErrBackup), err)
	}
	known := map[string]bool{databaseFile: true, configFile: true, PublicFile: true, vkeyFile: true, "policy": true}
	for _, f := range m.Files {
		if !known[f.Name] {
			return m, fmt.Errorf("%w: it holds %q, which is no part of a backup, or holds it twice", ErrBackup, f.Name)
		}
		known[f.Name] = false
	}
	if len(z.File) != len(m.Files)+1 || known[databaseFile] || known[configFile] || known[vkeyFile] {
		return m, fmt.Errorf("%w: it does not hold the files of its manifest", ErrBackup)
	}
	return m, nil
}

// extract writes one file and checks it against the manifest.
func extract(z *zip.Reader, want BackupFile, dir string) error {
	if want.Name != databaseFile && want.Size > maxSettings {
		return fmt.Errorf("%w: %s is too large", ErrBackup, want.Name)
	}
	in, err := z.Open(want.Name)
	if err != nil {
		return fmt.Errorf("%w: %s is missing", ErrBackup, want.Name)
	}
	defer in.Close()
	out, err := os.OpenFile(filepath.Join(dir, want.Name), os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	sum := sha256.New()
	n, err := io.Copy(io.MultiWriter(out, sum), io.LimitReader(in, want.Size+1))
	if err == nil {
		err = out.Sync()
	}
	if err := errors.Join(err, out.Close()); err != nil {
		return fmt.Errorf("%w: %s: %w", ErrBackup, want.Name, err)
	}
	if n != want.Size || hex.EncodeToString(sum.Sum(nil)) != want.SHA256 {
		return fmt.Errorf("%w: %s is not what was backed up", ErrBackup, want.Name)
	}
	return nil
}

// checkCopy verifies an unpacked database against its log.
func checkCopy(ctx context.Context, dir string, m BackupManifest) (report broker.Report, err error) {
	c, err := read(dir)
	if err != nil {
		return report, err
	}
	public, err := readPublic(dir)
	if err != nil {
		return report, fmt.Errorf("%w: %w", ErrBackup, err)
	}
	trust, err := verify.NewTrust(public)
	if err != nil {
		return report, fmt.Errorf("%w: %s: %w", ErrBackup, PublicFile, err)
	}
	db, err := sqlite.Open(ctx, filepath.Join(dir, databaseFile))
	if err != nil {
		return report, err
	}
	report, err = broker.Check(ctx, db, broker.Checked{Origin: c.Origin, Keys: trust.Keys(), Anchor: c.Depositary, Copy: true})
	if err == nil && (report.Signed < m.Size || c.Origin != m.Origin) {
		err = fmt.Errorf("%w: its log is not the one that the manifest names", ErrBackup)
	}
	return report, errors.Join(err, db.Close())
}

// Restore puts the database of a verified backup into a home that has none, and
// logs that, and by whom. The home must have its keys and its signer guard: a
// backup that is older than what was signed is refused, with nothing changed,
// because signing over it would fork the log.
func Restore(ctx context.Context, home string, now func() time.Time, log *slog.Logger, file, by string) (BackupManifest, error) {
	var m BackupManifest
	c, err := read(home)
	if err != nil {
		return m, err
	}
	place, err := c.sqliteFile(home)
	if err != nil {
		return m, err
	}
	if _, err := os.Stat(place); !errors.Is(err, fs.ErrNotExist) {
		return m, errors.Join(fmt.Errorf("%w: %s is there already; move it away first, with its -wal and -shm", ErrBackup, place), err)
	}
	dir, err := os.MkdirTemp(filepath.Dir(place), ".restore-*")
	if err != nil {
		return m, err
	}
	defer os.RemoveAll(dir)
	var report broker.Report
	if m, report, err = unpack(ctx, file, dir); err != nil {
		return m, err
	}
	if m.Origin != c.Origin {
		return m, fmt.Errorf("%w: it is one of the log %s", ErrBackup, m.Origin)
	}
	if err := c.extendsGuard(ctx, home, report.Signed); err != nil {
		return m, err
	}
	if err := os.Rename(filepath.Join(dir, databaseFile), place); err != nil {
		return m, err
	}
	return m, acting(ctx, home, now, log, func(s *Server) error {
		_, err := s.Broker.Note(ctx, translog.Entry{Kind: translog.KindRestore, Restore: &translog.OperatorFact{
			By: by, What: "sqlite", Detail: fmt.Sprintf("backup of %s, %d entries", m.Made.Format(time.RFC3339), m.Size),
		}})
		return err
	})
}

// extendsGuard checks that a backup is not older than what was signed.
func (c Config) extendsGuard(ctx context.Context, home string, size int64) error {
	keys, err := readLogKeys(home)
	if err != nil {
		return err
	}
	g, err := guard.Open(within(home, c.Guard))
	if err != nil {
		return err
	}
	last, err := g.Last(ctx)
	if err != nil || len(last) == 0 {
		return err
	}
	signed, err := translog.OpenCheckpoint(last, c.Origin, keys.Verifiers()...)
	if err != nil {
		return err
	}
	if size < signed.Size {
		return fmt.Errorf("%w: the backup has %d entries, %d are already signed; nothing was changed", broker.ErrRewound, size, signed.Size)
	}
	return nil
}
