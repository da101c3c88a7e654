package cli

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/entraide/entraide/internal/desk"
	"github.com/entraide/entraide/internal/desk/office"
)

func (a *app) rotaCommand() *cobra.Command {
	return group("rota", "Who is on duty", a.rotaList(), a.rotaNow(), a.rotaAdd(), a.rotaRemove(), a.rotaContact())
}

func (a *app) printShifts(shifts []office.Shift, none string) error {
	return a.print(shifts, func(w io.Writer) {
		if len(shifts) == 0 {
			fmt.Fprintln(w, none)
			return
		}
		var rows []string
		for _, s := range shifts {
			rows = append(rows, row(s.ID, s.Level, s.Officer, orDash(strings.Join(s.Days, ",")), s.Begins+"–"+s.Ends, s.Zone))
		}
		table(w, "SHIFT\tLEVEL\tOFFICER\tDAYS\tTIMES\tZONE", rows)
	})
}

func (a *app) rotaList() *cobra.Command {
	return a.asOfficer(&cobra.Command{Use: "list", Short: "List the shifts", Example: "  entraide rota list --home desk", Args: noArgs},
		func(ctx context.Context, o *office.Office, _ desk.Officer, _ []string) error {
			shifts, err := o.Rota(ctx)
			if err != nil {
				return err
			}
			return a.printShifts(shifts, "The rota is empty: pages go to every officer who has a contact.")
		})
}

func (a *app) rotaNow() *cobra.Command {
	return a.asOfficer(&cobra.Command{Use: "now", Short: "Show who is on duty now", Example: "  entraide rota now --home desk", Args: noArgs},
		func(ctx context.Context, o *office.Office, _ desk.Officer, _ []string) error {
			shifts, err := o.OnDuty(ctx, a.now())
			if err != nil {
				return err
			}
			return a.printShifts(shifts, "Nobody is on duty.")
		})
}

func (a *app) rotaAdd() *cobra.Command {
	var s office.Shift
	c := &cobra.Command{
		Use: "add OFFICER", Short: "Add a shift: times of the day in a zone, on days of the week",
		Example: "  entraide rota add ana --days mon,tue --begins 20:00 --ends 08:00 --zone Asia/Ho_Chi_Minh --level 1 --home desk", Args: exactly("OFFICER"),
	}
	f := c.Flags()
	f.StringVar(&s.ID, "id", "", "shift that is replaced")
	f.Int64Var(&s.Level, "level", 1, "who is called first (1), second, …")
	f.StringSliceVar(&s.Days, "days", nil, "days such as mon,tue; left out, every day")
	f.StringVar(&s.Begins, "begins", "00:00", "time of the day")
	f.StringVar(&s.Ends, "ends", "00:00", "time of the day; not after --begins for the next day")
	f.StringVar(&s.Zone, "zone", "UTC", "time zone")
	return a.asOfficer(c, func(ctx context.Context, o *office.Office, by desk.Officer, args []string) error {
		s.Officer = args[0]
		id, err := o.PutShift(ctx, by, s)
		if err != nil {
			return err
		}
		return a.print(map[string]string{"id": id}, func(w io.Writer) { fmt.Fprintf(w, "Shift %s.\n", id) })
	})
}

func (a *app) rotaRemove() *cobra.Command {
	return a.asOfficer(&cobra.Command{Use: "remove SHIFT", Short: "Take a shift off the rota", Example: "  entraide rota remove 0f3c… --home desk", Args: exactly("SHIFT")},
		func(ctx context.Context, o *office.Office, by desk.Officer, args []string) error {
			if err := o.DeleteShift(ctx, by, args[0]); err != nil {
				return err
			}
			return a.done("Removed.")
		})
}

