package cli

import (
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/entraide/entraide/internal/desk"
	"github.com/entraide/entraide/internal/desk/office"
)

// listForm is the filter of a list as flags.
type listForm struct {
	filter desk.ListFilter
	due    time.Duration
	since  time.Duration
	next   string
	limit  int
}

func (l *listForm) flags(c *cobra.Command) {
	f := c.Flags()
	f.StringVar(&l.filter.Direction, "direction", "", "in or out")
	f.StringVar(&l.filter.State, "state", "", "open or closed")
	f.StringVar(&l.filter.Stage, "stage", "", "stage of the procedure")
	f.StringVar(&l.filter.Lane, "lane", "", "emergency, urgent or routine")
	f.StringVar(&l.filter.Own, "own", "", "own authority")
	f.StringVar(&l.filter.Counterpart, "with", "", "authority of the other side")
	f.StringVar(&l.filter.Type, "type", "", "type of a measure such as T05")
	f.StringVar(&l.filter.Owed, "owed", "", "us or them: who is to act")
	f.BoolVar(&l.filter.Unread, "unread", false, "with messages that nobody has opened")
	f.BoolVar(&l.filter.Unassigned, "unassigned", false, "assigned to nobody")
	f.StringVar(&l.filter.Officer, "officer", "", "assigned to an officer, or to a team of theirs (id)")
	f.StringVar(&l.filter.Team, "team", "", "assigned to a team")
	f.StringVar(&l.filter.Tag, "tag", "", "with a tag")
	f.DurationVar(&l.due, "due-within", 0, "due within a time such as 72h, or overdue")
	f.BoolVar(&l.filter.Overdue, "overdue", false, "what is due has passed")
	f.DurationVar(&l.since, "moved-within", 0, "with a message within a time such as 24h")
	f.StringVar(&l.filter.Sort, "sort", "", "moved, due or urgency")
	f.StringVar(&l.next, "next", "", "continue after the page that named this place")
	f.IntVar(&l.limit, "limit", 0, "cases of a page, 500 at most; left out, all cases")
}

func (a *app) caseAssign() *cobra.Command {
	var officer, team string
	c := &cobra.Command{
		Use: "assign CASE", Short: "Give a case to an officer or a team; to nobody without either",
		Example: "  entraide case assign 0f3c… --team cyber --home desk", Args: exactly("CASE"),
	}
	c.Flags().StringVar(&officer, "officer", "", "id of the officer")
	c.Flags().StringVar(&team, "team", "", "name of the team")
	return a.asOfficer(c, func(ctx context.Context, o *office.Office, by desk.Officer, args []string) error {
		if err := o.Assign(ctx, by, args[0], officer, team); err != nil {
			return err
		}
		return a.done("Assigned.")
	})
}

func (a *app) caseNote() *cobra.Command {
	return a.asOfficer(&cobra.Command{
		Use: "note CASE TEXT", Short: "Add a note for colleagues; it never leaves the State",
		Example: "  entraide case note 0f3c… \"Called the court.\" --home desk", Args: exactly("CASE", "TEXT"),
	}, func(ctx context.Context, o *office.Office, by desk.Officer, args []string) error {
		if err := o.Note(ctx, by, args[0], args[1]); err != nil {
			return err
		}
		return a.done("Noted.")
	})
}

func (a *app) caseTag() *cobra.Command {
	var off bool
	c := &cobra.Command{
		Use: "tag CASE TAG", Short: "Put a tag on a case, or take it off", Example: "  entraide case tag 0f3c… court-date --home desk", Args: exactly("CASE", "TAG"),
	}
	c.Flags().BoolVar(&off, "off", false, "take it off")
	return a.asOfficer(c, func(ctx context.Context, o *office.Office, by desk.Officer, args []string) error {
		if err := o.Tag(ctx, by, args[0], args[1], off); err != nil {
			return err
		}
		return a.done("Tagged.")
	})
}

