package evidence

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/entraide/entraide/pkg/pgp"
	"github.com/entraide/entraide/pkg/strictjson"
)

// A Sealed is a sealed file: its parts, for the header and the broker, and what
// the payload says of its content.
type Sealed struct {
	Parts
	PlainBytes  int64  // size of the file
	PlainSHA256 string // its digest, in lower-case hex
}

const (
	// recordName is the name of the file that is written last: where it is,
	// sealing is done.
	recordName = "sealed.json"
	// partialName is the name of the file that is being written.
	partialName = "partial"
	typRecord   = "entraide/sealed/1"
	// maxRecordBytes is more than a record has.
	maxRecordBytes = 4 << 10
)

// A record is what the file recordName holds.
type record struct {
	Typ            string `json:"typ"`
	Bytes          int64  `json:"bytes"`
	ManifestSHA256 string `json:"manifest_sha256"`
	PlainBytes     int64  `json:"plain_bytes"`
	PlainSHA256    string `json:"plain_sha256"`
}

// Seal encrypts plaintext to the newest encryption subkeys of certificates, in
// this order, as of a time, into a directory, which is made if need be. There
// are then the parts, each in a file named by its digest; their list, in
// ManifestName; and a record for ReadSealed. The directory stays on the sealing
// side: the record tells the size and digest of the plaintext.
//
// A file has its name only once it is whole and on disk. Sealing that was ended,
// in whatever way, is started again with the same call, which first removes what
// it had left: what was encrypted with a key that is lost is worth nothing. If
// Seal returns an error, it has left nothing. To stop it, let plaintext return
// an error.
//
// The error wraps fs.ErrExist if there is a sealed file in the directory, and
// otherwise what pgp.Encrypt's does.
func Seal(dir string, plaintext io.Reader, to []*pgp.Certificate, at time.Time) (Sealed, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return Sealed{}, fmt.Errorf("evidence: sealing: %w", err)
	}
	if _, err := os.Lstat(filepath.Join(dir, recordName)); !errors.Is(err, fs.ErrNotExist) {
		return Sealed{}, fmt.Errorf("evidence: sealing: a sealed file in the directory: %w", cmp.Or(err, fs.ErrExist))
	}
	if err := clean(dir); err != nil {
		return Sealed{}, err
	}
	s, err := seal(dir, plaintext, to, at)
	if err != nil {
		return Sealed{}, errors.Join(err, clean(dir))
	}
	return s, nil
}

func seal(dir string, plaintext io.Reader, to []*pgp.Certificate, at time.Time) (Sealed, error) {
	out, plain := &partWriter{dir: dir, hash: sha256.New()}, sha256.New()
	defer out.abandon()
	n, err := pgp.Encrypt(out, io.TeeReader(plaintext, plain), to, at)
	if err != nil {
		return Sealed{}, fmt.Errorf("evidence: sealing: %w", err)
	}
	if err := out.end(); err != nil {
		return Sealed{}, fmt.Errorf("evidence: sealing: %w", err)
	}
	s := Sealed{out.parts, n, hex.EncodeToString(plain.Sum(nil))}
	if err := writeFile(dir, ManifestName, s.Text()); err != nil {
		return Sealed{}, err
	}
	text, err := strictjson.Marshal(record{typRecord, s.Bytes, s.SHA256(), s.PlainBytes, s.PlainSHA256})
	if err != nil {
		return Sealed{}, fmt.Errorf("evidence: sealing: %w", err)
	}
	return s, writeFile(dir, recordName, text)
}

