package cli

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/entraide/entraide/internal/broker/home"
	"github.com/entraide/entraide/internal/depositary"
	"github.com/entraide/entraide/internal/desk"
	"github.com/entraide/entraide/internal/enrolment"
	"github.com/entraide/entraide/pkg/directory"
	"github.com/entraide/entraide/pkg/snapshot"
)

// offline is how a depositary signs that has no line to the broker.
type offline struct{ out, brought string }

func (o *offline) flags(c *cobra.Command) {
	c.Flags().StringVar(&o.out, "out", "", "sign without a line to the broker, and write what is to be published to this file")
	c.Flags().StringVar(&o.brought, "directory", "", "with --out: the directory as it was brought (entraide directory export); remembered")
}

// run does what a depositary does, with a line or without.
func (o *offline) run(ctx context.Context, d *depositary.Depositary, act func(context.Context) error) error {
	if o.out == "" {
		if o.brought != "" {
			return usage("--directory is for signing without a line: add --out")
		}
		return act(ctx)
	}
	var brought []byte
	if o.brought != "" {
		var err error
		if brought, err = readFile(o.brought, snapshot.MaxBytes); err != nil {
			return err
		}
	}
	if err := d.WorkOffline(ctx, brought); err != nil {
		return err
	}
	if err := act(ctx); err != nil {
		return err
	}
	return writeStatements(o.out, d.Signed())
}

// once says that what was signed has still to be published.
func (o *offline) once() string { return oncePublished(o.out) }

func oncePublished(out string) string {
	if out == "" {
		return ""
	}
	return ", once the broker has " + out
}

func writeStatements(path string, statements []directory.Signed) error {
	if len(statements) == 0 {
		return errors.New("there is nothing to publish: the directory says so already")
	}
	data, err := enrolment.MarshalStatements(statements)
	if err != nil {
		return err
	}
	return writeNew(path, data)
}

// readStatements reads a file of signed statements.
func readStatements(path string) ([]directory.Signed, error) {
	data, err := readFile(path, enrolment.MaxBytes)
	if err != nil {
		return nil, err
	}
	return enrolment.ParseStatements(data)
}

func (a *app) brokerDirectoryAdd() *cobra.Command {
	return &cobra.Command{
		Use:   "add FILE",
		Short: "Accept directory statements that were carried here in a file",
		Long: `Accept the directory statements in a file, in order, as if those who signed them
had a line: from a depositary or a desk that works without one (--out). They prove
themselves; nothing depends on who has carried them. A file may be added again.

On SQLite, stop the broker first; or let any desk submit the file (entraide
directory submit).`,
		Example: "  entraide broker directory add signed.json --home broker",
		Args:    exactly("FILE"),
		RunE: func(cmd *cobra.Command, args []string) error {
			dir, err := a.homeDir()
			if err != nil {
				return err
			}
			statements, err := readStatements(args[0])
			if err != nil {
				return err
			}
			if err := home.Publish(cmd.Context(), dir, a.now, a.logger(), statements); err != nil {
				return err
			}
			return a.printPublished(len(statements))
		},
	}
}

func (a *app) printPublished(n int) error {
	return a.print(map[string]int{"statements": n}, func(w io.Writer) {
		fmt.Fprintf(w, "The directory has all %d statements.\n", n)
	})
}

func (a *app) directorySubmit() *cobra.Command {
	return &cobra.Command{
		Use:   "submit FILE",
		Short: "Hand in directory statements for somebody who has no line to the broker",
		Long: `Hand the directory statements in a file to the broker, in order: those of a
depositary or a desk that works without a line (--out). They prove themselves; it
makes no difference who hands them in. A file may be handed in again.`,
		Example: "  entraide directory submit signed.json --home desk",
		Args:    exactly("FILE"),
		RunE: a.onDesk(func(ctx context.Context, d *desk.Desk, args []string) error {
			statements, err := readStatements(args[0])
			if err != nil {
				return err
			}
			if err := d.Submit(ctx, statements); err != nil {
				return err
			}
			return a.printPublished(len(statements))
		}),
	}
}

// directoryStanding makes the commands with which a State suspends, restores or
// revokes an authority of its own.
func (a *app) directoryStanding(verb, standing, short string) *cobra.Command {
	var reason, out string
	c := &cobra.Command{
		Use:   verb + " AUTHORITY",
		Short: short,
		Long: short + `, with the State's key and a reason that everybody reads. Each holds
and lifts its own suspension: the depositary's stays. Revocation is final.`,
		Example: "  entraide directory " + verb + " QM.mla --reason 'office moved' --home desk",
		Args:    exactly("AUTHORITY"),
	}
	c.RunE = a.onDesk(func(ctx context.Context, d *desk.Desk, args []string) error {
		if err := setStanding(ctx, d, directory.StandingStatement{
			Heading: directory.Heading{Subject: args[0]}, Standing: standing, Reason: reason,
		}, out); err != nil {
			return err
		}
		return a.print(map[string]string{"subject": args[0], "standing": standing}, func(w io.Writer) {
			fmt.Fprintf(w, "%s is %s%s.\n", args[0], standing, oncePublished(out))
		})
	})
	c.Flags().StringVar(&reason, "reason", "", "why, for everybody who reads the directory")
	c.Flags().StringVar(&out, "out", "", "write the signed statement to this file instead of handing it in")
	required(c, "reason")
	return c
}

// setStanding publishes a statement, or writes it to a file.
func setStanding(ctx context.Context, d *desk.Desk, s directory.StandingStatement, out string) error {
	if out == "" {
		return d.SetStanding(ctx, s.Subject, s.Standing, s.Reason)
	}
	signed, err := d.SignStanding(ctx, s.Subject, s.Standing, s.Reason)
	if err != nil {
		return err
	}
	return writeStatements(out, []directory.Signed{signed})
}
