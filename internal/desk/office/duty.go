package office

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/entraide/entraide/internal/desk"
	"github.com/entraide/entraide/internal/store"
	"github.com/entraide/entraide/pkg/message"
	"github.com/entraide/entraide/pkg/problem"
)

// SettingPaging is the name of the setting that holds a [Paging].
const SettingPaging = "paging"

// Paging is how pages are raised. Members that are 0 are as in the default.
type Paging struct {
	// EscalateMinutes is how long one level is given to acknowledge a page.
	EscalateMinutes int64 `json:"escalate_minutes"`
}

// escalateAfter is how long one level is given, in seconds, unless set otherwise.
const escalateAfter = 5 * 60

// A Shift is when an officer is on duty: on days of the week from one time of the
// day to another, in a zone.
type Shift struct {
	ID      string    `json:"id"`
	Officer string    `json:"officer"` // id
	Level   int64     `json:"level"`   // 1 is paged first, the next after so many minutes
	Days    []string  `json:"days"`    // such as mon; empty for every day
	Begins  string    `json:"begins"`  // such as 08:00
	Ends    string    `json:"ends"`    // such as 20:00; not after Begins for the next day
	Zone    string    `json:"zone"`    // IANA name
	Since   time.Time `json:"since,omitzero"`
	Until   time.Time `json:"until,omitzero"`
}

// days are the names of the days of the week, Sunday first.
var days = []string{"sun", "mon", "tue", "wed", "thu", "fri", "sat"}

// check refuses a shift that says no time.
func (s Shift) check() error {
	if err := plain("officer", s.Officer, 200); err != nil {
		return err
	}
	for _, d := range s.Days {
		if !slices.Contains(days, d) {
			return problem.Newf(problem.InvalidValue, "days", "A day is one of %v.", days)
		}
	}
	if _, err := time.Parse("15:04", s.Begins); err != nil {
		return problem.New(problem.InvalidValue, "begins", "It must be a time of the day such as 08:00.")
	}
	if _, err := time.Parse("15:04", s.Ends); err != nil {
		return problem.New(problem.InvalidValue, "ends", "It must be a time of the day such as 20:00.")
	}
	if _, err := time.LoadLocation(s.Zone); err != nil || s.Zone == "" || s.Zone == "Local" {
		return problem.New(problem.InvalidValue, "zone", "It must be a time zone such as Asia/Ho_Chi_Minh.")
	}
	if s.Level < 1 || s.Level > 9 {
		return problem.New(problem.InvalidValue, "level", "It must be 1 to 9.")
	}
	return nil
}

// holds reports whether the shift is on at a time. The times of the day are those
// of its zone, whatever summer time does; a shift that ends not after it begins
// ends on the day after.
func (s Shift) holds(t time.Time) bool {
	zone, err := time.LoadLocation(s.Zone)
	if err != nil || !s.Since.IsZero() && t.Before(s.Since) || !s.Until.IsZero() && !t.Before(s.Until) {
		return false
	}
	local := t.In(zone)
	now, on := local.Format("15:04"), func(d time.Weekday) bool { return len(s.Days) == 0 || slices.Contains(s.Days, days[d]) }
	if s.Begins < s.Ends {
		return on(local.Weekday()) && s.Begins <= now && now < s.Ends
	}
	yesterday := (local.Weekday() + 6) % 7
	return on(local.Weekday()) && s.Begins <= now || on(yesterday) && now < s.Ends
}

// PutShift adds a shift to the rota, or replaces the one of its ID. An
// administrator or approver may.
func (o *Office) PutShift(ctx context.Context, by desk.Officer, s Shift) (id string, err error) {
	if err := errors.Join(by.Require(desk.Administrator, desk.Approver)); err != nil {
		return "", err
	}
	if err := s.check(); err != nil {
		return "", err
	}
	if s.ID == "" {
		fresh, err := message.NewID()
		if err != nil {
			return "", err
		}
		s.ID = string(fresh)
	}
	return s.ID, o.act(ctx, by, "rota changed", s.ID+" "+s.Officer, func(w store.DeskWriter) error {
		return w.PutShift(ctx, store.Shift{
			ID: s.ID, Officer: s.Officer, Level: s.Level, Days: strings.Join(s.Days, " "), Begins: s.Begins, Ends: s.Ends, Zone: s.Zone,
			Since: seconds(s.Since), Until: seconds(s.Until),
		})
	})
}

func seconds(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.Unix()
}

// DeleteShift takes a shift off the rota.
func (o *Office) DeleteShift(ctx context.Context, by desk.Officer, id string) error {
	if err := by.Require(desk.Administrator, desk.Approver); err != nil {
		return err
	}
	return o.act(ctx, by, "rota changed", id, func(w store.DeskWriter) error { return w.DeleteShift(ctx, id) })
}

// Rota returns the shifts by level.
func (o *Office) Rota(ctx context.Context) (rota []Shift, err error) {
	err = o.desk.Store().Read(ctx, func(r store.DeskReader) (err error) {
		rota, err = rotaIn(ctx, r)
		return err
	})
	return rota, err
}

