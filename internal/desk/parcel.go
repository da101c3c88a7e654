package desk

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/entraide/entraide/internal/filelock"
	"github.com/entraide/entraide/pkg/convention"
	"github.com/entraide/entraide/pkg/directory"
	"github.com/entraide/entraide/pkg/evidence"
	"github.com/entraide/entraide/pkg/message"
	"github.com/entraide/entraide/pkg/pgp"
	"github.com/entraide/entraide/pkg/problem"
)

// A parcel is what a message says of a package, and how it is opened.
type parcel struct {
	id        string
	number    int // from 1
	position  int // among the evidence of the message, from 0; of none on a medium
	manifest  string
	bytes     int64
	file      message.EvidenceFile
	key       *pgp.Key
	message   *message.Message
	directory *directory.Directory   // of the message's place in the log
	only      *convention.Attachment // that it must hold alone; nil for a package of a delivery
}

// parcel opens a message and returns what it says of a package.
func (d *Desk) parcel(ctx context.Context, id string, number int) (*parcel, error) {
	m, payload, key, then, err := d.unsealed(ctx, id)
	if err != nil {
		return nil, err
	}
	body, err := convention.ParseBody(payload.Body)
	if err != nil {
		return nil, err
	}
	p := &parcel{id: id, number: number, key: key, message: m, directory: then}
	switch b := body.(type) {
	case *convention.Delivery:
		if number >= 1 && number <= len(b.Packages) {
			return p, p.deliveredIn(payload, b.Packages[number-1])
		}
	case *convention.Request:
		if number >= 1 && number <= len(payload.Evidence) {
			p.only = &b.Attachments[number-1]
			p.travels(payload, number-1)
			return p, nil
		}
	}
	return nil, problem.New(problem.NotFound, "number", "The message delivers no such package.")
}

// deliveredIn finds a package that a delivery lists among what travels with it, or
// on its medium.
func (p *parcel) deliveredIn(payload *message.Payload, listed convention.Package) error {
	for i, file := range payload.Evidence {
		if listed.Size == file.Size && listed.SHA256 == string(file.SHA256) {
			p.travels(payload, i)
			return nil
		}
	}
	if listed.Medium == nil {
		return problem.New(problem.NotFound, "number", "The package was announced without its evidence: ask the other side for it.")
	}
	p.position, p.manifest, p.bytes = -1, listed.Medium.Manifest, listed.Medium.SealedBytes
	p.file = message.EvidenceFile{Size: listed.Size, SHA256: message.Digest(listed.SHA256), Restricted: listed.Medium.Restricted}
	return nil
}

// travels is a package among the evidence of its message.
func (p *parcel) travels(payload *message.Payload, position int) {
	ref := p.message.Header.Evidence[position]
	p.position, p.manifest, p.bytes, p.file = position, string(ref.SHA256), ref.Size, payload.Evidence[position]
}

// check compares what was opened into a folder with what the request says of its
// attachment; what is something else is not kept.
func (p *parcel) check(opened *evidence.Package, dir string) error {
	if p.only == nil || holdsOnly(opened, *p.only) {
		return nil
	}
	err := fmt.Errorf("%w: it is not attachment %d, by name, size and digest", evidence.ErrContent, p.number)
	return errors.Join(err, os.RemoveAll(dir))
}

// sealedTo returns the subkeys that the first part of a package is sealed to. Of
// one that is not as it must be, opening finds out more.
func (p *parcel) sealedTo(dir string, parted evidence.Parts) ([]string, error) {
	first, err := evidence.Directory(dir)(0, parted.Digests[0])
	if err != nil {
		return p.message.Recipients(p.directory)
	}
	defer first.Close()
	found, err := p.message.CheckEvidence(p.directory, max(p.position, 0), first)
	if err != nil {
		return p.message.Recipients(p.directory)
	}
	return found, nil
}

// dir is where the parts are kept until the package is opened.
func (p *parcel) dir(home string) string {
	return filepath.Join(home, "evidence", fmt.Sprintf("%s-%d", p.id, p.number))
}

// claim keeps two processes from fetching the same.
func (p *parcel) claim(home string) (*filelock.Lock, error) {
	if err := os.MkdirAll(filepath.Dir(p.dir(home)), 0o700); err != nil {
		return nil, fmt.Errorf("fetching evidence: %w", err)
	}
	lock, err := filelock.Try(p.dir(home) + ".lock")
	if errors.Is(err, filelock.ErrHeld) {
		return nil, errors.New("another process of this desk is fetching this package")
	}
	return lock, err
}
