package office

import (
	"context"
	"encoding/json"
	"slices"

	"github.com/entraide/entraide/internal/desk"
	"github.com/entraide/entraide/internal/store"
	"github.com/entraide/entraide/pkg/message"
	"github.com/entraide/entraide/pkg/problem"
)

// SecuritySettings are the names of the settings that one administrator proposes
// and another confirms.
var SecuritySettings = []string{desk.SettingFourEyes, desk.SettingRetention}

// proposed ends the name under which a proposal for a setting is kept.
const proposed = ".proposed"

// A Proposal is a change of a setting of security that waits for a second
// administrator.
type Proposal struct {
	ID     string          `json:"id"`
	Name   string          `json:"name"` // of the setting
	Value  json.RawMessage `json:"value"`
	By     string          `json:"by"` // id of the administrator
	ByName string          `json:"by_name"`
	At     string          `json:"at"` // RFC 3339
}

// Propose asks for a change of a setting of security, in the place of what was asked
// before; nothing changes until another administrator confirms it.
func (o *Office) Propose(ctx context.Context, by desk.Officer, name string, v any) (Proposal, error) {
	p := Proposal{Name: name, By: by.ID, ByName: by.Name, At: at(o.now())}
	if err := by.Require(desk.Administrator); err != nil {
		return p, err
	}
	if !slices.Contains(SecuritySettings, name) {
		return p, problem.Newf(problem.InvalidValue, "name", "A setting of security is one of %v.", SecuritySettings)
	}
	if c, ok := v.(checked); ok {
		if err := c.Check(); err != nil {
			return p, err
		}
	}
	id, err := message.NewID()
	if err != nil {
		return p, err
	}
	p.ID = string(id)
	if p.Value, err = json.Marshal(v); err != nil {
		return p, err
	}
	return p, o.act(ctx, by, "setting of security proposed", name+" "+string(p.Value), func(w store.DeskWriter) error { return putProposal(ctx, w, name, &p) })
}

func putProposal(ctx context.Context, w store.DeskWriter, name string, p *Proposal) error {
	value, err := json.Marshal(p)
	if err != nil {
		return err
	}
	return w.PutSetting(ctx, name+proposed, value)
}

// Proposal returns what is proposed for a setting of security; ID is empty if nothing
// is.
func (o *Office) Proposal(ctx context.Context, name string) (p Proposal, err error) {
	return p, o.Setting(ctx, name+proposed, &p)
}

// proposal reads the proposal of an id, for an administrator.
func proposal(ctx context.Context, r store.DeskReader, by desk.Officer, name, id string) (p Proposal, err error) {
	if err := by.Require(desk.Administrator); err != nil {
		return p, err
	}
	if err := setting(ctx, r, name+proposed, &p); err != nil {
		return p, err
	}
	if p.ID == "" || p.ID != id {
		return p, problem.New(problem.NotFound, "id", "This is not what is proposed now: look again.")
	}
	return p, nil
}

// Confirm makes a proposal the setting, by an administrator who is not the one who
// proposed it.
func (o *Office) Confirm(ctx context.Context, by desk.Officer, name, id string) error {
	return o.desk.Store().Write(ctx, func(w store.DeskWriter) error {
		p, err := proposal(ctx, w, by, name, id)
		if err != nil {
			return err
		}
		if p.By == by.ID {
			return problem.New(problem.Forbidden, "officer", "Nobody confirms what they have proposed themselves: another administrator does.")
		}
		if err := w.PutSetting(ctx, name, p.Value); err != nil {
			return err
		}
		if err := putProposal(ctx, w, name, nil); err != nil {
			return err
		}
		return o.desk.Record(ctx, w, by.ID, "setting of security confirmed", name+" "+string(p.Value)+" proposed by "+p.By)
	})
}

// Withdraw ends a proposal; every administrator may, and who made it.
func (o *Office) Withdraw(ctx context.Context, by desk.Officer, name, id string) error {
	return o.act(ctx, by, "proposal withdrawn", name, func(w store.DeskWriter) error {
		if _, err := proposal(ctx, w, by, name, id); err != nil {
			return err
		}
		return putProposal(ctx, w, name, nil)
	})
}
