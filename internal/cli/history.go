package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/entraide/entraide/internal/desk"
	"github.com/entraide/entraide/pkg/client"
	"github.com/entraide/entraide/pkg/directory"
)

func (a *app) directoryHistory() *cobra.Command {
	return &cobra.Command{
		Use:   "history SUBJECT",
		Short: "Show every statement about a party or authority: what it changed, when, and who signed it",
		Long: `Show every statement about a party, an authority or "depositary", oldest first: what
it changed, when it was signed and by whom with which key, its entry in the log, and
the signed checkpoint in which its receipt, verified again, proves it.`,
		Example: "  entraide directory history QN.24-7 --home desk",
		Args:    exactly("SUBJECT"),
		RunE: a.onDesk(func(ctx context.Context, d *desk.Desk, args []string) error {
			lines, err := d.History(ctx, args[0])
			if err != nil {
				return err
			}
			return a.print(lines, func(w io.Writer) {
				if len(lines) == 0 {
					fmt.Fprintf(w, "The directory says nothing about %s.\n", args[0])
				}
				for _, s := range lines {
					printStatement(w, s)
				}
			})
		}),
	}
}

func printStatement(w io.Writer, s desk.Statement) {
	fmt.Fprintf(w, "no. %d  %s  signed by %s with %s\n", s.Number, s.Issued, s.Signer, s.Fingerprint)
	fmt.Fprintf(w, "    entry %d, logged %s, proven in the tree of %d entries, root %s\n", s.Index, s.Logged, s.Size, s.Root)
	if s.Standing != "" {
		fmt.Fprintf(w, "    %s is %s: %s\n", s.Subject, s.Standing, s.Reason)
		return
	}
	if s.Type == directory.TypParty && s.Number == 1 {
		fmt.Fprintf(w, "    the depositary admits %s\n", s.Subject)
	}
	for _, c := range s.Changes {
		fmt.Fprintf(w, "    %s\n", inWords(c))
	}
	if len(s.Changes) == 0 {
		fmt.Fprintln(w, "    nothing changed")
	}
}

// memberWords are members of statements in words, by the beginning of their path.
var memberWords = []struct{ path, words string }{
	{"certificates.", "key in suite "},
	{"certificate", "key"},
	{"transport", "TLS key of the desk"},
	{"names.", "name in "},
	{"roles", "roles"},
	{"languages.", "languages, lane "},
	{"hours", "office hours"},
	{"time_zone", "time zone"},
	{"contact.", "contact, "},
	{"callback", "numbers to call back"},
	{"limits.evidence_bytes", "largest piece of evidence, bytes"},
	{"limits.quota_bytes", "evidence that may wait, bytes"},
	{"stance.positions.", "law, "},
	{"stance.treaties.", "treaties with "},
	{"stance.service_lead_days", "days that service takes"},
	{"stance.notes.", "note in "},
	{"stock_tools", "messages from stock tools"},
	{"valid_from", "valid from"},
	{"valid_until", "valid until"},
}

// inWords says what a change is.
func inWords(c directory.Change) string {
	name := c.Member
	for _, m := range memberWords {
		if rest, ok := strings.CutPrefix(c.Member, m.path); ok {
			name = m.words + rest
			break
		}
	}
	switch {
	case c.Before == "":
		return fmt.Sprintf("%s: %s", name, c.After)
	case c.After == "":
		return fmt.Sprintf("%s: removed, was %s", name, c.Before)
	}
	return fmt.Sprintf("%s: %s, was %s", name, c.After, c.Before)
}

func (a *app) directoryVerify() *cobra.Command {
	var offline bool
	c := &cobra.Command{
		Use:   "verify",
		Short: "Re-check the whole directory from the trust anchor, and what the broker serves",
		Long: `Verify every statement again: its place in the log by its receipt, its chain,
its signer, from the depositary's fingerprint in broker.json on. Then have the log
prove that all receipts are of one history, and hold every statement against the
one that the broker serves now. Whatever was exchanged, put in or withheld is an
incident; the exit status is 3. With --offline, or without a line, the broker is not
asked, and the result says so.`,
		Example: "  entraide directory verify --home desk",
		Args:    noArgs,
	}
	c.RunE = a.onDesk(func(ctx context.Context, d *desk.Desk, _ []string) error {
		n, err := d.VerifyDirectory(ctx)
		if err != nil {
			return err
		}
		compared := !offline
		if compared {
			err = d.VerifyInclusion(ctx)
			if errors.Is(err, client.ErrTransport) {
				compared, err = false, nil
			}
		}
		if err != nil {
			return err
		}
		if err := a.print(map[string]any{"statements": n, "anchor": d.Directory().Anchor(), "compared": compared}, func(w io.Writer) {
			fmt.Fprintf(w, "All %d statements are in the log and follow from the depositary %s.\n", n, d.Directory().Anchor())
			if !compared {
				fmt.Fprintln(w, "They were not held against what the broker serves now: it was not asked.")
			}
		}); err != nil {
			return err
		}
		return a.unsettled(ctx, d)
	})
	c.Flags().BoolVar(&offline, "offline", false, "check the home's own copy only")
	return c
}
