package workflow_test

import (
	"math/rand/v2"
	"testing"

	"github.com/entraide/entraide/pkg/workflow"
)

// A sent is one accepted event of a history, with the events that its sender
// had seen.
type sent struct {
	event workflow.Event
	after []int // indices in log order
}

// history plays a random case between two sides that do not see each other's
// messages at once: each acts on what it knows, the log judges, and messages
// that cross are accepted or refused in the order in which they arrive. It
// returns the log and the state that the log arrived at.
func history(r *rand.Rand) ([]sent, workflow.State) {
	table := workflow.Procedure()
	opening := workflow.Event{Act: workflow.Request, Actor: workflow.Requesting, Lane: lanes[r.IntN(len(lanes))]}
	if r.IntN(4) == 0 {
		opening.Act = workflow.Inform
	}
	state, err := table.Next(workflow.State{}, opening)
	if err != nil {
		return nil, workflow.State{}
	}
	log := []sent{{event: opening}}
	seen := map[workflow.Actor]int{} // how many entries of the log each side has read
	for range 30 {
		actor := actors[r.IntN(2)]
		if r.IntN(3) > 0 {
			seen[actor] += r.IntN(len(log) - seen[actor] + 1)
		}
		e := workflow.Event{Act: everyAct[r.IntN(17)], Actor: actor, Lane: opening.Lane, Idle: r.IntN(8) == 0}
		e.Final = e.Act == workflow.Deliver && r.IntN(2) == 0
		next, err := table.Next(state, e)
		if err != nil {
			continue // refused: it never was
		}
		state = next
		log = append(log, sent{event: e, after: prefix(log, actor, seen[actor])})
	}
	return log, state
}

// prefix returns what the actor had processed: its own events and those of the
// log it has read, and always the opening.
func prefix(log []sent, actor workflow.Actor, read int) []int {
	var after []int
	for i, s := range log {
		if i == 0 || i < read || s.event.Actor == actor {
			after = append(after, i)
		}
	}
	return after
}

// shuffled returns the log in a random order in which every event follows those
// that its sender had seen.
func shuffled(r *rand.Rand, log []sent) []int {
	placed := make([]bool, len(log))
	var order []int
	for len(order) < len(log) {
		var ready []int
		for i, s := range log {
			free := !placed[i]
			for _, j := range s.after {
				free = free && placed[j]
			}
			if free {
				ready = append(ready, i)
			}
		}
		next := ready[r.IntN(len(ready))]
		placed[next] = true
		order = append(order, next)
	}
	return order
}

// TestOrderDoesNotMatter checks that whoever has the same messages derives the
// same state as the log, in whatever order consistent with causality they
// arrived, and that the stage never moves back on the way (T34).
func TestOrderDoesNotMatter(t *testing.T) {
	t.Parallel()
	const histories, orders = 2000, 4
	table := workflow.Procedure()
	r := rand.New(rand.NewPCG(1, 2))
	events, crossed := 0, 0
	reached := map[workflow.Stage]int{}
	for h := range histories {
		log, want := history(r)
		events += len(log)
		reached[want.Stage]++
		for range orders {
			order := shuffled(r, log)
			var arrived []workflow.Event
			before := workflow.State{}
			for position, i := range order {
				if i != position {
					crossed++
				}
				arrived = append(arrived, log[i].event)
				got, err := table.Derive(arrived)
				if err != nil {
					t.Fatalf("history %d: %v", h, err)
				}
				if rank(got.Stage) < rank(before.Stage) || before.Handed && !got.Handed {
					t.Fatalf("history %d: %+v moves %+v back to %+v", h, log[i].event, before, got)
				}
				before = got
			}
			if before != want {
				t.Fatalf("history %d: order %v leads to %+v, the log to %+v", h, order, before, want)
			}
		}
	}
	t.Logf("%d histories of %d events in %d orders each, %d places exchanged, stages at the end: %v", histories, events, orders, crossed, reached)
	for _, s := range stages[1:] {
		if reached[s] == 0 {
			t.Errorf("no history ended at %s", s)
		}
	}
	if crossed == 0 {
		t.Error("no messages crossed")
	}
}

