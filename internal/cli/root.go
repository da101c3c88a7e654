// Package cli is the command line: flags in, printed result out. Each command
// is a few lines onto the package that does the work.
//
// Results go to standard output, for people or, with --json, as one JSON
// value; everything else goes to standard error. The exit status is 0 for
// done, 1 for failed, 2 for a mistake in the command line, and 3 for evidence
// of misbehaviour: files to keep.
package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/entraide/entraide/internal/auditor"
	"github.com/entraide/entraide/internal/auditor/period"
	"github.com/entraide/entraide/internal/broker"
	"github.com/entraide/entraide/internal/desk"
	"github.com/entraide/entraide/internal/guard"
	"github.com/entraide/entraide/internal/keyring"
	"github.com/entraide/entraide/internal/recovery"
	"github.com/entraide/entraide/internal/store"
	"github.com/entraide/entraide/pkg/client"
	"github.com/entraide/entraide/pkg/convention"
	"github.com/entraide/entraide/pkg/message"
	"github.com/entraide/entraide/pkg/pgp"
	"github.com/entraide/entraide/pkg/problem"
	"github.com/entraide/entraide/pkg/verify"
)

// Exit statuses. They are part of the command contract.
const (
	statusDone     = 0
	statusFailed   = 1
	statusUsage    = 2
	statusEvidence = 3
)

// An app is what the commands of one run share.
type app struct {
	in           io.Reader
	out, err     io.Writer
	home         string
	json         bool
	lang         string
	verbose      bool
	passphraseFD int
	now          func() time.Time
}

// Run runs a command line and returns the exit status.
func Run(args []string, in io.Reader, out, errs io.Writer) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	a := &app{in: in, out: out, err: errs, now: time.Now}
	root := a.root()
	root.SetArgs(args)
	root.SetIn(in)
	root.SetOut(out)
	root.SetErr(errs)
	err := root.ExecuteContext(ctx)
	if err == nil {
		return statusDone
	}
	a.explain(err)
	return statusOf(err)
}

// A usageError is a mistake in the command line.
type usageError struct{ error }

func usage(format string, args ...any) error { return usageError{fmt.Errorf(format, args...)} }

// statusOf maps an error to the exit status.
func statusOf(err error) int {
	if _, ok := errors.AsType[usageError](err); ok {
		return statusUsage
	}
	if errors.Is(err, verify.ErrMisbehaviour) {
		return statusEvidence
	}
	return statusFailed
}

// explain prints the error and what to do about it.
func (a *app) explain(err error) {
	errs := plainly{a.err}
	fmt.Fprintf(errs, "entraide: error: %v\n", err)
	if hint := hintFor(err); hint != "" {
		fmt.Fprintf(errs, "entraide: hint: %s\n", hint)
	}
}

// hintFor returns what the user can do.
func hintFor(err error) string {
	if p, ok := errors.AsType[*problem.Error](err); ok {
		return p.Code.Remedy()
	}
	for _, h := range []struct {
		is   error
		hint string
	}{
		{verify.ErrMisbehaviour, "keep the files and show them to your auditor; nothing that follows from them should be trusted"},
		{pgp.ErrUnavailable, "nothing is lost: what waits is sent, and what has arrived is opened, when the keys can be asked again"},
		{keyring.ErrNoRecovery, "`entraide key recovery setup` makes shares; to restore, name the backup's keys/recovery with --from"},
		{recovery.ErrTooFew, "ask more of the people who have shares"},
		{pgp.ErrHeld, "the key was made in a device and stays there; see docs/custody.md"},
		{pgp.ErrPassphrase, "the passphrase does not open this home's keys"},
		{client.ErrNotTheBroker, "compare the broker.json of this home with the one that the broker's operator hands out"},
		{client.ErrTransport, "what was sent is kept and will be sent again; check the line to the broker"},
		{broker.ErrRewound, "the database was restored from a backup; see docs/operator.md, \"A restored database\""},
		{period.ErrNoKey, "make one: entraide audit key init --name NAME; or sign nothing, with --unsigned"},
		{period.ErrDiffers, "ask whoever made the report for the checkpoint and for what they were shown; keep both reports"},
		{auditor.ErrUnread, "read them first: entraide audit check --account DIR, with the home of the auditor's own desk"},
		{auditor.ErrNoHome, "name the log with --broker FILE, the broker.json that its operator hands out"},
		{guard.ErrMissing, "the signer guard must be brought back; it may only be made anew when the log is begun"},
		{message.ErrMistyped, "have reference and check code read again, symbol by symbol"},
		{desk.ErrStale, "reach the broker (entraide desk sync), or import a newer snapshot of the directory (entraide directory import)"},
		{desk.ErrOlder, "ask for a snapshot that was made later; what this desk knows stays"},
		{desk.ErrUnconfirmed, "do not act on the paper before the authority that is said to have sent it has been called on a number that the directory names"},
		{syscall.EADDRINUSE, "somebody serves there already: stop them, or name another address"},
		{store.ErrForeign, "name the database that this home began with, in desk.toml; a new desk needs a database of its own"},
		{store.ErrUnsafe, "change the setting and start again; nothing runs on a database that may lose what it acknowledged"},
	} {
		if errors.Is(err, h.is) {
			return h.hint
		}
	}
	if _, ok := errors.AsType[desk.TooManyCodes](err); ok {
		return "ask for the check code to be read again from the paper, and wait; look in the desk's log for who has been guessing"
	}
	if _, ok := errors.AsType[usageError](err); ok {
		return "add --help to see how the command is used"
	}
	return ""
}

