package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"sync"

	"github.com/spf13/cobra"

	"github.com/entraide/entraide/internal/desk"
	"github.com/entraide/entraide/pkg/convention"
	"github.com/entraide/entraide/pkg/directory"
	"github.com/entraide/entraide/pkg/pgp"
)

func (a *app) deskCommand() *cobra.Command {
	return group("desk", "Run a State's desk", a.deskInit(), a.deskEnrolment(), a.deskServe(), a.deskSync(), a.deskCheck(), a.deskLog(), a.deskSettle(), a.deskIncident(),
		a.deskReindex(), a.deskStatistics(), a.deskBroker())
}

// openDesk opens the home's desk; the passphrase is asked for, once, when a key
// is first needed.
func (a *app) openDesk(ctx context.Context) (*desk.Desk, error) {
	dir, err := a.homeDir()
	if err != nil {
		return nil, err
	}
	return a.openDeskIn(ctx, dir)
}

// openDeskIn opens the desk of a home.
func (a *app) openDeskIn(ctx context.Context, dir string) (*desk.Desk, error) {
	return desk.Open(ctx, dir, desk.Options{
		Passphrase: sync.OnceValues(func() ([]byte, error) { return a.passphrase(dir) }), Now: a.now, Log: a.logger(),
	})
}

// onDesk makes a command that works on the home's desk.
func (a *app) onDesk(run func(ctx context.Context, d *desk.Desk, args []string) error) func(*cobra.Command, []string) error {
	return func(cmd *cobra.Command, args []string) error {
		d, err := a.openDesk(cmd.Context())
		if err != nil {
			return err
		}
		return errors.Join(run(cmd.Context(), d, args), d.Close())
	}
}

// A profile describes the authorities of a new desk, for desk init --profile.
type profile struct {
	Names       map[string]string       `json:"names"`
	Authorities []desk.AuthorityOptions `json:"authorities"`
}

// plainProfile is that of a State that gives none: a central authority and a
// contact point that work in English.
func plainProfile(party string) profile {
	languages := map[string][]string{"emergency": {"en"}, "urgent": {"en"}, "routine": {"en"}}
	stance := directory.Stance{Positions: map[string][]string{convention.AcceptsOral: {}}}
	return profile{
		Names: map[string]string{"en": party},
		Authorities: []desk.AuthorityOptions{
			{
				Label: "24-7", Roles: []string{"24-7"}, Names: map[string]string{"en": "24/7 contact point"},
				Languages: languages, Hours: "24/7", TimeZone: "UTC", Stance: stance,
			},
			{
				Label: "mla", Roles: []string{"central"}, Names: map[string]string{"en": "Central authority"},
				Languages: languages, Hours: "Mon-Fri 08:00-17:00", TimeZone: "UTC", Stance: stance,
			},
		},
	}
}

const deskInitLong = `Make a desk's home in --home, which must be empty or absent: the State's key,
keys for each authority in each suite, all locked under one passphrase.

Send the file enrolment.json of the new home to the depositary. When they call,
read them the short code and the fingerprint in words, or let them hold a camera to
the QR code; desk enrolment shows all of it again. --profile names a JSON file with the State's names and its authorities:

  {"names": {"en": "Republic of Meridia"},
   "authorities": [{"Label": "24-7", "Roles": ["24-7"], "Names": {"en": "Contact point"},
     "Languages": {"emergency": ["en"], "urgent": ["en"], "routine": ["en"]},
     "Hours": "24/7", "TimeZone": "UTC",
     "Stance": {"positions": {"dual-criminality-coercive": [], "requires-assurances": ["T13", "T18"]},
       "treaties": {"QN": ["UNCC"]}, "service_lead_days": 30, "notes": {}}}]}

positions are rows of ` + "`entraide schema show stance`" + `, each with the types of
measures to which it applies; none means all. The check of requests to the
authority, at every desk, uses them.

The case file is in the home, in desk.db. With --database it is in a PostgreSQL
database that is this desk's alone; see docs/desk.md, "The case file in PostgreSQL".`

