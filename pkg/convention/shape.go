package convention

import (
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
)

// The forms in which a member is filled in.
const (
	FormLine      = "line"      // one line of text
	FormNumber    = "number"    // a whole number
	FormFlag      = "flag"      // yes or no
	FormTime      = "time"      // a Time
	FormMoment    = "moment"    // a Moment
	FormChoice    = "choice"    // one of Input.Values
	FormLanguage  = "language"  // a language tag
	FormParty     = "party"     // a party code
	FormReference = "reference" // the number of an item of the list Input.Refers
	FormText      = "text"      // a Text
	FormGroup     = "group"     // the members of Input.Shape
)

// A Shape is a type of content as it is filled in: what forms are generated
// from. Drafts are read as they are, with members missing or wrong; a Shape
// therefore looks at objects of JSON and not at the types of this package.
type Shape struct{ t reflect.Type }

// ShapeOf returns the shape of a kind of content; false for a kind that does not
// exist.
func ShapeOf(kind string) (Shape, bool) {
	k, ok := find(kind)
	if !ok {
		return Shape{}, false
	}
	return Shape{reflect.TypeOf(k.empty()).Elem()}, true
}

// Name is what the schemas call the type, such as data_set; "" for the shape of
// what is no group.
func (s Shape) Name() string {
	if s.t == nil {
		return ""
	}
	return typeName(s.t)
}

// An Input is a member as it is filled in.
type Input struct {
	Name string // of the member
	At   string // its type, a dot and its name: see FieldOf
	Form string
	// Many says that it is a list of values of this form, of at most Max if that
	// is not 0. For a single text Max bounds the characters.
	Many bool
	Max  int64
	// Optional members are left out rather than empty.
	Optional bool
	// Numbered says that the items number themselves in their order.
	Numbered bool
	// Statement says that the flag must be set.
	Statement bool
	// Values can be chosen; they are rows of the code list Codes, if it is not "".
	Values []string
	Codes  string
	// Refers is the list whose items a number names: subjects, measures or
	// attachments of the same case.
	Refers string
	Shape  Shape // of a group

	in    reflect.Type
	m     member
	oneOf []string // members of which one is needed, this among them
}

// Inputs returns the members of the shape that are filled in, in their order:
// all but those that say themselves what the document is.
func (s Shape) Inputs() []Input {
	var out []Input
	var one []string
	for _, m := range membersOf(s.t) {
		if m.name == "kind" && m.kind.Kind() == reflect.String && len(m.tags) == 0 || m.name == "version" {
			continue
		}
		in := inputOf(s.t, m)
		if i := slices.IndexFunc(m.tags, func(tag string) bool { return strings.HasPrefix(tag, "any_of=") }); i >= 0 {
			one = []string{m.name}
			for _, other := range strings.Fields(strings.TrimPrefix(m.tags[i], "any_of=")) {
				one = append(one, nameOf(s.t, other))
			}
		}
		out = append(out, in)
	}
	for i := range out {
		if slices.Contains(one, out[i].Name) {
			out[i].oneOf = one
		}
	}
	return out
}

// Input returns a member of the shape by its name.
func (s Shape) Input(name string) (Input, bool) {
	all := s.Inputs()
	i := slices.IndexFunc(all, func(in Input) bool { return in.Name == name })
	if i < 0 {
		return Input{}, false
	}
	return all[i], true
}

// inputOf describes one member.
func inputOf(t reflect.Type, m member) Input {
	in := Input{Name: m.name, At: typeName(t) + "." + m.name, Optional: m.optional, Refers: refers[m.name], in: t, m: m}
	kind, tags := m.kind, m.tags
	if kind.Kind() == reflect.Slice {
		in.Many, in.Numbered = true, slices.Contains(m.tags, "numbered")
		in.Max = bound(m.tags)
		kind, tags = inner(kind.Elem()), m.items
	} else {
		in.Max = bound(tags)
	}
	in.Form, in.Shape = formOf(kind)
	for _, tag := range tags {
		in.read(tag)
	}
	if in.Form == FormNumber && in.Refers != "" {
		in.Form = FormReference
	}
	return in
}

// bound is the largest size that tags allow, 0 for none.
func bound(tags []string) int64 {
	for _, tag := range tags {
		if most, ok := strings.CutPrefix(tag, "max="); ok {
			n, _ := strconv.ParseInt(most, 10, 64) // a test reads all of them
			return n
		}
	}
	return 0
}

// refers are the lists whose items members name by their numbers.
var refers = map[string]string{
	"subject": "subjects", "subjects": "subjects", "addressee": "subjects", "holder": "subjects", "owners": "subjects", "person": "subjects",
	"measure": "measures", "measures": "measures", "done": "measures", "outstanding": "measures",
	"attachment": "attachments", "translation": "attachments", "translation_of": "attachments", "documents": "attachments",
	"consent_document": "attachments", "file": "attachments",
}

