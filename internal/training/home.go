// Package training plays the partner of an exercise: a small world of its own
// with a fictitious State that answers by itself, so that officers learn without
// a partner and nothing of an exercise ever touches a real case file. The partner
// sends real messages through a desk like any other.
package training

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"github.com/entraide/entraide/internal/demo"
	"github.com/entraide/entraide/internal/desk"
	"github.com/entraide/entraide/pkg/pgp"
)

// The two States of an exercise.
const (
	Officers = "QM" // that of those who learn
	Other    = "QN" // that of the partner
)

// marker is the file that says of a home that it is for exercises.
const marker = "training"

const markerText = "This home is for exercises: what is in it never happened.\n"

var (
	// ErrReal says that a directory may hold what is real.
	ErrReal = errors.New("this is not a training home, and it is not empty: an exercise never runs where a real case file is or was; choose an empty directory")
	// ErrTraining says that a home is for exercises.
	ErrTraining = errors.New("this is a training home: what is in it never happened, and it is never put to real use; serve it with --training, or choose a real home")
	// ErrUnfinished says that the making of a training home was interrupted.
	ErrUnfinished = errors.New("the making of this training home was interrupted, or parts of it were exchanged; remove the directory and start again")
)

// RefuseMarked returns ErrTraining if a home is for exercises.
func RefuseMarked(home string) error {
	marked, err := isMarked(home)
	if err == nil && marked {
		return ErrTraining
	}
	return err
}

func isMarked(home string) (bool, error) {
	_, err := os.Stat(filepath.Join(home, marker))
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	return err == nil, err
}

// Options say where an exercise is.
type Options struct {
	Dir string // of the training home; made if it is absent or empty
	Now func() time.Time
	Log *slog.Logger
}

// A Home is an open training home, with its broker at work.
type Home struct {
	Options
	world *demo.World
}

// Open opens the training home, which it makes if there is none, and serves its
// broker until Close. A directory that holds anything else is refused.
func Open(ctx context.Context, o Options) (*Home, error) {
	h := &Home{Options: o, world: &demo.World{
		Dir: o.Dir, Suites: []pgp.Suite{pgp.PQ6}, Database: "sqlite:broker.db", Now: o.Now, Log: o.Log,
	}}
	if err := h.open(ctx); err != nil {
		return nil, errors.Join(err, h.Close())
	}
	return h, nil
}

func (h *Home) open(ctx context.Context) error {
	names, err := os.ReadDir(h.Dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if len(names) == 0 {
		return h.make(ctx)
	}
	if err := h.check(); err != nil {
		return err
	}
	if err := h.world.Serve(ctx); err != nil {
		return fmt.Errorf("the broker of the exercise: %w", err)
	}
	return nil
}

// check reports whether the directory is a training home, whole.
func (h *Home) check() error {
	marked, err := isMarked(h.Dir)
	if err != nil {
		return err
	}
	if !marked {
		return ErrReal
	}
	for _, code := range []string{Officers, Other} {
		if marked, err = isMarked(h.DeskHome(code)); err != nil {
			return err
		}
		if !marked {
			return ErrUnfinished
		}
	}
	return nil
}

// make makes the world. Each home is marked, that of the whole first and those of
// the desks last: what was interrupted is never taken for whole, or for real.
func (h *Home) make(ctx context.Context) error {
	if err := os.MkdirAll(h.Dir, 0o700); err != nil {
		return err
	}
	if err := mark(h.Dir); err != nil {
		return err
	}
	public, err := h.world.Found(ctx)
	if err != nil {
		return err
	}
	for _, code := range []string{Officers, Other} {
		if err := h.world.Enrol(ctx, code, public); err != nil {
			return fmt.Errorf("enrolling %s: %w", code, err)
		}
	}
	return errors.Join(mark(h.DeskHome(Officers)), mark(h.DeskHome(Other)))
}

func mark(home string) error {
	return os.WriteFile(filepath.Join(home, marker), []byte(markerText), 0o600)
}

// DeskHome is the home of a State's desk.
func (h *Home) DeskHome(code string) string { return filepath.Join(h.Dir, code) }

// Desk opens the desk of a State until Close.
func (h *Home) Desk(ctx context.Context, code string) (*desk.Desk, error) {
	return h.world.Desk(ctx, code)
}

// Close ends what the home runs.
func (h *Home) Close() error { return h.world.Close() }

// Join opens the partner's desk of a training home that another process serves,
// until Close.
func Join(ctx context.Context, o Options) (*Home, *desk.Desk, error) {
	h := &Home{Options: o, world: &demo.World{Dir: o.Dir, Now: o.Now, Log: o.Log}}
	if err := h.check(); err != nil {
		if errors.Is(err, ErrReal) {
			err = errors.New("this is not a training home; `entraide desk serve --training` makes one")
		}
		return nil, nil, err
	}
	d, err := h.Desk(ctx, Other)
	return h, d, err
}