func (a *app) rotaContact() *cobra.Command {
	var mail, hook string
	c := &cobra.Command{
		Use: "contact OFFICER", Short: "Set where an officer is notified; a notice says nothing of a case",
		Example: "  entraide rota contact ana --mail ana@mla.example --home desk", Args: exactly("OFFICER"),
	}
	c.Flags().StringVar(&mail, "mail", "", "address; empty for none")
	c.Flags().StringVar(&hook, "hook", "", "https address at a host that the office allows; empty for none")
	return a.asOfficer(c, func(ctx context.Context, o *office.Office, by desk.Officer, args []string) error {
		if err := o.PutContact(ctx, by, args[0], mail, hook); err != nil {
			return err
		}
		return a.done("Set.")
	})
}

func (a *app) pageCommand() *cobra.Command {
	return group("page", "Calls to the watch", a.pageBoard(), a.pageList(), a.pageShow(), a.pageAck(), a.pageDrill(), a.pageFigures())
}

func (a *app) pageList() *cobra.Command {
	var state string
	c := &cobra.Command{Use: "list", Short: "List the pages, the newest first", Example: "  entraide page list --state raised --home desk", Args: noArgs}
	c.Flags().StringVar(&state, "state", "", "raised or acknowledged")
	return a.asOfficer(c, func(ctx context.Context, o *office.Office, by desk.Officer, _ []string) error {
		pages, err := o.Pages(ctx, by, state, time.Time{})
		if err != nil {
			return err
		}
		return a.print(pages, func(w io.Writer) {
			if len(pages) == 0 {
				fmt.Fprintln(w, "No pages.")
				return
			}
			var rows []string
			for _, p := range pages {
				kind := p.Case
				if p.Drill {
					kind = "drill"
				}
				rows = append(rows, row(p.ID, p.State, p.Raised, kind, p.Calls, orDash(p.AcknowledgedBy), (time.Duration(p.Seconds)*time.Second).String()))
			}
			table(w, "PAGE\tSTATE\tRAISED\tCASE\tCALLS\tBY\tAFTER", rows)
		})
	})
}

func (a *app) pageShow() *cobra.Command {
	return a.asOfficer(&cobra.Command{Use: "show PAGE", Short: "Show a page and who was called", Example: "  entraide page show 0f3c… --home desk", Args: exactly("PAGE")},
		func(ctx context.Context, o *office.Office, by desk.Officer, args []string) error {
			p, err := o.Page(ctx, by, args[0])
			if err != nil {
				return err
			}
			return a.print(p, func(w io.Writer) {
				fmt.Fprintf(w, "%s since %s\n", p.State, p.Raised)
				for _, c := range p.Called {
					fmt.Fprintf(w, "  %s  %s over %s %s\n", c.At, c.Officer, c.Channel, c.Problem)
				}
			})
		})
}

func (a *app) pageAck() *cobra.Command {
	return a.asOfficer(&cobra.Command{Use: "ack PAGE", Short: "Take a page up: nobody else is called", Example: "  entraide page ack 0f3c… --as ana --home desk", Args: exactly("PAGE")},
		func(ctx context.Context, o *office.Office, by desk.Officer, args []string) error {
			if err := o.Acknowledge(ctx, by, args[0]); err != nil {
				return err
			}
			return a.done("Acknowledged.")
		})
}

func (a *app) pageDrill() *cobra.Command {
	return a.asOfficer(&cobra.Command{Use: "drill", Short: "Raise a page as an exercise", Example: "  entraide page drill --home desk", Args: noArgs},
		func(ctx context.Context, o *office.Office, by desk.Officer, _ []string) error {
			p, err := o.Drill(ctx, by)
			if err != nil {
				return err
			}
			return a.print(p, func(w io.Writer) {
				fmt.Fprintf(w, "Page %s is raised as a drill; `entraide desk serve` calls.\n", p.ID)
			})
		})
}

