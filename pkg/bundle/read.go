package bundle

import (
	"archive/zip"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"strings"

	"github.com/entraide/entraide/pkg/strictjson"
	"github.com/entraide/entraide/pkg/wire"
)

// A Reader is an open bundle whose files are those of its manifest, no more
// and no fewer. It holds one file in memory, and never writes one.
type Reader struct {
	Manifest Manifest
	files    map[string]*zip.File
}

// Open reads a bundle's manifest. It refuses, with [ErrBundle] and the reason,
// what is not exactly a bundle: names that lead elsewhere, names that occur
// twice, links and directories, too many files, files that unpack to more than
// they say or more than is reasonable.
func Open(r io.ReaderAt, size int64) (*Reader, error) {
	z, err := zip.NewReader(r, size)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrBundle, err)
	}
	if len(z.File) > MaxFiles {
		return nil, fmt.Errorf("%w: it has %d files, and %d is the most", ErrBundle, len(z.File), MaxFiles)
	}
	b := &Reader{files: map[string]*zip.File{}}
	var total uint64
	for _, f := range z.File {
		if err := plain(f); err != nil {
			return nil, err
		}
		if b.files[f.Name] != nil {
			return nil, fmt.Errorf("%w: %s occurs twice", ErrBundle, f.Name)
		}
		if total += f.UncompressedSize64; total > MaxBytes {
			return nil, fmt.Errorf("%w: it unpacks to more than %d bytes", ErrBundle, int64(MaxBytes))
		}
		b.files[f.Name] = f
	}
	return b, b.readManifest()
}

// plain checks the name and the kind of a file.
func plain(f *zip.File) error {
	const encrypted = 1
	switch {
	case !names.MatchString(f.Name):
		return fmt.Errorf("%w: no file of a bundle is named %q", ErrBundle, f.Name)
	case !f.Mode().IsRegular():
		return fmt.Errorf("%w: %s is not a plain file", ErrBundle, f.Name)
	case f.Flags&encrypted != 0 || f.Method != zip.Deflate && f.Method != zip.Store:
		return fmt.Errorf("%w: %s is packed in another way", ErrBundle, f.Name)
	case f.UncompressedSize64 > MaxFileBytes:
		return fmt.Errorf("%w: %s unpacks to more than %d bytes", ErrBundle, f.Name, MaxFileBytes)
	}
	return nil
}

// readManifest holds the manifest against the files.
func (b *Reader) readManifest() error {
	data, err := b.unpack(ManifestFile)
	if err != nil {
		return err
	}
	if err := strictjson.Unmarshal(data, MaxFileBytes, &b.Manifest); err != nil {
		return fmt.Errorf("%w: its manifest: %w", ErrBundle, err)
	}
	if b.Manifest.Typ != Typ {
		return fmt.Errorf("%w: its type is another one", ErrBundle)
	}
	listed := map[string]bool{ManifestFile: true}
	for _, f := range b.Manifest.Files {
		if listed[f.Name] {
			return fmt.Errorf("%w: the manifest names %q twice", ErrBundle, f.Name)
		}
		if b.files[f.Name] == nil {
			return fmt.Errorf("%w: %q, which the manifest names, is missing", ErrBundle, f.Name)
		}
		listed[f.Name] = true
	}
	for name := range b.files {
		if !listed[name] {
			return fmt.Errorf("%w: the manifest does not name %s", ErrBundle, name)
		}
	}
	return nil
}

// Receipts calls fn with every receipt of the log in the bundle, unverified: of
// messages, confirmations, deadlines and the directory's statements.
func (b *Reader) Receipts(fn func(text []byte) error) error {
	for _, f := range b.Manifest.Files {
		data, err := b.read(f)
		if err != nil {
			return err
		}
		var texts [][]byte
		switch {
		case strings.HasSuffix(f.Name, ".tlog-proof"):
			texts = append(texts, data)
		case strings.HasPrefix(f.Name, "confirmations/"):
			var c Confirmation
			err = strictjson.Unmarshal(data, MaxFileBytes, &c)
			texts = append(texts, []byte(c.Proof))
		case f.Name == DirectoryFile:
			var all wire.Statements
			err = strictjson.Unmarshal(data, MaxFileBytes, &all)
			for _, s := range all.Items {
				texts = append(texts, []byte(s.Receipt))
			}
		}
		if err != nil {
			return fmt.Errorf("%w: %s: %w", ErrBundle, f.Name, err)
		}
		for _, text := range texts {
			if err := fn(text); err != nil {
				return fmt.Errorf("%s: %w", f.Name, err)
			}
		}
	}
	return nil
}

// read unpacks a file of the manifest and checks its digest.
func (b *Reader) read(f File) ([]byte, error) {
	data, err := b.unpack(f.Name)
	if err != nil {
		return nil, err
	}
	if sum := sha256.Sum256(data); int64(len(data)) != f.Size || hex.EncodeToString(sum[:]) != f.SHA256 {
		return nil, fmt.Errorf("%w: %s is not the file that the manifest names", ErrBundle, f.Name)
	}
	return data, nil
}

// named unpacks a file by its name; nil if there is none.
func (b *Reader) named(name string) ([]byte, error) {
	for _, f := range b.Manifest.Files {
		if f.Name == name {
			return b.read(f)
		}
	}
	return nil, nil
}

// unpack unpacks no more than the file says it has.
func (b *Reader) unpack(name string) ([]byte, error) {
	f := b.files[name]
	if f == nil {
		return nil, fmt.Errorf("%w: %s is missing", ErrBundle, name)
	}
	r, err := f.Open()
	if err != nil {
		return nil, fmt.Errorf("%w: %s: %w", ErrBundle, name, err)
	}
	defer r.Close()
	data, err := io.ReadAll(io.LimitReader(r, int64(f.UncompressedSize64)+1))
	if err != nil {
		return nil, fmt.Errorf("%w: %s: %w", ErrBundle, name, err)
	}
	if uint64(len(data)) != f.UncompressedSize64 {
		return nil, fmt.Errorf("%w: %s has another size than it says", ErrBundle, name)
	}
	return data, nil
}
