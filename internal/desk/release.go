package desk

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/entraide/entraide/internal/store"
	"github.com/entraide/entraide/pkg/problem"
	"github.com/entraide/entraide/pkg/strictjson"
	"github.com/entraide/entraide/pkg/workflow"
)

// SettingFourEyes is the name of the setting that holds a [FourEyes].
const SettingFourEyes = "four-eyes"

// FourEyes says in which lanes nothing leaves the State without a second person.
// What officers write as drafts is released by a second one in any case, but for
// emergencies.
type FourEyes struct {
	// Lanes are those in which nothing is sent that nobody released.
	Lanes []string `json:"lanes"`
	// EmergencyNeedsTwo takes from duty officers the right to release alone in the
	// emergency lane.
	EmergencyNeedsTwo bool `json:"emergency_needs_two,omitempty"`
}

// Check refuses a rule for lanes that there are not.
func (f FourEyes) Check() error {
	for _, lane := range f.Lanes {
		if !slices.Contains(workflow.Procedure().Lanes(), workflow.Lane(lane)) {
			return problem.New(problem.InvalidValue, "lanes", "A lane is emergency, urgent or routine.")
		}
	}
	return nil
}

// content is all of an order that an officer decides on. Case is empty where the
// message opens one: its id is minted when it is sent.
type content struct {
	From     string          `json:"from"`
	To       string          `json:"to"`
	Case     string          `json:"case"`
	Act      string          `json:"act"`
	Final    bool            `json:"final"`
	Lane     string          `json:"lane"`
	Body     json.RawMessage `json:"body"`
	Evidence []string        `json:"evidence"` // SHA-256 of the sealed files
}

// contentOf returns the content of an order in its one spelling, and its SHA-256.
func contentOf(o store.Order) (text []byte, digest string, err error) {
	a, err := evidenceOf(o)
	if err != nil {
		return nil, "", err
	}
	c := content{From: o.From, To: o.To, Case: o.Case, Act: o.Act, Final: o.Final, Lane: o.Lane, Body: o.Body, Evidence: []string{}}
	if workflow.Procedure().Opens(workflow.Act(o.Act)) {
		c.Case = ""
	}
	for _, f := range a.Files {
		c.Evidence = append(c.Evidence, string(f.Ref.SHA256))
	}
	if text, err = strictjson.Marshal(c); err != nil {
		return nil, "", fmt.Errorf("spelling the content of an order: %w", err)
	}
	sum := sha256.Sum256(text)
	return text, hex.EncodeToString(sum[:]), nil
}

// Content returns exactly what would be sealed for an order: a JSON document with
// sender, recipient, case, act, lane, body and the digests of its evidence, and
// the SHA-256 of that document. It makes every check that Send makes.
func (d *Desk) Content(ctx context.Context, o Order) (text []byte, digest string, err error) {
	put, body, err := d.prepare(o)
	if err != nil {
		return nil, "", err
	}
	if err := d.db.Read(ctx, func(r store.DeskReader) (err error) {
		put, err = d.fits(ctx, r, o, put, body)
		return err
	}); err != nil {
		return nil, "", err
	}
	return contentOf(put)
}

// unreleased refuses an order that nobody released where the office wants a
// second person.
func unreleased(ctx context.Context, r store.DeskReader, o store.Order) error {
	value, err := r.Setting(ctx, SettingFourEyes)
	if err != nil || value == nil {
		return err
	}
	var rule FourEyes
	if err := json.Unmarshal(value, &rule); err != nil {
		return fmt.Errorf("reading the setting %s: %w", SettingFourEyes, err)
	}
	if slices.Contains(rule.Lanes, o.Lane) {
		return problem.Newf(problem.Forbidden, "officer", "In the %s lane a second officer releases what leaves: submit a draft.", o.Lane)
	}
	return nil
}

// asReleased refuses to seal an order that is not what an officer released.
func (d *Desk) asReleased(ctx context.Context, o store.Order) error {
	return d.db.Read(ctx, func(r store.DeskReader) error {
		release, err := r.Release(ctx, o.ID)
		if errors.Is(err, store.ErrNotFound) {
			return nil
		}
		if err != nil {
			return err
		}
		if _, digest, err := contentOf(o); err != nil || digest != release.Digest {
			return errors.Join(problem.New(problem.WrongDigest, "body", "What waits in the outbox is not what was released; it is not sent."), err)
		}
		return nil
	})
}
