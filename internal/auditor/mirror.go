// Package auditor checks a log for those who do not run it. A mirror follows
// the public log from its own last trusted checkpoint, never from what the log
// says about its past, keeps every leaf, and reports what does not fit: a fork
// with the proof of it, a rewind, a gap, altered entries.
//
// A mirror's directory is itself a static log of c2sp.org/tlog-tiles, which any
// other tool can check and any web server can publish.
package auditor

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/entraide/entraide/internal/filelock"
	"github.com/entraide/entraide/pkg/strictjson"
	"github.com/entraide/entraide/pkg/translog"
	"github.com/entraide/entraide/pkg/verify"
	"github.com/entraide/entraide/pkg/wire"
)

// Files of a mirror, beside those of the log.
const (
	brokerFile  = "broker.json"
	stateFile   = "mirror.json"
	lockFile    = "mirror.lock"
	checkpoint  = "checkpoint"
	evidenceDir = "evidence"
)

// Findings. Each is evidence and wraps [verify.ErrMisbehaviour].
var (
	// ErrFork says that the log signed two trees of which neither extends the
	// other. The proof lies in the mirror's evidence.
	ErrFork = fmt.Errorf("%w: the log has signed two histories", verify.ErrMisbehaviour)
	// ErrRewind says that the log is shorter than it was.
	ErrRewind = fmt.Errorf("%w: the log is shorter than it was: its database was restored from a backup, or an old state is shown", verify.ErrMisbehaviour)
	// ErrGap says that something is missing that the checkpoint covers.
	ErrGap = fmt.Errorf("%w: the log does not show everything that it signed", verify.ErrMisbehaviour)
	// ErrAltered says that what the log shows is not what it signed.
	ErrAltered = fmt.Errorf("%w: the log shows something else than it signed", verify.ErrMisbehaviour)
)

// ErrBusy says that another process is at work on the mirror.
var ErrBusy = errors.New("auditor: another process is at work on this mirror")

// ErrNoHome says that a directory is not a mirror.
var ErrNoHome = errors.New("auditor: this is not a mirror yet: say which log to follow")

// A Mirror follows one log. It belongs to one goroutine.
type Mirror struct {
	home   string
	trust  verify.Trust
	policy *translog.Policy // never nil
	source Source
	lock   *filelock.Lock
	state  state
	edge   *edge
	kept   string // the newest file of evidence
}

// A state is what a mirror knows for certain. Leaves may have been pulled
// beyond the trusted checkpoint; they are believed when they lead to the next.
type state struct {
	Typ      string `json:"typ"`
	Trusted  string `json:"trusted"`  // signed note; empty before the first
	Frontier []byte `json:"frontier"` // of the trusted tree
	Pulled   int64  `json:"pulled"`   // leaves
	Beyond   []byte `json:"beyond"`   // frontier of the pulled leaves
}

const typState = "entraide/mirror/1"

// A Report says what a mirror has found to be in order.
type Report struct {
	Origin    string    `json:"origin"`
	Before    int64     `json:"before"` // entries that were trusted before
	Size      int64     `json:"size"`   // entries that are trusted now
	Root      string    `json:"root"`
	Cosigned  int       `json:"cosigned"`      // by how many witnesses of the policy
	Witnessed bool      `json:"witnessed"`     // the policy has a quorum, and it is met
	Seen      time.Time `json:"seen,omitzero"` // newest cosignature, by its witness's clock
	// Old says that the log must have witnesses, and that none of them has vouched
	// for what it shows within the hour: it may be an old state.
	Old bool `json:"old,omitempty"`

	signed []byte // note
}

// oldAfter is how old the newest cosignature may be: a broker has a quiet log
// cosigned anew every five minutes.
const oldAfter = time.Hour

// old reports whether nobody vouches for the present state of the log.
func (m *Mirror) old(r Report, now time.Time) bool {
	policy := m.trust.Policy()
	return policy != nil && !policy.Met(nil) && now.Sub(r.Seen) > oldAfter
}

