// Package broker stores and forwards what it cannot read. It verifies who
// speaks and whether they may (protocol sections 2.5 and 4), commits messages,
// stages and log entries together, signs checkpoints behind a guard, delivers,
// and runs the clocks. It holds no key that opens a message.
//
// Its HTTP face is internal/broker/api; several brokers may share one
// PostgreSQL database and one signer guard.
package broker

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/mod/sumdb/note"

	"github.com/entraide/entraide/internal/guard"
	"github.com/entraide/entraide/internal/parts"
	"github.com/entraide/entraide/internal/store"
	"github.com/entraide/entraide/pkg/directory"
	"github.com/entraide/entraide/pkg/problem"
	"github.com/entraide/entraide/pkg/translog"
)

// ErrRewound says that the database is older than, or other than, the tree
// this broker has already signed: it was restored from a backup or forked.
// The broker does not start, or stops accepting, until the missing entries are
// back (see the operator's guide, "restored database").
var ErrRewound = errors.New("broker: the database does not extend the tree that was signed")

// ErrErased says that the private half of an entry has been erased; its leaf
// stays in the log.
var ErrErased = errors.New("broker: the entry has been erased")

// Options are the parts of a broker. All fields but the policy are required.
type Options struct {
	Store   store.Broker
	Guard   guard.Guard
	Origin  string           // of the log
	Signers []note.Signer    // of checkpoints; two while one key takes over from another
	Keys    []note.Verifier  // that the log has had, those of the signers among them
	Policy  *translog.Policy // witnesses of the log; nil: it has none
	// WithoutQuorum is how long messages are accepted while no quorum of the policy
	// vouches for the log.
	WithoutQuorum time.Duration
	Anchor        string // fingerprint of the depositary's certificate
	// Configuration is what is in effect, by name: what differs from the newest
	// entry of that name is logged when the broker opens.
	Configuration []translog.ConfigurationFact
	Clocks        Clocks
	Parts         parts.Store // where sealed evidence is kept
	Evidence      Evidence
	Now           func() time.Time
	Log           *slog.Logger
}

// A Broker accepts, sequences, keeps and delivers. It is safe for concurrent
// use.
type Broker struct {
	Options
	dir     atomic.Pointer[directory.Directory]
	queue   chan *item
	signing chan *signingJob
	wakes   *hub
	failure atomic.Pointer[problem.Error] // why nothing can be accepted any more
	stop    context.CancelFunc
	stopped context.Context
	running sync.WaitGroup
	// reserving keeps two uploads from being given the same room.
	reserving sync.Mutex
	latestCP  atomic.Int64 // size of the newest checkpoint known to be saved
	meter     meter
	doubt     *doubt
}

// Open checks that the database is safe and extends what was signed, signs
// what a crash may have left unsigned, and starts the broker's loops.
//
// It returns [store.ErrUnsafe] for a database that could lose an acknowledged
// commit, and [ErrRewound] for one that is behind the guard.
func Open(ctx context.Context, o Options) (*Broker, error) {
	if err := o.Store.CheckSettings(ctx); err != nil {
		return nil, err
	}
	if err := o.Parts.Check(ctx); err != nil {
		return nil, err
	}
	loops, stop := context.WithCancel(context.Background())
	b := &Broker{
		Options: o,
		queue:   make(chan *item, queueLength),
		signing: make(chan *signingJob, signingLength),
		stop:    stop,
		stopped: loops,
		meter:   newMeter(),
	}
	if err := b.prepare(ctx); err != nil {
		stop()
		return nil, err
	}
	wakes, err := newHub(loops, o.Store)
	if err != nil {
		stop()
		return nil, err
	}
	b.wakes = wakes
	for _, loop := range []func(context.Context){b.sequence, b.signLoop, b.watchClocks, b.watchWitnesses, b.watchEvidence, b.wakes.run} {
		b.running.Go(func() { loop(loops) })
	}
	return b, nil
}