func (a *app) caseName() *cobra.Command {
	var off bool
	c := &cobra.Command{
		Use: "name CASE OFFICER", Short: "Name an officer who may read a sealed case, or take the name off", Example: "  entraide case name 0f3c… ana --home desk", Args: exactly("CASE", "OFFICER"),
	}
	c.Flags().BoolVar(&off, "off", false, "take the name off")
	return a.asOfficer(c, func(ctx context.Context, o *office.Office, by desk.Officer, args []string) error {
		if off {
			if err := o.UnnameReader(ctx, by, args[0], args[1]); err != nil {
				return err
			}
			return a.done("No longer named.")
		}
		if err := o.NameReader(ctx, by, args[0], args[1]); err != nil {
			return err
		}
		return a.done("Named.")
	})
}

func (a *app) caseWork() *cobra.Command {
	return a.asOfficer(&cobra.Command{
		Use: "work CASE", Short: "Show what the State itself has noted of a case: whom it is assigned to, tags, notes, drafts",
		Example: "  entraide case work 0f3c… --home desk", Args: exactly("CASE"),
	}, func(ctx context.Context, o *office.Office, by desk.Officer, args []string) error {
		x, err := o.Work(ctx, by, args[0])
		if err != nil {
			return err
		}
		return a.print(x, func(w io.Writer) {
			fmt.Fprintf(w, "Assigned to %s, team %s; tags: %s\n", orDash(x.Officer), orDash(x.Team), orDash(strings.Join(x.Tags, ", ")))
			for _, n := range x.Notes {
				fmt.Fprintf(w, "%s  %s\n    %s\n", n.At, n.By, n.Text)
			}
			for _, d := range x.Drafts {
				fmt.Fprintf(w, "draft %s: %s, %s\n", d.ID, d.Act, d.State)
			}
		})
	})
}

func (a *app) caseAccept() *cobra.Command {
	var show bool
	c := &cobra.Command{
		Use:   "accept MESSAGE",
		Short: "Accept the conditions under which a message may be opened; --show only shows them",
		Long: `Accept the conditions of a message whose sender asks that they are accepted
before it is opened. Acceptance binds, and the receipt of opening that follows
tells the sender.`,
		Example: "  entraide case accept 1b2c… --show --home desk", Args: exactly("MESSAGE"),
	}
	c.Flags().BoolVar(&show, "show", false, "show the conditions and accept nothing")
	return a.asOfficerOn(c, func(ctx context.Context, d *desk.Desk, by desk.Officer, args []string) error {
		conditions, err := d.PendingConditions(ctx, args[0])
		if err != nil {
			return err
		}
		if !show {
			if err := office.New(d).Accept(ctx, by, args[0]); err != nil {
				return err
			}
		}
		return a.print(conditions, func(w io.Writer) {
			for _, x := range conditions {
				fmt.Fprintf(w, "%d  %s: %s\n", x.Number, x.Type, x.Text.In(a.lang))
			}
			if !show {
				fmt.Fprintln(w, "Accepted.")
			}
		})
	})
}

func (a *app) searchCommand() *cobra.Command {
	var next string
	var limit int
	c := &cobra.Command{
		Use:   "search WORDS",
		Short: "Search messages and notes, in any language",
		Long: `Search the content of all messages and notes that you may read. Every word must be
there, whatever its case, marks and variants of letters; the beginning of a word is
enough. The index is on this desk alone.`,
		Example: "  entraide search \"mule@bank.example\" --home desk", Args: exactly("WORDS"),
	}
	c.Flags().StringVar(&next, "next", "", "continue after the page that named this place")
	c.Flags().IntVar(&limit, "limit", 0, "hits of a page, 20 if left out")
	return a.asOfficerOn(c, func(ctx context.Context, d *desk.Desk, by desk.Officer, args []string) error {
		hits, err := d.Search(ctx, by, args[0], next, limit)
		if err != nil {
			return err
		}
		return a.print(hits, func(w io.Writer) {
			if len(hits.Hits) == 0 {
				fmt.Fprintln(w, "Nothing found.")
			}
			for _, h := range hits.Hits {
				if h.Message == nil {
					fmt.Fprintf(w, "%s  note: %s\n", h.Case, h.Note)
					continue
				}
				fmt.Fprintf(w, "%s  %s  %s → %s  %s\n    %s\n", h.Case, h.Message.Created, h.Message.From, h.Message.To, h.Message.ID, h.Message.Summary)
			}
			if hits.Next != "" {
				fmt.Fprintf(w, "More with --next %s\n", hits.Next)
			}
		})
	})
}
