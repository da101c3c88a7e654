package convention

import (
	"fmt"
	"reflect"
	"strings"
	"sync"

	"github.com/entraide/entraide/pkg/strictjson"
	"github.com/entraide/entraide/schemas"
)

// The obligations of a member, as the law and practice see it.
const (
	Mandatory   = "M"
	Conditional = "C"
	Practice    = "P" // no treaty asks for it, but its absence delays requests
	Optional    = "O"
)

// A Field is what the law says of a member of a content type.
type Field struct {
	// At is the type, as it is called in the schemas, and the member:
	// stored_data.search.
	At string `json:"at"`
	// ID is the number of the field in the list of contents, such as C16.
	ID         string            `json:"id"`
	Obligation string            `json:"obligation"`
	Provision  string            `json:"provision"`
	Verified   bool              `json:"verified"`
	Source     string            `json:"source"`
	Labels     map[string]string `json:"labels"`
	// Hints say in a sentence how to fill the member in, where that helps.
	Hints map[string]string `json:"hints,omitempty"`
}

// Label returns the name of the member for people, in English where lang is
// not one of Languages.
func (f Field) Label(lang string) string {
	if label, ok := f.Labels[lang]; ok {
		return label
	}
	return f.Labels["en"]
}

// Hint returns the hint of the member, in English where lang is not one of
// Languages; "" where there is none.
func (f Field) Hint(lang string) string {
	if hint, ok := f.Hints[lang]; ok {
		return hint
	}
	return f.Hints["en"]
}

// A named thing is a member, or a value that a member can have, of which the law
// says nothing: it only has a name for people. At is that of a Field, or a name
// of members or values for all that have no row of their own.
type named struct {
	At     string            `json:"at"`
	Labels map[string]string `json:"labels"`
	Hints  map[string]string `json:"hints,omitempty"`
}

// A Section is a group of members of a kind of content that are filled in
// together.
type Section struct {
	Kind    string            `json:"kind"`
	Name    string            `json:"name"`
	Members []string          `json:"members"`
	Labels  map[string]string `json:"labels"`
}

// Label returns the title of the section, in English where lang is not one of
// Languages.
func (s Section) Label(lang string) string { return Field{Labels: s.Labels}.Label(lang) }

// A catalogue is what fields.json holds.
type catalogue struct {
	fields   map[string]Field
	values   map[string]named
	sections []Section
}

// fields reads the catalogue of members once.
var fields = sync.OnceValues(func() (catalogue, error) {
	data, err := schemas.FS.ReadFile("fields.json")
	if err != nil {
		return catalogue{}, err
	}
	var file struct {
		Version  int64     `json:"version"`
		Fields   []Field   `json:"fields"`
		Names    []named   `json:"names"`
		Values   []named   `json:"values"`
		Sections []Section `json:"sections"`
	}
	if err := strictjson.Unmarshal(data, 4*maxListBytes, &file); err != nil {
		return catalogue{}, fmt.Errorf("convention: reading fields.json: %w", err)
	}
	out := catalogue{fields: map[string]Field{}, values: map[string]named{}, sections: file.Sections}
	for _, n := range file.Names {
		out.fields[n.At] = Field{At: n.At, Labels: n.Labels, Hints: n.Hints}
	}
	for _, f := range file.Fields {
		out.fields[f.At] = f
	}
	for _, n := range file.Values {
		out.values[n.At] = n
	}
	return out, nil
})

// FieldOf returns what is known of a member: its type, as it is called in the
// schemas, a dot, and its name.
func FieldOf(at string) (Field, bool) {
	all, err := fields()
	if err != nil {
		return Field{}, false // a test keeps the catalogue readable
	}
	f, ok := all.fields[at]
	if !ok {
		_, member, _ := strings.Cut(at, ".")
		f, ok = all.fields[member]
		f.At = at
	}
	return f, ok
}

// ValueLabel is the name for people of a value of a member that is in no code
// list, or the value where it has no name.
func ValueLabel(at, value, lang string) string {
	all, err := fields()
	if err != nil {
		return value
	}
	n, ok := all.values[at+":"+value]
	if !ok {
		n, ok = all.values[value]
	}
	if !ok {
		return value
	}
	return Field{Labels: n.Labels}.Label(lang)
}

// Sections returns the groups in which a kind of content is filled in; nil where
// it is filled in as a whole.
func Sections(kind string) []Section {
	all, err := fields()
	if err != nil {
		return nil
	}
	var out []Section
	for _, s := range all.sections {
		if s.Kind == kind {
			out = append(out, s)
		}
	}
	return out
}

// fieldAt finds the member that a JSON pointer into a body leads to or into.
func fieldAt(b Body, pointer string) (Field, bool) {
	t := reflect.TypeOf(b).Elem()
	at := ""
	for _, name := range strings.Split(strings.TrimPrefix(pointer, "/"), "/") {
		for t.Kind() == reflect.Pointer || t.Kind() == reflect.Slice {
			t = t.Elem()
		}
		if t.Kind() != reflect.Struct {
			break
		}
		m, ok := memberNamed(t, name)
		if !ok {
			continue // the number of an item
		}
		at, t = typeName(t)+"."+name, m.kind
	}
	return FieldOf(at)
}

// memberNamed finds a member of a struct by its JSON name.
func memberNamed(t reflect.Type, name string) (member, bool) {
	for _, m := range membersOf(t) {
		if m.name == name {
			return m, true
		}
	}
	return member{}, false
}
