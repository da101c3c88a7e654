package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/entraide/entraide/internal/desk"
	"github.com/entraide/entraide/internal/desk/office"
	"github.com/entraide/entraide/pkg/message"
)

func (a *app) draftCommand() *cobra.Command {
	return group("draft", "Write messages together, and have them released",
		a.draftNew(), a.draftList(), a.draftShow(), a.draftEdit(), a.draftSubmit(), a.draftTakeBack(), a.draftReturn(),
		a.draftApprove(), a.draftSend(), a.draftDiscard(), a.draftReleases(), a.draftCountersign())
}

func (a *app) draftNew() *cobra.Command {
	var n office.NewDraft
	var file string
	c := &cobra.Command{
		Use:   "new",
		Short: "Begin a draft: of a file, a template, an earlier message, or empty",
		Long: `Begin a draft. Its body is that of --from-file, of the office's --template, of an
earlier message (--copy-of), or an empty one of --type. In a case (--case),
sender, recipient and lane are those of the case.`,
		Example: "  entraide draft new --type T05 --to QN.24-7 --lane urgent --title \"Mailbox fraud\" --home desk",
		Args:    noArgs,
	}
	f := c.Flags()
	f.StringVar(&n.Case, "case", "", "case that the message belongs to; left out, it opens one")
	f.StringVar(&n.Act, "act", "", "act of the procedure; left out, a request")
	f.StringVar(&n.From, "from", "", "own authority that sends")
	f.StringVar(&n.To, "to", "", "authority that is asked")
	f.StringVar(&n.Lane, "lane", "routine", "emergency, urgent or routine")
	f.StringVar(&n.Title, "title", "", "name of the draft, for the office only")
	f.BoolVar(&n.Final, "final", false, "nothing more will be delivered")
	f.StringVar(&n.Kind, "type", "", "type of measure such as T05, or kind of content")
	f.StringVar(&n.Template, "template", "", "name of a template of the office")
	f.StringVar(&n.CopyOf, "copy-of", "", "message that is copied, without what belongs to it alone")
	f.StringVar(&n.Relation, "relation", "", "what the new request is to the one that is copied, such as supplements or supersedes")
	f.StringVar(&file, "from-file", "", `JSON body, "-" for standard input`)
	return a.asOfficer(c, func(ctx context.Context, o *office.Office, by desk.Officer, _ []string) error {
		if file != "" {
			body, err := readDraft(a.in, file)
			if err != nil {
				return err
			}
			n.Body = body.body
		}
		d, err := o.NewDraft(ctx, by, n)
		if err != nil {
			return err
		}
		return a.printDraft(d)
	})
}

// printDraft prints a draft with what the check finds.
func (a *app) printDraft(d office.Draft) error {
	return a.print(d, func(w io.Writer) {
		fmt.Fprintf(w, "Draft %s, version %d, is %s\n", d.ID, d.Version, d.State)
		fmt.Fprintf(w, "%s from %s to %s, %s lane; last changed by %s at %s\n", d.Act, d.From, orDash(d.To), orDash(d.Lane), d.Changed, d.At)
		if d.Message != "" {
			fmt.Fprintf(w, "Message %s\n", d.Message)
		}
		for _, f := range d.Findings {
			fmt.Fprintf(w, "  %s %s at %s: %s\n", f.Level, f.Code, orDash(f.Pointer), f.Message)
		}
		for _, e := range d.Events {
			fmt.Fprintf(w, "  %s  %s: %s %s\n", e.At, e.By, e.What, e.Comment)
		}
	})
}