func (a *app) pageFigures() *cobra.Command {
	var month string
	c := &cobra.Command{Use: "figures", Short: "Count the pages of a month and how fast they were acknowledged", Example: "  entraide page figures --month 2026-11 --home desk", Args: noArgs}
	c.Flags().StringVar(&month, "month", "", "such as 2026-11; left out, this month")
	return a.asOfficer(c, func(ctx context.Context, o *office.Office, by desk.Officer, _ []string) error {
		when := a.now()
		if month != "" {
			var err error
			if when, err = time.Parse("2006-01", month); err != nil {
				return usage("--month must be such as 2026-11")
			}
		}
		f, err := o.Figures(ctx, by, when)
		if err != nil {
			return err
		}
		return a.print(f, func(w io.Writer) {
			fmt.Fprintf(w, "%s: %d pages, %d drills; %d escalated, %d not acknowledged; acknowledged after %d s (median), %d s at most\n",
				f.Month, f.Pages, f.Drills, f.Escalated, f.Unacknowledged, f.Median, f.Most)
		})
	})
}

func (a *app) officeCommand() *cobra.Command {
	return group("office", "The office: teams, views, settings, figures", a.officeTeams(), a.officeTeam(), a.officeViews(), a.officeSave(), a.officeEnd(),
		a.officeShow(), a.officeSet(), a.officeFigures(), a.officeRename(), a.officeDissolve(), a.officeTest(), a.officePropose(), a.officeProposals(),
		a.officeConfirm(), a.officeWithdraw(), a.officeRetention())
}

func (a *app) officeTeams() *cobra.Command {
	return a.asOfficer(&cobra.Command{Use: "teams", Short: "List the teams", Example: "  entraide office teams --home desk", Args: noArgs},
		func(ctx context.Context, o *office.Office, by desk.Officer, _ []string) error {
			teams, err := o.Teams(ctx, by)
			if err != nil {
				return err
			}
			return a.print(teams, func(w io.Writer) {
				for _, t := range teams {
					fmt.Fprintf(w, "%s: %s\n", t.Name, strings.Join(t.Members, ", "))
				}
			})
		})
}

func (a *app) officeTeam() *cobra.Command {
	var out bool
	c := &cobra.Command{Use: "team TEAM OFFICER", Short: "Take an officer into a team, or out of it", Example: "  entraide office team cyber ana --home desk", Args: exactly("TEAM", "OFFICER")}
	c.Flags().BoolVar(&out, "out", false, "out of it")
	return a.asOfficer(c, func(ctx context.Context, o *office.Office, by desk.Officer, args []string) error {
		if err := o.PutMember(ctx, by, args[0], args[1], out); err != nil {
			return err
		}
		return a.done("Changed.")
	})
}

func (a *app) officeViews() *cobra.Command {
	return a.asOfficer(&cobra.Command{Use: "views", Short: "List the saved views", Example: "  entraide office views --home desk", Args: noArgs},
		func(ctx context.Context, o *office.Office, by desk.Officer, _ []string) error {
			views, err := o.Views(ctx, by)
			if err != nil {
				return err
			}
			return a.print(views, func(w io.Writer) {
				for _, v := range views {
					fmt.Fprintln(w, v.Name)
				}
			})
		})
}

func (a *app) officeSave() *cobra.Command {
	var v office.View
	var l listForm
	c := &cobra.Command{Use: "save-view NAME", Short: "Save a filter of lists, or a search, under a name", Example: "  entraide office save-view \"Urgent to us\" --lane urgent --owed us --home desk", Args: exactly("NAME")}
	l.flags(c)
	c.Flags().BoolVar(&v.Office, "office", false, "for the whole office")
	c.Flags().StringVar(&v.Search, "search", "", "words, where the view is a search")
	return a.asOfficer(c, func(ctx context.Context, o *office.Office, by desk.Officer, args []string) error {
		v.Name, v.Filter = args[0], l.filter
		if err := o.PutView(ctx, by, v); err != nil {
			return err
		}
		return a.done("Saved.")
	})
}

func (a *app) officeEnd() *cobra.Command {
	var v office.View
	c := &cobra.Command{Use: "end-view NAME", Short: "End a saved view", Example: "  entraide office end-view \"Urgent to us\" --home desk", Args: exactly("NAME")}
	c.Flags().BoolVar(&v.Office, "office", false, "of the whole office")
	return a.asOfficer(c, func(ctx context.Context, o *office.Office, by desk.Officer, args []string) error {
		v.Name = args[0]
		if err := o.DeleteView(ctx, by, v); err != nil {
			return err
		}
		return a.done("Ended.")
	})
}

