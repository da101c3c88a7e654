package cli

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/entraide/entraide/internal/desk"
)

func (a *app) deskLog() *cobra.Command {
	return group("log", "The desk's own log: who did what here", a.deskLogList(), a.deskLogVerify(), a.deskLogExport())
}

func (a *app) deskLogList() *cobra.Command {
	var since, until string
	var f desk.LogFilter
	c := &cobra.Command{
		Use:   "list",
		Short: "Show what was done at this desk, and by whom",
		Long: `Show the entries of the desk's own log, the oldest first: what was received, sent,
opened, printed, exported, approved, and who did it. None of it is content.`,
		Example: "  entraide desk log list --home desk --by officer.a --since 2026-03-01",
		Args:    noArgs,
		RunE: a.onDesk(func(ctx context.Context, d *desk.Desk, _ []string) error {
			var err error
			if f.Since, err = moment(since); err != nil {
				return err
			}
			if f.Until, err = moment(until); err != nil {
				return err
			}
			found := []desk.LogEntry{}
			if err := d.OwnLog(ctx, func(e desk.LogEntry) error {
				if f.Takes(e) {
					found = append(found, e)
				}
				return nil
			}); err != nil {
				return err
			}
			return a.print(found, func(w io.Writer) {
				if len(found) == 0 {
					fmt.Fprintln(w, "Nothing was done that fits.")
					return
				}
				rows := make([]string, len(found))
				for i, e := range found {
					rows[i] = row(e.Index, e.At.Format(time.RFC3339), e.By, e.What, e.Detail)
				}
				table(w, row("INDEX", "TIME", "BY", "WHAT", "DETAIL"), rows)
			})
		}),
	}
	c.Flags().StringVar(&f.By, "by", "", "only what this officer did; desk is the program itself")
	c.Flags().StringVar(&f.Case, "about", "", "only what was done to this case, message or user")
	c.Flags().StringVar(&f.What, "what", "", "only what was done in these words")
	c.Flags().StringVar(&since, "since", "", "time, or day, of the first")
	c.Flags().StringVar(&until, "until", "", "time, or day, before which to stop")
	return c
}

func (a *app) deskLogVerify() *cobra.Command {
	return &cobra.Command{
		Use:   "verify",
		Short: "Verify the desk's own log, and that it is the one the broker was told of",
		Long: `Read the desk's own log from its beginning, check every entry against its leaf and
the whole against its head, and against each head that the broker's log holds of it
(its anchors), and print its checkpoint.`,
		Example: "  entraide desk log verify --home desk",
		Args:    noArgs,
		RunE: a.onDesk(func(ctx context.Context, d *desk.Desk, _ []string) error {
			signed, err := d.AuditVerify(ctx)
			if err != nil {
				return err
			}
			anchors, err := d.Anchors(ctx)
			if err != nil {
				return err
			}
			return a.print(map[string]any{"checkpoint": string(signed), "anchors": anchors}, func(w io.Writer) {
				fmt.Fprintf(w, "The desk's own log is whole. Its checkpoint:\n\n%s\n", signed)
				if len(anchors) == 0 {
					fmt.Fprintln(w, "The broker's log does not know of it yet.")
					return
				}
				last := anchors[len(anchors)-1]
				fmt.Fprintf(w, "The broker's log was told of it %d times, the last time of %d entries, at %s.\n",
					len(anchors), last.Size, last.At.Format(time.RFC3339))
			})
		}),
	}
}

func (a *app) deskLogExport() *cobra.Command {
	var to, by string
	c := &cobra.Command{
		Use:   "export",
		Short: "Write the desk's own log to files, for auditors",
		Long: `Verify the desk's own log and write it to a directory: checkpoint, tiles and log.vkey
as any verifier of c2sp.org/tlog-tiles reads them, and entries.jsonl with what the
leaves commit to. That it was exported, and by whom, becomes an entry.`,
		Example: "  entraide desk log export --home desk --dir own-log --by officer.a",
		Args:    noArgs,
		RunE: a.onDesk(func(ctx context.Context, d *desk.Desk, _ []string) error {
			size, err := d.ExportLog(ctx, to, by)
			if err != nil {
				return err
			}
			return a.print(map[string]any{"dir": to, "size": size}, func(w io.Writer) {
				fmt.Fprintf(w, "Wrote the desk's own log of %d entries to %s\n", size, to)
			})
		}),
	}
	c.Flags().StringVar(&to, "dir", "", "directory to write to")
	c.Flags().StringVar(&by, "by", "", "who does it, for the log")
	required(c, "dir", "by")
	return c
}