func rotaIn(ctx context.Context, r store.DeskReader) ([]Shift, error) {
	rota := []Shift{}
	all, err := r.Shifts(ctx)
	for _, s := range all {
		shift := Shift{ID: s.ID, Officer: s.Officer, Level: s.Level, Days: strings.Fields(s.Days), Begins: s.Begins, Ends: s.Ends, Zone: s.Zone}
		if s.Since > 0 {
			shift.Since = time.Unix(s.Since, 0).UTC()
		}
		if s.Until > 0 {
			shift.Until = time.Unix(s.Until, 0).UTC()
		}
		rota = append(rota, shift)
	}
	return rota, err
}

// OnDuty returns who is on duty at a time, those who are paged first first.
func (o *Office) OnDuty(ctx context.Context, t time.Time) ([]Shift, error) {
	rota, err := o.Rota(ctx)
	return onDuty(rota, t), err
}

func onDuty(rota []Shift, t time.Time) []Shift {
	on := []Shift{}
	for _, s := range rota {
		if s.holds(t) {
			on = append(on, s)
		}
	}
	slices.SortStableFunc(on, func(a, b Shift) int { return cmp.Compare(a.Level, b.Level) })
	return on
}

// A Page calls officers on duty until one acknowledges it.
type Page struct {
	ID             string `json:"id"`
	Case           string `json:"case,omitempty"` // empty for a drill
	Message        string `json:"message,omitempty"`
	Drill          bool   `json:"drill"`
	State          string `json:"state"`  // raised or acknowledged
	Raised         string `json:"raised"` // RFC 3339
	Calls          int64  `json:"calls"`  // how often somebody was called
	Next           string `json:"next,omitempty"`
	AcknowledgedBy string `json:"acknowledged_by,omitempty"` // name
	AcknowledgedAt string `json:"acknowledged_at,omitempty"` // RFC 3339
	Seconds        int64  `json:"seconds"`                   // from being raised to being acknowledged, or to now
	Called         []Call `json:"called,omitempty"`          // not in lists
}

// A Call is that an officer was called for a page.
type Call struct {
	Officer string `json:"officer"` // id
	Channel string `json:"channel"` // board, mail or hook
	At      string `json:"at"`      // RFC 3339
	Sent    bool   `json:"sent"`
	Problem string `json:"problem,omitempty"`
}

// Pages lists pages in a state (raised, acknowledged or "" for all) raised since a
// time, the newest first.
func (o *Office) Pages(ctx context.Context, by desk.Officer, state string, since time.Time) ([]Page, error) {
	if err := by.Require(desk.Readers...); err != nil {
		return nil, err
	}
	out := []Page{}
	err := o.desk.Store().Read(ctx, func(r store.DeskReader) error {
		all, err := r.PagesIn(ctx, state, seconds(since), math.MaxInt64, 1000)
		for _, p := range all {
			out = append(out, showPage(p, o.now()))
		}
		return err
	})
	return out, err
}

// Page returns one page with who was called.
func (o *Office) Page(ctx context.Context, by desk.Officer, id string) (out Page, err error) {
	if err := by.Require(desk.Readers...); err != nil {
		return out, err
	}
	err = o.desk.Store().Read(ctx, func(r store.DeskReader) error {
		p, err := r.Page(ctx, id)
		if err != nil {
			return found(err, "page")
		}
		out = showPage(p, o.now())
		notices, err := r.Notices(ctx, id)
		for _, n := range notices {
			out.Called = append(out.Called, Call{n.Officer, n.Channel, at(n.At), n.SentAt > 0, n.Problem})
		}
		return err
	})
	return out, err
}

func showPage(p store.Page, now int64) Page {
	out := Page{
		ID: p.ID, Case: p.Case, Message: p.Message, Drill: p.Drill, State: p.State, Raised: at(p.RaisedAt), Calls: p.Step, Seconds: now - p.RaisedAt,
	}
	if p.State == store.PageAcknowledged {
		out.AcknowledgedBy, out.AcknowledgedAt, out.Seconds = p.AcknowledgedByName, at(p.AcknowledgedAt), p.AcknowledgedAt-p.RaisedAt
	} else {
		out.Next = at(p.NextAt)
	}
	return out
}

// Drill raises a page that is marked as an exercise and belongs to no case.
func (o *Office) Drill(ctx context.Context, by desk.Officer) (Page, error) {
	if err := by.Require(desk.Approver, desk.DutyOfficer, desk.Administrator); err != nil {
		return Page{}, err
	}
	p, err := desk.NewPage(o.desk.Now())
	if err != nil {
		return Page{}, err
	}
	p.Drill = true
	return showPage(p, o.now()), o.act(ctx, by, "drill", p.ID, func(w store.DeskWriter) error { return w.PutPage(ctx, p) })
}