// settings are those of the office, with what holds their value.
func settings() map[string]any {
	return map[string]any{
		desk.SettingFourEyes: &desk.FourEyes{}, desk.SettingRetention: &desk.Retention{}, office.SettingPaging: &office.Paging{},
		office.SettingNotification: &office.Notification{},
	}
}

func (a *app) officeShow() *cobra.Command {
	return a.asOfficer(&cobra.Command{Use: "settings", Short: "Show the settings of the office", Example: "  entraide office settings --home desk", Args: noArgs},
		func(ctx context.Context, o *office.Office, _ desk.Officer, _ []string) error {
			all := settings()
			for name, value := range all {
				if err := o.Setting(ctx, name, value); err != nil {
					return err
				}
			}
			return a.print(all, func(w io.Writer) {
				e := json.NewEncoder(w)
				e.SetIndent("", "  ")
				_ = e.Encode(all) // what writes to a terminal
			})
		})
}

// settingOf reads the value of a setting.
func settingOf(name, text string) (any, error) {
	value, ok := settings()[name]
	if !ok {
		return nil, usage("there is no setting %q: %s", name, strings.Join(slices.Sorted(maps.Keys(settings())), ", "))
	}
	d := json.NewDecoder(strings.NewReader(text))
	d.DisallowUnknownFields()
	if err := d.Decode(value); err != nil {
		return nil, usage("the value: %v", err)
	}
	return value, nil
}

func (a *app) officeSet() *cobra.Command {
	return a.asOfficer(&cobra.Command{
		Use: "set NAME JSON", Short: "Change a setting: paging or notification; those of security are proposed",
		Example: "  entraide office set paging '{\"escalate_minutes\":10}' --home desk", Args: exactly("NAME", "JSON"),
	}, func(ctx context.Context, o *office.Office, by desk.Officer, args []string) error {
		value, err := settingOf(args[0], args[1])
		if err != nil {
			return err
		}
		if err := o.PutSetting(ctx, by, args[0], value); err != nil {
			return err
		}
		return a.done("Set.")
	})
}

func (a *app) officeFigures() *cobra.Command {
	var from, to string
	c := &cobra.Command{Use: "figures", Short: "Count the cases opened in a period: types, durations, grounds of refusal", Example: "  entraide office figures --from 2026-01-01 --to 2027-01-01 --home desk", Args: noArgs}
	c.Flags().StringVar(&from, "from", "", "first day, such as 2026-01-01")
	c.Flags().StringVar(&to, "to", "", "day after the last")
	a.asOfficer(c, func(ctx context.Context, o *office.Office, by desk.Officer, _ []string) error {
		begin, err := time.Parse(time.DateOnly, from)
		end, second := time.Parse(time.DateOnly, to)
		if errors.Join(err, second) != nil {
			return usage("--from and --to must be days such as 2026-01-01")
		}
		s, err := o.Statistics(ctx, by, begin, end)
		if err != nil {
			return err
		}
		return a.print(s, func(w io.Writer) {
			var rows []string
			for _, t := range slices.Concat(s.Types, s.Totals) {
				rows = append(rows, row(cmp.Or(t.Type, "all"), t.Direction, t.Cases, t.Open, t.Overdue, fmt.Sprintf("%.1f", t.Median), fmt.Sprintf("%.1f", t.Ninety),
					fmt.Sprintf("%.1f", t.Acknowledged.Median), fmt.Sprintf("%.1f", t.Answered.Median)))
			}
			table(w, "TYPE\tDIRECTION\tCASES\tOPEN\tOVERDUE\tMEDIAN DAYS\t90 % WITHIN\tTO ACKNOWLEDGE\tTO ANSWER", rows)
			for _, g := range s.Grounds {
				fmt.Fprintf(w, "refused (%s) on %s: %d\n", g.Direction, g.Ground, g.Measures)
			}
		})
	})
	required(c, "from", "to")
	return c
}
