package period

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/entraide/entraide/internal/auditor"
	"github.com/entraide/entraide/internal/durable"
	"github.com/entraide/entraide/internal/locale"
	"github.com/entraide/entraide/pkg/pgp"
)

// Files of a report, in one directory.
const (
	name      = "report."
	signed    = ".sig" // a detached OpenPGP signature over the file of the name before it
	published = "auditor.pgp"
)

// ErrDiffers says that a report is not what follows from the log.
var ErrDiffers = errors.New("period: the report is not what follows from the log")

// A File is one of a report.
type File struct {
	Name    string
	Content []byte
}

// Files returns the files of a report in some formats: its content, for each the
// signature, and the certificate of the key. A nil key signs nothing. The page is in
// the languages of the tags, or in all.
func Files(r auditor.PeriodReport, formats, tags []string, key *pgp.Key, now time.Time) ([]File, error) {
	var files []File
	for _, format := range formats {
		content, err := Render(r, format, tags...)
		if err != nil {
			return nil, err
		}
		files = append(files, File{name + format, content})
		if key == nil {
			continue
		}
		sig, err := key.Sign(auditor.TypPeriod, content, now)
		if err != nil {
			return nil, err
		}
		files = append(files, File{name + format + signed, sig})
	}
	if key != nil {
		files = append(files, File{published, key.Certificate().Bytes()})
	}
	return files, nil
}

// Write writes files into a directory, which it makes as needed.
func Write(dir string, files []File) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("period: %w", err)
	}
	for _, f := range files {
		if err := durable.Replace(filepath.Join(dir, f.Name), f.Content, 0o644); err != nil {
			return fmt.Errorf("period: writing %s: %w", f.Name, err)
		}
	}
	return nil
}

// A Checked report is one of which everything that is there fits together.
type Checked struct {
	Report auditor.PeriodReport `json:"-"`
	Files  []string             `json:"files"`
	// Signer is the fingerprint of the key that signed all files, which the reader
	// compares over another channel; empty if nothing is signed.
	Signer string `json:"signer,omitempty"`
	Name   string `json:"name,omitempty"` // that the key gives itself
	Signed string `json:"signed,omitempty"`
	// Repeated says that the report was made again from a mirror, with the same bytes.
	Repeated bool `json:"repeated"`
}

// Check reads the report in a directory: its JSON, and that table and page are made
// of it, each signed by one key, if one is. The certificate may be nil: then it is the
// one in the directory. The error wraps pgp.ErrSignature or [ErrDiffers].
func Check(dir string, by *pgp.Certificate) (Checked, error) {
	text, err := os.ReadFile(filepath.Join(dir, name+JSON))
	if err != nil {
		return Checked{}, fmt.Errorf("period: reading the report: %w", err)
	}
	c := Checked{}
	if c.Report, err = Parse(text); err != nil {
		return c, err
	}
	if by == nil {
		if by, err = certificateIn(dir); err != nil {
			return c, err
		}
	}
	for _, format := range Formats() {
		content, err := os.ReadFile(filepath.Join(dir, name+format))
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return c, fmt.Errorf("period: reading the report: %w", err)
		}
		if !rendered(c.Report, format, content) {
			return c, fmt.Errorf("%w: %s is not made of report.json", ErrDiffers, name+format)
		}
		if err := c.signature(dir, name+format, content, by); err != nil {
			return c, err
		}
		c.Files = append(c.Files, name+format)
	}
	return c, nil
}

// certificateIn reads the certificate beside a report; nil if there is none.
func certificateIn(dir string) (*pgp.Certificate, error) {
	data, err := os.ReadFile(filepath.Join(dir, published))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("period: reading the certificate: %w", err)
	}
	return pgp.ParseCertificate(data)
}

// rendered reports whether content is a report in a format; a page may be in one
// language or in all.
func rendered(r auditor.PeriodReport, format string, content []byte) bool {
	choices := [][]string{nil}
	if format == HTML {
		for _, l := range locale.Languages() {
			choices = append(choices, []string{l.Tag})
		}
	}
	return slices.ContainsFunc(choices, func(tags []string) bool {
		made, err := Render(r, format, tags...)
		return err == nil && bytes.Equal(made, content)
	})
}

// signature verifies the signature over a file, if there is a key to hold it
// against.
func (c *Checked) signature(dir, file string, content []byte, by *pgp.Certificate) error {
	sig, err := os.ReadFile(filepath.Join(dir, file+signed))
	if by == nil && errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil || by == nil {
		return fmt.Errorf("%w: %s is signed and the key is missing, or the other way round", pgp.ErrSignature, file)
	}
	at, err := pgp.MadeAt(sig)
	if err != nil {
		return err
	}
	if err := by.Verify(auditor.TypPeriod, content, sig, at); err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	c.Signer, c.Name, c.Signed = by.Fingerprint(), by.UserID(), at.Format(time.RFC3339)
	return nil
}

// Repeat makes a checked report again from the book of a mirror, and compares every
// byte, but for what only the mirror of its author has. It returns [ErrDiffers].
func (c *Checked) Repeat(ctx context.Context, b *auditor.Book) error {
	r := c.Report
	again, err := b.Period(ctx, auditor.PeriodQuery{From: r.From, To: r.To, Checkpoint: []byte(r.Ground.Note)})
	if err != nil {
		return err
	}
	r.Own, r.Method.Remarks, r.Findings = nil, false, slices.Clone(r.Findings)
	for i := range r.Findings {
		r.Findings[i].State = ""
	}
	here, err := asJSON(again)
	if err != nil {
		return err
	}
	there, err := asJSON(r)
	if err != nil {
		return err
	}
	if !bytes.Equal(here, there) {
		return fmt.Errorf("%w, as this mirror has it: %s", ErrDiffers, difference(there, here))
	}
	c.Repeated = true
	return nil
}

// difference names the first line in which two texts differ.
func difference(there, here []byte) string {
	a, b := bytes.Split(there, []byte("\n")), bytes.Split(here, []byte("\n"))
	for i := range min(len(a), len(b)) {
		if !bytes.Equal(a[i], b[i]) {
			return fmt.Sprintf("line %d of report.json has %q, and %q follows", i+1, bytes.TrimSpace(a[i]), bytes.TrimSpace(b[i]))
		}
	}
	return "one has more than the other"
}