// Acknowledge notes that a person has taken a page up. The first one counts.
func (o *Office) Acknowledge(ctx context.Context, by desk.Officer, id string) error {
	if err := by.Require(writers...); err != nil {
		return err
	}
	return o.act(ctx, by, "page acknowledged", id, func(w store.DeskWriter) error {
		p, err := w.Page(ctx, id)
		if err != nil {
			return found(err, "page")
		}
		if p.State != store.PageRaised {
			return problem.Newf(problem.ActNotAllowed, "page", "%s has acknowledged it already.", p.AcknowledgedByName)
		}
		p.State, p.AcknowledgedBy, p.AcknowledgedByName, p.AcknowledgedAt = store.PageAcknowledged, by.ID, by.Name, o.now()
		return w.PutPage(ctx, p)
	})
}

// Tick calls whoever is to be called by now: for every page that nobody has
// acknowledged the officers of the level whose turn it is, after the last level
// the first again. Where nobody is on duty, everybody with a contact is called.
func (o *Office) Tick(ctx context.Context) error {
	return o.desk.Store().Write(ctx, func(w store.DeskWriter) error {
		due, err := w.PagesDue(ctx, o.now())
		if err != nil || len(due) == 0 {
			return err
		}
		rota, err := rotaIn(ctx, w)
		if err != nil {
			return err
		}
		contacts, err := w.Contacts(ctx)
		if err != nil {
			return err
		}
		wait := int64(escalateAfter)
		var paging Paging
		if err := setting(ctx, w, SettingPaging, &paging); err != nil {
			return err
		}
		if paging.EscalateMinutes > 0 {
			wait = paging.EscalateMinutes * 60
		}
		on := onDuty(rota, o.desk.Now())
		for _, p := range due {
			if err := o.call(ctx, w, p, turn(on, p.Step), contacts); err != nil {
				return err
			}
			p.Step, p.NextAt = p.Step+1, o.now()+wait
			if err := w.PutPage(ctx, p); err != nil {
				return err
			}
		}
		return nil
	})
}

// turn returns the officers whose turn it is at a step.
func turn(on []Shift, step int64) []string {
	var levels []int64
	for _, s := range on {
		if !slices.Contains(levels, s.Level) {
			levels = append(levels, s.Level)
		}
	}
	var officers []string
	for _, s := range on {
		if s.Level == levels[step%int64(len(levels))] && !slices.Contains(officers, s.Officer) {
			officers = append(officers, s.Officer)
		}
	}
	return officers
}

// call puts down that officers are called, over every channel that they have.
func (o *Office) call(ctx context.Context, w store.DeskWriter, p store.Page, officers []string, contacts []store.Contact) error {
	if len(officers) == 0 {
		for _, c := range contacts {
			officers = append(officers, c.Officer)
		}
	}
	now := o.now()
	put := func(officer, channel, address string, sent int64) error {
		return w.PutNotice(ctx, store.PageNotice{
			Page: p.ID, Step: p.Step, Officer: officer, Channel: channel, Address: address, At: now, Tries: store.Tries{NextAt: now, SentAt: sent},
		})
	}
	for _, officer := range officers {
		if err := put(officer, "board", "", now); err != nil {
			return err
		}
		i := slices.IndexFunc(contacts, func(c store.Contact) bool { return c.Officer == officer })
		if i < 0 {
			continue
		}
		for channel, address := range map[string]string{channelMail: contacts[i].Mail, channelHook: contacts[i].Hook} {
			if address == "" {
				continue
			}
			if err := put(officer, channel, address, 0); err != nil {
				return err
			}
		}
	}
	return o.desk.Record(ctx, w, "desk", "officers called", fmt.Sprintf("%s step %d: %s", p.ID, p.Step, strings.Join(officers, " ")))
}

// Figures are how the watch answered in a month. Times are in seconds, from a page
// being raised to a person acknowledging it.
type Figures struct {
	Month          string `json:"month"` // such as 2026-11
	Pages          int    `json:"pages"`
	Drills         int    `json:"drills"`
	Unacknowledged int    `json:"unacknowledged"`
	Escalated      int    `json:"escalated"` // the first who were called did not answer
	Median         int64  `json:"median_seconds"`
	Most           int64  `json:"most_seconds"`
}

// Figures counts the pages of a month, in UTC. Drills are counted, and their times
// left out.
func (o *Office) Figures(ctx context.Context, by desk.Officer, month time.Time) (Figures, error) {
	from := time.Date(month.Year(), month.Month(), 1, 0, 0, 0, 0, time.UTC)
	out := Figures{Month: from.Format("2006-01")}
	if err := by.Require(desk.Readers...); err != nil {
		return out, err
	}
	var times []int64
	err := o.desk.Store().Read(ctx, func(r store.DeskReader) error {
		all, err := r.PagesIn(ctx, "", from.Unix(), from.AddDate(0, 1, 0).Unix(), math.MaxInt32)
		for _, p := range all {
			if p.Drill {
				out.Drills++
				continue
			}
			out.Pages++
			if p.Step > 1 {
				out.Escalated++
			}
			if p.State == store.PageAcknowledged {
				times = append(times, p.AcknowledgedAt-p.RaisedAt)
			} else {
				out.Unacknowledged++
			}
		}
		return err
	})
	if len(times) > 0 {
		slices.Sort(times)
		out.Median, out.Most = times[len(times)/2], times[len(times)-1]
	}
	return out, err
}