func (a *app) draftList() *cobra.Command {
	var state, caseID string
	c := &cobra.Command{
		Use: "list", Short: "List the drafts, the last changed first",
		Example: "  entraide draft list --state submitted --home desk", Args: noArgs,
	}
	c.Flags().StringVar(&state, "state", "", "open, submitted, sent or discarded")
	c.Flags().StringVar(&caseID, "case", "", "only those of a case")
	return a.asOfficer(c, func(ctx context.Context, o *office.Office, by desk.Officer, _ []string) error {
		drafts, err := o.Drafts(ctx, by, state, caseID)
		if err != nil {
			return err
		}
		return a.print(drafts, func(w io.Writer) {
			if len(drafts) == 0 {
				fmt.Fprintln(w, "No drafts. Begin one with `entraide draft new`.")
				return
			}
			var rows []string
			for _, d := range drafts {
				rows = append(rows, row(d.ID, d.State, d.Version, d.Act, orDash(d.To), orDash(d.Lane), d.Changed, d.At, orDash(d.Title)))
			}
			table(w, "DRAFT\tSTATE\tVERSION\tACT\tTO\tLANE\tBY\tAT\tTITLE", rows)
		})
	})
}

func (a *app) draftShow() *cobra.Command {
	var approval bool
	c := &cobra.Command{
		Use: "show DRAFT", Short: "Show a draft; with --for-approval exactly what would be sealed, its digest and what changed",
		Example: "  entraide draft show 0f3c… --for-approval --home desk", Args: exactly("DRAFT"),
	}
	c.Flags().BoolVar(&approval, "for-approval", false, "show what an approver decides on")
	return a.asOfficer(c, func(ctx context.Context, o *office.Office, by desk.Officer, args []string) error {
		if !approval {
			d, err := o.Draft(ctx, by, args[0])
			if err != nil {
				return err
			}
			return a.printDraft(d)
		}
		x, err := o.ForApproval(ctx, by, args[0])
		if err != nil {
			return err
		}
		return a.print(x, func(w io.Writer) {
			fmt.Fprintf(w, "Version %d, written by %s\n%s\nDigest %s\n", x.Draft.Version, strings.Join(x.Writers, ", "), x.Content, x.Digest)
			for _, change := range x.Changes {
				fmt.Fprintf(w, "  changed %s: %q, was %q\n", change.Pointer, change.After, change.Before)
			}
		})
	})
}

// versioned adds the flag of the version that the officer saw.
func versioned(c *cobra.Command, version *int64) *cobra.Command {
	c.Flags().Int64Var(version, "version", 0, "version that you have looked at; a change by another since is refused")
	return c
}

func (a *app) draftEdit() *cobra.Command {
	var version int64
	var file, to, lane, title string
	var evidence []string
	c := versioned(&cobra.Command{
		Use: "edit DRAFT", Short: "Change a draft",
		Example: "  entraide draft edit 0f3c… --version 3 --from-file body.json --home desk", Args: exactly("DRAFT"),
	}, &version)
	c.Flags().StringVar(&file, "from-file", "", `JSON body, "-" for standard input`)
	c.Flags().StringVar(&to, "to", "", "authority that is asked")
	c.Flags().StringVar(&lane, "lane", "", "emergency, urgent or routine")
	c.Flags().StringVar(&title, "title", "", "name of the draft, for the office only")
	c.Flags().StringSliceVar(&evidence, "evidence", nil, "directories of sealed evidence")
	a.asOfficer(c, func(ctx context.Context, o *office.Office, by desk.Officer, args []string) error {
		e := office.Edit{}
		for name, member := range map[string]**string{"to": &e.To, "lane": &e.Lane, "title": &e.Title} {
			if c.Flags().Changed(name) {
				value := c.Flags().Lookup(name).Value.String()
				*member = &value
			}
		}
		if c.Flags().Changed("evidence") {
			e.Evidence = append([]string{}, evidence...)
		}
		if file != "" {
			body, err := readDraft(a.in, file)
			if err != nil {
				return err
			}
			e.Body = body.body
		}
		d, err := o.SaveDraft(ctx, by, args[0], version, e)
		if err != nil {
			return err
		}
		return a.printDraft(d)
	})
	required(c, "version")
	return c
}

