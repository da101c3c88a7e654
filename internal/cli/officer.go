package cli

import (
	"context"
	"errors"
	"os/user"

	"github.com/spf13/cobra"

	"github.com/entraide/entraide/internal/desk"
	"github.com/entraide/entraide/internal/desk/account"
	"github.com/entraide/entraide/internal/desk/office"
	"github.com/entraide/entraide/internal/store"
)

// A duty is what a command does for an officer.
type duty func(ctx context.Context, o *office.Office, by desk.Officer, args []string) error

// asOfficer makes a command that acts for an officer: the account that --as names,
// or else the person who is signed in to the machine, who holds the home and so
// every role, and is one person all the same.
func (a *app) asOfficer(c *cobra.Command, run duty) *cobra.Command {
	return a.asOfficerOn(c, func(ctx context.Context, d *desk.Desk, by desk.Officer, args []string) error {
		return run(ctx, office.New(d), by, args)
	})
}

// asOfficerOn does the same for what needs the desk itself.
func (a *app) asOfficerOn(c *cobra.Command, run func(ctx context.Context, d *desk.Desk, by desk.Officer, args []string) error) *cobra.Command {
	var login string
	c.Flags().StringVar(&login, "as", "", "login of the officer who acts; left out, the person signed in to this machine")
	c.RunE = a.onDesk(func(ctx context.Context, d *desk.Desk, args []string) error {
		by, err := officerOf(ctx, d, login)
		if err != nil {
			return err
		}
		return run(ctx, d, by, args)
	})
	return c
}

// officerOf finds who acts. That somebody at the machine acts as an officer is an
// entry of the desk's own log.
func officerOf(ctx context.Context, d *desk.Desk, login string) (desk.Officer, error) {
	who, err := user.Current()
	if err != nil {
		return desk.Officer{}, err
	}
	if login == "" {
		return desk.Officer{ID: "user:" + who.Username, Name: who.Username, Roles: desk.Roles()}, nil
	}
	accounts, err := account.New(d, account.Cost{MemoryKiB: 64, Passes: 1, Lanes: 1}) // no password is looked at
	if err != nil {
		return desk.Officer{}, err
	}
	found, err := accounts.ByLogin(ctx, login)
	if err != nil {
		return desk.Officer{}, err
	}
	if found.Status != account.Active {
		return desk.Officer{}, errors.New("this account is not active")
	}
	return found.Officer(), d.Store().Write(ctx, func(w store.DeskWriter) error {
		return d.Record(ctx, w, "user:"+who.Username, "command as an officer", found.ID)
	})
}