// formOf is the form of a type, and its shape if it has members.
func formOf(t reflect.Type) (string, Shape) {
	switch {
	case t == reflect.TypeFor[Time]():
		return FormTime, Shape{}
	case t == reflect.TypeFor[Moment]():
		return FormMoment, Shape{}
	case t == reflect.TypeFor[Text]():
		return FormText, Shape{t}
	case t.Kind() == reflect.Struct:
		return FormGroup, Shape{t}
	case t.Kind() == reflect.Bool:
		return FormFlag, Shape{}
	case t.Kind() == reflect.Int64:
		return FormNumber, Shape{}
	}
	return FormLine, Shape{}
}

// read takes over what a tag says of the values.
func (in *Input) read(tag string) {
	name, param, _ := strings.Cut(tag, "=")
	switch name {
	case "code":
		in.Form, in.Values = FormChoice, valuesOf(listPrefix(param))
		in.Codes, _, _ = strings.Cut(param, ".")
	case "oneof":
		in.Form, in.Values = FormChoice, strings.Fields(param)
	case "lang":
		in.Form = FormLanguage
	case "party":
		in.Form = FormParty
	case "undertaken":
		in.Statement = true
	}
}

// Label is the name of the member for people.
func (in Input) Label(lang string) string {
	if f, ok := FieldOf(in.At); ok {
		return f.Label(lang)
	}
	return in.Name
}

// Hint says how to fill the member in; "" where nothing needs to be said.
func (in Input) Hint(lang string) string {
	f, _ := FieldOf(in.At)
	return f.Hint(lang)
}

// ValueLabel is the name of one of Values for people.
func (in Input) ValueLabel(value, lang string) string {
	if in.Codes != "" {
		return Label(in.Codes, value, lang)
	}
	return ValueLabel(in.At, value, lang)
}

// Wanted reports whether the member must be there in an object of its shape as
// it is now.
func (in Input) Wanted(object map[string]any) bool {
	if !in.Fits(object) {
		return false
	}
	return !in.Optional || slices.ContainsFunc(in.m.needs, func(c condition) bool { return c.holdsIn(in.in, object) })
}

// Fits reports whether the member may be there in an object of its shape as it
// is now.
func (in Input) Fits(object map[string]any) bool {
	return in.m.only == nil || in.m.only.holdsIn(in.in, object)
}

// Asked reports whether the member is to be shown first: it must be there, or is
// usually given, or is one of those of which one must be there and none is.
func (in Input) Asked(object map[string]any) bool {
	if in.Wanted(object) {
		return true
	}
	if !in.Fits(object) {
		return false
	}
	if f, ok := FieldOf(in.At); ok && f.Obligation == Practice {
		return true
	}
	return in.OneOf(object)
}

// OneOf reports whether the member is one of those of which one must be there,
// and none is.
func (in Input) OneOf(object map[string]any) bool {
	given := func(name string) bool { return !IsBlank(object[name]) }
	return len(in.oneOf) > 0 && !slices.ContainsFunc(in.oneOf, given)
}

// IsBlank reports whether a value of a draft says nothing: nothing was filled in,
// or only what a form fills in by itself.
func IsBlank(v any) bool {
	switch v := v.(type) {
	case nil:
		return true
	case string:
		return v == "" || v == (Time{}).String()
	case bool:
		return !v
	case float64:
		return v == 0
	case []any:
		return !slices.ContainsFunc(v, func(x any) bool { return !IsBlank(x) })
	case map[string]any:
		return blankObject(v)
	}
	return false
}

// blankObject is IsBlank for objects. A text without words says nothing, and the
// number of an item is not yet an item.
func blankObject(v map[string]any) bool {
	_, isText := v["authentic"]
	for name, x := range v {
		if name == "number" || isText && (name == "lang" || name == "authentic") {
			continue
		}
		if !IsBlank(x) {
			return false
		}
	}
	return true
}

// holdsIn reports whether a value at the path is as said, from an object on that
// is of struct t.
func (c condition) holdsIn(t reflect.Type, v any) bool {
	t = inner(t)
	if list, ok := v.([]any); ok {
		elem := t
		if t.Kind() == reflect.Slice {
			elem = t.Elem()
		}
		return slices.ContainsFunc(list, func(x any) bool { return c.holdsIn(elem, x) })
	}
	if len(c.path) > 0 {
		object, ok := v.(map[string]any)
		f, known := t.FieldByName(c.path[0])
		if !ok || !known {
			return false
		}
		rest := condition{path: c.path[1:], when: c.when}
		return rest.holdsIn(f.Type, object[memberOf(f).name])
	}
	if v == nil && t.Kind() == reflect.Bool {
		v = false
	}
	return slices.ContainsFunc(c.when, func(w string) bool {
		return w == "*" && !IsBlank(v) || w != "*" && v != nil && matches(fmt.Sprint(v), w)
	})
}
