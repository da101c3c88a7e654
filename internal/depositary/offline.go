package depositary

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"github.com/entraide/entraide/internal/durable"
	"github.com/entraide/entraide/internal/enrolment"
	"github.com/entraide/entraide/pkg/directory"
	"github.com/entraide/entraide/pkg/snapshot"
	"github.com/entraide/entraide/pkg/strictjson"
	"github.com/entraide/entraide/pkg/verify"
)

// Files of a depositary without a line to the broker.
const (
	// snapshotFile is the newest directory that was brought to it.
	snapshotFile = "directory.snapshot"
	// signedFile holds what it has signed since, in order.
	signedFile = "signed.json"
)

// offline is the work of a depositary that has no line: the directory as it was
// last brought, with everything signed since.
type offline struct {
	dir    *directory.Directory
	path   string
	before []directory.Signed // signed earlier, and not in the directory that was brought
	signed []directory.Signed // now
}

// WorkOffline has the depositary sign without a line to the broker: what it signs
// is returned by Signed, to be carried there. brought is a snapshot of the
// directory, which is remembered, or nil to go by the last one and by what was
// signed since; a new depositary begins with its own statement.
//
// A statement that was signed earlier and has been overtaken by the directory is
// no longer counted: it cannot be published any more.
func (d *Depositary) WorkOffline(ctx context.Context, brought []byte) error {
	dir, err := d.known(ctx, brought)
	if err != nil {
		return err
	}
	o := &offline{dir: dir, path: filepath.Join(d.home, signedFile)}
	data, err := os.ReadFile(o.path)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	var earlier []directory.Signed
	if err == nil {
		if earlier, err = enrolment.ParseStatements(data); err != nil {
			return fmt.Errorf("reading %s: %w", signedFile, err)
		}
	}
	for _, s := range earlier {
		if next, err := o.dir.Apply(s, o.dir.Size()); err == nil {
			o.dir, o.before = next, append(o.before, s)
		}
	}
	d.offline = o
	return nil
}

// known returns the directory that was brought, now or last.
func (d *Depositary) known(ctx context.Context, brought []byte) (*directory.Directory, error) {
	path := filepath.Join(d.home, snapshotFile)
	last, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, err
	}
	if brought == nil && last == nil {
		return d.beginning()
	}
	var newest *directory.Directory
	for _, data := range [][]byte{last, brought} {
		if data == nil {
			continue
		}
		dir, err := d.verified(ctx, data)
		if err != nil {
			return nil, err
		}
		if newest != nil && dir.Size() < newest.Size() {
			return nil, errors.New("the directory that was brought is older than the last one")
		}
		newest = dir
	}
	if brought == nil {
		return newest, nil
	}
	return newest, durable.Replace(path, brought, 0o600)
}

// verified reads a snapshot of the directory.
func (d *Depositary) verified(ctx context.Context, data []byte) (*directory.Directory, error) {
	b, err := d.broker()
	if err != nil {
		return nil, err
	}
	trust, err := verify.NewTrust(b)
	if err != nil {
		return nil, err
	}
	s, err := snapshot.Parse(data)
	if err != nil {
		return nil, err
	}
	v, err := s.Verify(ctx, trust)
	return v.Directory, err
}

// beginning is the directory of a depositary that has admitted nobody: its own
// statement.
func (d *Depositary) beginning() (*directory.Directory, error) {
	data, err := os.ReadFile(filepath.Join(d.home, StatementFile))
	if err != nil {
		return nil, err
	}
	var own directory.Signed
	if err := strictjson.Unmarshal(data, 2*directory.MaxStatementBytes, &own); err != nil {
		return nil, fmt.Errorf("reading %s: %w", StatementFile, err)
	}
	return directory.New(d.key.Fingerprint()).Apply(own, 0)
}

// take checks a statement as the broker will, and keeps it.
func (o *offline) take(_ context.Context, s directory.Signed) error {
	if _, known := o.dir.Find(s.Digest()); known {
		return nil
	}
	next, err := o.dir.Apply(s, o.dir.Size())
	if err != nil {
		return err
	}
	data, err := enrolment.MarshalStatements(slices.Concat(o.before, o.signed, []directory.Signed{s}))
	if err != nil {
		return err
	}
	if err := durable.Replace(o.path, data, 0o600); err != nil {
		return err
	}
	o.dir, o.signed = next, append(o.signed, s)
	return nil
}

// Signed returns everything that was signed without a line and has not come back
// in a directory that was brought, in the order in which it is to be published.
// What was published already may be published again.
func (d *Depositary) Signed() []directory.Signed {
	if d.offline == nil {
		return nil
	}
	return slices.Concat(d.offline.before, d.offline.signed)
}
