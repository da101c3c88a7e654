package evidence

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash"
	"io"
	"os"
	"path/filepath"

	"github.com/entraide/entraide/pkg/pgp"
)

// A Source gives the part with an index and a digest to read, from wherever it
// is kept. What it gives need not be trusted.
type Source func(index int, sha256 string) (io.ReadCloser, error)

// Open decrypts a sealed file to out with one of the keys it was encrypted to.
// Recipients are the fingerprints of the encryption subkeys in the order of
// sealing: recipient, sender. What s says comes from a signed header and its
// payload.
//
// A part is read whole into memory, and nothing of it is used before its size
// and digest are right. But whether the whole is right is known only at the end:
// what was written may be used only if the error is nil. To stop, let source
// return an error.
//
// The error wraps ErrPart, in a *PartError that names the part to be fetched
// again, a missing one also the error of source; ErrContent if the parts are
// right and their content is not what was signed; pgp.ErrNotForUs or
// pgp.ErrFraming; or the error of a reader or of out.
func Open(out io.Writer, key *pgp.Key, recipients []string, s Sealed, source Source) error {
	content := &contentWriter{out: out, hash: sha256.New(), room: s.PlainBytes}
	if _, err := key.Decrypt(content, &partReader{parts: s.Parts, source: source}, recipients); err != nil {
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
	parts  Parts
	source Source
	next   int // index of the part that comes after the present one
	buf    bytes.Buffer
	unread []byte // of the present part
}

// Read implements io.Reader.
func (r *partReader) Read(b []byte) (int, error) {
	for len(r.unread) == 0 {
		if r.next == len(r.parts.Digests) {
			return 0, io.EOF
		}
		if err := r.load(); err != nil {
			return 0, err
		}
	}
	n := copy(b, r.unread)
	r.unread = r.unread[n:]
	return n, nil
}

// load reads the next part and checks it.
func (r *partReader) load() error {
	digest := r.parts.Digests[r.next]
	part, err := r.source(r.next, digest)
	if err != nil {
		return fmt.Errorf("%w: %w", &PartError{r.next, digest, "it is not to be had"}, err)
	}
	defer part.Close()
	want := r.parts.Size(r.next)
	r.buf.Reset()
	r.buf.Grow(int(want) + bytes.MinRead + 1)
	n, err := r.buf.ReadFrom(io.LimitReader(part, want+1))
	if err != nil {
		return fmt.Errorf("%w: %w", &PartError{r.next, digest, "it cannot be read"}, err)
	}
	if err := r.parts.Verdict(r.next, n, digestOf(r.buf.Bytes())); err != nil {
		return err
	}
	r.unread = r.buf.Bytes()
	r.next++
	return nil
}

// Directory is a Source of the parts that Seal wrote to a directory.
func Directory(dir string) Source {
	return func(_ int, sha256 string) (io.ReadCloser, error) {
		return os.Open(filepath.Join(dir, sha256))
	}
}
