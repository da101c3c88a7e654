package desk

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/entraide/entraide/internal/keyring"
	"github.com/entraide/entraide/internal/store"
	"github.com/entraide/entraide/pkg/directory"
	"github.com/entraide/entraide/pkg/message"
	"github.com/entraide/entraide/pkg/pgp"
	"github.com/entraide/entraide/pkg/snapshot"
	"github.com/entraide/entraide/pkg/translog"
	"github.com/entraide/entraide/pkg/verify"
	"github.com/entraide/entraide/pkg/wire"
)

// Errors of directory snapshots.
var (
	// ErrOlder says that a snapshot is older than what the desk knows.
	ErrOlder = errors.New("the snapshot is older than what this desk knows")
	// ErrStale says that the directory is too old for anything new to be sent.
	ErrStale = errors.New("the directory is too old to send by")
)

// ExportDirectory makes a snapshot of the directory, which may be taken for fresh
// for a while, signed by one of this desk's authorities with the strongest of its
// keys. The desk must have seen the log within the last day.
func (d *Desk) ExportDirectory(ctx context.Context, by string, valid time.Duration) ([]byte, error) {
	var seen []byte
	var published []store.Published
	err := d.db.Read(ctx, func(r store.DeskReader) error {
		note, freshAt, err := r.Seen(ctx)
		if err == nil && d.now().Sub(time.Unix(freshAt, 0)) <= staleAfter {
			seen = signedIn(note)
		}
		if err != nil && !errors.Is(err, store.ErrNotFound) {
			return err
		}
		published, err = r.Published(ctx, -1)
		return err
	})
	if err != nil {
		return nil, err
	}
	if seen == nil {
		return nil, fmt.Errorf("%w: this desk has not seen the log within a day, and cannot vouch for its directory", ErrStale)
	}
	checkpoint, err := d.trust.Checkpoint(seen)
	if err != nil {
		return nil, err
	}
	statements := []wire.Statement{}
	for _, p := range published {
		if p.Index < checkpoint.Size {
			statements = append(statements, statementOf(p))
		}
	}
	key, err := d.strongest(by)
	if err != nil {
		return nil, err
	}
	made := directory.At(d.now())
	s, err := snapshot.Make(snapshot.Heading{Made: made, Expires: directory.At(made.Add(valid)), By: by, Checkpoint: string(seen)}, statements, key)
	if err != nil {
		return nil, err
	}
	if err := d.db.Write(ctx, func(w store.DeskWriter) error { return d.record(ctx, w, "directory exported", by) }); err != nil {
		return nil, err
	}
	return s.Marshal()
}

// strongest returns the key of an authority in the strongest suite that it
// publishes.
func (d *Desk) strongest(authority string) (*pgp.Key, error) {
	a, err := d.Directory().Authority(authority)
	if err != nil {
		return nil, err
	}
	for _, suite := range pgp.Suites() {
		if _, ok := a.Certificates[suite]; ok {
			return d.keys.Key(keyring.NameOf(authority, suite))
		}
	}
	return nil, ErrNoKey
}

// An Imported is what the import of a snapshot has brought.
type Imported struct {
	By      string `json:"by"`
	Made    string `json:"made"`    // RFC 3339
	Expires string `json:"expires"` // RFC 3339
	Fresh   bool   `json:"fresh"`   // false once it has expired
	Size    int64  `json:"size"`    // entries of the log as of which it is
	New     int    `json:"new"`     // statements that the desk did not have
}

// ImportDirectory takes a snapshot into the desk's directory, without a line: it
// verifies everything in it and refuses one that is older than what the desk
// knows ([ErrOlder]). Until it expires, the desk sends by it; after that, it reads.
// A snapshot that does not agree with what the desk has verified before is an
// incident. When the line is back, the log must prove its checkpoint.
func (d *Desk) ImportDirectory(ctx context.Context, data []byte) (Imported, error) {
	s, err := snapshot.Parse(data)
	if err != nil {
		return Imported{}, err
	}
	h := s.Heading
	in := Imported{By: h.By, Made: h.Made.String(), Expires: h.Expires.String(), Fresh: d.now().Before(h.Expires.Time)}
	if h.Made.After(d.now().Add(message.ClockSkew)) {
		return in, fmt.Errorf("%w: it is dated in the future, at %s; check the clock", snapshot.ErrUnsigned, h.Made)
	}
	v, err := s.Verify(ctx, d.trust)
	if err != nil {
		return in, d.incident(ctx, err, []byte(h.Checkpoint), nil)
	}
	in.Size = v.Checkpoint.Size
	if err := d.readDirectory(ctx); err != nil {
		return in, err
	}
	if err := d.continues(ctx, s, v); err != nil {
		return in, err
	}
	if in.New, err = d.takeSnapshot(ctx, s, v); err != nil {
		return in, err
	}
	return in, d.readDirectory(ctx)
}