// ReadSealed returns what Seal returned when it wrote to a directory. It does
// not look at the parts.
//
// The error wraps fs.ErrNotExist if there is no sealed file, and ErrManifest if
// what is there is not as Seal left it.
func ReadSealed(dir string) (Sealed, error) {
	text, err := readFile(filepath.Join(dir, recordName), maxRecordBytes)
	if err != nil {
		return Sealed{}, err
	}
	var r record
	if err := strictjson.Unmarshal(text, maxRecordBytes, &r); err != nil {
		return Sealed{}, fmt.Errorf("%w: the record: %v", ErrManifest, err)
	}
	manifest, err := readFile(filepath.Join(dir, ManifestName), MaxManifestBytes)
	if err != nil {
		return Sealed{}, err
	}
	parts, err := ParseParts(manifest, r.Bytes)
	if err != nil {
		return Sealed{}, err
	}
	if r.Typ != typRecord || r.ManifestSHA256 != parts.SHA256() || !isDigest(r.PlainSHA256) {
		return Sealed{}, fmt.Errorf("%w: the record and the list do not agree", ErrManifest)
	}
	return Sealed{parts, r.PlainBytes, r.PlainSHA256}, nil
}

// clean removes what an unfinished sealing has left, and nothing else.
func clean(dir string) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return fmt.Errorf("evidence: sealing: %w", err)
	}
	for _, e := range entries {
		name := e.Name()
		if !isDigest(name) && name != partialName && name != ManifestName && name != recordName {
			continue
		}
		if err := os.Remove(filepath.Join(dir, name)); err != nil {
			return fmt.Errorf("evidence: sealing: %w", err)
		}
	}
	return nil
}

// A partWriter writes parts.
type partWriter struct {
	dir   string
	parts Parts
	file  *os.File // of the present part, nil between two
	hash  hash.Hash
	room  int64 // left in the present part, in bytes
}

// Write implements io.Writer.
func (w *partWriter) Write(data []byte) (int, error) {
	written := 0
	for len(data) > 0 {
		if w.file == nil {
			if err := w.begin(); err != nil {
				return written, err
			}
		}
		n, err := w.file.Write(data[:min(int64(len(data)), w.room)])
		w.hash.Write(data[:n])
		w.room -= int64(n)
		w.parts.Bytes += int64(n)
		data, written = data[n:], written+n
		if err != nil {
			return written, err
		}
		if w.room == 0 {
			if err := w.end(); err != nil {
				return written, err
			}
		}
	}
	return written, nil
}

func (w *partWriter) begin() error {
	if len(w.parts.Digests) == MaxParts {
		return fmt.Errorf("the file is larger than %d parts", MaxParts)
	}
	f, err := create(w.dir)
	if err != nil {
		return err
	}
	w.file, w.room = f, PartBytes
	w.hash.Reset()
	return nil
}

// end gives the present part its name.
func (w *partWriter) end() error {
	if w.file == nil {
		return nil
	}
	digest := hex.EncodeToString(w.hash.Sum(nil))
	w.parts.Digests = append(w.parts.Digests, digest)
	f := w.file
	w.file = nil
	return commit(f, filepath.Join(w.dir, digest))
}

// abandon closes the present part, if there is one.
func (w *partWriter) abandon() {
	if w.file != nil {
		w.file.Close()
	}
}

// create makes the file that is being written, or empties it.
func create(dir string) (*os.File, error) {
	return os.OpenFile(filepath.Join(dir, partialName), os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
}

// commit puts a file on disk, closes it and renames it.
func commit(f *os.File, path string) error {
	err := f.Sync()
	if closed := f.Close(); err == nil {
		err = closed
	}
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		return err
	}
	return syncDir(filepath.Dir(path))
}

// syncDir puts the names in a directory on disk.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}

// writeFile writes a file into a directory, whole or not at all.
func writeFile(dir, name string, data []byte) error {
	f, err := create(dir)
	if err == nil {
		if _, err = io.Copy(f, bytes.NewReader(data)); err != nil {
			f.Close()
		} else {
			err = commit(f, filepath.Join(dir, name))
		}
	}
	if err != nil {
		return fmt.Errorf("evidence: writing %s: %w", name, err)
	}
	return nil
}

// readFile reads a file of at most limit bytes.
func readFile(path string, limit int64) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("evidence: %w", err)
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err != nil {
		return nil, fmt.Errorf("evidence: %w", err)
	}
	if int64(len(data)) > limit {
		return nil, fmt.Errorf("%w: %s has more than %d bytes", ErrManifest, filepath.Base(path), limit)
	}
	return data, nil
}