// draftStep makes the command of one step of a draft.
func (a *app) draftStep(use, short string, more func(*cobra.Command), step func(ctx context.Context, o *office.Office, by desk.Officer, id string, version int64) error) *cobra.Command {
	var version int64
	c := versioned(&cobra.Command{
		Use: use + " DRAFT", Short: short, Example: "  entraide draft " + use + " 0f3c… --version 3 --home desk", Args: exactly("DRAFT"),
	}, &version)
	if more != nil {
		more(c)
	}
	a.asOfficer(c, func(ctx context.Context, o *office.Office, by desk.Officer, args []string) error {
		if err := step(ctx, o, by, args[0], version); err != nil {
			return err
		}
		d, err := o.Draft(ctx, by, args[0])
		if err != nil {
			return err
		}
		return a.printDraft(d)
	})
	required(c, "version")
	return c
}

func (a *app) draftSubmit() *cobra.Command {
	return a.draftStep("submit", "Ask an approver to release a draft", nil,
		func(ctx context.Context, o *office.Office, by desk.Officer, id string, version int64) error {
			return o.SubmitDraft(ctx, by, id, version)
		})
}

func (a *app) draftTakeBack() *cobra.Command {
	return a.draftStep("take-back", "Open a draft again that waits for an approver", nil,
		func(ctx context.Context, o *office.Office, by desk.Officer, id string, version int64) error {
			return o.TakeBackDraft(ctx, by, id, version)
		})
}

func (a *app) draftDiscard() *cobra.Command {
	return a.draftStep("discard", "End a draft that will not be sent", nil,
		func(ctx context.Context, o *office.Office, by desk.Officer, id string, version int64) error {
			return o.DiscardDraft(ctx, by, id, version)
		})
}

func (a *app) draftReturn() *cobra.Command {
	var comment string
	return a.draftStep("return", "Give a draft back with a comment", func(c *cobra.Command) {
		c.Flags().StringVar(&comment, "comment", "", "what is to be changed, and why")
	}, func(ctx context.Context, o *office.Office, by desk.Officer, id string, version int64) error {
		return o.ReturnDraft(ctx, by, id, version, comment)
	})
}

func (a *app) draftApprove() *cobra.Command {
	return a.releaseStep("approve", "Release a draft that others wrote: it is sealed and sent as you were shown it",
		(*office.Office).ApproveDraft)
}

func (a *app) draftSend() *cobra.Command {
	return a.releaseStep("send", "Release an own draft in the emergency lane, without a second officer", (*office.Office).ReleaseInEmergency)
}

// releaseStep makes the command of a release.
func (a *app) releaseStep(use, short string, release func(*office.Office, context.Context, desk.Officer, office.Decision) (string, error)) *cobra.Command {
	var x office.Decision
	var queue bool
	c := versioned(&cobra.Command{
		Use: use + " DRAFT", Short: short, Args: exactly("DRAFT"),
		Example: "  entraide draft " + use + " 0f3c… --version 3 --digest 9a41… --home desk",
	}, &x.Version)
	c.Flags().StringVar(&x.Digest, "digest", "", "digest of what you were shown by `draft show --for-approval`")
	c.Flags().BoolVar(&queue, "queue", false, "leave it in the outbox for `desk serve` instead of waiting for the receipt")
	if use == "send" {
		c.Flags().StringVar(&x.Reason, "reason", "", "why it could not wait for a second officer")
	}
	a.asOfficerOn(c, func(ctx context.Context, d *desk.Desk, by desk.Officer, args []string) error {
		x.Draft = args[0]
		id, err := release(office.New(d), ctx, by, x)
		if err != nil {
			return err
		}
		if queue {
			return a.print(map[string]string{"id": id, "state": "waiting"}, func(w io.Writer) { fmt.Fprintf(w, "Message %s waits in the outbox.\n", id) })
		}
		m, err := d.Await(ctx, message.ID(id))
		if err != nil {
			return fmt.Errorf("message %s: %w", id, err)
		}
		return a.print(m, func(w io.Writer) {
			fmt.Fprintf(w, "Accepted: message %s of case %s is entry %d of the log, by a verified receipt.\n", m.ID, m.Case, m.Index)
		})
	})
	required(c, "version", "digest")
	return c
}

