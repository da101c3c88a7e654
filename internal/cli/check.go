package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/entraide/entraide/internal/desk"
	"github.com/entraide/entraide/pkg/convention"
	"github.com/entraide/entraide/pkg/problem"
)

func (a *app) requestNew() *cobra.Command {
	var kind, out string
	c := &cobra.Command{
		Use:   "new --type T05",
		Short: "Write a template to fill in",
		Long: `Write the template of a request for one measure, or of any kind of message, as
JSON with comments: what must be filled in stands in it, the rest is commented
out. The comments are in the language of --lang and stay out of what is sent.`,
		Example: `  entraide request new --type T05 --out request.json
  entraide request new --type decision --lang fr`,
		Args: noArgs,
		RunE: func(*cobra.Command, []string) error {
			body, err := convention.New(kind)
			if err != nil {
				return problem.New(problem.InvalidValue, "type", "There is no such type of measure or kind of message; see `entraide schema list`.")
			}
			text := convention.Template(body, a.lang)
			if out == "" {
				_, err = a.out.Write(text)
				return err
			}
			f, err := os.OpenFile(out, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
			if err != nil {
				return err
			}
			_, err = f.Write(text)
			return errors.Join(err, f.Close())
		},
	}
	c.Flags().StringVar(&kind, "type", "", "type of measure, such as T05, or kind of message, such as decision")
	c.Flags().StringVar(&out, "out", "", "new file to write (standard output if left out)")
	required(c, "type")
	return c
}

func (a *app) requestCheck() *cobra.Command {
	var to string
	c := &cobra.Command{
		Use:   "check FILE",
		Short: "Say what is wrong with a message, what to reconsider, and what is usually given",
		Long: `Check the content of a message as completely as possible before it is sent.
Errors must be corrected. Warnings can be gone past by a reason in "overrides",
which travels with the request. Hints are advice.

With --to, and a desk as home, the check also uses what the directory says of the
requested authority: its languages, the treaties in force, what its law demands.`,
		Example: `  entraide request check request.json
  entraide request check request.json --to QN.24-7 --home desk --lang ar`,
		Args: exactly("FILE"),
	}
	c.RunE = func(cmd *cobra.Command, args []string) error {
		d, err := readDraft(a.in, args[0])
		if err != nil {
			return err
		}
		if to == "" {
			return a.printFindings(d, convention.Review(d.body, convention.Setting{Now: a.now()}))
		}
		return a.onDesk(func(ctx context.Context, at *desk.Desk, _ []string) error {
			found, err := at.Review(ctx, to, d.body)
			if err != nil {
				return err
			}
			return a.printFindings(d, found)
		})(cmd, args)
	}
	c.Flags().StringVar(&to, "to", "", "authority that is asked, such as QN.24-7")
	return c
}

// A findingLine is a finding as it is printed.
type findingLine struct {
	Level     string `json:"level"`
	Code      string `json:"code"`
	Pointer   string `json:"pointer"`
	Line      int    `json:"line,omitempty"`
	Message   string `json:"message"`
	Provision string `json:"provision"`
	// Overridden says that the request gives a reason for going past it.
	Overridden bool `json:"overridden,omitzero"`
}

// printFindings prints findings, and fails if there are errors among them.
func (a *app) printFindings(d draft, found []convention.Finding) error {
	lines := []findingLine{}
	wrong := 0
	for _, f := range found {
		lines = append(lines, findingLine{f.Level, f.Code, f.Pointer, d.line(f.Pointer), f.Message(a.lang), f.Provision, f.Overridden})
		if f.Level == convention.LevelError {
			wrong++
		}
	}
	err := a.print(lines, func(w io.Writer) {
		for _, l := range lines {
			fmt.Fprintln(w, l.String())
		}
		fmt.Fprintln(w, tally(lines))
	})
	if err == nil && wrong > 0 {
		return errFindings
	}
	return err
}

// String is the finding on one line.
func (l findingLine) String() string {
	var b strings.Builder
	if l.Line > 0 {
		fmt.Fprintf(&b, "line %d: ", l.Line)
	}
	fmt.Fprintf(&b, "%s: %s", l.Level, l.Message)
	if l.Provision != "" {
		fmt.Fprintf(&b, " [%s]", l.Provision)
	}
	fmt.Fprintf(&b, " (%s at %s)", l.Code, orDash(l.Pointer))
	if l.Overridden {
		b.WriteString(" — gone past, with a reason")
	}
	return b.String()
}

// tally counts the findings of each level.
func tally(lines []findingLine) string {
	count := map[string]int{}
	for _, l := range lines {
		count[l.Level]++
	}
	if len(lines) == 0 {
		return "Nothing was found: the document is complete."
	}
	return fmt.Sprintf("%d errors, %d warnings, %d hints", count[convention.LevelError], count[convention.LevelWarning], count[convention.LevelHint])
}
