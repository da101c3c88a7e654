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
}

// Label returns the name of the member for people, in English where lang is
// not one of Languages.
func (f Field) Label(lang string) string {
	if label, ok := f.Labels[lang]; ok {
		return label
	}
	return f.Labels["en"]
}

// fields reads the catalogue of members once.
var fields = sync.OnceValues(func() (map[string]Field, error) {
	data, err := schemas.FS.ReadFile("fields.json")
	if err != nil {
		return nil, err
	}
	var file struct {
		Version int64   `json:"version"`
		Fields  []Field `json:"fields"`
	}
	if err := strictjson.Unmarshal(data, 4*maxListBytes, &file); err != nil {
		return nil, fmt.Errorf("convention: reading fields.json: %w", err)
	}
	out := map[string]Field{}
	for _, f := range file.Fields {
		out[f.At] = f
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
	f, ok := all[at]
	return f, ok
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
