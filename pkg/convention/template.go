package convention

import (
	"bytes"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/entraide/entraide/pkg/problem"
)

// listObligation holds the words for the obligations.
const listObligation = "obligation"

// maxListed is how many codes a template lists; longer lists it only names.
const maxListed = 16

// New returns an empty document: a request for one measure of the given type,
// such as "T05", or a body of the given kind. It returns a *problem.Error for a
// name that is neither.
func New(name string) (Body, error) {
	if matches(name, "measure-type.request") {
		return &Request{Head: HeadOf("request"), Measures: []Measure{{Number: 1, Type: name}}}, nil
	}
	k, ok := find(name)
	if !ok {
		return nil, problem.New(problem.InvalidValue, "type", "There is no such type of measure or kind of content.")
	}
	b := k.empty()
	*b.head() = HeadOf(k.name)
	return b, nil
}

// Template writes a document that is to be filled in, as JSON with comments.
// What must be there stands in it, with the values that b has already; the rest
// is commented out. Every member is named in the given language, with its place
// in the Convention, and its codes are listed.
func Template(b Body, lang string) []byte {
	w := templateWriter{lang: lang}
	w.object(reflect.ValueOf(b).Elem(), 0)
	w.out.WriteByte('\n')
	return w.out.Bytes()
}

// A templateWriter writes a template.
type templateWriter struct {
	out  bytes.Buffer
	lang string
}

// line writes one line.
func (w *templateWriter) line(depth int, format string, args ...any) {
	w.out.WriteString(strings.Repeat("  ", depth))
	fmt.Fprintf(&w.out, format, args...)
	w.out.WriteByte('\n')
}

// object writes a struct, whose values that are set are taken over.
func (w *templateWriter) object(v reflect.Value, depth int) {
	w.out.WriteString("{\n")
	for _, m := range membersOf(v.Type()) {
		value := v.FieldByName(m.field)
		switch {
		case !fits(m, v):
		case wanted(m, v):
			w.comment(v.Type(), m, depth+1)
			w.out.WriteString(strings.Repeat("  ", depth+1) + fmt.Sprintf("%q: ", m.name))
			w.value(m, value, depth+1)
			w.out.WriteString(",\n")
		default:
			w.comment(v.Type(), m, depth+1)
			w.line(depth+1, "// %q: %s,", m.name, sketch(m.kind, m.tags))
		}
	}
	w.out.WriteString(strings.Repeat("  ", depth) + "}")
}

// wanted reports whether a member must be there where v is.
func wanted(m member, v reflect.Value) bool {
	return !m.optional || slices.ContainsFunc(m.needs, func(c condition) bool { return c.holds(v) })
}

// comment names a member and lists its codes.
func (w *templateWriter) comment(t reflect.Type, m member, depth int) {
	if f, ok := FieldOf(typeName(t) + "." + m.name); ok {
		words := []string{f.Label(w.lang)}
		if code, ok := CodeOf(listObligation, f.Obligation); ok {
			words = append(words, code.Label(w.lang))
		}
		if f.Provision != "" {
			words = append(words, f.Provision)
		}
		w.line(depth, "// %s", strings.Join(words, " · "))
	}
	for _, tag := range slices.Concat(m.tags, m.items) {
		if list, ok := strings.CutPrefix(tag, "code="); ok {
			w.codes(list, depth)
		}
	}
}

// codes lists the codes of a list, or names a list that is long.
func (w *templateWriter) codes(when string, depth int) {
	values := valuesOf(listPrefix(when))
	list, _, _ := strings.Cut(when, ".")
	if len(values) > maxListed {
		w.line(depth, "//   → entraide schema show %s", list)
		return
	}
	for _, value := range values {
		code, _ := CodeOf(list, value)
		w.line(depth, "//   %s  %s", value, code.Label(w.lang))
	}
}

// value writes the value of a member that is wanted.
func (w *templateWriter) value(m member, v reflect.Value, depth int) {
	switch {
	case m.kind.Kind() == reflect.Slice && inner(m.kind.Elem()).Kind() == reflect.Struct && isContent(inner(m.kind.Elem())):
		w.out.WriteString("[")
		if v.Len() > 0 {
			w.object(reflect.Indirect(v.Index(0)), depth)
		} else {
			w.object(reflect.New(inner(m.kind.Elem())).Elem(), depth)
		}
		w.out.WriteString("]")
	case m.kind.Kind() == reflect.Struct && isContent(m.kind) && m.kind != reflect.TypeFor[Text]():
		v = reflect.Indirect(v)
		if !v.IsValid() {
			v = reflect.New(m.kind).Elem()
		}
		w.object(v, depth)
	case !isEmpty(v) && v.Kind() == reflect.String:
		fmt.Fprintf(&w.out, "%q", v.String())
	case !isEmpty(v) && v.Kind() == reflect.Int64:
		fmt.Fprint(&w.out, v.Int())
	default:
		w.out.WriteString(sketch(m.kind, m.tags))
	}
}

// inner returns what a pointer points to.
func inner(t reflect.Type) reflect.Type {
	if t.Kind() == reflect.Pointer {
		return t.Elem()
	}
	return t
}

// sketch is an empty value of a type on one line, with what must be in it.
func sketch(t reflect.Type, tags []string) string {
	t = inner(t)
	switch {
	case t == reflect.TypeFor[Text]():
		return `{"lang": "", "text": "", "authentic": true}`
	case t.Kind() == reflect.Slice:
		return "[" + sketch(t.Elem(), nil) + "]"
	case t.Kind() == reflect.Map:
		return `{"en": ""}`
	case t.Kind() == reflect.Struct && isContent(t):
		return sketchObject(t)
	case t.Kind() == reflect.Bool:
		return fmt.Sprint(slices.Contains(tags, "undertaken"))
	case t.Kind() == reflect.Int64:
		return "0"
	}
	for _, tag := range tags {
		if values, ok := strings.CutPrefix(tag, "oneof="); ok {
			return fmt.Sprintf("%q", strings.ReplaceAll(values, " ", "|"))
		}
	}
	return `""`
}

// sketchObject is a struct on one line, with the members that it always has.
func sketchObject(t reflect.Type) string {
	var parts []string
	for _, m := range membersOf(t) {
		if !m.optional {
			parts = append(parts, fmt.Sprintf("%q: %s", m.name, sketch(m.kind, m.tags)))
		}
	}
	return "{" + strings.Join(parts, ", ") + "}"
}