// Create makes the directory a mirror of the broker's log. A directory that is
// one already must be of the same log, and a new key of the log be vouched for by
// the key that is known here: else [translog.ErrRotation].
func Create(home string, b wire.Broker) error {
	next, err := verify.NewTrust(b)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(home, 0o755); err != nil {
		return fmt.Errorf("auditor: making the mirror: %w", err)
	}
	text, err := strictjson.Marshal(b)
	if err != nil {
		return err
	}
	has, err := readBroker(home)
	if err == nil {
		before, err := verify.NewTrust(has)
		if err == nil {
			err = next.Succeeds(before, b.Rotation)
		}
		if err != nil {
			return fmt.Errorf("auditor: %s is the mirror of %s under another key; if the new description was compared over another channel, begin another mirror with it: %w", home, has.Origin, err)
		}
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return replace(filepath.Join(home, brokerFile), append(text, '\n'))
}

// readBroker reads what the mirror believes beforehand.
func readBroker(home string) (wire.Broker, error) {
	var b wire.Broker
	data, err := os.ReadFile(filepath.Join(home, brokerFile))
	if err != nil {
		return b, fmt.Errorf("auditor: reading the mirror: %w", err)
	}
	if err := strictjson.Unmarshal(bytes.TrimSpace(data), 1<<16, &b); err != nil {
		return b, fmt.Errorf("auditor: reading %s: %w", brokerFile, err)
	}
	return b, nil
}

// Open opens a mirror that reads from the source; nil is the broker itself. It
// returns [ErrNoHome] and [ErrBusy].
func Open(home string, source Source) (*Mirror, error) {
	b, err := readBroker(home)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, ErrNoHome
	}
	if err != nil {
		return nil, err
	}
	m := &Mirror{home: home, source: source}
	if m.trust, err = verify.NewTrust(b); err != nil {
		return nil, err
	}
	if m.policy = m.trust.Policy(); m.policy == nil {
		if m.policy, err = translog.ParsePolicy([]byte("quorum none\n")); err != nil {
			return nil, err
		}
	}
	if source == nil {
		if m.source, err = Broker(b); err != nil {
			return nil, err
		}
	}
	if err := m.claim(); err != nil {
		return nil, err
	}
	if err := m.load(); err != nil {
		return nil, errors.Join(err, m.Close())
	}
	return m, nil
}

// claim takes the lock.
func (m *Mirror) claim() (err error) {
	m.lock, err = filelock.Try(filepath.Join(m.home, lockFile))
	if errors.Is(err, filelock.ErrHeld) {
		return ErrBusy
	}
	if err != nil {
		return fmt.Errorf("auditor: %w", err)
	}
	return nil
}

// Close gives the mirror back.
func (m *Mirror) Close() error { return m.lock.Release() }

// load reads the state and the right edge of the tree.
func (m *Mirror) load() error {
	m.state = state{Typ: typState, Frontier: []byte{}, Beyond: []byte{}}
	data, err := os.ReadFile(filepath.Join(m.home, stateFile))
	if err == nil {
		err = strictjson.Unmarshal(bytes.TrimSpace(data), 1<<20, &m.state)
	} else if errors.Is(err, fs.ErrNotExist) {
		err = nil
	}
	if err != nil || m.state.Typ != typState {
		return errors.Join(errors.New("auditor: the state of the mirror is damaged"), err)
	}
	trusted, err := m.trusted()
	if err != nil {
		return err
	}
	tree, err := translog.ParseTree(trusted.Size, m.state.Frontier)
	if err != nil || tree.Root() != trusted.Root {
		return errors.Join(errors.New("auditor: the state of the mirror is not that of its checkpoint"), err)
	}
	m.edge, err = openEdge(m.home, m.state.Pulled, m.state.Beyond)
	if err != nil && m.state.Pulled > trusted.Size {
		return m.fallBack(trusted.Size)
	}
	return err
}

// fallBack forgets what was pulled beyond the trusted checkpoint.
func (m *Mirror) fallBack(size int64) (err error) {
	m.state.Pulled, m.state.Beyond = size, m.state.Frontier
	if m.edge, err = openEdge(m.home, size, m.state.Frontier); err != nil {
		return err
	}
	return m.save()
}

// save writes the state.
func (m *Mirror) save() error {
	text, err := strictjson.Marshal(m.state)
	if err != nil {
		return err
	}
	return replace(filepath.Join(m.home, stateFile), append(text, '\n'))
}

// trusted returns the last trusted checkpoint; that of the empty tree before
// the first.
func (m *Mirror) trusted() (translog.Checkpoint, error) {
	if m.state.Trusted == "" {
		return translog.Checkpoint{Origin: m.trust.Origin, Root: translog.NewTree().Root()}, nil
	}
	return m.trust.Checkpoint([]byte(m.state.Trusted))
}

