package cli

import (
	"context"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/entraide/entraide/internal/desk"
	"github.com/entraide/entraide/internal/desk/account"
)

// atTheShell is who acts by these commands, in the desk's own log: whoever may
// enter the home.
const atTheShell = "shell"

func (a *app) userCommand() *cobra.Command {
	return group("user", "People who sign in at the desk's pages", a.userAdd(), a.userList(), a.userRole(), a.userDisable(), a.userReset(), a.userAlerts())
}

// onUsers makes a command that works on the accounts of the home's desk.
func (a *app) onUsers(do func(ctx context.Context, accounts *account.Accounts, args []string) error) func(*cobra.Command, []string) error {
	return a.onDesk(func(ctx context.Context, d *desk.Desk, args []string) error {
		accounts, err := account.New(d, account.DefaultCost())
		if err != nil {
			return err
		}
		return do(ctx, accounts, args)
	})
}

// A shownUser is a user as commands print them.
type shownUser struct {
	ID     string      `json:"id"`
	Login  string      `json:"login"`
	Name   string      `json:"name"`
	Roles  []desk.Role `json:"roles"`
	Status string      `json:"status"`
	Code   string      `json:"code,omitempty"` // of an invitation
}

func shown(u account.User, code string) shownUser {
	return shownUser{u.ID, u.Login, u.Name, u.Roles, u.Status, code}
}

// printInvited prints a user with the code of their invitation.
func (a *app) printInvited(u account.User, code string) error {
	return a.print(shown(u, code), func(w io.Writer) {
		fmt.Fprintf(w, "%s (%s) is invited. Hand over this code, to that person alone:\n\n  %s\n\n", u.Name, u.Login, code)
		fmt.Fprintln(w, "They open /welcome at the address of the pages within three days, and type it there.")
	})
}

// rolesOf reads roles from a command line.
func rolesOf(names []string) ([]desk.Role, error) {
	var roles []desk.Role
	for _, name := range names {
		role := desk.Role(name)
		known := false
		for _, r := range desk.Roles() {
			known = known || r == role
		}
		if !known {
			return nil, usage("%q is not one of the roles %v", name, desk.Roles())
		}
		roles = append(roles, role)
	}
	return roles, nil
}

func (a *app) userAdd() *cobra.Command {
	var n account.NewUser
	var roles []string
	c := &cobra.Command{
		Use:     "add LOGIN",
		Short:   "Invite somebody",
		Long:    "Make an account, and print the code with which its user chooses a password and sets up a second factor.",
		Example: "  entraide user add i.haddad --name \"Ines Haddad\" --roles drafter,duty-officer --home desk",
		Args:    exactly("LOGIN"),
		RunE: a.onUsers(func(ctx context.Context, accounts *account.Accounts, args []string) (err error) {
			n.Login = args[0]
			if n.Roles, err = rolesOf(roles); err != nil {
				return err
			}
			u, code, err := accounts.Invite(ctx, atTheShell, n)
			if err != nil {
				return err
			}
			return a.printInvited(u, code)
		}),
	}
	flags := c.Flags()
	flags.StringVar(&n.Name, "name", "", "name, as colleagues know them")
	flags.StringSliceVar(&roles, "roles", nil, fmt.Sprintf("roles, of %v", desk.Roles()))
	flags.StringVar(&n.Subject, "subject", "", "identity at the State's provider: issuer, a space, subject")
	required(c, "name", "roles")
	return c
}

func (a *app) userList() *cobra.Command {
	return &cobra.Command{
		Use:     "list",
		Short:   "Who may sign in",
		Example: "  entraide user list --home desk",
		Args:    noArgs,
		RunE: a.onUsers(func(ctx context.Context, accounts *account.Accounts, _ []string) error {
			all, err := accounts.List(ctx)
			if err != nil {
				return err
			}
			lines := []shownUser{}
			for _, u := range all {
				lines = append(lines, shown(u, ""))
			}
			return a.print(lines, func(w io.Writer) {
				for _, u := range lines {
					fmt.Fprintf(w, "%-20s  %-9s  %s  %s\n", u.Login, u.Status, u.Name, strings.Trim(fmt.Sprint(u.Roles), "[]"))
				}
			})
		}),
	}
}

