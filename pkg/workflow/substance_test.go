package workflow_test

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/entraide/entraide/pkg/problem"
	"github.com/entraide/entraide/pkg/workflow"
)

// known are the combinations of facts with which events come.
var known = [][]string{nil, {"no-consultation-needed"}, {"limited-ground"}, {"no-consultation-needed", "limited-ground"}}

// each runs a test for every workflow of substance.
func each(t *testing.T, test func(t *testing.T, table *workflow.Table)) {
	t.Helper()
	names := workflow.Names()
	if len(names) != 16 {
		t.Errorf("workflows %v", names)
	}
	for _, name := range names {
		table, ok := workflow.Substance(name)
		if !ok || table.Name() != name || len(table.Rules()) == 0 {
			t.Fatalf("%s cannot be read", name)
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, table)
		})
	}
}

// everything returns all events that a table could be asked about.
func everything(table *workflow.Table) []workflow.Event {
	var out []workflow.Event
	for _, act := range append(table.Acts(), "no-such-event") {
		for _, actor := range []workflow.Actor{workflow.Requesting, workflow.Requested, workflow.Law, "nobody"} {
			for _, facts := range known {
				out = append(out, workflow.Event{Act: act, Actor: actor, Facts: facts})
			}
		}
	}
	return out
}

// reach returns all states that legal events lead to.
func reach(table *workflow.Table) []workflow.State {
	seen := map[workflow.State]bool{{}: true}
	todo := []workflow.State{{}}
	for i := 0; i < len(todo); i++ {
		for _, e := range everything(table) {
			if next, err := table.Next(todo[i], e); err == nil && !seen[next] {
				seen[next] = true
				todo = append(todo, next)
			}
		}
	}
	return todo
}

// fits reports whether a row of the table applies, read off the row itself.
func fits(r workflow.Rule, s workflow.State, e workflow.Event) bool {
	for _, when := range r.When {
		if when == "consulted" && !s.Consulted || when != "consulted" && !slices.Contains(e.Facts, when) {
			return false
		}
	}
	return r.Act == e.Act && slices.Contains(r.By, e.Actor) && slices.Contains(r.From, s.Stage)
}

// TestSubstanceIsItsTable asks every workflow about every event by everybody in
// every state: what a row allows leads where the row says, everything else is
// refused with a reason and changes nothing. Every row is used, from each of its
// states.
func TestSubstanceIsItsTable(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, table *workflow.Table) {
		type use struct {
			row  int
			from workflow.Stage
		}
		rules, used := table.Rules(), map[use]bool{}
		allowed, refused := 0, 0
		for _, s := range reach(table) {
			for _, e := range everything(table) {
				got, err := table.Next(s, e)
				row := slices.IndexFunc(rules, func(r workflow.Rule) bool { return fits(r, s, e) })
				if row < 0 {
					refused++
					if problem.CodeOf(err) != problem.ActNotAllowed || err.Error() == "" {
						t.Fatalf("%+v in %+v: %v", e, s, err)
					}
					continue
				}
				allowed++
				want := rules[row].To
				if want == workflow.StageNone {
					want = s.Stage
				}
				if err != nil || got.Stage != want {
					t.Fatalf("%+v in %+v leads to %q, %v; row %d says %q", e, s, got.Stage, err, row, want)
				}
				for i, r := range rules {
					if fits(r, s, e) {
						used[use{i, s.Stage}] = true
					}
				}
			}
		}
		for i, r := range rules {
			for _, from := range r.From {
				if !used[use{i, from}] {
					t.Errorf("row %d (%s) is never used from %q", i, r.Act, from)
				}
			}
		}
		t.Logf("%d states, %d rows used from %d places, %d events allowed, %d refused with a reason", len(reach(table)), len(rules), len(used), allowed, refused)
	})
}

// TestSubstanceEnds checks that every state can be reached, that every state has
// a way to an end, and that an end leads nowhere but to what follows it.
func TestSubstanceEnds(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, table *workflow.Table) {
		reached := map[workflow.Stage]bool{}
		for _, s := range reach(table) {
			reached[s.Stage] = true
		}
		ends := map[workflow.Stage]bool{}
		for _, s := range table.States() {
			if !reached[s.State] {
				t.Errorf("%s is never reached", s.State)
			}
			ends[s.State] = s.End
		}
		for changed := true; changed; {
			changed = false
			for _, r := range table.Rules() {
				for _, from := range r.From {
					if ends[r.To] && !ends[from] {
						ends[from], changed = true, true
					}
				}
			}
		}
		for _, s := range table.States() {
			if !ends[s.State] {
				t.Errorf("%s has no way to an end", s.State)
			}
			for _, r := range table.Rules() {
				if s.End && slices.Contains(r.From, s.State) && r.To != workflow.StageNone && r.To != "follow-up" {
					t.Errorf("%s leads on to %s", s.State, r.To)
				}
			}
		}
	})
}