// root builds the command tree.
func (a *app) root() *cobra.Command {
	root := &cobra.Command{
		Use:   "entraide",
		Short: "Mutual legal assistance, sealed and provable",
		Long: `Entraide carries requests for evidence, and their answers, between States:
signed and end-to-end encrypted with OpenPGP, through a broker that cannot read
them, with receipts and a log that anybody can verify.

Begin with:  entraide demo --exit --dir x`,
		SilenceErrors: true,
		SilenceUsage:  true,
		Args:          noArgs,
		RunE:          func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
		PersistentPreRunE: func(*cobra.Command, []string) error {
			if !slices.Contains(convention.Languages, a.lang) {
				return usage("--lang must be one of %s", strings.Join(convention.Languages, ", "))
			}
			return nil
		},
	}
	flags := root.PersistentFlags()
	flags.StringVar(&a.home, "home", os.Getenv("ENTRAIDE_HOME"), "directory with keys and data of this broker, desk or depositary ($ENTRAIDE_HOME)")
	flags.BoolVar(&a.json, "json", false, "print the result as JSON")
	flags.StringVar(&a.lang, "lang", "en", "language of names and findings: "+strings.Join(convention.Languages, ", "))
	flags.BoolVarP(&a.verbose, "verbose", "v", false, "say on standard error what is being done")
	flags.IntVar(&a.passphraseFD, "passphrase-fd", -1, "read the passphrase from this file descriptor")
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return usageError{err} })
	root.AddCommand(
		a.demoCommand(), a.trainingCommand(), a.brokerCommand(), a.depositaryCommand(), a.deskCommand(), a.userCommand(), a.keyCommand(),
		a.directoryCommand(), a.schemaCommand(), a.workflowCommand(), a.requestCommand(), a.caseCommand(), a.replyCommand(),
		a.draftCommand(), a.templateCommand(), a.searchCommand(), a.rotaCommand(), a.pageCommand(), a.officeCommand(),
		a.evidenceCommand(),
		a.messageCommand(), a.witnessCommand(), a.auditCommand(), a.auditorCommand(), a.verifyCommand(),
	)
	return root
}

// group makes a noun: a command that only holds its verbs.
func group(use, short string, verbs ...*cobra.Command) *cobra.Command {
	c := &cobra.Command{
		Use: use, Short: short,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) > 0 {
				return usage("%s has no command %q", use, args[0])
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	c.AddCommand(verbs...)
	return c
}

// noArgs and exactly report wrong arguments as usage errors.
func noArgs(_ *cobra.Command, args []string) error {
	if len(args) > 0 {
		return usage("unexpected argument %q", args[0])
	}
	return nil
}

func exactly(names ...string) cobra.PositionalArgs {
	return func(_ *cobra.Command, args []string) error {
		if len(args) < len(names) {
			return usage("%s is missing", names[len(args)])
		}
		if len(args) > len(names) {
			return usage("unexpected argument %q", args[len(names)])
		}
		return nil
	}
}

// homeDir returns the home that the command works on.
func (a *app) homeDir() (string, error) {
	if a.home == "" {
		return "", usage("say which home to work on, with --home DIR or $ENTRAIDE_HOME")
	}
	return filepath.Abs(a.home)
}

// print writes a result: v as JSON, or what text prints.
func (a *app) print(v any, text func(io.Writer)) error {
	if !a.json {
		text(plainly{a.out})
		return nil
	}
	e := json.NewEncoder(a.out)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	return e.Encode(v)
}

// table prints rows in columns under a heading; cells are separated by tabs.
func table(w io.Writer, heading string, rows []string) {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, heading)
	for _, row := range rows {
		fmt.Fprintln(t, row)
	}
	_ = t.Flush() // a result that cannot be written has nobody to tell
}

// row joins the cells of a row.
func row(cells ...any) string {
	text := make([]string, len(cells))
	for i, c := range cells {
		text[i] = fmt.Sprint(c)
	}
	return strings.Join(text, "\t")
}

// logger writes to standard error: everything with --verbose, else warnings.
func (a *app) logger() *slog.Logger {
	level := slog.LevelWarn
	if a.verbose {
		level = slog.LevelDebug
	}
	return slog.New(slog.NewTextHandler(a.err, &slog.HandlerOptions{Level: level}))
}
