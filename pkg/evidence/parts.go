package evidence

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"strings"
)

const (
	// PartBytes is the size of the parts that a sealed file is cut into; only
	// the last may be smaller.
	PartBytes = 16 << 20
	// MaxParts bounds a sealed file to 1 TiB, and the list of its parts to less
	// than a part.
	MaxParts = 1 << 16
	// MaxManifestBytes is the size of the longest list of parts.
	MaxManifestBytes = MaxParts * lineBytes
	// ManifestName is the name of the file that lists the parts.
	ManifestName = "manifest.sha256"
)

// Failures. Each function says which of them its errors wrap.
var (
	// ErrManifest is a list of parts, or a description of a package, that is not
	// as it must be written.
	ErrManifest = errors.New("evidence: malformed manifest")
	// ErrPart is a part that is missing, of the wrong size or digest. It comes
	// in a *PartError.
	ErrPart = errors.New("evidence: wrong part")
	// ErrContent is a file that is not of the size or digest that was signed.
	ErrContent = errors.New("evidence: not the file that was signed")
)

// Parts are what a sealed file was cut into, in order.
type Parts struct {
	Digests []string // SHA-256 of each, in lower-case hex
	Bytes   int64    // size of all together
}

// lineBytes is the size of a line of a manifest: a digest, two spaces, the name
// of the file, which is the digest too, and the end of the line.
const lineBytes = 64 + 2 + 64 + 1

// Text returns the list as `sha256sum -c` takes it, in a directory where each
// part is in a file named by its digest.
func (p Parts) Text() []byte {
	var out bytes.Buffer
	out.Grow(len(p.Digests) * lineBytes)
	for _, digest := range p.Digests {
		fmt.Fprintf(&out, "%s  %s\n", digest, digest)
	}
	return out.Bytes()
}

// SHA256 returns the digest of the list, in lower-case hex. A header names it.
func (p Parts) SHA256() string { return digestOf(p.Text()) }

// Size returns the size of the part with an index, in bytes.
func (p Parts) Size(index int) int64 {
	if index < len(p.Digests)-1 {
		return PartBytes
	}
	return p.Bytes - int64(len(p.Digests)-1)*PartBytes
}

// ParseParts reads the list of the parts of a sealed file of a size in bytes.
// What it accepts, Text writes back byte for byte.
//
// The error wraps ErrManifest.
func ParseParts(text []byte, size int64) (Parts, error) {
	count := len(text) / lineBytes
	if count == 0 || count > MaxParts || len(text)%lineBytes != 0 {
		return Parts{}, fmt.Errorf("%w: it is not a list of 1 to %d parts", ErrManifest, MaxParts)
	}
	p := Parts{Bytes: size, Digests: make([]string, 0, count)}
	if last := p.Bytes - int64(count-1)*PartBytes; last < 1 || last > PartBytes {
		return Parts{}, fmt.Errorf("%w: %d bytes are not in %d parts", ErrManifest, size, count)
	}
	for i := range count {
		line := text[i*lineBytes : (i+1)*lineBytes]
		digest := string(line[:64])
		if !isDigest(digest) || string(line[64:]) != "  "+digest+"\n" {
			return Parts{}, fmt.Errorf("%w: line %d is not a digest and the file of that name", ErrManifest, i+1)
		}
		p.Digests = append(p.Digests, digest)
	}
	return p, nil
}

// FindPart returns digest and size of the part with an index, counted from 0, of
// a sealed file of a size in bytes, from the list of its parts, of which it reads
// one line.
//
// The error wraps ErrManifest, or is that of the reader.
func FindPart(list io.ReadSeeker, size int64, index int) (digest string, bytes int64, err error) {
	count := (size + PartBytes - 1) / PartBytes
	if index < 0 || int64(index) >= count {
		return "", 0, fmt.Errorf("%w: there is no part %d of %d", ErrManifest, index, count)
	}
	line := make([]byte, lineBytes)
	if _, err := list.Seek(int64(index)*lineBytes, io.SeekStart); err != nil {
		return "", 0, fmt.Errorf("evidence: finding a part: %w", err)
	}
	if _, err := io.ReadFull(list, line); err != nil {
		return "", 0, fmt.Errorf("evidence: finding a part: %w", err)
	}
	if digest = string(line[:64]); !isDigest(digest) {
		return "", 0, fmt.Errorf("%w: line %d is not a digest", ErrManifest, index+1)
	}
	return digest, min(PartBytes, size-int64(index)*PartBytes), nil
}

// Check reads a part to its end and checks that it is the one with an index.
//
// The error is a *PartError, or that of the reader.
func (p Parts) Check(index int, part io.Reader) error {
	h := sha256.New()
	n, err := io.Copy(h, io.LimitReader(part, p.Size(index)+1))
	if err != nil {
		return fmt.Errorf("evidence: reading part %d: %w", index+1, err)
	}
	return p.Verdict(index, n, hex.EncodeToString(h.Sum(nil)))
}

// Verdict judges what was read of a part: its size, up to one byte too many, and
// digest. The error is a *PartError.
func (p Parts) Verdict(index int, size int64, digest string) error {
	fail := func(reason string) error { return &PartError{index, p.Digests[index], reason} }
	switch want := p.Size(index); {
	case size < want:
		return fail(fmt.Sprintf("it has %d bytes instead of %d", size, want))
	case size > want:
		return fail(fmt.Sprintf("it has more than %d bytes", want))
	case digest != p.Digests[index]:
		return fail("its digest is another")
	}
	return nil
}

// A PartError names the part that is wrong, which alone is to be fetched again.
type PartError struct {
	Index  int    // from 0
	SHA256 string // that it should have
	reason string
}

// Error implements error.
func (e *PartError) Error() string {
	return fmt.Sprintf("%v: part %d, %s: %s", ErrPart, e.Index+1, e.SHA256, e.reason)
}

// Unwrap returns ErrPart.
func (e *PartError) Unwrap() error { return ErrPart }

// digestOf returns the SHA-256 of data in lower-case hex.
func digestOf(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}

// isDigest reports whether s is a SHA-256 in lower-case hex.
func isDigest(s string) bool {
	return len(s) == 64 && strings.Trim(s, "0123456789abcdef") == ""
}