func (a *app) draftReleases() *cobra.Command {
	var all bool
	c := &cobra.Command{
		Use: "releases", Short: "List what one officer released in an emergency and nobody has countersigned",
		Example: "  entraide draft releases --home desk", Args: noArgs,
	}
	c.Flags().BoolVar(&all, "all", false, "also those that were countersigned")
	return a.asOfficer(c, func(ctx context.Context, o *office.Office, by desk.Officer, _ []string) error {
		releases, err := o.EmergencyReleases(ctx, by, all)
		if err != nil {
			return err
		}
		return a.print(releases, func(w io.Writer) {
			if len(releases) == 0 {
				fmt.Fprintln(w, "Nothing to countersign.")
				return
			}
			var rows []string
			for _, r := range releases {
				rows = append(rows, row(r.Message, r.By, r.At, orDash(r.CountersignedBy), strings.ReplaceAll(r.Reason, "\n", " / ")))
			}
			table(w, "MESSAGE\tBY\tAT\tCOUNTERSIGNED\tREASON", rows)
		})
	})
}

func (a *app) draftCountersign() *cobra.Command {
	var comment string
	c := &cobra.Command{
		Use: "countersign MESSAGE", Short: "Stand by what another officer released in an emergency",
		Example: "  entraide draft countersign 1b2c… --as bo --home desk", Args: exactly("MESSAGE"),
	}
	c.Flags().StringVar(&comment, "comment", "", "what you found")
	return a.asOfficer(c, func(ctx context.Context, o *office.Office, by desk.Officer, args []string) error {
		if err := o.Countersign(ctx, by, args[0], comment); err != nil {
			return err
		}
		return a.done("Countersigned.")
	})
}

// done says that something was done that has no other result.
func (a *app) done(text string) error {
	return a.print(map[string]bool{"done": true}, func(w io.Writer) { fmt.Fprintln(w, text) })
}

func (a *app) templateCommand() *cobra.Command {
	list := a.asOfficer(&cobra.Command{
		Use: "list", Short: "List the office's templates", Example: "  entraide template list --home desk", Args: noArgs,
	}, func(ctx context.Context, o *office.Office, by desk.Officer, _ []string) error {
		all, err := o.Templates(ctx, by)
		if err != nil {
			return err
		}
		return a.print(all, func(w io.Writer) {
			var rows []string
			for _, t := range all {
				rows = append(rows, row(t.Name, t.Kind, t.By, t.At))
			}
			table(w, "NAME\tKIND\tBY\tAT", rows)
		})
	})
	keep := a.asOfficer(&cobra.Command{
		Use: "keep NAME FILE", Short: "Keep a body as a template of the office", Example: "  entraide template keep \"Mailbox fraud\" body.json --home desk", Args: exactly("NAME", "FILE"),
	}, func(ctx context.Context, o *office.Office, by desk.Officer, args []string) error {
		body, err := readDraft(a.in, args[1])
		if err != nil {
			return err
		}
		return errors.Join(o.PutTemplate(ctx, by, args[0], body.body), a.done("Kept."))
	})
	end := a.asOfficer(&cobra.Command{
		Use: "end NAME", Short: "End a template", Example: "  entraide template end \"Mailbox fraud\" --home desk", Args: exactly("NAME"),
	}, func(ctx context.Context, o *office.Office, by desk.Officer, args []string) error {
		return errors.Join(o.DeleteTemplate(ctx, by, args[0]), a.done("Ended."))
	})
	return group("template", "Templates of the office", list, keep, end)
}
