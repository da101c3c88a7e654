package cli

import (
	"context"
	"fmt"
	"io"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/entraide/entraide/internal/desk"
	"github.com/entraide/entraide/internal/enrolment"
	"github.com/entraide/entraide/pkg/directory"
	"github.com/entraide/entraide/pkg/pgp"
)

// keyLife are the commands that change keys which are in use.
func (a *app) keyLife() []*cobra.Command {
	return []*cobra.Command{
		a.keyRotate(), a.keyRevoke(), a.keyReplace(), a.keyReplaceParty(), a.keyRenew(), a.keyRenewTransport(),
		a.keyPolicy(), a.keyDestroy(),
	}
}

// authorityFlag adds --authority, and returns what picks it.
func authorityFlag(c *cobra.Command) func(*desk.Desk) (string, error) {
	var k keyChoice
	c.Flags().StringVar(&k.authority, "authority", "", "own authority (may be left out where there is only one)")
	return func(d *desk.Desk) (string, error) {
		own, err := d.Authorities()
		if err != nil {
			return "", err
		}
		if k.authority == "" && len(own) == 1 {
			return own[0], nil
		}
		if _, err := ownAuthority(d, k.authority); k.authority == "" || err != nil {
			return "", usage("--authority must be one of %v", own)
		}
		return k.authority, nil
	}
}

func (a *app) keyRotate() *cobra.Command {
	var suites []string
	var signing, encryption bool
	c := &cobra.Command{
		Use:   "rotate",
		Short: "Make new subkeys, publish them, and keep the old ones for reading",
		Long: `Make new subkeys of an authority's keys and publish the authority's next
statement. New messages use the new ones; what is under way, and what is in the
case file, is still opened with the old ones, which stay here until
` + "`entraide key destroy`" + `. Without a choice, what encrypts is rotated, in all suites.

If the broker cannot be reached in the middle, the change is kept and carried
through by the next command or by ` + "`desk serve`" + `.`,
		Example: "  entraide key rotate --authority QM.24-7 --home desk\n  entraide key rotate --authority QM.24-7 --signing --home desk",
		Args:    noArgs,
	}
	pick := authorityFlag(c)
	a.asOfficerOn(c, func(ctx context.Context, d *desk.Desk, by desk.Officer, _ []string) error {
		authority, err := pick(d)
		if err != nil {
			return err
		}
		r := desk.Rotation{Authority: authority, Encryption: encryption || !signing, Signing: signing}
		for _, s := range suites {
			if !pgp.Suite(s).Valid() {
				return usage("--suite must be among %v", pgp.Suites())
			}
			r.Suites = append(r.Suites, pgp.Suite(s))
		}
		if err := d.RotateBy(ctx, by, r); err != nil {
			return err
		}
		return a.print(map[string]any{"authority": authority, "encryption": r.Encryption, "signing": r.Signing}, func(w io.Writer) {
			fmt.Fprintf(w, "%s has new subkeys, and the directory says so.\n", authority)
		})
	})
	f := c.Flags()
	f.StringSliceVar(&suites, "suite", nil, "only the key in this suite (may be repeated)")
	f.BoolVar(&encryption, "encryption", false, "rotate the subkey that others encrypt to")
	f.BoolVar(&signing, "signing", false, "rotate the subkey that signs")
	return c
}

// reasons are those of a revocation.
var reasons = map[string]pgp.Reason{"superseded": pgp.Superseded, "retired": pgp.Retired, "compromised": pgp.Compromised}

// sinceFlag adds --since.
func sinceFlag(c *cobra.Command, since *date) {
	c.Flags().Var(since, "since", "from when on the key may have been in other hands, such as 2026-11-01T00:00:00Z; now, if left out")
}

// orNow returns the time of a flag, or the present.
func (a *app) orNow(since date) directory.Time {
	if since.IsZero() {
		return directory.At(a.now())
	}
	return directory.At(since.Time.Time)
}

