package office

import (
	"context"
	"slices"
	"strings"

	"github.com/entraide/entraide/internal/desk"
	"github.com/entraide/entraide/internal/store"
	"github.com/entraide/entraide/pkg/problem"
)

// A Team is officers who share cases.
type Team struct {
	Name    string   `json:"name"`
	Members []string `json:"members"` // ids of officers
}

// Teams lists the teams.
func (o *Office) Teams(ctx context.Context, by desk.Officer) ([]Team, error) {
	if err := by.Require(append([]desk.Role{desk.Administrator}, desk.Readers...)...); err != nil {
		return nil, err
	}
	out := []Team{}
	err := o.desk.Store().Read(ctx, func(r store.DeskReader) error {
		names, err := r.Teams(ctx)
		if err != nil {
			return err
		}
		for _, name := range names {
			members, err := r.Members(ctx, name)
			if err != nil {
				return err
			}
			out = append(out, Team{name, members})
		}
		return nil
	})
	return out, err
}

// teamName refuses what is no name of a team.
func teamName(field, name string) error {
	if err := plain(field, name, 100); err != nil {
		return err
	}
	if strings.TrimSpace(name) != name || strings.ContainsAny(name, "\r\n") {
		return problem.New(problem.InvalidValue, field, "A name of a team is one line that neither begins nor ends with a space.")
	}
	return nil
}

// changeTeam runs a change of a team that there is; an administrator may.
func (o *Office) changeTeam(ctx context.Context, by desk.Officer, team, detail string, change func(w store.DeskWriter, members []string) error) error {
	if err := by.Require(desk.Administrator); err != nil {
		return err
	}
	return o.act(ctx, by, "team changed", team+" "+detail, func(w store.DeskWriter) error {
		members, err := w.Members(ctx, team)
		if err != nil {
			return err
		}
		if len(members) == 0 {
			return notFound("team")
		}
		return change(w, members)
	})
}

// PutMember takes an officer into a team, which is made if need be, or out of it.
// An administrator may. The last member cannot be taken out: a team that nobody is
// in is dissolved, see [Office.DissolveTeam].
func (o *Office) PutMember(ctx context.Context, by desk.Officer, team, officer string, out bool) error {
	if out {
		return o.changeTeam(ctx, by, team, "without "+officer, func(w store.DeskWriter, members []string) error {
			if !slices.Contains(members, officer) {
				return notFound("officer")
			}
			if len(members) == 1 {
				return problem.New(problem.ActNotAllowed, "officer", "This is the last member: dissolve the team instead.")
			}
			return w.DeleteMember(ctx, team, officer)
		})
	}
	if err := by.Require(desk.Administrator); err != nil {
		return err
	}
	if err := teamName("team", team); err != nil {
		return err
	}
	if err := plain("officer", officer, 200); err != nil {
		return err
	}
	return o.act(ctx, by, "team changed", team+" "+officer, func(w store.DeskWriter) error { return w.PutMember(ctx, team, officer) })
}

// RenameTeam gives a team another name; its cases go with it.
func (o *Office) RenameTeam(ctx context.Context, by desk.Officer, team, name string) error {
	if err := teamName("name", name); err != nil {
		return err
	}
	return o.changeTeam(ctx, by, team, "renamed to "+name, func(w store.DeskWriter, _ []string) error {
		others, err := w.Members(ctx, name)
		if err != nil {
			return err
		}
		if len(others) > 0 {
			return problem.New(problem.InvalidValue, "name", "There is a team of this name already.")
		}
		return w.RenameTeam(ctx, team, name)
	})
}

// DissolveTeam ends a team. Cases that were assigned to it are assigned to no team.
func (o *Office) DissolveTeam(ctx context.Context, by desk.Officer, team string) error {
	return o.changeTeam(ctx, by, team, "dissolved", func(w store.DeskWriter, _ []string) error { return w.DeleteTeam(ctx, team) })
}
