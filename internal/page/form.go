package page

import (
	"errors"
	"html/template"
	"net/url"
)

// A Form is what somebody has typed, and why it was not taken. The zero value
// is a form that nobody has filled in.
type Form struct {
	Values url.Values
	Errors []FieldError
}

// A FieldError says what is wrong with a field.
type FieldError struct {
	Field string // its name
	Text  string // in the language of the page
}

// Set gives a field the value it has before anybody types.
func (f *Form) Set(field string, values ...string) {
	if f.Values == nil {
		f.Values = url.Values{}
	}
	f.Values[field] = values
}

// Fail notes that a field was not taken; text is in the language of the page.
func (f *Form) Fail(field, text string) { f.Errors = append(f.Errors, FieldError{field, text}) }

// Error returns what is wrong with a field, or "".
func (f Form) Error(field string) string {
	for _, e := range f.Errors {
		if e.Field == field {
			return e.Text
		}
	}
	return ""
}

// Has reports whether a field has a value, as of a set of checkboxes.
func (f Form) Has(field, value string) bool {
	for _, v := range f.Values[field] {
		if v == value {
			return true
		}
	}
	return false
}

// A fieldView is what the partial "field" shows.
type fieldView struct {
	Name, Label, Hint, Error, Value string
	Type                            string // of the input; "textarea" or "select" for these
	Autocomplete, Mode, Dir         string
	Rows, Max                       string
	Required                        bool
	Options                         []Choice
	List                            []string // proposals
}

// A Choice is one of a select, of radio buttons or of checkboxes.
type Choice struct {
	Value, Label, Hint string
}

// field makes the view of a field: its form, its name, its label, and pairs of
// attributes: "hint" text, "type", "autocomplete", "mode" (inputmode), "dir",
// "rows", "max" (characters), "required" true, "options" []Choice, "list"
// []string, "value" text.
func field(f Form, name, label string, pairs ...any) (fieldView, error) {
	v := fieldView{Name: name, Label: label, Type: "text", Error: f.Error(name), Value: f.Values.Get(name)}
	for i := 0; i+1 < len(pairs); i += 2 {
		text, _ := pairs[i+1].(string)
		switch pairs[i] {
		case "hint":
			v.Hint = text
		case "type":
			v.Type = text
		case "autocomplete":
			v.Autocomplete = text
		case "mode":
			v.Mode = text
		case "dir":
			v.Dir = text
		case "rows":
			v.Rows = text
		case "max":
			v.Max = text
		case "value":
			v.Value = text
		case "required":
			v.Required, _ = pairs[i+1].(bool)
		case "options":
			v.Options, _ = pairs[i+1].([]Choice)
		case "list":
			v.List, _ = pairs[i+1].([]string)
		default:
			return v, errors.New("field has no such attribute")
		}
	}
	if v.Type == "password" {
		v.Value = "" // never written into a page
	}
	return v, nil
}

// A Tag is a short word on a coloured ground. Kind is one of ok, info, warn,
// bad, plain; the word says the same.
type Tag struct{ Kind, Text string }

// MakeTag makes a tag of a kind.
func MakeTag(kind, text string) Tag { return Tag{kind, text} }

// A Pair is a line of a summary list: a term, what it is, and where to change
// it.
type Pair struct {
	Term   string
	Value  template.HTML
	Change string // address; empty for none
}

// An Event is a line of a timeline.
type Event struct {
	When  template.HTML
	Title string
	Body  template.HTML
	Kind  string // in, out or note
}
