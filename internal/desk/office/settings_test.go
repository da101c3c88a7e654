package office_test

import (
	"strings"
	"testing"
	"time"

	"github.com/entraide/entraide/internal/desk"
	"github.com/entraide/entraide/internal/desk/office"
	"github.com/entraide/entraide/internal/store"
	"github.com/entraide/entraide/pkg/problem"
)

// ines is another administrator.
var ines = desk.Officer{ID: "ines", Name: "Ines", Roles: []desk.Role{desk.Administrator}}

// TestTeams makes a team, renames it with its cases, and dissolves it.
func TestTeams(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	l := f.receive("routine", information("en", "Something"))
	f.must(f.office.PutMember(t.Context(), admin, "cyber", "ana", false))
	f.must(f.office.PutMember(t.Context(), admin, "fraud", "bo", false))
	f.must(f.office.Assign(t.Context(), ana, l.Case, "", "cyber"))
	for what, x := range map[string]struct {
		err  error
		code problem.Code
	}{
		"a drafter renames":            {f.office.RenameTeam(t.Context(), ana, "cyber", "x"), problem.Forbidden},
		"a drafter dissolves":          {f.office.DissolveTeam(t.Context(), ana, "cyber"), problem.Forbidden},
		"the name of another":          {f.office.RenameTeam(t.Context(), admin, "cyber", "fraud"), problem.InvalidValue},
		"no name":                      {f.office.RenameTeam(t.Context(), admin, "cyber", " "), problem.InvalidValue},
		"two lines":                    {f.office.PutMember(t.Context(), admin, "a\nb", "ana", false), problem.InvalidValue},
		"a team that is not there":     {f.office.RenameTeam(t.Context(), admin, "none", "x"), problem.NotFound},
		"the last member":              {f.office.PutMember(t.Context(), admin, "fraud", "bo", true), problem.ActNotAllowed},
		"who is no member":             {f.office.PutMember(t.Context(), admin, "fraud", "ana", true), problem.NotFound},
		"dissolving what is not there": {f.office.DissolveTeam(t.Context(), admin, "none"), problem.NotFound},
	} {
		if problem.CodeOf(x.err) != x.code {
			t.Errorf("%s: %v, want %s", what, x.err, x.code)
		}
	}
	f.must(f.office.RenameTeam(t.Context(), admin, "cyber", "Cyber crime"))
	if work, err := f.office.Work(t.Context(), ana, l.Case); err != nil || work.Team != "Cyber crime" {
		t.Errorf("the case went with its team to %q: %v", work.Team, err)
	}
	f.must(f.office.DissolveTeam(t.Context(), admin, "Cyber crime"))
	if work, err := f.office.Work(t.Context(), ana, l.Case); err != nil || work.Team != "" {
		t.Errorf("the case is still with %q: %v", work.Team, err)
	}
	if teams, err := f.office.Teams(t.Context(), ana); err != nil || len(teams) != 1 {
		t.Errorf("left are %+v: %v", teams, err)
	}
}

// TestTwoAdministrators takes a setting of security through two administrators, and
// never through one.
func TestTwoAdministrators(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	rule := desk.FourEyes{Lanes: []string{"urgent"}, EmergencyNeedsTwo: true}
	for _, name := range append([]string{"four-eyes.proposed", "retention.proposed"}, office.SecuritySettings...) {
		if err := f.office.PutSetting(t.Context(), admin, name, rule); problem.CodeOf(err) != problem.Forbidden {
			t.Errorf("one administrator sets %s: %v", name, err)
		}
	}
	if _, err := f.office.Propose(t.Context(), ana, desk.SettingFourEyes, rule); problem.CodeOf(err) != problem.Forbidden {
		t.Errorf("a drafter proposes: %v", err)
	}
	if _, err := f.office.Propose(t.Context(), admin, desk.SettingFourEyes, desk.FourEyes{Lanes: []string{"slow"}}); problem.CodeOf(err) != problem.InvalidValue {
		t.Errorf("a lane that there is not: %v", err)
	}
	for _, rules := range []desk.Retention{
		{"T05": {Days: 0, Basis: "x"}}, {"T05": {Days: 9}}, {"tomorrow": {Days: 9, Basis: "x"}}, {"default": {Days: 9, Basis: "x\u202e"}},
	} {
		if _, err := f.office.Propose(t.Context(), admin, desk.SettingRetention, rules); problem.CodeOf(err) != problem.InvalidValue {
			t.Errorf("rules %v: %v", rules, err)
		}
	}
	stale, err := f.office.Propose(t.Context(), admin, desk.SettingFourEyes, desk.FourEyes{})
	f.must(err)
	p, err := f.office.Propose(t.Context(), admin, desk.SettingFourEyes, rule)
	f.must(err)
	if err := f.office.Confirm(t.Context(), ines, desk.SettingFourEyes, stale.ID); problem.CodeOf(err) != problem.NotFound {
		t.Errorf("what was proposed before is confirmed: %v", err)
	}
	if err := f.office.Confirm(t.Context(), admin, desk.SettingFourEyes, p.ID); problem.CodeOf(err) != problem.Forbidden {
		t.Errorf("the one who proposed confirms: %v", err)
	}
	if err := f.office.Confirm(t.Context(), bo, desk.SettingFourEyes, p.ID); problem.CodeOf(err) != problem.Forbidden {
		t.Errorf("an approver confirms: %v", err)
	}
	f.must(f.office.Confirm(t.Context(), ines, desk.SettingFourEyes, p.ID))
	var got desk.FourEyes
	f.must(f.office.Setting(t.Context(), desk.SettingFourEyes, &got))
	if !got.EmergencyNeedsTwo || len(got.Lanes) != 1 {
		t.Errorf("the rule is %+v", got)
	}
	if left, err := f.office.Proposal(t.Context(), desk.SettingFourEyes); err != nil || left.ID != "" {
		t.Errorf("still proposed is %+v: %v", left, err)
	}
	if err := f.office.Withdraw(t.Context(), ines, desk.SettingFourEyes, p.ID); problem.CodeOf(err) != problem.NotFound {
		t.Errorf("what was confirmed is withdrawn: %v", err)
	}
	found, _, err := f.desk.FindLog(t.Context(), auditor, desk.LogFilter{What: "setting of security confirmed"}, 0, 10)
	if err != nil || len(found) != 1 || found[0].By != "ines" || !strings.Contains(found[0].Detail, "proposed by root") {
		t.Errorf("the log says %+v: %v", found, err)
	}
}

