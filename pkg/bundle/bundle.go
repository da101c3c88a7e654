// Package bundle writes and reads case bundles: one zip file with everything
// that a court or an auditor needs to judge, offline and without an account,
// what was sent in a case, when, and whether the log that vouches for it is one
// history. Messages stay sealed; a bundle reveals no content.
//
// A bundle comes from somebody who may lie: nothing in it is believed unless
// it follows from the key of the log and the fingerprint of the depositary,
// which the reader has from elsewhere.
package bundle

import (
	"archive/zip"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"regexp"

	"github.com/entraide/entraide/pkg/message"
	"github.com/entraide/entraide/pkg/strictjson"
)

// Typ is the type of a bundle's manifest.
const Typ = "entraide/bundle/1"

// Bounds of a bundle, in bytes and files.
const (
	// MaxFiles bounds the files of a bundle.
	MaxFiles = 4096
	// MaxFileBytes bounds one of them, unpacked.
	MaxFileBytes = 64 << 20
	// MaxBytes bounds all of them together, unpacked.
	MaxBytes = 1 << 30
)

// ErrBundle says that a file is not a bundle. It is evidence of nothing.
var ErrBundle = errors.New("bundle: not a case bundle")

// Names in a bundle, besides those of single items.
const (
	ManifestFile    = "manifest.json"
	DirectoryFile   = "directory.json"
	CheckpointFile  = "checkpoint"
	ConsistencyFile = "consistency.json"
	ErasureFile     = "erasure.json"
	ReadmeFile      = "README.txt"
	// ReportFile is the report for people. It is made from a verification and
	// proves nothing: whoever verifies makes it again, and never reads it.
	ReportFile = "report.html"
)

// names are the names that a bundle may have. Items are named by the index of
// their entry in the log.
var names = regexp.MustCompile(`^(manifest\.json|directory\.json|checkpoint|consistency\.json|erasure\.json|README\.txt|report\.html|` +
	`messages/[0-9]{9,16}\.(mla\.json|tlog-proof)|confirmations/[0-9]{9,16}\.json|deadlines/[0-9]{9,16}\.tlog-proof)$`)

// A Manifest lists a bundle's files in the order in which they are checked.
type Manifest struct {
	Typ    string `json:"typ"`
	Case   string `json:"case"`
	Origin string `json:"origin"` // of the log
	Made   string `json:"made"`   // RFC 3339, by the clock of whoever made it
	By     string `json:"by"`     // who made it, by their own word
	Files  []File `json:"files"`  // all but the manifest
}

// A File is a line of the manifest.
type File struct {
	Name   string `json:"name"`
	Size   int64  `json:"size"`
	SHA256 string `json:"sha256"`
}

// A Confirmation is a delivery or opening receipt with the proof that it was
// logged.
type Confirmation struct {
	Signed message.SignedReceipt `json:"signed"`
	Proof  string                `json:"proof"` // tlog-proof
}

// A Consistency proves that the tree of the bundle's checkpoint extends the
// one of Size entries.
type Consistency struct {
	Size  int64    `json:"size"`
	Proof []string `json:"proof"` // base64
}

// Links are the consistency proofs of a bundle.
type Links struct {
	Items []Consistency `json:"items"`
}

// A Writer writes a bundle. It holds one file in memory.
type Writer struct {
	zip      *zip.Writer
	manifest Manifest
}

// NewWriter begins a bundle.
func NewWriter(w io.Writer, m Manifest) *Writer {
	m.Typ, m.Files = Typ, []File{}
	return &Writer{zip: zip.NewWriter(w), manifest: m}
}

// Add adds a file.
func (w *Writer) Add(name string, data []byte) error {
	if !names.MatchString(name) || name == ManifestFile {
		return fmt.Errorf("bundle: no file of a bundle is named %q", name)
	}
	sum := sha256.Sum256(data)
	w.manifest.Files = append(w.manifest.Files, File{Name: name, Size: int64(len(data)), SHA256: hex.EncodeToString(sum[:])})
	return w.write(name, data)
}

// AddJSON adds a file that holds v.
func (w *Writer) AddJSON(name string, v any) error {
	data, err := strictjson.Marshal(v)
	if err != nil {
		return err
	}
	return w.Add(name, data)
}

// Copy adds the files of another bundle, in its order.
func (w *Writer) Copy(b *Reader) error {
	for _, f := range b.Manifest.Files {
		data, err := b.read(f)
		if err != nil {
			return err
		}
		if err := w.Add(f.Name, data); err != nil {
			return err
		}
	}
	return nil
}

func (w *Writer) write(name string, data []byte) error {
	f, err := w.zip.CreateHeader(&zip.FileHeader{Name: name, Method: zip.Deflate})
	if err == nil {
		_, err = f.Write(data)
	}
	if err != nil {
		return fmt.Errorf("bundle: writing %s: %w", name, err)
	}
	return nil
}

// Close writes the manifest and ends the bundle.
func (w *Writer) Close() error {
	data, err := strictjson.Marshal(w.manifest)
	if err != nil {
		return err
	}
	if err := w.write(ManifestFile, data); err != nil {
		return err
	}
	if err := w.zip.Close(); err != nil {
		return fmt.Errorf("bundle: ending it: %w", err)
	}
	return nil
}

// MessageFile is a message, by the index of its entry in the log, as are the
// other items.
func MessageFile(index int64) string { return fmt.Sprintf("messages/%09d.mla.json", index) }

// ProofFile is the receipt of a message.
func ProofFile(index int64) string { return fmt.Sprintf("messages/%09d.tlog-proof", index) }

// ConfirmationFile is a delivery or opening receipt.
func ConfirmationFile(index int64) string { return fmt.Sprintf("confirmations/%09d.json", index) }

// DeadlineFile is the proof of a passed deadline.
func DeadlineFile(index int64) string { return fmt.Sprintf("deadlines/%09d.tlog-proof", index) }