func (a *app) keyRevoke() *cobra.Command {
	var k keyChoice
	var reason string
	var since date
	c := &cobra.Command{
		Use:   "revoke SUBKEY",
		Short: "Take a subkey out of use, and publish why",
		Long: `Revoke the subkey with a fingerprint (see ` + "`entraide key show`" + `) and publish the
authority's next statement. If it was in use, a new one takes its place.

superseded and retired: what the subkey has signed stays good, and nothing new is
taken from it. compromised: it is good for nothing that is not in the log yet.
Messages that the log has keep their verdict, and everybody who reads one that the
subkey signed, or that is sealed to it, is told since when others may have had it.`,
		Example: "  entraide key revoke 3F0E…9A --suite modern-6 --reason compromised --since 2026-11-01T00:00:00Z --home desk",
		Args:    exactly("SUBKEY"),
	}
	a.asOfficerOn(c, func(ctx context.Context, d *desk.Desk, by desk.Officer, args []string) error {
		authority, suite, err := k.pick(d)
		if err != nil {
			return err
		}
		why, ok := reasons[reason]
		if !ok {
			return usage("--reason must be superseded, retired or compromised")
		}
		subkey := strings.ToUpper(strings.ReplaceAll(args[0], " ", ""))
		if err := d.RevokeBy(ctx, by, desk.Revocation{Authority: authority, Suite: suite, Subkey: subkey, Reason: why, Since: a.orNow(since)}); err != nil {
			return err
		}
		return a.print(map[string]any{"authority": authority, "suite": suite, "subkey": subkey, "reason": reason}, func(w io.Writer) {
			fmt.Fprintf(w, "The subkey %s of %s is revoked (%s), and the directory says so.\n", subkey, authority, reason)
		})
	})
	k.flags(c)
	c.Flags().StringVar(&reason, "reason", "", "superseded, retired or compromised")
	sinceFlag(c, &since)
	required(c, "suite", "reason")
	return c
}

func (a *app) keyReplace() *cobra.Command {
	var k keyChoice
	var compromised bool
	var since date
	c := &cobra.Command{
		Use:   "replace",
		Short: "Give an authority a new key in the place of one that was lost or stolen",
		Long: `Make a new key for an authority, have the State's key vouch for it, and publish it.
The former key, if its file is still here, is kept to read what was sealed to it.
With --compromised, everybody who reads an old message of the former key is told.

What was sealed to a lost key and not taken yet cannot be opened; its senders are
told, and send it again. If the State's own key is lost, see
` + "`entraide key replace-party`" + `.`,
		Example: "  entraide key replace --authority QM.mla --suite modern-6 --home desk",
		Args:    noArgs,
	}
	c.RunE = a.onDesk(func(ctx context.Context, d *desk.Desk, _ []string) error {
		authority, suite, err := k.pick(d)
		if err != nil {
			return err
		}
		r := desk.Replacement{Authority: authority, Suite: suite, Compromised: compromised, Since: a.orNow(since)}
		if err := d.Replace(ctx, r); err != nil {
			return err
		}
		return a.print(map[string]any{"authority": authority, "suite": suite, "compromised": compromised}, func(w io.Writer) {
			fmt.Fprintf(w, "%s has a new key in suite %s, and the directory says so.\n", authority, suite)
		})
	})
	k.flags(c)
	c.Flags().BoolVar(&compromised, "compromised", false, "the former key was in other hands")
	sinceFlag(c, &since)
	return c
}

func (a *app) keyReplaceParty() *cobra.Command {
	return &cobra.Command{
		Use:   "replace-party",
		Short: "Make a new key for the State, and the request to the depositary",
		Long: `Make a new key for the State in the place of one that was lost or stolen, and the
request that the depositary needs. Only the depositary can replace a State's key:
whoever has stolen the old one could name a successor, too.

Send the file replacement.json of the home to the depositary, and read the short
code to the depositary over another channel. Once the depositary has signed, the
desk takes the new key into use by itself and has it vouch for every authority. If
the old key was stolen, ask the depositary to suspend the State meanwhile.`,
		Example: "  entraide key replace-party --home desk",
		Args:    noArgs,
		RunE: a.onDesk(func(ctx context.Context, d *desk.Desk, _ []string) error {
			e, err := d.RequestParty(ctx)
			if err != nil {
				return err
			}
			return a.printReplacement(e)
		}),
	}
}

