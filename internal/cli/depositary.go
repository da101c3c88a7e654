package cli

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/entraide/entraide/internal/depositary"
	"github.com/entraide/entraide/pkg/strictjson"
	"github.com/entraide/entraide/pkg/wire"
)

func (a *app) depositaryCommand() *cobra.Command {
	return group("depositary", "Keep the trust anchor: who is a party",
		a.depositaryInit(), a.depositaryAdmit(), a.depositaryReplace(), a.depositaryAuditors(),
		a.depositaryStanding("suspend", "suspended", "Suspend a party or authority"),
		a.depositaryStanding("restore", "restored", "Lift a suspension made by the depositary"),
		a.depositaryStanding("revoke", "revoked", "Remove a party or authority for good"))
}

func (a *app) depositaryInit() *cobra.Command {
	var name string
	c := &cobra.Command{
		Use:     "init",
		Short:   "Make the depositary's home and key",
		Example: "  entraide depositary init --home depositary --name 'Depositary of the Convention'",
		Args:    noArgs,
		RunE: func(*cobra.Command, []string) error {
			dir, err := a.homeDir()
			if err != nil {
				return err
			}
			secret, err := a.newPassphrase(dir)
			if err != nil {
				return err
			}
			if _, err := depositary.Init(dir, depositary.InitOptions{Name: name, Passphrase: secret, Now: a.now()}); err != nil {
				return err
			}
			d, err := depositary.Open(dir, secret, a.now)
			if err != nil {
				return err
			}
			statement := filepath.Join(dir, depositary.StatementFile)
			return a.print(map[string]string{"fingerprint": d.Fingerprint(), "statement": statement}, func(w io.Writer) {
				fmt.Fprintf(w, "Trust anchor: %s\nGive %s to `entraide broker init`.\n", d.Fingerprint(), statement)
			})
		},
	}
	c.Flags().StringVar(&name, "name", "Depositary", "name in the certificate")
	return c
}

func (a *app) depositaryAdmit() *cobra.Command {
	var broker, code, qr string
	var o offline
	c := &cobra.Command{
		Use:   "admit ENROLMENT",
		Short: "Admit a State with its authorities",
		Long: `Sign the State's party statement and publish it with the statements of its
authorities.

The enrolment file comes from the State's desk (entraide desk init). The command
shows the fingerprint of the State's key in digits, in words and as a QR code. Call
the State back on a number that you know, compare the words, have the short code
read to you, and type it, or give it with --code: the command signs nothing for a
file with another code.`,
		Example: "  entraide depositary admit QM-enrolment.json --home depositary --broker broker.json --code 'ab12 …'",
		Args:    exactly("ENROLMENT"),
		RunE: func(cmd *cobra.Command, args []string) error {
			e, err := a.comparedEnrolment(args[0], code, qr)
			if err != nil {
				return err
			}
			d, err := a.openDepositary(broker)
			if err != nil {
				return err
			}
			if err := o.run(cmd.Context(), d, func(ctx context.Context) error { return d.Admit(ctx, e) }); err != nil {
				return err
			}
			return a.print(map[string]any{"party": e.Party, "authorities": len(e.Authorities)}, func(w io.Writer) {
				fmt.Fprintf(w, "%s is admitted with %d authorities%s.\n", e.Party, len(e.Authorities), o.once())
			})
		},
	}
	c.Flags().StringVar(&broker, "broker", "", "the broker's broker.json; remembered")
	qrFlag(c, &qr)
	o.flags(c)
	c.Flags().StringVar(&code, "code", "", "the enrolment's short code, as the State read it to you")
	return c
}

// openDepositary unlocks the home's key and connects it, the first time, to
// the broker that a file describes.
func (a *app) openDepositary(brokerFile string) (*depositary.Depositary, error) {
	dir, err := a.homeDir()
	if err != nil {
		return nil, err
	}
	secret, err := a.passphrase(dir)
	if err != nil {
		return nil, err
	}
	d, err := depositary.Open(dir, secret, a.now)
	if err != nil || brokerFile == "" {
		return d, err
	}
	b, err := readBroker(brokerFile)
	if err != nil {
		return nil, err
	}
	return d, d.Connect(b)
}

// readBroker reads a broker's description.
func readBroker(path string) (wire.Broker, error) {
	var b wire.Broker
	data, err := os.ReadFile(path)
	if err != nil {
		return b, err
	}
	if err := strictjson.Unmarshal(data, 1<<16, &b); err != nil {
		return b, fmt.Errorf("%s does not describe a broker: %w", path, err)
	}
	return b, nil
}

func (a *app) depositaryStanding(verb, standing, short string) *cobra.Command {
	var reason string
	var o offline
	c := &cobra.Command{
		Use:     verb + " SUBJECT",
		Short:   short,
		Example: "  entraide depositary " + verb + " QM.mla --home depositary --reason 'keys lost'",
		Args:    exactly("SUBJECT"),
		RunE: func(cmd *cobra.Command, args []string) error {
			d, err := a.openDepositary("")
			if err != nil {
				return err
			}
			if err := o.run(cmd.Context(), d, func(ctx context.Context) error {
				return d.SetStanding(ctx, args[0], standing, reason)
			}); err != nil {
				return err
			}
			return a.print(map[string]string{"subject": args[0], "standing": standing}, func(w io.Writer) {
				fmt.Fprintf(w, "%s is %s%s.\n", args[0], standing, o.once())
			})
		},
	}
	o.flags(c)
	c.Flags().StringVar(&reason, "reason", "", "why, for everybody who reads the directory")
	required(c, "reason")
	return c
}

func (a *app) depositaryAuditors() *cobra.Command {
	return &cobra.Command{
		Use:   "auditors [AUTHORITY…]",
		Short: "Name the auditors of all exchanges",
		Long: `Name, in the depositary's own statement, the authorities that may see the
procedure of all exchanges in the broker's log: who wrote to whom, when, in which
act; never content. They replace those named before; without any, nobody may.
Every reader of the directory sees who they are, and everything that they read is
an entry of the log.

A State's own auditor needs no naming: it is an authority with the role auditor
and sees that State's exchanges.`,
		Example: "  entraide depositary auditors XA.audit --home depositary",
		RunE: func(cmd *cobra.Command, args []string) error {
			d, err := a.openDepositary("")
			if err != nil {
				return err
			}
			if err := d.NameAuditors(cmd.Context(), args); err != nil {
				return err
			}
			return a.print(map[string]any{"auditors": args}, func(w io.Writer) {
				fmt.Fprintf(w, "Auditors of all exchanges: %s\n", cmp.Or(strings.Join(args, ", "), "none"))
			})
		},
	}
}