// Sync brings the mirror to the log's newest checkpoint: that it extends the
// last trusted one, and that every entry which it covers is there and is what
// was signed. It holds a few tiles in memory, and may be killed at any time.
//
// It returns [ErrFork], [ErrRewind], [ErrGap] or [ErrAltered] with the place of
// what is wrong, and leaves the trusted checkpoint where it is; any other error
// means that the log could not be read.
func (m *Mirror) Sync(ctx context.Context) (Report, error) {
	signed, err := m.source(ctx, checkpoint)
	if err != nil {
		return Report{}, err
	}
	open, err := m.policy.Open(signed, m.trust.Origin, m.trust.Keys()...)
	if errors.Is(err, translog.ErrOtherKey) {
		err = fmt.Errorf("if its operator has announced another key, name the new broker.json: %w", err)
	}
	if err != nil {
		return Report{}, fmt.Errorf("%w: its checkpoint is not its own: %w", ErrAltered, err)
	}
	last, err := m.trusted()
	if err != nil {
		return Report{}, err
	}
	if err := m.compare(ctx, last, open.Checkpoint, signed); err != nil {
		return Report{}, err
	}
	if open.Size > last.Size {
		if err := m.follow(ctx, last, open.Checkpoint); err != nil {
			return Report{}, err
		}
	}
	if err := m.believe(last, open.Checkpoint, signed); err != nil {
		return Report{}, err
	}
	r := Report{
		Origin: open.Origin, Before: last.Size, Size: open.Size, Root: hex.EncodeToString(open.Root[:]),
		Cosigned: len(open.By), Witnessed: m.trust.Policy() != nil && open.Witnessed, signed: signed,
	}
	for _, c := range open.By {
		if c.At.After(r.Seen) {
			r.Seen = c.At
		}
	}
	return r, nil
}

// compare holds the newest checkpoint against the last trusted one.
func (m *Mirror) compare(ctx context.Context, last, next translog.Checkpoint, signed []byte) error {
	if last.Size == 0 || last == next {
		return nil
	}
	larger, read := next, m.source
	if last.Size > next.Size {
		larger, read = last, Directory(m.home)
	}
	fork, err := translog.ProveFork(ctx, []byte(m.state.Trusted), signed, m.trust.Origin, translog.TileReader(larger, read), m.trust.Keys()...)
	switch {
	case err == nil:
		text, err := fork.Marshal()
		if err != nil {
			return err
		}
		path, err := m.keep("fork", ".json", append(text, '\n'))
		return errors.Join(fmt.Errorf("%w, of %d and %d entries; the proof is %s", ErrFork, last.Size, next.Size, path), err)
	case errors.Is(err, translog.ErrTiles):
		return fmt.Errorf("%w: tiles", ErrAltered)
	case errors.Is(err, errMissing):
		return fmt.Errorf("%w: %w", ErrGap, err)
	case !errors.Is(err, translog.ErrNoFork):
		return err
	case next.Size < last.Size:
		path, err := m.keep("rewind", ".checkpoint", signed)
		return errors.Join(fmt.Errorf("%w: %d entries, and %d were signed before; the old checkpoint is %s", ErrRewind, next.Size, last.Size, path), err)
	}
	return nil
}

// believe makes a checkpoint the trusted one, whose leaves are all stored.
func (m *Mirror) believe(last, next translog.Checkpoint, signed []byte) error {
	m.state.Trusted = string(signed) // perhaps with other cosignatures
	if next.Size > last.Size {
		m.state.Frontier = m.state.Beyond
	}
	if err := m.save(); err != nil {
		return err
	}
	if err := replace(filepath.Join(m.home, checkpoint), signed); err != nil {
		return err
	}
	if next.Size == last.Size {
		return nil
	}
	return m.edge.forget(last.Size)
}

// keep writes evidence and returns where.
func (m *Mirror) keep(name, extension string, content []byte) (path string, err error) {
	sum := sha256.Sum256(content)
	path = filepath.Join(m.home, evidenceDir, name+"-"+hex.EncodeToString(sum[:8])+extension)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil { //nolint:gosec // below the home, under a name of this package
		return path, fmt.Errorf("auditor: keeping evidence: %w", err)
	}
	m.kept = path
	return path, replace(path, content)
}