func (a *app) printReplacement(e enrolment.Enrolment) error {
	c, err := compare(e)
	if err != nil {
		return err
	}
	dir, err := a.homeDir()
	if err != nil {
		return err
	}
	file := filepath.Join(dir, desk.ReplacementFile)
	if a.json {
		return a.print(struct {
			Request string `json:"request"`
			comparison
		}{file, c}, nil)
	}
	if err := c.print(a.out); err != nil {
		return err
	}
	fmt.Fprintf(a.out, "A new key for %s is made and waits for the depositary.\n", e.Party)
	fmt.Fprintf(a.out, "Send %s to the depositary.\nWhen they call, read them this code: %s\n", file, c.Code)
	return nil
}

func (a *app) keyRenew() *cobra.Command {
	c := &cobra.Command{
		Use:     "renew",
		Short:   "Publish that an authority is valid for two more years",
		Example: "  entraide key renew --authority QM.mla --home desk",
		Args:    noArgs,
	}
	pick := authorityFlag(c)
	c.RunE = a.onDesk(func(ctx context.Context, d *desk.Desk, _ []string) error {
		authority, err := pick(d)
		if err != nil {
			return err
		}
		if err := d.Renew(ctx, authority); err != nil {
			return err
		}
		entry, err := d.Directory().Authority(authority)
		if err != nil {
			return err
		}
		until := entry.Statement.ValidUntil.String()
		return a.print(map[string]string{"authority": authority, "valid_until": until}, func(w io.Writer) {
			fmt.Fprintf(w, "%s is valid until %s, and the directory says so.\n", authority, until)
		})
	})
	return c
}

func (a *app) keyRenewTransport() *cobra.Command {
	return &cobra.Command{
		Use:   "renew-transport",
		Short: "Make a new TLS key for the desk and publish it",
		Long: `Make a new TLS key for the desk and publish it in the statements of its
authorities. The desk connects with the old one until the broker knows the new, so
that an interruption locks nobody out.`,
		Example: "  entraide key renew-transport --home desk",
		Args:    noArgs,
		RunE: a.onDesk(func(ctx context.Context, d *desk.Desk, _ []string) error {
			if err := d.RenewTransport(ctx); err != nil {
				return err
			}
			return a.print(map[string]bool{"renewed": true}, func(w io.Writer) {
				fmt.Fprintln(w, "The desk connects with a new TLS key, and the directory says so.")
			})
		}),
	}
}

// printNotices prints what ends or is due.
func printNotices(w io.Writer, notices []desk.KeyNotice) {
	for _, n := range notices {
		fmt.Fprintf(w, "! %s\n", n)
	}
}

func (a *app) depositaryReplace() *cobra.Command {
	var code, qr string
	var o offline
	c := &cobra.Command{
		Use:   "replace REQUEST",
		Short: "Give a State another key in the place of one that was lost or stolen",
		Long: `Sign a party statement with the new key of a State. The request comes from the
State's desk (entraide key replace-party). Nothing in it is signed with the key that
was lost, and nothing that is would prove anything if it was stolen: call the State
back on a number that you know, make sure that you speak to those who may ask for
this, have the short code read to you, and give it with --code.`,
		Example: "  entraide depositary replace QM-replacement.json --home depositary --code 'ab12 …'",
		Args:    exactly("REQUEST"),
		RunE: func(cmd *cobra.Command, args []string) error {
			e, err := a.comparedEnrolment(args[0], code, qr)
			if err != nil {
				return err
			}
			d, err := a.openDepositary("")
			if err != nil {
				return err
			}
			if err := o.run(cmd.Context(), d, func(ctx context.Context) error { return d.Replace(ctx, e) }); err != nil {
				return err
			}
			return a.print(map[string]any{"party": e.Party}, func(w io.Writer) {
				fmt.Fprintf(w, "%s has another key%s. Its desk takes it into use when it next asks for the directory.\n", e.Party, o.once())
			})
		},
	}
	qrFlag(c, &qr)
	o.flags(c)
	c.Flags().StringVar(&code, "code", "", "the request's short code, as the State read it to you")
	return c
}
