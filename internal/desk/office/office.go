// Package office is what officers do at a desk: they write drafts together, have
// them released by another, share out cases, keep notes that never leave the
// State, and keep watch. It knows neither pages nor HTTP: pages and commands call
// it alike. Every method that acts takes the officer who does, asks whether that
// officer may, and notes in the desk's own log who did what.
package office

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/entraide/entraide/internal/desk"
	"github.com/entraide/entraide/internal/store"
	"github.com/entraide/entraide/pkg/problem"
)

// writers may write drafts and do the work of a case.
var writers = []desk.Role{desk.Drafter, desk.Approver, desk.DutyOfficer}

// An Office is what officers do at a desk. It is safe for concurrent use.
type Office struct {
	desk *desk.Desk
}

// New returns the office of a desk.
func New(d *desk.Desk) *Office { return &Office{desk: d} }

// now is the present in Unix seconds.
func (o *Office) now() int64 { return o.desk.Now().Unix() }

// notFound is the answer where there is nothing, or nothing for this officer.
func notFound(field string) error {
	return problem.New(problem.NotFound, field, "There is no such thing here, or it is not yours to see.")
}

// found turns a missing row into a refusal.
func found(err error, field string) error {
	if errors.Is(err, store.ErrNotFound) {
		return notFound(field)
	}
	return err
}

// mayRead refuses a case that is not there, or that is sealed and not the
// officer's to see.
func mayRead(ctx context.Context, r store.DeskReader, by desk.Officer, caseID string) error {
	if err := by.Require(desk.Readers...); err != nil {
		return err
	}
	line, err := r.Line(ctx, caseID)
	if err != nil {
		return found(err, "case")
	}
	if !line.Sealed {
		return nil
	}
	may, err := r.MayRead(ctx, caseID, by.ID)
	if err == nil && !may {
		return notFound("case")
	}
	return err
}

// act runs a change of an officer who may make it, and notes it in the desk's own
// log.
func (o *Office) act(ctx context.Context, by desk.Officer, what, detail string, change func(store.DeskWriter) error) error {
	return o.desk.Store().Write(ctx, func(w store.DeskWriter) error {
		if err := change(w); err != nil {
			return err
		}
		return o.desk.Record(ctx, w, by.ID, what, detail)
	})
}

// plain refuses a text that is empty, too long or not UTF-8.
func plain(field, text string, most int) error {
	if text == "" || len(text) > most || !utf8.ValidString(text) || strings.ContainsRune(text, 0) {
		return problem.Newf(problem.InvalidValue, field, "It must be a text of 1 to %d bytes.", most)
	}
	return nil
}

// setting reads a setting of the office into v, which stays as it is if there is
// none.
func setting(ctx context.Context, r store.DeskReader, name string, v any) error {
	value, err := r.Setting(ctx, name)
	if err != nil || value == nil {
		return err
	}
	if err := json.Unmarshal(value, v); err != nil {
		return fmt.Errorf("reading the setting %s: %w", name, err)
	}
	return nil
}

// Setting reads a setting of the office into v, which stays as it is if there is
// none.
func (o *Office) Setting(ctx context.Context, name string, v any) error {
	return o.desk.Store().Read(ctx, func(r store.DeskReader) error { return setting(ctx, r, name, v) })
}

// A checked setting knows what its values may be.
type checked interface{ Check() error }

// PutSetting changes a setting of the office; an administrator may. One of security
// is refused: it takes two, see [Office.Propose].
func (o *Office) PutSetting(ctx context.Context, by desk.Officer, name string, v any) error {
	if err := by.Require(desk.Administrator); err != nil {
		return err
	}
	if slices.Contains(SecuritySettings, name) || strings.HasSuffix(name, proposed) {
		return problem.New(problem.Forbidden, "name", "This is a setting of security: one administrator proposes it and another confirms it.")
	}
	if c, ok := v.(checked); ok {
		if err := c.Check(); err != nil {
			return err
		}
	}
	value, err := json.Marshal(v)
	if err != nil {
		return err
	}
	return o.act(ctx, by, "setting changed", name, func(w store.DeskWriter) error { return w.PutSetting(ctx, name, value) })
}

// at shows a time.
func at(unix int64) string { return time.Unix(unix, 0).UTC().Format(time.RFC3339) }
