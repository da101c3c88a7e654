package desk

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/entraide/entraide/internal/store"
	"github.com/entraide/entraide/pkg/directory"
)

// ExportStatements writes the directory to a new directory of files for stock
// tools: every statement's text, its detached signature and its log receipt, and
// the certificates that are in force. It returns how many statements there are.
func (d *Desk) ExportStatements(ctx context.Context, dir string) (int, error) {
	published, err := d.published(ctx)
	if err != nil {
		return 0, err
	}
	files := certificates(d.Directory())
	for _, p := range published {
		statement, err := directory.Parse(string(p.Text))
		if err != nil {
			return 0, fmt.Errorf("the stored directory is damaged at %d: %w", p.Index, err)
		}
		h := statement.Head()
		name := fmt.Sprintf("%s-%d", h.Subject, h.Number)
		files[name+".json"], files[name+".json.sig"], files[name+".tlog-proof"] = p.Text, p.Signature, p.Receipt
	}
	if err := os.Mkdir(dir, 0o700); err != nil {
		return 0, fmt.Errorf("exporting: %w", err)
	}
	for name, content := range files {
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o600); err != nil {
			return 0, fmt.Errorf("exporting: %w", err)
		}
	}
	return len(published), d.db.Write(ctx, func(w store.DeskWriter) error { return d.record(ctx, w, "directory statements exported", "") })
}

// certificates are those in force, by the names of their files.
func certificates(dir *directory.Directory) map[string][]byte {
	files := map[string][]byte{}
	if own, ok := dir.Depositary(); ok {
		files[directory.DepositarySubject+".pgp"] = own.Certificate.Bytes()
	}
	for _, p := range dir.Parties() {
		files[p.Code+".pgp"] = p.Certificate.Bytes()
	}
	for _, a := range dir.Authorities() {
		for suite, c := range a.Certificates {
			files[a.Statement.ID+"."+string(suite)+".pgp"] = c.Bytes()
		}
	}
	return files
}