// continues checks that a snapshot is not older than what the desk knows, and
// says the same as far as that goes.
func (d *Desk) continues(ctx context.Context, s *snapshot.Snapshot, v snapshot.Verified) error {
	known, kept, err := d.newestSeen(ctx)
	if err != nil {
		return err
	}
	if v.Checkpoint.Size < known.Size || v.Directory.Size() < d.Directory().Size() {
		return fmt.Errorf("%w: it is as of %d entries of the log, and this desk has seen %d", ErrOlder, v.Checkpoint.Size, known.Size)
	}
	if v.Checkpoint.Size == known.Size && v.Checkpoint.Root != known.Root {
		return d.incident(ctx, fmt.Errorf("%w: %w: the snapshot of %s shows another tree of %d entries", errFork, verify.ErrMisbehaviour, s.Heading.By, known.Size),
			[]byte(s.Heading.Checkpoint), kept)
	}
	theirs := v.Directory.AsOf(d.Directory().Size()).Records()
	for i, ours := range d.Directory().Records() {
		if i >= len(theirs) || theirs[i].Index != ours.Index || theirs[i].Digest != ours.Digest {
			return d.incident(ctx, verify.Misbehaviour(verify.TwoHistories, fmt.Sprintf(
				"the snapshot of %s does not hold statement no. %d about %s as entry %d, which this desk has verified", s.Heading.By, ours.Number, ours.Subject, ours.Index), nil),
				[]byte(s.Heading.Checkpoint), []byte(ours.Signed.Statement))
		}
	}
	return nil
}

// newestSeen returns the largest checkpoint that the desk has verified, off the
// line or out of a snapshot, and its text.
func (d *Desk) newestSeen(ctx context.Context) (newest translog.Checkpoint, signed []byte, err error) {
	var notes [][]byte
	if err := d.db.Read(ctx, func(r store.DeskReader) error {
		seen, _, err := r.Seen(ctx)
		if err != nil && !errors.Is(err, store.ErrNotFound) {
			return err
		}
		s, err := r.Snapshot(ctx)
		if err != nil && !errors.Is(err, store.ErrNotFound) {
			return err
		}
		notes = [][]byte{seen, s.Note}
		return nil
	}); err != nil {
		return newest, nil, err
	}
	for _, note := range notes {
		if note == nil {
			continue
		}
		c, err := translog.ParseCheckpoint(textOf(note))
		if err != nil {
			return newest, nil, fmt.Errorf("the stored checkpoint is damaged: %w", err)
		}
		if c.Size > newest.Size {
			newest, signed = c, note
		}
	}
	return newest, signed, nil
}

// takeSnapshot stores what a verified snapshot brings, and returns how many
// statements are new.
func (d *Desk) takeSnapshot(ctx context.Context, s *snapshot.Snapshot, v snapshot.Verified) (n int, err error) {
	size := d.Directory().Size()
	return n, d.db.Write(ctx, func(w store.DeskWriter) error {
		n = 0
		for _, statement := range s.Statements() {
			if statement.Index < size {
				continue
			}
			if err := w.PutPublished(ctx, store.Published{
				Index: statement.Index, Text: []byte(statement.Statement), Signature: statement.Signature, Receipt: []byte(statement.Receipt),
			}); err != nil {
				return err
			}
			if err := d.watch(ctx, w, statement, v.Directory.AsOf(statement.Index+1)); err != nil {
				return err
			}
			n++
		}
		if err := w.PutSnapshot(ctx, store.Snapshot{
			Note: []byte(s.Heading.Checkpoint), By: s.Heading.By, Expires: s.Heading.Expires.Unix(),
		}); err != nil {
			return err
		}
		return d.record(ctx, w, "directory imported", fmt.Sprintf("%s, made %s, %d statements", s.Heading.By, s.Heading.Made, n))
	})
}

// proveSnapshot has the log prove the checkpoint of an imported snapshot, once
// there is a line again; from then on the line is what the desk goes by.
func (d *Desk) proveSnapshot(ctx context.Context) error {
	var s store.Snapshot
	err := d.db.Read(ctx, func(r store.DeskReader) (err error) {
		s, err = r.Snapshot(ctx)
		return err
	})
	if errors.Is(err, store.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	checkpoint, err := d.trust.Checkpoint(s.Note)
	if err != nil {
		return err
	}
	if err := d.observe(ctx, checkpoint, s.Note); err != nil {
		return err
	}
	return d.db.Write(ctx, func(w store.DeskWriter) error { return w.DropSnapshot(ctx) })
}

// sendable returns nil if the directory is fresh enough to send by: the log was
// seen within a day, or a snapshot has not expired. A desk that has had a line
// and no snapshot may queue what it will send when the line is back.
func (d *Desk) sendable(ctx context.Context, r store.DeskReader) error {
	_, freshAt, err := r.Seen(ctx)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return err
	}
	if d.now().Sub(time.Unix(freshAt, 0)) <= staleAfter {
		return nil
	}
	s, err := r.Snapshot(ctx)
	switch {
	case errors.Is(err, store.ErrNotFound):
		return nil
	case err != nil:
		return err
	case d.now().Unix() < s.Expires:
		return nil
	}
	return fmt.Errorf("%w: the snapshot of %s expired at %s, and the broker was not reached since; import a newer one", ErrStale, s.By, rfc3339(s.Expires))
}
