package web

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/entraide/entraide/internal/auditor"
	"github.com/entraide/entraide/pkg/verify"
)

// A follower is what the server knows of its own looks at the log.
type follower struct {
	ask chan chan struct{} // closed when the look is over

	mu     sync.Mutex
	busy   bool
	tried  time.Time // of the last look
	failed error     // why the log could not be reached at the last; nil if it could

	derived time.Time     // end of the last derivation
	took    time.Duration // of it
}

func newFollower() *follower { return &follower{ask: make(chan chan struct{}, 1)} }

// A look is the state of the follower.
type look struct {
	Busy   bool
	Tried  time.Time
	Failed error
}

// state returns the state of the follower.
func (f *follower) state() look {
	f.mu.Lock()
	defer f.mu.Unlock()
	return look{f.busy, f.tried, f.failed}
}

// now asks for a look, and waits until it is over, or for some time.
func (f *follower) now(ctx context.Context, patience time.Duration) {
	over := make(chan struct{})
	select {
	case f.ask <- over:
	default: // one is asked for already
		return
	}
	timer := time.NewTimer(patience)
	defer timer.Stop()
	select {
	case <-over:
	case <-timer.C:
	case <-ctx.Done():
	}
}

// rest is how much longer than a derivation the book is left alone after it.
const rest = 5

// due reports whether the book is to be derived again: something is new, or
// what time alone brings may have come.
func (f *follower) due(now time.Time, fresh, asked bool) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	switch since := now.Sub(f.derived); {
	case f.derived.IsZero(), asked:
		return true
	case since < rest*f.took:
		return false
	default:
		return fresh || since > time.Hour
	}
}

// Follow looks at the log at once, then again and again, and derives the book from
// what is new, until the context ends.
func (s *Server) Follow(ctx context.Context) error {
	timer := time.NewTimer(0)
	defer timer.Stop()
	fresh := false
	for {
		var over chan struct{}
		select {
		case <-ctx.Done():
			return nil
		case over = <-s.follower.ask:
		case <-timer.C:
		}
		var err error
		fresh, err = s.look(ctx, fresh, over != nil)
		if over != nil {
			close(over)
		}
		switch {
		case ctx.Err() != nil:
			return nil
		case err != nil:
			s.Log.Warn("a look at the log failed", "err", err)
		}
		timer.Reset(s.Every)
	}
}

// look looks at the log once, and derives the book if that is due. It returns
// whether there is still something to derive.
func (s *Server) look(ctx context.Context, fresh, asked bool) (still bool, err error) {
	f := s.follower
	f.mu.Lock()
	f.busy = true
	f.mu.Unlock()
	defer func() {
		f.mu.Lock()
		defer f.mu.Unlock()
		f.busy, f.tried, f.failed = false, s.Now(), nil
		if err != nil && !errors.Is(err, verify.ErrMisbehaviour) && !errors.Is(err, auditor.ErrBusy) {
			f.failed = err
		}
	}()
	m, err := auditor.Open(s.Home, s.Source)
	if err != nil {
		return fresh, err
	}
	defer func() { err = errors.Join(err, m.Close()) }()
	before, err := s.Book.Standing(ctx)
	if err != nil {
		return fresh, err
	}
	r, err := auditor.Look(ctx, m, s.Book, s.Now())
	if err == nil && s.Read != nil {
		err = s.Read(ctx, m, s.Book)
	}
	after, also := s.Book.Standing(ctx)
	if also != nil {
		return fresh, errors.Join(err, also)
	}
	fresh = fresh || r.Size != r.Before || after.Looked != before.Looked
	if !f.due(s.Now(), fresh, asked) {
		return fresh, err
	}
	return false, errors.Join(err, s.derive(ctx, m))
}

// derive derives the book.
func (s *Server) derive(ctx context.Context, m *auditor.Mirror) error {
	begun := s.Now()
	_, err := s.Book.Derive(ctx, m, s.Rules, begun)
	s.follower.mu.Lock()
	defer s.follower.mu.Unlock()
	s.follower.derived, s.follower.took = s.Now(), s.Now().Sub(begun)
	return err
}
