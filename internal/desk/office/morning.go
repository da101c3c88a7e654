package office

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/entraide/entraide/internal/desk"
	"github.com/entraide/entraide/internal/store"
)

// morningHour is when supervisors are told of releases in an emergency, in the zone
// of the State's first authority.
const morningHour = 8

// settingMorning is the name under which the day of the last morning report is
// kept.
const settingMorning = "morning.reported"

// Morning tells every approver, once a day, of releases by one officer that nobody
// has looked at: it goes on until each is countersigned. What they are is on the
// page of releases; the notice says that there is something.
func (o *Office) Morning(ctx context.Context) error {
	now := o.desk.Now().In(o.zone())
	begins := time.Date(now.Year(), now.Month(), now.Day(), morningHour, 0, 0, 0, now.Location())
	day := now.Format(time.DateOnly)
	if now.Before(begins) {
		return nil
	}
	due := 0
	read := func(r store.DeskReader) error {
		var reported string
		if err := setting(ctx, r, settingMorning, &reported); err != nil || reported == day {
			return err
		}
		open, err := r.EmergencyReleases(ctx, false)
		due = len(slices.DeleteFunc(open, func(x store.Release) bool { return x.At >= begins.Unix() }))
		return err
	}
	if err := o.desk.Store().Read(ctx, read); err != nil || due == 0 {
		return err
	}
	return o.desk.Store().Write(ctx, func(w store.DeskWriter) error {
		due = 0 // another process may have reported meanwhile
		if err := read(w); err != nil || due == 0 {
			return err
		}
		return o.report(ctx, w, day, due)
	})
}

// report tells the approvers, and notes that it was done on a day.
func (o *Office) report(ctx context.Context, w store.DeskWriter, day string, due int) error {
	all, err := w.Accounts(ctx)
	if err != nil {
		return err
	}
	var told []string
	for _, a := range all {
		if a.Status != "active" || !slices.Contains(strings.Fields(a.Roles), string(desk.Approver)) {
			continue
		}
		told = append(told, a.ID)
		if err := o.desk.Notify(ctx, w, a.ID, desk.EventRelease); err != nil {
			return err
		}
	}
	value, err := json.Marshal(day)
	if err != nil {
		return err
	}
	if err := w.PutSetting(ctx, settingMorning, value); err != nil {
		return err
	}
	return o.desk.Record(ctx, w, "desk", "emergency releases reported", fmt.Sprintf("%d to %s", due, strings.Join(told, " ")))
}

// zone is that of the State's first authority; UTC while the directory names none.
func (o *Office) zone() *time.Location {
	ids, err := o.desk.Authorities()
	if err != nil || len(ids) == 0 {
		return time.UTC
	}
	a, err := o.desk.Directory().Authority(ids[0])
	if err != nil {
		return time.UTC
	}
	zone, err := time.LoadLocation(a.Statement.TimeZone)
	if err != nil {
		return time.UTC
	}
	return zone
}