// prepare brings the directory up to date, begins an empty log, and signs the
// head of the log.
func (b *Broker) prepare(ctx context.Context) error {
	b.dir.Store(directory.New(b.Anchor))
	if err := b.Store.Read(ctx, func(r store.Reader) error {
		dir, err := follow(ctx, r, b.dir.Load())
		if err == nil {
			b.dir.Store(dir)
		}
		return err
	}); err != nil {
		return fmt.Errorf("broker: reading the directory: %w", err)
	}
	if err := b.begin(ctx); err != nil {
		return fmt.Errorf("broker: beginning the log: %w", err)
	}
	// A database that was rewound must not grow, so this comes before configure.
	if err := b.signHead(ctx); err != nil {
		return err
	}
	if err := b.openDoubt(ctx); err != nil {
		return fmt.Errorf("broker: reading the newest witnessed checkpoint: %w", err)
	}
	if err := b.configure(ctx); err != nil {
		return fmt.Errorf("broker: logging the configuration: %w", err)
	}
	return b.signHead(ctx)
}

// begin writes the first entry of an empty log: its name and key. A guard
// that has signed before means that the empty database is not the first.
func (b *Broker) begin(ctx context.Context) error {
	last, err := b.Guard.Last(ctx)
	if err != nil {
		return err
	}
	return b.Store.Write(ctx, func(w store.Writer) error {
		t, err := newTurn(ctx, b, w)
		if err != nil {
			return err
		}
		if t.batch.Before.Size > 0 {
			return nil
		}
		if len(last) > 0 {
			return fmt.Errorf("%w: the database is empty, the guard is not", ErrRewound)
		}
		_, err = t.append(translog.Entry{
			Kind:          translog.KindConfiguration,
			Configuration: &translog.ConfigurationFact{What: "inception", Detail: b.Origin},
		})
		if err != nil {
			return err
		}
		_, err = t.commit(ctx, w)
		return err
	})
}

// Stop stops accepting and lets waiting event streams end.
func (b *Broker) Stop() { b.stop() }

// Close stops accepting, finishes what was begun and ends the loops. The
// store is the caller's to close.
func (b *Broker) Close() {
	b.stop()
	b.running.Wait()
}

// Directory returns the directory as this broker knows it.
func (b *Broker) Directory() *directory.Directory { return b.dir.Load() }

// Ready returns nil if the broker can accept, and otherwise why it cannot.
func (b *Broker) Ready(ctx context.Context) error {
	if p := b.failure.Load(); p != nil {
		return p
	}
	if b.stopped.Err() != nil {
		return problem.New(problem.Overloaded, "", "The broker is stopping.")
	}
	if p := b.doubt.against(b.Policy, b.Now(), b.WithoutQuorum); p != nil {
		return p
	}
	if err := b.Store.CheckSettings(ctx); err != nil {
		return err
	}
	return b.Parts.Check(ctx)
}

// Refresh takes statements that another broker on the database has published,
// and reports whether there were any.
func (b *Broker) Refresh(ctx context.Context) (moved bool, err error) {
	err = b.Store.Read(ctx, func(r store.Reader) error {
		before := b.dir.Load()
		dir, err := follow(ctx, r, before)
		if err != nil || dir.Size() == before.Size() {
			return err
		}
		moved = true
		b.advance(dir)
		return nil
	})
	return moved, err
}

// advance makes dir the broker's directory unless it has a newer one already.
func (b *Broker) advance(dir *directory.Directory) {
	for {
		has := b.dir.Load()
		if has.Size() >= dir.Size() || b.dir.CompareAndSwap(has, dir) {
			return
		}
	}
}

// follow applies the statements that dir does not have yet.
func follow(ctx context.Context, r store.Reader, dir *directory.Directory) (*directory.Directory, error) {
	for {
		batch, err := r.Statements(ctx, dir.Size()-1, statementPage)
		if err != nil {
			return nil, err
		}
		for _, s := range batch {
			next, err := dir.Apply(directory.Signed{Statement: string(s.Text), Signature: s.Signature}, s.Index)
			if err != nil {
				return nil, fmt.Errorf("statement %d about %s in the database is not valid: %w", s.Index, s.Subject, err)
			}
			dir = next
		}
		if len(batch) < statementPage {
			return dir, nil
		}
	}
}

const statementPage = 256
