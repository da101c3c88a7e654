package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/entraide/entraide/internal/auditor"
	"github.com/entraide/entraide/pkg/verify"
)

func (a *app) auditCommand() *cobra.Command {
	return group("audit", "Check a log, and what hangs on it", a.auditMirror(), a.auditCheck(), a.auditAdd(), a.auditHold(), a.auditEntries(), a.auditFinding(), a.auditStatistics(),
		a.auditReport(), a.auditKey(), a.auditBundle())
}

func (a *app) auditMirror() *cobra.Command {
	var broker, from string
	var every time.Duration
	c := &cobra.Command{
		Use:   "mirror",
		Short: "Follow a log from the last checkpoint that was verified here",
		Long: `Fetch what is new in a broker's public log into --home, and verify that it extends
what was verified there before, and that every entry that the newest checkpoint
covers is there and leads to its root. No account is needed. The command may be
interrupted at any time and goes on where it was.

The exit status is 3 if the log has signed two histories, is shorter than it
was, or does not show what it signed; the place is named, and evidence/ in
--home holds what convicts it: entraide verify evidence/fork-….json.

The directory is itself a static log (c2sp.org/tlog-tiles) that other tools can
check and any web server can publish.

If the log must have witnesses, and none has vouched for what it shows within the
hour, the report says so (old): what is shown may be an old state.`,
		Example: `  entraide audit mirror --home mirror --broker broker.json
  entraide audit mirror --home mirror --from https://mirror.example/log --every 1m`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			dir, err := a.homeDir()
			if err != nil {
				return err
			}
			if broker != "" {
				b, err := readBroker(broker)
				if err != nil {
					return err
				}
				if err := auditor.Create(dir, b); err != nil {
					return err
				}
			}
			m, err := auditor.Open(dir, sourceOf(from))
			if err != nil {
				return err
			}
			b, err := auditor.FindBook(cmd.Context(), dir)
			if err != nil {
				return errors.Join(err, m.Close())
			}
			err = a.follow(cmd.Context(), m, b, every)
			if b != nil {
				err = errors.Join(err, b.Close())
			}
			return errors.Join(err, m.Close())
		},
	}
	c.Flags().StringVar(&broker, "broker", "", "broker.json of the log to follow; needed the first time")
	c.Flags().StringVar(&from, "from", "", "directory or http(s) address that publishes the log (default: the broker itself)")
	c.Flags().DurationVar(&every, "every", 0, "go on, and look this often (default: once)")
	return c
}

// sourceOf returns where to read a log from; nil is the broker itself.
func sourceOf(from string) auditor.Source {
	switch {
	case from == "":
		return nil
	case strings.HasPrefix(from, "https://"), strings.HasPrefix(from, "http://"):
		return auditor.Web(from)
	}
	return auditor.Directory(from)
}

// follow synchronises the mirror, again and again if it is to go on, and notes
// each look in its book, if it has one. While it goes on, a log that cannot be
// reached is only reported.
func (a *app) follow(ctx context.Context, m *auditor.Mirror, b *auditor.Book, every time.Duration) error {
	for {
		r, err := auditor.Look(ctx, m, b, a.now())
		switch {
		case err == nil:
			if err := a.print(r, func(w io.Writer) { printMirror(w, r) }); err != nil {
				return err
			}
		case every == 0 || errors.Is(err, verify.ErrMisbehaviour):
			return err
		case ctx.Err() == nil:
			fmt.Fprintf(plainly{a.err}, "entraide: %v\n", err)
		}
		if every == 0 {
			return nil
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(every):
		}
	}
}

func printMirror(w io.Writer, r auditor.Report) {
	fmt.Fprintf(w, "The log %s has %d entries, %d of them new since the last look, and is whole.\nRoot %s\n", r.Origin, r.Size, r.Size-r.Before, r.Root)
	if r.Old {
		fmt.Fprintln(w, "OLD: no witness has vouched for this state of the log within the hour. It may not be the newest.")
	}
	if r.Cosigned == 0 {
		return
	}
	fmt.Fprintf(w, "Cosigned by %d witnesses, the newest at %s", r.Cosigned, r.Seen.Format(time.RFC3339))
	if r.Witnessed {
		fmt.Fprint(w, ": a quorum")
	}
	fmt.Fprintln(w)
}
