// Package snapshot is the directory as one file, for desks that have no line to
// the broker: every statement with its log receipt, the newest checkpoint, and an
// authority's signature that says until when this may be taken for fresh
// (protocol section 7).
//
// The statements prove themselves; nobody who passes a snapshot on can forge or
// exchange one. What the signature adds is that none is left out as of its time:
// for that, and for nothing else, the reader believes the authority that signed.
package snapshot

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"time"

	"github.com/entraide/entraide/pkg/directory"
	"github.com/entraide/entraide/pkg/pgp"
	"github.com/entraide/entraide/pkg/strictjson"
	"github.com/entraide/entraide/pkg/translog"
	"github.com/entraide/entraide/pkg/verify"
	"github.com/entraide/entraide/pkg/wire"
)

// Typ is the type of a snapshot, and of the notation in its signature.
const Typ = "entraide/snapshot/1"

// MaxValidity bounds how long a snapshot may be taken for fresh.
const MaxValidity = 31 * 24 * time.Hour

// MaxBytes bounds a snapshot.
const MaxBytes = 64 << 20

// Errors of snapshots that are not what they should be.
var (
	// ErrMalformed says that a file is not a snapshot.
	ErrMalformed = errors.New("this is not a snapshot of a directory")
	// ErrUnsigned says that a snapshot is not signed by the authority that it
	// names, or that this authority may not sign.
	ErrUnsigned = errors.New("the snapshot is not signed by whom it names")
)

// A Heading is what is signed.
type Heading struct {
	Typ     string         `json:"typ"`
	Made    directory.Time `json:"made"`    // the time of the signature
	Expires directory.Time `json:"expires"` // from when it is no longer fresh
	// By is the authority that signs, with the certificate of this fingerprint, of
	// any suite.
	By          string `json:"by"`
	Fingerprint string `json:"fingerprint"`
	// Checkpoint is the newest signed checkpoint of the log.
	Checkpoint string `json:"checkpoint"`
	// Statements is the SHA-256 of the digests of all statements, lower-case hex
	// with a line feed behind each.
	Statements string `json:"statements"`
}

// A file is a snapshot as it is written.
type file struct {
	Snapshot   string           `json:"snapshot"` // the heading's text
	Signature  []byte           `json:"signature"`
	Statements []wire.Statement `json:"statements"`
}

// A Snapshot is one that was read and not verified, or made.
type Snapshot struct {
	Heading Heading
	file    file
}

// Make makes and signs a snapshot: of the statements up to the checkpoint, by the
// key of an authority in the directory that they make.
func Make(h Heading, statements []wire.Statement, key *pgp.Key) (*Snapshot, error) {
	h.Typ, h.Fingerprint, h.Statements = Typ, key.Fingerprint(), digestOf(statements)
	text, err := strictjson.Marshal(h)
	if err != nil {
		return nil, err
	}
	if err := h.check(); err != nil {
		return nil, err
	}
	signature, err := key.Sign(Typ, text, h.Made.Time)
	if err != nil {
		return nil, fmt.Errorf("snapshot: signing: %w", err)
	}
	return &Snapshot{Heading: h, file: file{Snapshot: string(text), Signature: signature, Statements: statements}}, nil
}

// Marshal writes the file.
func (s *Snapshot) Marshal() ([]byte, error) { return strictjson.Marshal(s.file) }

// Statements returns the statements with their receipts, in log order.
func (s *Snapshot) Statements() []wire.Statement { return s.file.Statements }

// Parse reads a file: exactly what Marshal writes. It verifies nothing. The
// error wraps [ErrMalformed].
func Parse(data []byte) (*Snapshot, error) {
	var s Snapshot
	if err := canonical(data, &s.file); err != nil {
		return nil, err
	}
	if err := canonical([]byte(s.file.Snapshot), &s.Heading); err != nil {
		return nil, err
	}
	if err := s.Heading.check(); err != nil {
		return nil, err
	}
	if s.Heading.Statements != digestOf(s.file.Statements) {
		return nil, fmt.Errorf("%w: it does not hold the statements that were signed", ErrMalformed)
	}
	return &s, nil
}

// canonical reads strict JSON that is its own canonical form.
func canonical(data []byte, v any) error {
	if err := strictjson.Unmarshal(data, MaxBytes, v); err != nil {
		return fmt.Errorf("%w: %w", ErrMalformed, err)
	}
	again, err := strictjson.Marshal(v)
	if err != nil || string(again) != string(data) {
		return fmt.Errorf("%w: it is not in its canonical form", ErrMalformed)
	}
	return nil
}

// check holds the heading to its syntax.
func (h Heading) check() error {
	valid := h.Expires.Sub(h.Made.Time)
	switch {
	case h.Typ != Typ:
		return fmt.Errorf("%w: its type is another", ErrMalformed)
	case !directory.ValidAuthority(h.By), !directory.ValidFingerprint(h.Fingerprint):
		return fmt.Errorf("%w: it does not say who signed it", ErrMalformed)
	case valid <= 0 || valid > MaxValidity:
		return fmt.Errorf("%w: it may be fresh for 31 days at most", ErrMalformed)
	}
	return nil
}

func digestOf(statements []wire.Statement) string {
	h := sha256.New()
	for _, s := range statements {
		fmt.Fprintln(h, directory.Signed{Statement: s.Statement}.Digest())
	}
	return hex.EncodeToString(h.Sum(nil))
}

// A Verified is what a snapshot proves.
type Verified struct {
	Directory  *directory.Directory
	Checkpoint translog.Checkpoint
}

// Verify verifies a snapshot offline, from what is believed beforehand: the
// checkpoint, every statement with its receipt, and the signature of an authority
// that was in good standing, over all of them. It consults no clock: whether the
// snapshot is still fresh is for the caller to say.
//
// An error that wraps [verify.ErrMisbehaviour] is about what the broker signed;
// one that wraps [ErrUnsigned] or [ErrMalformed] is about the file.
func (s *Snapshot) Verify(ctx context.Context, trust verify.Trust) (v Verified, err error) {
	if v.Checkpoint, err = trust.Checkpoint([]byte(s.Heading.Checkpoint)); err != nil {
		return v, err
	}
	all := func(context.Context, int64) (wire.Statements, error) {
		return wire.Statements{Items: s.file.Statements}, nil
	}
	if v.Directory, err = trust.Follow(ctx, directory.New(trust.Anchor), all, nil); err != nil {
		return v, err
	}
	if v.Directory.Size() > v.Checkpoint.Size {
		return v, fmt.Errorf("%w: it holds statements from behind its checkpoint", ErrMalformed)
	}
	return v, s.signedBy(v.Directory)
}

// signedBy checks the signature.
func (s *Snapshot) signedBy(d *directory.Directory) error {
	by, err := d.Check(s.Heading.By, s.Heading.Made.Time)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrUnsigned, err)
	}
	for _, c := range by.Certificates {
		if c.Fingerprint() != s.Heading.Fingerprint {
			continue
		}
		if err := c.Verify(Typ, []byte(s.file.Snapshot), s.file.Signature, s.Heading.Made.Time); err != nil {
			return fmt.Errorf("%w: %w", ErrUnsigned, err)
		}
		return nil
	}
	return fmt.Errorf("%w: the directory names another certificate of %s", ErrUnsigned, s.Heading.By)
}
