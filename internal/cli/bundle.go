package cli

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"github.com/entraide/entraide/internal/desk"
	"github.com/entraide/entraide/internal/report"
	"github.com/entraide/entraide/pkg/bundle"
	"github.com/entraide/entraide/pkg/translog"
	"github.com/entraide/entraide/pkg/verify"
)

// Kinds of files that can be verified.
const (
	isMessage = iota
	isBundle
	isFork
)

// kindOf tells by its beginning what a file is.
func kindOf(path string) (int, error) {
	f, err := os.Open(path)
	if err != nil {
		return isMessage, err
	}
	defer f.Close()
	head := make([]byte, 64)
	n, err := io.ReadFull(f, head)
	if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) && !errors.Is(err, io.EOF) {
		return isMessage, err
	}
	switch head = head[:n]; {
	case bytes.HasPrefix(head, []byte("PK\x03\x04")):
		return isBundle, nil
	case bytes.HasPrefix(head, []byte(`{"typ":"`+translog.TypFork+`"`)):
		return isFork, nil
	}
	return isMessage, nil
}

// verifyFork returns evidence if the proof convicts the log.
func verifyFork(trust verify.Trust, path string) error {
	data, err := readFile(path, maxFile)
	if err != nil {
		return err
	}
	fork, err := translog.ParseFork(bytes.TrimSpace(data))
	if err != nil {
		return err
	}
	if err := fork.Check(trust.Origin, trust.Keys()...); err != nil {
		return err
	}
	return fmt.Errorf("%w: the log %s has signed two histories, and this proves it", verify.ErrMisbehaviour, trust.Origin)
}

// verifyBundle verifies a case bundle and prints the verdict, misbehaviour
// included. It makes the page for people, if one is asked for, in the language of
// --lang, or else in all.
func (a *app) verifyBundle(cmd *cobra.Command, trust verify.Trust, path, page string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	b, err := bundle.Open(f, info.Size())
	if err != nil {
		return err
	}
	r, found := b.Verify(cmd.Context(), trust)
	if r.Verdict == "" {
		return found
	}
	err = a.print(r, func(w io.Writer) { printReport(w, r) })
	if page != "" {
		var tags []string
		if cmd.Flags().Changed("lang") {
			tags = append(tags, a.lang)
		}
		err = errors.Join(err, writePage(page, r, tags))
	}
	return errors.Join(found, err)
}

// writePage writes the page for people.
func writePage(path string, r bundle.Report, tags []string) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	return errors.Join(report.Write(f, r, tags...), f.Close())
}

func printReport(w io.Writer, r bundle.Report) {
	fmt.Fprintf(w, "Verdict: %s\n", r.Verdict)
	for _, reason := range r.Reasons {
		fmt.Fprintf(w, "  %s\n", reason.Text)
	}
	fmt.Fprintf(w, "Case %s, stage %s\nLog %s, %d entries\n", r.Case, orDash(r.Stage), r.Log, r.Size)
	for _, m := range r.Messages {
		grade := "logged"
		if m.Erased {
			grade = "erased"
		}
		if m.Witnessed {
			grade = "witnessed"
		}
		fmt.Fprintf(w, "  entry %d  %s  %s → %s  %s  (%s)\n    digest %s\n", m.Index, m.Logged, m.From, m.To, m.Act, grade, m.Digest)
	}
	if e := r.Erased; e != nil {
		fmt.Fprintf(w, "Erased lawfully on %s by %s (%s), basis: %s. Digests and places in the log remain.\n", e.At, e.By, e.Officer, e.Basis)
	}
	fmt.Fprintf(w, "%d receipts of delivery or opening, %d passed deadlines\n", r.Confirmations, r.Deadlines)
}

func (a *app) auditBundle() *cobra.Command {
	var to string
	c := &cobra.Command{
		Use:   "bundle CASE",
		Short: "Write all that a desk has of a case into one file that anybody can verify",
		Long: `Write all that the desk has of a case to one zip file: the messages, sealed as they
travelled, receipts, deadlines, the directory, and the proofs that everything
stands in one history of the broker's log, and report.html for people, in seven
languages. It reveals no content. The broker is asked for what only it has;
without it, the bundle proves less and says so.

Anybody verifies it offline: entraide verify F.zip --broker broker.json`,
		Example: "  entraide audit bundle 0f3c… --out case.zip --home desk",
		Args:    exactly("CASE"),
		RunE: a.onDesk(func(ctx context.Context, d *desk.Desk, args []string) error {
			f, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
			if err != nil {
				return err
			}
			r, err := d.Bundle(ctx, args[0], f)
			if err := errors.Join(err, f.Close()); err != nil {
				return errors.Join(err, os.Remove(to))
			}
			err = a.print(map[string]any{"case": args[0], "file": to, "verdict": r.Verdict, "reasons": r.Reasons}, func(w io.Writer) {
				fmt.Fprintf(w, "Wrote the case to %s\nVerdict: %s\n", to, r.Verdict)
				for _, reason := range r.Reasons {
					fmt.Fprintf(w, "  %s\n", reason.Text)
				}
			})
			if r.Verdict == bundle.Misbehaviour {
				err = errors.Join(err, fmt.Errorf("%w: %s holds it", verify.ErrMisbehaviour, to))
			}
			return err
		}),
	}
	c.Flags().StringVar(&to, "out", "", "file to write, which must not exist")
	required(c, "out")
	return c
}