func (a *app) deskInit() *cobra.Command {
	var party, broker, described, address, qr, hsm string
	var suites []string
	c := &cobra.Command{
		Use:     "init",
		Short:   "Make a desk's home and keys, and the request to be admitted",
		Long:    deskInitLong,
		Example: "  entraide desk init --home desk --party QM --broker broker.json",
		Args:    noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			dir, err := a.homeDir()
			if err != nil {
				return err
			}
			o := desk.InitOptions{Party: party, Database: address, Now: a.now}
			if o.Broker, err = readBroker(broker); err != nil {
				return err
			}
			p := plainProfile(party)
			if described != "" {
				if p, err = readProfile(described); err != nil {
					return err
				}
			}
			o.Names, o.Authorities = p.Names, p.Authorities
			for _, s := range suites {
				if !pgp.Suite(s).Valid() {
					return usage("--suites must be among %v", pgp.Suites())
				}
				o.Suites = append(o.Suites, pgp.Suite(s))
			}
			if o.HSM = hsm; hsm != "" && !cmd.Flags().Changed("suites") {
				o.Suites = []pgp.Suite{pgp.HSM4}
			}
			if o.Passphrase, err = a.newPassphrase(dir); err != nil {
				return err
			}
			request, err := desk.Init(cmd.Context(), dir, o)
			if err != nil {
				return err
			}
			return a.printEnrolment(dir, request, qr)
		},
	}
	flags := c.Flags()
	flags.StringVar(&party, "party", "", "code of the State, such as QM")
	flags.StringVar(&broker, "broker", "", "the broker's broker.json")
	flags.StringVar(&address, "database", "", "keep the case file in PostgreSQL: a postgres:// address without a password (else in the home, in SQLite)")
	flags.StringVar(&described, "profile", "", "JSON file with the State's names and authorities")
	flags.StringVar(&hsm, "hsm", "", "socket of the helper of a device, to make the State's key and those of hsm-4 there (hsm-4 alone, without --suites)")
	flags.StringSliceVar(&suites, "suites", []string{"pq-6", "modern-6", "classic-4"}, "suites of the authorities' keys")
	qrFlag(c, &qr)
	required(c, "party", "broker")
	return c
}

func readProfile(path string) (p profile, err error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return p, err
	}
	decoder := json.NewDecoder(strings.NewReader(string(data)))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&p); err != nil {
		return p, fmt.Errorf("reading the profile: %w", err)
	}
	return p, nil
}

func (a *app) deskSync() *cobra.Command {
	return &cobra.Command{
		Use:   "sync",
		Short: "Take what has arrived and send what waits, once",
		Long: `Take what has arrived and send what waits, once. The exit status is 3 as long as
there is an incident that is not settled; the work is done all the same.`,
		Example: "  entraide desk sync --home desk",
		Args:    noArgs,
		RunE: a.onDesk(func(ctx context.Context, d *desk.Desk, _ []string) error {
			report, end := a.progress()
			defer end()
			d.Report = report
			if err := errors.Join(d.Upload(ctx), d.Sync(ctx)); err != nil {
				return err
			}
			messages, err := d.Messages(ctx)
			if err != nil {
				return err
			}
			waiting := 0
			for _, m := range messages {
				if m.Verdict == "waiting" {
					waiting++
				}
			}
			if err := a.print(map[string]int{"messages": len(messages), "waiting": waiting}, func(w io.Writer) {
				fmt.Fprintf(w, "Up to date: %d messages, %d of them waiting to be sent.\n", len(messages), waiting)
			}); err != nil {
				return err
			}
			return a.unsettled(ctx, d)
		}),
	}
}

