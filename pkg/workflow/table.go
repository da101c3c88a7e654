package workflow

import (
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/entraide/entraide/pkg/strictjson"
	"github.com/entraide/entraide/schemas"
)

// maxTableBytes bounds the file of a table.
const maxTableBytes = 256 << 10

// A Table is a workflow. It is immutable and safe for concurrent use.
type Table struct {
	name    string
	titles  map[string]string
	states  []StateInfo
	stages  []Stage // in rank order; the first is that of no case
	lanes   []Lane
	effects []effect // in the order of the file
	rules   []rule
	err     error // why the table cannot be used
}

// An effect is what an act does, wherever it happens.
type effect struct {
	Act Act `json:"act"`
	// To is the stage that a case has at least reached by the act; "" moves
	// nothing.
	To Stage `json:"to,omitempty"`
	// FinalTo is To for an act marked final; "" means that the act cannot be so
	// marked.
	FinalTo Stage `json:"final,omitempty"`
	Opens   bool  `json:"opens,omitzero"`
	Hands   bool  `json:"hands,omitzero"`
	Receipt bool  `json:"receipt,omitzero"`
	// Consults marks what counts as a consultation.
	Consults bool `json:"consults,omitzero"`
}

// A rule is one way in which an act is allowed.
type rule struct {
	Act  Act     `json:"act"`
	By   []Actor `json:"by"`
	From []Stage `json:"from"`
	// Opening and Lane restrict the rule to cases of that kind; "" does not.
	Opening Act  `json:"opening,omitempty"`
	Lane    Lane `json:"lane,omitempty"`
	// To is the stage that the rule leads to, whatever its rank; "" leaves it to
	// the effect of the act.
	To Stage `json:"to,omitempty"`
	// When names facts that must hold.
	When []string `json:"when,omitempty"`
	Note string   `json:"note,omitempty"`
	// Rule is a row of the code list rule, the law behind it.
	Rule string `json:"rule,omitempty"`
}

// facts are the conditions that a rule may name. Those of substance come with
// the event.
var facts = map[string]func(State, Event) bool{
	"handed":                 func(s State, _ Event) bool { return s.Handed },
	"idle":                   func(_ State, e Event) bool { return e.Idle },
	"consulted":              func(s State, _ Event) bool { return s.Consulted },
	"no-consultation-needed": given("no-consultation-needed"),
	"limited-ground":         given("limited-ground"),
}

// given is the condition that the event comes with a fact.
func given(fact string) func(State, Event) bool {
	return func(_ State, e Event) bool { return slices.Contains(e.Facts, fact) }
}

// Parse reads a table from its JSON file and checks that it is consistent: every
// stage, act, actor, lane and fact that it mentions exists, every act has at
// least one rule, and only opening acts start a case.
func Parse(data []byte) (*Table, error) {
	var file struct {
		Name    string            `json:"name"`
		Version int64             `json:"version"`
		Titles  map[string]string `json:"titles"`
		Note    string            `json:"note"`
		Stages  []Stage           `json:"stages"`
		Lanes   []Lane            `json:"lanes"`
		States  []StateInfo       `json:"states"`
		Acts    []effect          `json:"acts"`
		Rules   []rule            `json:"rules"`
	}
	if err := strictjson.Unmarshal(data, maxTableBytes, &file); err != nil {
		return nil, fmt.Errorf("workflow: reading table: %w", err)
	}
	t := &Table{name: file.Name, titles: file.Titles, states: file.States, stages: file.Stages, lanes: file.Lanes, effects: file.Acts, rules: file.Rules}
	if len(t.stages) < 2 || t.stages[0] != StageNone {
		return nil, fmt.Errorf("workflow: table %q: the first stage is not that of no case", file.Name)
	}
	if len(slices.Compact(slices.Sorted(slices.Values(t.stages)))) != len(t.stages) {
		return nil, fmt.Errorf("workflow: table %q: a stage occurs twice", file.Name)
	}
	for i, state := range t.states {
		if i+1 >= len(t.stages) || t.stages[i+1] != state.State {
			return nil, fmt.Errorf("workflow: table %q: its states are not its stages", file.Name)
		}
	}
	for i, e := range t.effects {
		if err := t.checkEffect(i, e); err != nil {
			return nil, fmt.Errorf("workflow: table %q: act %q: %w", file.Name, e.Act, err)
		}
	}
	for i, r := range t.rules {
		if err := t.checkRule(r); err != nil {
			return nil, fmt.Errorf("workflow: table %q: rule %d: %w", file.Name, i, err)
		}
	}
	return t, nil
}

// checkEffect checks the i-th act.
func (t *Table) checkEffect(i int, e effect) error {
	switch first, _ := t.effect(e.Act); {
	case e.Act == "":
		return errors.New("it has no name")
	case first != t.effects[i]:
		return errors.New("it occurs twice")
	case !slices.Contains(t.stages, e.To) || !slices.Contains(t.stages, e.FinalTo):
		return errors.New("its stage does not exist")
	case e.Opens && e.To == StageNone && !slices.ContainsFunc(t.rules, func(r rule) bool { return r.Act == e.Act && r.To != StageNone }):
		return errors.New("it opens a case without a stage")
	case !slices.ContainsFunc(t.rules, func(r rule) bool { return r.Act == e.Act }):
		return errors.New("no rule allows it")
	}
	return nil
}

// checkRule checks that everything the rule mentions exists.
func (t *Table) checkRule(r rule) error {
	e, ok := t.effect(r.Act)
	if !ok {
		return fmt.Errorf("there is no act %q", r.Act)
	}
	if len(r.By) == 0 || len(r.From) == 0 {
		return errors.New("it never applies")
	}
	for _, a := range r.By {
		if !validActor(a) {
			return fmt.Errorf("there is no actor %q", a)
		}
	}
	for _, s := range r.From {
		if !slices.Contains(t.stages, s) {
			return fmt.Errorf("there is no stage %q", s)
		}
		if (s == StageNone) != e.Opens {
			return errors.New("an act opens a case if and only if it starts from none")
		}
	}
	if opening, ok := t.effect(r.Opening); r.Opening != "" && (!ok || !opening.Opens) {
		return fmt.Errorf("%q does not open a case", r.Opening)
	}
	if !slices.Contains(t.stages, r.To) {
		return fmt.Errorf("there is no stage %q", r.To)
	}
	if r.Lane != "" && !slices.Contains(t.lanes, r.Lane) {
		return fmt.Errorf("there is no lane %q", r.Lane)
	}
	for _, name := range r.When {
		if facts[name] == nil {
			return fmt.Errorf("there is no fact %q", name)
		}
	}
	return nil
}

// Procedure returns the table of the protocol. Should the file that the program
// was built with be broken, every use of the table fails.
var Procedure = sync.OnceValue(func() *Table { return read("procedure") })

// read reads a table that the program was built with.
func read(name string) *Table {
	data, err := schemas.FS.ReadFile("workflows/" + name + ".json")
	if err != nil {
		return &Table{err: err}
	}
	t, err := Parse(data)
	if err != nil {
		return &Table{err: err}
	}
	return t
}

// effect finds what an act does.
func (t *Table) effect(a Act) (effect, bool) {
	i := slices.IndexFunc(t.effects, func(e effect) bool { return e.Act == a })
	if i < 0 {
		return effect{}, false
	}
	return t.effects[i], true
}

// rank returns the place of a stage in the order, -1 for one that the table
// does not have.
func (t *Table) rank(s Stage) int { return slices.Index(t.stages, s) }

// validActor reports whether a is a party to a case.
func validActor(a Actor) bool { return a == Requesting || a == Requested || a == Law }
