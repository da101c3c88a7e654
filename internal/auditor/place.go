package auditor

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"github.com/entraide/entraide/internal/store"
	"github.com/entraide/entraide/pkg/problem"
	"github.com/entraide/entraide/pkg/translog"
)

// A Place is where an entry stands in the log, with the proof.
type Place struct {
	Head
	Index int64
	Leaf  []byte
	Path  []translog.Hash // inclusion proof (RFC 6962, section 2.1.1)
}

// errNoEntry says that the mirror has no entry of an index.
var errNoEntry = problem.New(problem.NotFound, "entry", "The mirror has no entry with this number.")

// Place proves where an entry stands, from the mirror's own files. The error is
// a *problem.Error with the code not-found for one that the mirror has not.
func (b *Book) Place(ctx context.Context, index int64) (p Place, err error) {
	for range 2 { // the mirror may grow meanwhile, and drop what it had half
		if p, err = b.place(ctx, index); !errors.Is(err, errMissing) {
			return p, err
		}
	}
	return p, err
}

func (b *Book) place(ctx context.Context, index int64) (Place, error) {
	head, err := b.head()
	if err != nil {
		return Place{}, err
	}
	if head == nil || index < 0 || index >= head.Size {
		return Place{}, errNoEntry
	}
	p := Place{Head: *head, Index: index}
	path := bundlePath(index/translog.TileWidth, head.Size)
	data, err := Directory(b.home)(ctx, path.String())
	if err != nil {
		return p, err
	}
	leaves, err := translog.ParseBundle(data, path.Width)
	if err != nil {
		return p, fmt.Errorf("auditor: the mirror is damaged: %w", err)
	}
	p.Leaf = leaves[index%translog.TileWidth]
	p.Path, err = translog.ProveInclusion(ctx, index, head.Size, translog.TileReader(head.Checkpoint, Directory(b.home)))
	return p, err
}

// Receipt is the proof of an entry whose private half is known, as a
// c2sp.org/tlog-proof.
func (p Place) Receipt(salted translog.Salted) []byte {
	return translog.Receipt{Entry: salted, Index: p.Index, Path: p.Path, Checkpoint: p.Signed}.Format()
}

// Inclusion is the proof of the leaf alone.
func (p Place) Inclusion() []byte {
	return translog.Inclusion{Index: p.Index, Path: p.Path, Checkpoint: p.Signed}.Format()
}

// Hold verifies a receipt of the log and holds its entry against the mirror. It
// returns [ErrBehind] with the entry where the mirror does not reach so far; an
// error that is [verify.ErrMisbehaviour] proves two histories.
func (b *Book) Hold(ctx context.Context, text []byte) (Entry, translog.Checkpoint, error) {
	trust, err := b.Trust()
	if err != nil {
		return Entry{}, translog.Checkpoint{}, err
	}
	r, err := translog.ParseReceipt(text)
	if err != nil {
		return Entry{}, translog.Checkpoint{}, err
	}
	under, entry, err := r.Verify(trust.Origin, trust.Keys()...)
	if err != nil {
		return Entry{}, under, fmt.Errorf("auditor: the receipt is not one of this log: %w", err)
	}
	head, err := b.head()
	if err != nil {
		return Entry{}, under, err
	}
	if head == nil || r.Index >= head.Size {
		return Entry{Index: r.Index, Entry: entry, Private: r.Entry}, under, ErrBehind
	}
	e, err := held(ctx, translog.TileReader(head.Checkpoint, Directory(b.home)), r.Index, r.Entry)
	return e, under, err
}

// ErrBehind says that the mirror does not reach as far as what it is asked about.
var ErrBehind = errors.New("auditor: the mirror does not reach so far yet: synchronise first")

// Checkpoint verifies a signed checkpoint of the log and holds it against the
// mirror: one of them must extend the other. It returns [ErrBehind] with it where
// the mirror is the smaller: its tiles cannot tell. Two checkpoints of which
// neither extends the other are [ErrFork]; the proof is kept and becomes a finding.
func (b *Book) Checkpoint(ctx context.Context, signed []byte, now time.Time) (translog.Cosigned, error) {
	trust, policy, err := b.trust()
	if err != nil {
		return translog.Cosigned{}, err
	}
	open, err := policy.Open(signed, trust.Origin, trust.Keys()...)
	if err != nil {
		return open, err
	}
	head, err := b.head()
	if err != nil {
		return open, err
	}
	if head == nil || head.Size < open.Size {
		return open, ErrBehind
	}
	fork, err := translog.ProveFork(ctx, head.Signed, signed, trust.Origin, translog.TileReader(head.Checkpoint, Directory(b.home)), trust.Keys()...)
	if errors.Is(err, translog.ErrNoFork) {
		return open, nil
	}
	if err != nil {
		return open, err
	}
	text, err := fork.Marshal()
	if err != nil {
		return open, err
	}
	path, err := (&Mirror{home: b.home}).keep("fork", ".json", append(text, '\n'))
	if err != nil {
		return open, err
	}
	found := fmt.Errorf("%w, of %d and %d entries; the proof is %s", ErrFork, head.Size, open.Size, path)
	return open, errors.Join(found, b.seen(ctx, said(store.Finding{Code: FindFork, Text: found.Error(), Evidence: path, At: now.Unix()}, "fork", cause, found)))
}

// Evidence returns the file of the mirror's own that proves a finding. The error
// is a *problem.Error with the code not-found if there is none.
func (b *Book) Evidence(f Finding) (path string, err error) {
	if f.Evidence == "" {
		return "", problem.New(problem.NotFound, "evidence", "There is no file to this finding.")
	}
	return filepath.Join(b.home, evidenceDir, filepath.Base(f.Evidence)), nil
}

// Sights of an entry.
const (
	Shown    = "shown"    // its private half is in the book
	Erased   = "erased"   // an entry says that its private half was erased
	Unasked  = "unasked"  // the broker was not asked for it
	Withheld = "withheld" // the broker was asked for all entries, and did not show it
	Others   = "others"   // the broker was asked, and shows only exchanges of a party
)

// Sight says why an entry is, or is not, in the book; by is the index of the entry
// that says it to be erased, or -1.
func (b *Book) Sight(ctx context.Context, index int64) (sight string, by int64, err error) {
	list, err := b.Listed(ctx, Filter{}, index+1, 1)
	if err != nil {
		return "", -1, err
	}
	if len(list) == 1 && list[0].Index == index && list[0].Body != nil {
		return Shown, -1, nil
	}
	if by, err = b.db.ErasedBy(ctx, index); err != nil || by >= 0 {
		return Erased, by, err
	}
	s, err := b.Standing(ctx)
	switch {
	case err != nil:
		return "", -1, err
	case s.Scope == "files" || index >= s.Looked:
		return Unasked, -1, nil
	case s.Scope == "all":
		return Withheld, -1, nil
	}
	return Others, -1, nil
}