func (a *app) userRole() *cobra.Command {
	return &cobra.Command{
		Use:     "role LOGIN ROLE…",
		Short:   "Give somebody these roles, and no others",
		Example: "  entraide user role i.haddad approver drafter --home desk",
		Args:    cobra.MinimumNArgs(2),
		RunE: a.onUsers(func(ctx context.Context, accounts *account.Accounts, args []string) error {
			roles, err := rolesOf(args[1:])
			if err != nil {
				return err
			}
			return a.onUser(ctx, accounts, args[0], func(u account.User) error {
				return accounts.SetRoles(ctx, atTheShell, u.ID, roles)
			})
		}),
	}
}

func (a *app) userDisable() *cobra.Command {
	return &cobra.Command{
		Use:     "disable LOGIN",
		Short:   "End all sessions of a user and keep them out",
		Example: "  entraide user disable i.haddad --home desk",
		Args:    exactly("LOGIN"),
		RunE: a.onUsers(func(ctx context.Context, accounts *account.Accounts, args []string) error {
			return a.onUser(ctx, accounts, args[0], func(u account.User) error {
				return accounts.Disable(ctx, atTheShell, u.ID)
			})
		}),
	}
}

// onUser does something to a user and prints what they are now.
func (a *app) onUser(ctx context.Context, accounts *account.Accounts, login string, do func(account.User) error) error {
	u, err := accounts.ByLogin(ctx, login)
	if err != nil {
		return err
	}
	if err := do(u); err != nil {
		return err
	}
	if u, err = accounts.Get(ctx, u.ID); err != nil {
		return err
	}
	return a.print(shown(u, ""), func(w io.Writer) {
		fmt.Fprintf(w, "%s (%s) is %s: %s\n", u.Name, u.Login, u.Status, strings.Trim(fmt.Sprint(u.Roles), "[]"))
	})
}

func (a *app) userReset() *cobra.Command {
	return &cobra.Command{
		Use:   "reset LOGIN",
		Short: "Take password and factors away, and invite anew",
		Long: `Take a user's password, second factor, passkeys and recovery codes away, end
their sessions, and print the code of a new invitation. A user who was disabled
may come back that way.

On the pages it takes two administrators to do so. This command, on the machine
itself, is how the only administrator comes back who has lost everything. The
desk's own log names it, and the user is told when they sign in.`,
		Example: "  entraide user reset i.haddad --home desk",
		Args:    exactly("LOGIN"),
		RunE: a.onUsers(func(ctx context.Context, accounts *account.Accounts, args []string) error {
			u, err := accounts.ByLogin(ctx, args[0])
			if err != nil {
				return err
			}
			code, err := accounts.RecoverAtMachine(ctx, atTheShell, u.ID)
			if err != nil {
				return err
			}
			if u, err = accounts.Get(ctx, u.ID); err != nil {
				return err
			}
			return a.printInvited(u, code)
		}),
	}
}

func (a *app) userAlerts() *cobra.Command {
	return &cobra.Command{
		Use:     "alerts LOGIN",
		Short:   "What a user was told of their account, the newest first",
		Example: "  entraide user alerts i.haddad --home desk",
		Args:    exactly("LOGIN"),
		RunE: a.onUsers(func(ctx context.Context, accounts *account.Accounts, args []string) error {
			u, err := accounts.ByLogin(ctx, args[0])
			if err != nil {
				return err
			}
			all, err := accounts.Alerts(ctx, u)
			if err != nil {
				return err
			}
			return a.print(append([]account.Alert{}, all...), func(w io.Writer) {
				for _, x := range all {
					fmt.Fprintf(w, "%s  %-18s  %s  %s\n", x.At.Format("2006-01-02 15:04:05Z"), x.Kind, orDash(x.Address), x.Agent)
				}
			})
		}),
	}
}