// TestLawHolds checks rules of law that tables must keep, whoever edits them.
func TestLawHolds(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, table *workflow.Table) {
		for _, s := range reach(table) {
			for _, e := range everything(table) {
				if _, err := table.Next(s, e); err != nil {
					continue
				}
				switch string(e.Act) {
				case "decision:postponed":
					if !s.Consulted && table.Name() != "extradition" {
						t.Errorf("%s: postponed without consultation", s.Stage)
					}
				case "decision:refused":
					needs := table.Name() == "mla" || slices.ContainsFunc(table.States(), func(i workflow.StateInfo) bool { return i.State == "under-review" })
					if needs && !s.Consulted && !slices.Contains(e.Facts, "no-consultation-needed") {
						t.Errorf("%s: refused without consultation", s.Stage)
					}
					if table.Name() == "preservation" && !slices.Contains(e.Facts, "limited-ground") {
						t.Errorf("%s: preservation refused on any ground", s.Stage)
					}
				case "clock:expired":
					if table.Name() != "preservation" {
						t.Errorf("%s: something expires", s.Stage)
					}
				case "progress:lifted":
					if s.Stage != "reasons-given" && s.Stage != "window-ended" && s.Stage != "withdrawn" {
						t.Errorf("%s: lifted without hearing the requesting State", s.Stage)
					}
				}
				if e.Actor == workflow.Law && e.Act != "clock:expired" && e.Act != "clock:window-ended" && e.Act != "clock:ended" {
					t.Errorf("%s: %s happens by itself", s.Stage, e.Act)
				}
			}
		}
	})
}

// A side is a desk that reads the log at its own pace.
type side struct {
	actor workflow.Actor
	state workflow.State
	read  int
}

// TestSidesAgree plays random legal histories between two desks whose messages
// cross: each sends what is legal in the state that it knows. Whoever has read
// the whole log, in whatever portions, has the same state and the same list of
// messages without effect.
func TestSidesAgree(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, table *workflow.Table) {
		r := rand.New(rand.NewPCG(7, 11))
		const histories = 300
		events, crossed, all := 0, 0, movesOf(table)
		for range histories {
			log, sides := []workflow.Event{}, []*side{{actor: workflow.Requesting}, {actor: workflow.Requested}}
			for range 40 {
				s := sides[r.IntN(2)]
				if r.IntN(3) > 0 {
					s.catchUp(table, log, s.read+r.IntN(len(log)-s.read+1))
				}
				if e, ok := s.choose(all, r); ok {
					log = append(log, e)
					events++
				}
			}
			want, misplaced := table.Follow(log)
			crossed += len(misplaced)
			for _, s := range sides {
				s.catchUp(table, log, len(log))
				if s.state != want {
					t.Fatalf("the %s side holds %+v, the log %+v", s.actor, s.state, want)
				}
			}
		}
		t.Logf("%d histories of %d events, %d without effect because they crossed", histories, events, crossed)
		if events < 5*histories || crossed < histories/10 {
			t.Error("too little happened")
		}
	})
}

// moves are the legal events of a state, and those that change it.
type moves struct{ legal, moving []workflow.Event }

// movesOf lists the legal events of every state.
func movesOf(table *workflow.Table) map[workflow.State]moves {
	out := map[workflow.State]moves{}
	for _, s := range reach(table) {
		var m moves
		for _, e := range everything(table) {
			next, err := table.Next(s, e)
			if err != nil {
				continue
			}
			m.legal = append(m.legal, e)
			if next.Stage != s.Stage {
				m.moving = append(m.moving, e)
			}
		}
		out[s] = m
	}
	return out
}

// choose picks an event that is legal in the state that the side knows, mostly
// one that changes it.
func (s *side) choose(all map[workflow.State]moves, r *rand.Rand) (workflow.Event, bool) {
	theirs := func(e workflow.Event) bool { return e.Actor != s.actor && e.Actor != workflow.Law }
	legal := slices.DeleteFunc(slices.Clone(all[s.state].legal), theirs)
	moving := slices.DeleteFunc(slices.Clone(all[s.state].moving), theirs)
	if len(moving) > 0 && r.IntN(4) > 0 {
		legal = moving
	}
	if len(legal) == 0 {
		return workflow.Event{}, false
	}
	return legal[r.IntN(len(legal))], true
}

// catchUp reads the log up to a place.
func (s *side) catchUp(table *workflow.Table, log []workflow.Event, to int) {
	for ; s.read < to; s.read++ {
		if next, err := table.Next(s.state, log[s.read]); err == nil {
			s.state = next
		}
	}
}

// FuzzParse checks that a table that is accepted can be asked anything.
func FuzzParse(f *testing.F) {
	f.Add([]byte(`{"name":"t","version":1,"titles":{"en":"t"},"note":"","stages":["","a"],"lanes":[],"states":[{"state":"a","owed":"none","end":true}],"acts":[{"act":"go","opens":true}],"rules":[{"act":"go","by":["requesting"],"from":[""],"to":"a"}]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		table, err := workflow.Parse(data)
		if err != nil {
			return
		}
		for _, e := range everything(table) {
			s, misplaced := table.Follow([]workflow.Event{e, e})
			if len(misplaced) == 2 && s != (workflow.State{}) {
				t.Errorf("%+v changed the state without effect", e)
			}
		}
		_ = table.Mermaid()
	})
}
