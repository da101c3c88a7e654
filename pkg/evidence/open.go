package evidence

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"
	"path/filepath"

	"github.com/entraide/entraide/pkg/pgp"
)

// A Source gives the part with an index and a digest to read, from wherever it
// is kept. What it gives need not be trusted.
type Source func(index int, sha256 string) (io.ReadSeekCloser, error)

// Open decrypts a sealed file to out with one of the keys it was encrypted to.
// Recipients are the fingerprints of the encryption subkeys in the order of
// sealing: recipient, sender. What s says comes from a signed header and its
// payload.
//
// A part is read twice: nothing of it is used before its size and digest are
// right. But whether the whole is right is known only at the end: what was written
// may be used only if the error is nil. To stop, let source return an error.
//
// The error wraps ErrPart, in a *PartError that names the part to be fetched
// again, a missing one also the error of source; ErrContent if the parts are
// right and their content is not what was signed; pgp.ErrNotForUs or
// pgp.ErrFraming; or the error of a reader or of out.
func Open(out io.Writer, key *pgp.Key, recipients []string, s Sealed, source Source) error {
	content := &contentWriter{out: out, hash: sha256.New(), room: s.PlainBytes}
	sealed := &partReader{parts: s.Parts, source: source}
	defer func() { _ = sealed.Close() }() // nothing is written through it
	if _, err := key.Decrypt(content, sealed, recipients); err != nil {
		return fmt.Errorf("evidence: opening: %w", err)
	}
	if content.room > 0 {
		return fmt.Errorf("%w: it has %d bytes less", ErrContent, content.room)
	}
	if hex.EncodeToString(content.hash.Sum(nil)) != s.PlainSHA256 {
		return fmt.Errorf("%w: its digest is another", ErrContent)
	}
	return nil
}

// A contentWriter takes a file of the size that was signed, and no more.
type contentWriter struct {
	out  io.Writer
	hash hash.Hash
	room int64 // bytes that are still to come
}

// Write implements io.Writer.
func (w *contentWriter) Write(data []byte) (int, error) {
	if int64(len(data)) > w.room {
		return 0, fmt.Errorf("%w: it has more bytes", ErrContent)
	}
	n, err := w.out.Write(data)
	w.hash.Write(data[:n])
	w.room -= int64(n)
	return n, err
}

// A partReader reads parts one after the other, each checked before any of it is
// given away.
type partReader struct {
	parts   Parts
	source  Source
	next    int // index of the part that comes after the present one
	present io.ReadCloser
	left    int64 // of the present part, in bytes
}

// Read implements io.Reader.
func (r *partReader) Read(b []byte) (int, error) {
	for r.left == 0 {
		if err := r.Close(); err != nil {
			return 0, err
		}
		if r.next == len(r.parts.Digests) {
			return 0, io.EOF
		}
		if err := r.load(); err != nil {
			return 0, err
		}
	}
	n, err := r.present.Read(b[:min(int64(len(b)), r.left)])
	r.left -= int64(n)
	if errors.Is(err, io.EOF) && r.left > 0 {
		err = &PartError{r.next - 1, r.parts.Digests[r.next-1], "it has become shorter"}
	}
	if n > 0 && errors.Is(err, io.EOF) {
		err = nil
	}
	return n, err
}

// load opens the next part and checks it.
func (r *partReader) load() error {
	digest := r.parts.Digests[r.next]
	part, err := r.source(r.next, digest)
	if err != nil {
		return fmt.Errorf("%w: %w", &PartError{r.next, digest, "it is not to be had"}, err)
	}
	r.present = part
	if err := r.parts.Check(r.next, part); err != nil {
		if _, wrong := errors.AsType[*PartError](err); !wrong {
			err = fmt.Errorf("%w: %w", &PartError{r.next, digest, "it cannot be read"}, err)
		}
		return err
	}
	if _, err := part.Seek(0, io.SeekStart); err != nil {
		return fmt.Errorf("%w: %w", &PartError{r.next, digest, "it cannot be read again"}, err)
	}
	r.left = r.parts.Size(r.next)
	r.next++
	return nil
}

// Close implements io.Closer.
func (r *partReader) Close() error {
	if r.present == nil {
		return nil
	}
	err := r.present.Close()
	r.present = nil
	return err
}

// Directory is a Source of the parts that Seal wrote to a directory.
func Directory(dir string) Source {
	return func(_ int, sha256 string) (io.ReadSeekCloser, error) {
		return os.Open(filepath.Join(dir, sha256))
	}
}