// TestRetention lists what will be erased and when, by the rules of the office; a
// legal hold is shown with it.
func TestRetention(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	l := f.receive("routine", information("en", "Something"))
	ended := f.clock.now().AddDate(-1, 0, 0)
	f.must(f.desk.Store().Write(t.Context(), func(w store.DeskWriter) error {
		line, err := w.Line(t.Context(), l.Case)
		if err != nil {
			return err
		}
		line.Closed, line.EndedAt, line.Types = true, ended.Unix(), []string{"T05"}
		return w.PutLine(t.Context(), line)
	}))
	due := func(by time.Time) []desk.DueCase {
		t.Helper()
		all, err := f.desk.DueBy(t.Context(), by, 10)
		f.must(err)
		return all
	}
	if got := due(f.clock.now()); len(got) != 0 {
		t.Errorf("without a rule %+v is due", got)
	}
	p, err := f.office.Propose(t.Context(), admin, desk.SettingRetention, desk.Retention{"T05": {Days: 400, Basis: "Archives Act, section 14"}, "default": {Days: 3000, Basis: "section 12"}})
	f.must(err)
	f.must(f.office.Confirm(t.Context(), ines, desk.SettingRetention, p.ID))
	if got := due(f.clock.now()); len(got) != 0 {
		t.Errorf("after a year %+v is due", got)
	}
	f.must(f.desk.HoldBy(t.Context(), admin, l.Case, "order of the court", false))
	if err := f.desk.HoldBy(t.Context(), ana, l.Case, "order of the court", true); problem.CodeOf(err) != problem.Forbidden {
		t.Errorf("a drafter lifts a hold: %v", err)
	}
	got := due(f.clock.now().AddDate(0, 0, 60))
	if len(got) != 1 || got[0].Hold != "order of the court" || got[0].Basis != "Archives Act, section 14" || got[0].Since != ended.AddDate(0, 0, 400).Format(time.RFC3339) {
		t.Errorf("in sixty days is due %+v", got)
	}
	if held, err := f.desk.Holds(t.Context()); err != nil || len(held) != 1 || held[0].Case != l.Case || held[0].By != "Root" {
		t.Errorf("held are %+v: %v", held, err)
	}
	if rules, fromFile, err := f.desk.RetentionRules(t.Context()); err != nil || fromFile || len(rules) != 2 {
		t.Errorf("the rules are %v: %v", rules, err)
	}
}

// TestTrial sends a notice as a test, and says what became of it.
func TestTrial(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	server, said := mailServer(t)
	for field, n := range map[string]office.Notification{
		"server": {Server: "mail.example", From: "desk@mla.example"}, "from": {Server: "mail.example:587", From: "desk"}, "hooks": {Hooks: []string{"https://hooks.example/"}},
	} {
		if err := f.office.PutSetting(t.Context(), admin, office.SettingNotification, n); problem.CodeOf(err) != problem.InvalidValue {
			t.Errorf("%s is taken: %v", field, err)
		}
	}
	f.must(f.office.PutSetting(t.Context(), admin, office.SettingNotification, office.Notification{Server: server, From: "desk@mla.example", Hooks: []string{"hooks.example"}}))
	notifier := &office.Notifier{Office: f.office}
	if _, err := notifier.Test(t.Context(), admin, "ana"); problem.CodeOf(err) != problem.NotFound {
		t.Errorf("who has no address is tried: %v", err)
	}
	f.must(f.office.PutContact(t.Context(), admin, "ana", "ana@mla.example", ""))
	for _, by := range []desk.Officer{ana, auditor} {
		if _, err := notifier.Test(t.Context(), by, "ana"); problem.CodeOf(err) != problem.Forbidden {
			t.Errorf("%s sends a test: %v", by.ID, err)
		}
	}
	trials, err := notifier.Test(t.Context(), admin, "ana")
	if err != nil || len(trials) != 1 || trials[0] != (office.Trial{Channel: "mail"}) {
		t.Errorf("the trial was %+v: %v", trials, err)
	}
	if !strings.Contains(said(), "this is a test of notices") {
		t.Errorf("the mail says %s", said())
	}
	f.must(f.office.PutSetting(t.Context(), admin, office.SettingNotification, office.Notification{}))
	if trials, err = notifier.Test(t.Context(), admin, "ana"); err != nil || len(trials) != 1 || trials[0].Problem == "" {
		t.Errorf("without a server: %+v: %v", trials, err)
	}
}