func (a *app) deskCheck() *cobra.Command {
	return &cobra.Command{
		Use:   "check",
		Short: "Verify the case file and the desk's own log, and show incidents",
		Long: `Verify every message of the case file against its seal and its receipt, the
directory from the trust anchor on, the index of cases against the messages, and
every entry of the desk's own log, and print the log's checkpoint. Incidents are listed: evidence that somebody broke a
promise, and statements about this State that this desk did not make. As long as
one of them is not settled, the exit status is 3.`,
		Example: "  entraide desk check --home desk",
		Args:    noArgs,
		RunE: a.onDesk(func(ctx context.Context, d *desk.Desk, _ []string) error {
			messages, err := d.VerifyMessages(ctx)
			if err != nil {
				return err
			}
			if _, err := d.VerifyIndex(ctx); err != nil {
				return err
			}
			signed, err := d.AuditVerify(ctx)
			if err != nil {
				return err
			}
			incidents, err := d.Incidents(ctx)
			if err != nil {
				return err
			}
			notices, err := d.KeyNotices()
			if err != nil {
				return err
			}
			if err := a.print(map[string]any{"messages": messages, "checkpoint": string(signed), "incidents": incidents, "keys": notices}, func(w io.Writer) {
				fmt.Fprintf(w, "All %d messages are as they were sealed, and the desk's own log is whole. Its checkpoint:\n\n%s\n", messages, signed)
				printNotices(w, notices)
				printIncidents(w, incidents)
			}); err != nil {
				return err
			}
			if open := desk.Unsettled(incidents); len(open) > 0 {
				return fmt.Errorf("%w: %d need attention", errIncidents, len(open))
			}
			return nil
		}),
	}
}

func (a *app) deskReindex() *cobra.Command {
	return &cobra.Command{
		Use:   "reindex",
		Short: "Make the index of cases and texts anew from the messages",
		Long: `Derive what lists and the search show of every case anew from its messages. It
is needed only where ` + "`entraide desk check`" + ` finds the index wrong; a newer program
does so by itself.`,
		Example: "  entraide desk reindex --home desk",
		Args:    noArgs,
		RunE: a.onDesk(func(ctx context.Context, d *desk.Desk, _ []string) error {
			n, err := d.Reindex(ctx)
			if err != nil {
				return err
			}
			return a.print(map[string]int{"cases": n}, func(w io.Writer) { fmt.Fprintf(w, "The index has %d cases.\n", n) })
		}),
	}
}

// unsettled prints the incidents that need attention, and returns an error if
// there are any.
func (a *app) unsettled(ctx context.Context, d *desk.Desk) error {
	incidents, err := d.Incidents(ctx)
	if err != nil {
		return err
	}
	open := desk.Unsettled(incidents)
	if len(open) == 0 {
		return nil
	}
	printIncidents(plainly{a.err}, open)
	return fmt.Errorf("%w: %d need attention", errIncidents, len(open))
}

func printIncidents(w io.Writer, incidents []desk.Incident) {
	for _, i := range incidents {
		fmt.Fprintf(w, "incident %d  %s  %s\n", i.Number, i.At.Format("2006-01-02 15:04:05Z"), i.What)
		if i.Settled != "" {
			fmt.Fprintf(w, "    settled: %s\n", i.Settled)
		}
	}
}

func (a *app) deskSettle() *cobra.Command {
	var reason string
	c := &cobra.Command{
		Use:   "settle NUMBER",
		Short: "Note why an incident needs no attention any more",
		Long: `Note that somebody has looked into an incident, and why it needs no attention any
more, such as a suspension that the State had asked the depositary for by telephone.
The incident and its files stay; the note is in the desk's own log. A log with two
faces cannot be settled.`,
		Example: "  entraide desk settle 2 --reason 'we asked for it by telephone' --home desk",
		Args:    exactly("NUMBER"),
	}
	c.RunE = a.onDesk(func(ctx context.Context, d *desk.Desk, args []string) error {
		number, err := strconv.ParseInt(args[0], 10, 64)
		if err != nil {
			return usage("%q is not the number of an incident", args[0])
		}
		if err := d.Settle(ctx, number, reason); err != nil {
			return err
		}
		return a.print(map[string]any{"incident": number, "settled": reason}, func(w io.Writer) {
			fmt.Fprintf(w, "Incident %d is settled.\n", number)
		})
	})
	c.Flags().StringVar(&reason, "reason", "", "why, for the desk's own log")
	required(c, "reason")
	return c
}
