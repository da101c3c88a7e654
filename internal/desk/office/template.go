package office

import (
	"context"
	"encoding/json"

	"github.com/entraide/entraide/internal/desk"
	"github.com/entraide/entraide/internal/store"
	"github.com/entraide/entraide/pkg/problem"
	"github.com/entraide/entraide/pkg/strictjson"
)

// A Template is a body, as complete as it may be, that drafts begin with.
type Template struct {
	Name string          `json:"name"`
	Kind string          `json:"kind"` // of content
	Body json.RawMessage `json:"body"`
	By   string          `json:"by"` // id of the officer
	At   string          `json:"at"` // RFC 3339
}

// Templates lists the office's templates by name.
func (o *Office) Templates(ctx context.Context, by desk.Officer) ([]Template, error) {
	if err := by.Require(desk.Readers...); err != nil {
		return nil, err
	}
	out := []Template{}
	err := o.desk.Store().Read(ctx, func(r store.DeskReader) error {
		all, err := r.Templates(ctx)
		for _, t := range all {
			out = append(out, Template{t.Name, t.Kind, t.Body, t.Officer, at(t.At)})
		}
		return err
	})
	return out, err
}

// PutTemplate keeps a body, without what belongs to one message alone, under a name
// for the whole office, in the place of one of that name.
func (o *Office) PutTemplate(ctx context.Context, by desk.Officer, name string, body []byte) error {
	if err := by.Require(writers...); err != nil {
		return err
	}
	if err := plain("name", name, 200); err != nil {
		return err
	}
	var object map[string]any
	if err := strictjson.Unmarshal(body, maxDraftBytes, &object); err != nil {
		return problem.Wrap(problem.MalformedJSON, "body", "A template is one JSON object.", err)
	}
	for _, member := range own {
		delete(object, member)
	}
	body, err := json.Marshal(object)
	if err != nil {
		return err
	}
	kind, _ := object["kind"].(string)
	return o.act(ctx, by, "template kept", name, func(w store.DeskWriter) error {
		return w.PutTemplate(ctx, store.Template{Name: name, Kind: kind, Body: body, Officer: by.ID, At: o.now()})
	})
}

// DeleteTemplate ends a template.
func (o *Office) DeleteTemplate(ctx context.Context, by desk.Officer, name string) error {
	if err := by.Require(writers...); err != nil {
		return err
	}
	return o.act(ctx, by, "template ended", name, func(w store.DeskWriter) error { return w.DeleteTemplate(ctx, name) })
}
