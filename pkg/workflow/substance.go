package workflow

import (
	"fmt"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"
	"sync"

	"github.com/entraide/entraide/schemas"
)

// A StateInfo describes a state of a workflow of substance.
type StateInfo struct {
	State Stage `json:"state"`
	// Owed is who is to act: requesting, requested, both or none.
	Owed string `json:"owed"`
	// End says that nothing more is expected to happen.
	End bool `json:"end,omitzero"`
}

// A Rule is a row of a table, for people.
type Rule struct {
	Act  Act      `json:"event"`
	By   []Actor  `json:"by"`
	From []Stage  `json:"from"` // "" is before the beginning
	To   Stage    `json:"to"`   // "" changes nothing
	When []string `json:"when,omitempty"`
	// Law is a row of the code list rule; "" where practice is the source.
	Law string `json:"law,omitempty"`
}

// substances reads the tables of substance, all but the procedure, once.
var substances = sync.OnceValue(func() map[string]*Table {
	files, err := fs.Glob(schemas.FS, "workflows/*.json")
	if err != nil {
		return nil // the pattern is well formed
	}
	out := map[string]*Table{}
	for _, f := range files {
		if name := strings.TrimSuffix(path.Base(f), ".json"); name != "procedure" {
			out[name] = read(name)
		}
	}
	return out
})

// Substance returns a workflow of substance by its name, such as mla or
// preservation.
func Substance(name string) (*Table, bool) {
	t, ok := substances()[name]
	return t, ok
}

// Names returns the names of the workflows of substance in alphabetical order.
func Names() []string { return slices.Sorted(maps.Keys(substances())) }

// Name returns the name of the table.
func (t *Table) Name() string { return t.name }

// Title returns what the table is about in a language, in English where it has
// no title in that.
func (t *Table) Title(lang string) string {
	if title, ok := t.titles[lang]; ok {
		return title
	}
	return t.titles["en"]
}

// States returns the states of a workflow of substance.
func (t *Table) States() []StateInfo { return slices.Clone(t.states) }

// State describes a state.
func (t *Table) State(s Stage) (StateInfo, bool) {
	i := slices.IndexFunc(t.states, func(i StateInfo) bool { return i.State == s })
	if i < 0 {
		return StateInfo{}, false
	}
	return t.states[i], true
}

// Rules returns the rows of a workflow of substance in their order: of several
// that fit, the first counts.
func (t *Table) Rules() []Rule {
	var out []Rule
	for _, r := range t.rules {
		out = append(out, Rule{Act: r.Act, By: r.By, From: r.From, To: r.To, When: slices.Clone(r.When), Law: r.Rule})
	}
	return out
}

// A Misplaced is an event that did not fit its place in the log, as where
// messages crossed. It is kept and has no effect.
type Misplaced struct {
	// Index is that of the event.
	Index  int
	Reason string
}

// Follow returns the state after the events in the order of the log, and those
// that did not fit their place.
func (t *Table) Follow(events []Event) (State, []Misplaced) {
	var s State
	var out []Misplaced
	for i, e := range events {
		next, err := t.Next(s, e)
		if err != nil {
			out = append(out, Misplaced{Index: i, Reason: reasonOf(err)})
			continue
		}
		s = next
	}
	return s, out
}

// Open returns the events by the actor that would change the state, whatever
// else must hold of them, in the order of the table.
func (t *Table) Open(s State, a Actor) []Act {
	var out []Act
	for _, r := range t.rules {
		if slices.Contains(r.By, a) && slices.Contains(r.From, s.Stage) && r.To != StageNone && !slices.Contains(out, r.Act) {
			out = append(out, r.Act)
		}
	}
	return out
}

// Mermaid returns a workflow of substance as a state diagram in the language of Mermaid:
// every change of state with the event and who it is by.
func (t *Table) Mermaid() string {
	var b strings.Builder
	b.WriteString("stateDiagram-v2\n")
	for _, r := range t.rules {
		for _, from := range r.From {
			if r.To == StageNone || r.To == from {
				continue
			}
			fmt.Fprintf(&b, "    %s --> %s : %s\n", node(from), node(r.To), strings.ReplaceAll(string(r.Act), ":", " "))
		}
	}
	for _, s := range t.states {
		if s.End {
			fmt.Fprintf(&b, "    %s --> [*]\n", node(s.State))
		}
	}
	return b.String()
}

// node is a state as Mermaid calls it.
func node(s Stage) string {
	if s == StageNone {
		return "[*]"
	}
	return strings.ReplaceAll(string(s), "-", "_")
}
