// Package parts keeps the sealed parts of evidence for the broker, which cannot
// read them: in files by default, or in an S3-compatible service.
//
// Parts are kept in sets, one for each piece of evidence. A set is named by the
// digest of the list of its parts, and holds that list under the same name. So
// nobody can make evidence that shares a part with another's, and lose it with
// his own.
package parts

import (
	"context"
	"errors"
	"io"
	"strings"
)

// MaxBytes is the size of the largest part.
const MaxBytes = 16 << 20

// Failures.
var (
	// ErrNotFound says that there is no such part.
	ErrNotFound = errors.New("parts: there is no such part")
	// ErrDigest says that what was read is not of the digest that it is to have.
	ErrDigest = errors.New("parts: the digest is another")
	// ErrSize says that what was read is not of the size that it is to have.
	ErrSize = errors.New("parts: the size is another")
	// ErrName says that the name of a set or part is not a digest in lower-case hex.
	ErrName = errors.New("parts: the name is not a digest")
	// ErrFull says that there is no room left.
	ErrFull = errors.New("parts: no room is left")
)

// A Store keeps parts. It is safe for concurrent use, also by several processes.
type Store interface {
	// Put keeps a part of a size in bytes, from 1 to MaxBytes, that is read from r
	// and must have the digest that it is named by. Once it returns nil, the part
	// survives a loss of power; with an error, nothing is kept. A part that is
	// there is replaced by its like.
	//
	// The error wraps ErrName, ErrSize, ErrDigest or ErrFull, or is that of r.
	Put(ctx context.Context, set, name string, size int64, r io.Reader) error
	// Open gives a part to read. The error wraps ErrNotFound or ErrName. What is
	// read need not be what was put: whoever uses it checks its digest.
	Open(ctx context.Context, set, name string) (Part, error)
	// Stat returns the size of a part in bytes. The error wraps ErrNotFound or
	// ErrName.
	Stat(ctx context.Context, set, name string) (int64, error)
	// RemoveSet removes a set with all its parts; one that is not there is no error.
	RemoveSet(ctx context.Context, set string) error
	// Sets calls fn for every set, in no order, until it returns an error.
	Sets(ctx context.Context, fn func(set string) error) error
	// Check says why the store cannot take parts at the moment, and what to do.
	Check(ctx context.Context) error
}

// A Part is a part to be read.
type Part = io.ReadSeekCloser

// checkNames refuses names that are no digests.
func checkNames(names ...string) error {
	for _, name := range names {
		if len(name) != 64 || strings.Trim(name, "0123456789abcdef") != "" {
			return ErrName
		}
	}
	return nil
}