func TestDeriveRefuses(t *testing.T) {
	t.Parallel()
	open := workflow.Event{Act: workflow.Request, Actor: workflow.Requesting, Lane: workflow.Urgent}
	for name, events := range map[string][]workflow.Event{
		"no opening":         {{Act: workflow.Decide, Actor: workflow.Requested, Lane: workflow.Urgent}},
		"two openings":       {open, open},
		"opening both ways":  {open, {Act: workflow.Inform, Actor: workflow.Requesting, Lane: workflow.Urgent}},
		"another lane":       {open, {Act: workflow.Decide, Actor: workflow.Requested, Lane: workflow.Routine}},
		"no lane":            {{Act: workflow.Request, Actor: workflow.Requesting}},
		"unknown act":        {open, {Act: "no-such-act", Actor: workflow.Requested, Lane: workflow.Urgent}},
		"unknown actor":      {open, {Act: workflow.Decide, Actor: "nobody", Lane: workflow.Urgent}},
		"final without need": {open, {Act: workflow.Decide, Actor: workflow.Requested, Lane: workflow.Urgent, Final: true}},
	} {
		if got, err := workflow.Procedure().Derive(events); err == nil {
			t.Errorf("%s: Derive = %+v", name, got)
		}
	}
	if got, err := workflow.Procedure().Derive(nil); err != nil || got != (workflow.State{}) {
		t.Errorf("Derive of nothing = %+v, %v", got, err)
	}
}

// TestParseRefuses checks that a table which contradicts itself is not used.
func TestParseRefuses(t *testing.T) {
	t.Parallel()
	const (
		head = `{"name":"t","version":1,"note":"","stages":["","a","b"],"lanes":["l"],`
		acts = `"acts":[{"act":"go","to":"a","opens":true},{"act":"on","to":"b"}],`
		good = head + acts + `"rules":[{"act":"go","by":["requesting"],"from":[""]},{"act":"on","by":["requested"],"from":["a"],"when":["idle"],"opening":"go","lane":"l"}]}`
	)
	if _, err := workflow.Parse([]byte(good)); err != nil {
		t.Fatalf("Parse: %v", err)
	}
	rule := func(s string) string {
		return head + acts + `"rules":[{"act":"go","by":["requesting"],"from":[""]},{"act":"on","by":["requested"],"from":["a"]},` + s + `]}`
	}
	for name, text := range map[string]string{
		"not JSON":               `{`,
		"unknown member":         `{"name":"t","more":1}`,
		"no stages":              `{"name":"t","version":1,"note":"","stages":[],"lanes":[],"acts":[],"rules":[]}`,
		"first stage has a name": `{"name":"t","version":1,"note":"","stages":["a","b"],"lanes":[],"acts":[],"rules":[]}`,
		"stage twice":            `{"name":"t","version":1,"note":"","stages":["","b","b"],"lanes":[],"acts":[],"rules":[]}`,
		"act without a rule":     head + acts + `"rules":[{"act":"go","by":["requesting"],"from":[""]}]}`,
		"act twice":              head + `"acts":[{"act":"go","to":"a","opens":true},{"act":"go","to":"b"}],"rules":[{"act":"go","by":["requesting"],"from":[""]}]}`,
		"act without a name":     head + `"acts":[{"act":"","to":"a"}],"rules":[{"act":"","by":["requesting"],"from":["a"]}]}`,
		"act to no stage":        head + `"acts":[{"act":"go","to":"z"}],"rules":[{"act":"go","by":["requesting"],"from":["a"]}]}`,
		"opening without stage":  head + `"acts":[{"act":"go","opens":true}],"rules":[{"act":"go","by":["requesting"],"from":[""]}]}`,
		"rule for no act":        rule(`{"act":"off","by":["requested"],"from":["a"]}`),
		"rule by nobody":         rule(`{"act":"on","by":["nobody"],"from":["a"]}`),
		"rule by none":           rule(`{"act":"on","by":[],"from":["a"]}`),
		"rule from no stage":     rule(`{"act":"on","by":["requested"],"from":["z"]}`),
		"rule from none":         rule(`{"act":"on","by":["requested"],"from":[]}`),
		"opening twice":          rule(`{"act":"go","by":["requesting"],"from":["a"]}`),
		"starting without open":  rule(`{"act":"on","by":["requested"],"from":[""]}`),
		"unknown fact":           rule(`{"act":"on","by":["requested"],"from":["a"],"when":["sunny"]}`),
		"unknown lane":           rule(`{"act":"on","by":["requested"],"from":["a"],"lane":"slow"}`),
		"opening that does not":  rule(`{"act":"on","by":["requested"],"from":["a"],"opening":"on"}`),
	} {
		if _, err := workflow.Parse([]byte(text)); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}
