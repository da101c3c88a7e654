package desk

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/entraide/entraide/internal/store"
	"github.com/entraide/entraide/pkg/translog"
	"github.com/entraide/entraide/pkg/verify"
)

// incidentsDir holds the files of incidents, for auditors.
const incidentsDir = "incidents"

// errFork marks the incident after which nothing is trusted: a log with two
// faces.
var errFork = errors.New("the broker's log has two faces")

// An Incident is evidence that somebody broke a promise, or did something in
// this State's name that this desk did not.
type Incident struct {
	Number int64     `json:"number"` // from 1
	At     time.Time `json:"at"`
	What   string    `json:"what"`
	// Kind is that of [verify.Code], or one of the kinds of this package; empty where
	// it was not kept.
	Kind string `json:"kind,omitempty"`
	// Settled says why it needs no attention any more; empty while it does.
	Settled string `json:"settled"`
	// SettledBy is who said so, and SettledAt when.
	SettledBy string    `json:"settled_by,omitempty"`
	SettledAt time.Time `json:"settled_at,omitzero"`
}

// Stops reports whether it is the incident after which nothing is trusted: it
// cannot be settled.
func (i Incident) Stops() bool { return strings.HasPrefix(i.What, errFork.Error()) }

// Unsettled returns the incidents that need attention.
func Unsettled(incidents []Incident) []Incident {
	return slices.DeleteFunc(slices.Clone(incidents), func(i Incident) bool { return i.Settled != "" })
}

// Incidents returns what the desk has found, oldest first.
func (d *Desk) Incidents(ctx context.Context) ([]Incident, error) {
	found := []Incident{}
	err := d.db.Read(ctx, func(r store.DeskReader) error {
		rows, err := r.Incidents(ctx)
		for _, i := range rows {
			x := Incident{Number: i.ID, At: time.Unix(i.At, 0).UTC(), What: i.What, Kind: i.Kind, Settled: i.Settled, SettledBy: i.SettledBy}
			if i.SettledAt > 0 {
				x.SettledAt = time.Unix(i.SettledAt, 0).UTC()
			}
			found = append(found, x)
		}
		return err
	})
	return found, err
}

// halted returns the incident that stops this desk, if there is one.
func (d *Desk) halted(ctx context.Context) error {
	all, err := d.Incidents(ctx)
	if err != nil {
		return err
	}
	for _, i := range all {
		if i.Stops() {
			return fmt.Errorf("%w: %s, found at %s; its files are in %s", verify.ErrMisbehaviour, i.What,
				i.At.Format(time.RFC3339), filepath.Join(d.home, incidentsDir))
		}
	}
	return nil
}

// incident keeps evidence and returns the error that it is evidence of. An
// error that is not misbehaviour is returned as it is.
func (d *Desk) incident(ctx context.Context, err error, a, b []byte) error {
	if !errors.Is(err, verify.ErrMisbehaviour) {
		return err
	}
	return errors.Join(err, d.keepIncident(ctx, err, a, b))
}

// accuse keeps evidence of misbehaviour that the desk goes on in spite of; once,
// if the same is found again.
func (d *Desk) accuse(ctx context.Context, err error, a, b []byte) error {
	known, readErr := d.Incidents(ctx)
	if readErr != nil {
		return readErr
	}
	if slices.ContainsFunc(known, func(i Incident) bool { return i.What == whatOf(err) }) {
		return nil
	}
	return d.keepIncident(ctx, err, a, b)
}

// whatOf puts an error into one line.
func whatOf(err error) string { return strings.ReplaceAll(err.Error(), "\n", "; ") }

// proveFork writes the proof that the log signed both trees, if it can be
// made: that of two sizes takes the tiles of the larger, which may be withheld.
func (d *Desk) proveFork(ctx context.Context, seen, shown translog.Checkpoint, last, evidence []byte) {
	larger := shown
	if seen.Size > shown.Size {
		larger = seen
	}
	fork, err := translog.ProveFork(ctx, last, signedIn(evidence), d.trust.Origin, translog.TileReader(larger, d.client.Fetch), d.trust.Keys()...)
	if err != nil {
		d.Log.Warn("no proof of the fork", "err", err)
		return
	}
	text, err := fork.Marshal()
	if err == nil {
		err = d.keepFile("fork-"+d.stamp()+".json", append(text, '\n'))
	}
	if err != nil {
		d.Log.Error("the proof of the fork is not kept", "err", err)
	}
}

// stamp names the files of one incident.
func (d *Desk) stamp() string { return d.Now().UTC().Format("20060102T150405.000000000Z") }

// keepFile writes a file among those of incidents.
func (d *Desk) keepFile(name string, content []byte) error {
	dir := filepath.Join(d.home, incidentsDir)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, name), content, 0o600)
}

// keepIncident writes evidence to the database and, for auditors, to files.
func (d *Desk) keepIncident(ctx context.Context, err error, a, b []byte) error {
	return d.db.Write(ctx, func(w store.DeskWriter) error { return d.putIncident(ctx, w, err, a, b) })
}

// putIncident is keepIncident in the transaction of what else is written. What is
// known already, and still needs attention, is not kept twice.
func (d *Desk) putIncident(ctx context.Context, w store.DeskWriter, err error, a, b []byte) error {
	what := whatOf(err)
	d.Log.Error("incident", "what", what)
	known, listErr := w.Incidents(ctx)
	if listErr != nil || slices.ContainsFunc(known, func(i store.Incident) bool { return i.What == what && i.Settled == "" }) {
		return listErr
	}
	now, name := d.now(), d.stamp()
	for suffix, content := range map[string][]byte{".txt": []byte(what + "\n"), ".a": a, ".b": b} {
		if err := d.keepFile(name+suffix, content); err != nil {
			return err
		}
	}
	if err := w.PutIncident(ctx, store.Incident{At: now.Unix(), What: what, Kind: kindOf(err), A: a, B: b}); err != nil {
		return err
	}
	return d.record(ctx, w, "incident", what)
}
