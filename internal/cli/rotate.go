package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/entraide/entraide/internal/broker/home"
	"github.com/entraide/entraide/internal/desk"
	"github.com/entraide/entraide/internal/witness"
	"github.com/entraide/entraide/pkg/translog"
	"github.com/entraide/entraide/pkg/verify"
)

func (a *app) brokerRotateKey() *cobra.Command {
	return &cobra.Command{
		Use:   "rotate-key",
		Short: "Give the log another key, and let both sign for a while",
		Long: `Make another key for the log. It takes over at the tree that was signed last: from
there on the former key is good for nothing to those who know the new one, and
goes on signing beside it for those who do not. That there is a new key is an
entry of the log, signed with both.

Stop every broker of this home first, and start them again afterwards: one that
does not know the new key signs nothing. Then hand the new broker.json to every
desk (entraide desk broker), witness (entraide witness keys) and auditor (entraide
audit mirror --broker), and when all have it, end the former key with retire-key.

A rotation that was interrupted is finished by the same command.`,
		Example: "  entraide broker log rotate-key --home /var/lib/entraide/broker",
		Args:    noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			dir, err := a.homeDir()
			if err != nil {
				return err
			}
			public, err := home.RotateKey(cmd.Context(), dir, a.now, a.logger())
			if err != nil {
				return err
			}
			return a.print(public, func(w io.Writer) {
				fmt.Fprintf(w, "The log %s has a new key, and the former one signs beside it.\nKey:  %s\n", public.Origin, public.LogKey)
				fmt.Fprintf(w, "Hand %s to every desk, witness and auditor, and then retire the former key.\n", filepath.Join(dir, home.PublicFile))
			})
		},
	}
}

func (a *app) brokerRetireKey() *cobra.Command {
	return &cobra.Command{
		Use:   "retire-key",
		Short: "End the former key of the log",
		Long: `Let the former key of the log sign no more, and destroy it. Whoever does not know
the new key by now is shown a log that it cannot verify, and must compare the
new broker.json over another channel. What the former key signed before the
new one took over stays good. That it ended is an entry of the log.

Stop every broker of this home first. Doing it twice does no harm.`,
		Example: "  entraide broker log retire-key --home /var/lib/entraide/broker",
		Args:    noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			dir, err := a.homeDir()
			if err != nil {
				return err
			}
			if err := home.RetireKey(cmd.Context(), dir, a.now, a.logger()); err != nil {
				return err
			}
			return a.print(map[string]bool{"retired": true}, func(w io.Writer) {
				fmt.Fprintln(w, "The former key of the log is no more; the new one signs alone.")
			})
		},
	}
}

func (a *app) deskBroker() *cobra.Command {
	var compared bool
	c := &cobra.Command{
		Use:   "broker FILE",
		Short: "Take a new key of the broker's log",
		Long: `Take the keys of the broker's log from a new broker.json, FILE. The key that this
desk knows must vouch for the new one: it must still sign what the broker shows,
and have signed the log's own entry of the new key. Nothing else of FILE is taken.

If the desk missed the time in which both keys signed, or the policy or address
of the broker has changed as well, compare FILE with the broker's operator over
another channel, and say --compared: then all of it is taken.

A desk that is serving must be started again.`,
		Example: "  entraide desk broker broker.json --home desk",
		Args:    exactly("FILE"),
		RunE: a.onDesk(func(ctx context.Context, d *desk.Desk, args []string) error {
			b, err := readBroker(args[0])
			if err != nil {
				return err
			}
			if err := d.TakeBroker(ctx, b, compared); err != nil {
				return orCompare(err)
			}
			return a.print(b, func(w io.Writer) { fmt.Fprintf(w, "This desk knows the log by its key %s\n", b.LogKey) })
		}),
	}
	c.Flags().BoolVar(&compared, "compared", false, "the file was compared with the broker's operator over another channel")
	return c
}

// orCompare says what else to do about a key that nothing vouches for.
func orCompare(err error) error {
	if !errors.Is(err, translog.ErrRotation) {
		return err
	}
	return fmt.Errorf("%w; compare the file with the broker's operator over another channel, and say --compared", err)
}

func (a *app) witnessKeys() *cobra.Command {
	var compared bool
	c := &cobra.Command{
		Use:   "keys FILE",
		Short: "Take a new key of a log that the witness follows",
		Long: `Take the keys of a broker's log from its new broker.json, FILE. The key that the
witness knows must have signed the log's own entry of the new one; else compare
FILE with the broker's operator over another channel, and say --compared.

A witness that is serving must be started again.`,
		Example: "  entraide witness keys broker.json --home witness",
		Args:    exactly("FILE"),
		RunE: func(_ *cobra.Command, args []string) error {
			dir, err := a.homeDir()
			if err != nil {
				return err
			}
			b, err := readBroker(args[0])
			if err != nil {
				return err
			}
			next, err := verify.NewTrust(b)
			if err != nil {
				return err
			}
			known, err := witness.Keys(dir, b.Origin)
			if err != nil {
				return err
			}
			if !compared && known.String() != next.LogKeys().String() {
				if err := next.LogKeys().CheckRotation(known, []byte(b.Rotation)); err != nil {
					return orCompare(err)
				}
			}
			if err := witness.SetKeys(dir, next.LogKeys()); err != nil {
				return err
			}
			return a.print(map[string]string{"origin": b.Origin, "key": b.LogKey}, func(w io.Writer) {
				fmt.Fprintf(w, "The witness knows the log %s by its key %s\n", b.Origin, b.LogKey)
			})
		},
	}
	c.Flags().BoolVar(&compared, "compared", false, "the file was compared with the broker's operator over another channel")
	return c
}
