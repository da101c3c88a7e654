package cli

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/entraide/entraide/internal/desk"
	"github.com/entraide/entraide/pkg/snapshot"
)

// defaultFresh is how long a snapshot may be taken for fresh unless said
// otherwise.
const defaultFresh = 72 * time.Hour

func (a *app) directorySnapshot() *cobra.Command {
	var from, out string
	var valid time.Duration
	c := &cobra.Command{
		Use:   "export",
		Short: "Write the whole directory to a file, signed, for a desk that has no line",
		Long: `Write every statement with its log receipt, and the newest checkpoint, to one file,
signed by one of this home's authorities. The signature vouches that nothing is
missing as of now, and says until when that may be taken for fresh: 72 hours unless
--valid says otherwise, 31 days at most. All else in the file proves itself.`,
		Example: "  entraide directory export --from QM.24-7 --out directory.snapshot --home desk",
		Args:    noArgs,
	}
	c.RunE = a.onDesk(func(ctx context.Context, d *desk.Desk, _ []string) error {
		if valid < time.Second || valid > snapshot.MaxValidity {
			return usage("--valid must be a time of at most %s", snapshot.MaxValidity)
		}
		by, err := ownAuthority(d, from)
		if err != nil {
			return err
		}
		data, err := d.ExportDirectory(ctx, by, valid)
		if err != nil {
			return err
		}
		if err := writeNew(out, data); err != nil {
			return err
		}
		return a.print(map[string]any{"file": out, "by": by, "valid": valid.String()}, func(w io.Writer) {
			fmt.Fprintf(w, "Wrote the directory to %s, signed by %s, to be taken for fresh for %s.\n", out, by, valid)
		})
	})
	c.Flags().StringVar(&from, "from", "", "own authority that signs (may be left out where there is only one)")
	c.Flags().StringVar(&out, "out", "", "file to make")
	c.Flags().DurationVar(&valid, "valid", defaultFresh, "how long it may be taken for fresh, such as 24h")
	required(c, "out")
	return c
}

func (a *app) directoryImport() *cobra.Command {
	return &cobra.Command{
		Use:   "import FILE",
		Short: "Take the directory from a file, without a line to the broker",
		Long: `Verify a snapshot (entraide directory export), offline, and take it. One that is
older than what this desk knows is refused; one that contradicts it is an incident.
Until the snapshot expires, messages are ordered by it; after that, nothing new is
sent before a newer one is imported or the broker is reached. What was received can
be read at any time.`,
		Example: "  entraide directory import directory.snapshot --home desk",
		Args:    exactly("FILE"),
		RunE: a.onDesk(func(ctx context.Context, d *desk.Desk, args []string) error {
			data, err := readFile(args[0], snapshot.MaxBytes)
			if err != nil {
				return err
			}
			in, err := d.ImportDirectory(ctx, data)
			if err != nil {
				return err
			}
			if err := a.print(in, func(w io.Writer) {
				fmt.Fprintf(w, "Took %d new statements. The directory is as of %d entries of the log, signed by %s at %s.\n", in.New, in.Size, in.By, in.Made)
				if in.Fresh {
					fmt.Fprintf(w, "It is fresh until %s.\n", in.Expires)
					return
				}
				fmt.Fprintf(w, "It expired at %s: nothing new is sent by it.\n", in.Expires)
			}); err != nil {
				return err
			}
			return a.unsettled(ctx, d)
		}),
	}
}

func (a *app) directoryStatements() *cobra.Command {
	var dir string
	c := &cobra.Command{
		Use:   "export-statements",
		Short: "Write every statement with its signature, and all certificates, for gpg and other tools",
		Long: `Write the text of every statement, its detached signature and its log receipt to a
new directory (QN.24-7-1.json, QN.24-7-1.json.sig, QN.24-7-1.tlog-proof), with the
certificates that are in force. docs/directory.md says how to check them by hand.`,
		Example: "  entraide directory export-statements --dir who --home desk",
		Args:    noArgs,
	}
	c.RunE = a.onDesk(func(ctx context.Context, d *desk.Desk, _ []string) error {
		n, err := d.ExportStatements(ctx, dir)
		if err != nil {
			return err
		}
		return a.print(map[string]any{"statements": n, "dir": dir}, func(w io.Writer) {
			fmt.Fprintf(w, "Wrote %d statements to %s\n", n, dir)
		})
	})
	c.Flags().StringVar(&dir, "dir", "", "directory to make")
	required(c, "dir")
	return c
}
