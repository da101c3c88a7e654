package convention

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"sync"
	"unicode"

	"github.com/entraide/entraide/pkg/problem"
)

//go:generate go run ../../internal/generate ../..

// schemaBase is where the schemas say they are.
const schemaBase = "https://entraide.example/schemas/bodies/"

// Schema returns the JSON Schema (2020-12) of a kind of content, nil for a kind
// that does not exist. It is written from the Go types and their tags, so that
// the two say the same; the files in schemas/bodies are its output.
func Schema(name string) ([]byte, error) {
	k, ok := find(name)
	if !ok {
		return nil, nil
	}
	w := schemaWriter{defs: object{}}
	root := w.structSchema(reflect.TypeOf(k.empty()).Elem())
	w.complete()
	properties(root)["kind"] = object{"const": k.name}
	properties(root)["version"] = object{"const": version}
	root["$schema"] = "https://json-schema.org/draft/2020-12/schema"
	root["$id"] = schemaBase + k.name + ".json"
	root["title"] = Label("kind", k.name, "en")
	root["$defs"] = w.defs
	var out bytes.Buffer
	enc := json.NewEncoder(&out)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(root); err != nil {
		return nil, fmt.Errorf("convention: writing the schema of %s: %w", name, err)
	}
	return []byte(escaped.Replace(out.String())), nil
}

// escaped writes the characters that reorder what is shown as escapes, so that
// a schema reads as it is.
var escaped = strings.NewReplacer("\u202a", `\u202a`, "\u202d", `\u202d`, "\u202e", `\u202e`, "\u2066", `\u2066`, "\u2069", `\u2069`)

// An object is a JSON object.
type object = map[string]any

func properties(schema object) object {
	p, _ := schema["properties"].(object)
	return p
}

// A schemaWriter writes the schemas of the types that one document uses.
type schemaWriter struct {
	defs object
	todo []reflect.Type
}

// complete writes the definitions of all types that were referred to.
func (w *schemaWriter) complete() {
	for len(w.todo) > 0 {
		t := w.todo[0]
		w.todo = w.todo[1:]
		w.defs[typeName(t)] = w.typeSchema(t)
	}
}

// ref refers to the definition of a type.
func (w *schemaWriter) ref(t reflect.Type) object {
	name := typeName(t)
	if _, ok := w.defs[name]; !ok {
		w.defs[name] = object{}
		w.todo = append(w.todo, t)
	}
	return object{"$ref": "#/$defs/" + name}
}

// typeName is the name of a type in a schema: DataSet is data_set.
func typeName(t reflect.Type) string {
	var b strings.Builder
	for i, r := range t.Name() {
		if unicode.IsUpper(r) && i > 0 {
			b.WriteByte('_')
		}
		b.WriteRune(unicode.ToLower(r))
	}
	return b.String()
}

// typeSchema is the definition of a type.
func (w *schemaWriter) typeSchema(t reflect.Type) object {
	switch t {
	case reflect.TypeFor[Time]():
		return object{
			"description": "RFC 3339, UTC, whole seconds.", "type": "string", "format": "date-time",
			"pattern": "^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-5][0-9]Z$",
		}
	case reflect.TypeFor[Moment]():
		return object{
			"description": "RFC 3339 with the offset from UTC of the place, whole seconds; an offset of zero is Z.", "type": "string", "format": "date-time",
			"pattern": momentForm,
		}
	}
	return w.structSchema(t)
}

// structSchema is the schema of an object with the members of a struct.
func (w *schemaWriter) structSchema(t reflect.Type) object {
	s := object{"type": "object", "properties": object{}, "additionalProperties": false}
	var required []any
	var rules []any
	for _, m := range membersOf(t) {
		properties(s)[m.name] = w.member(m)
		if !m.optional {
			required = append(required, m.name)
		}
		for _, tag := range m.tags {
			if rule := ruleOf(t, m, tag); rule != nil {
				rules = append(rules, rule)
			}
		}
	}
	if more, ok := furtherSchemas[t]; ok {
		rules = append(rules, more()...)
	}
	if len(required) > 0 {
		s["required"] = required
	}
	if len(rules) > 0 {
		s["allOf"] = rules
	}
	return s
}

// membersOf returns the members of a struct, those of the head first.
func membersOf(t reflect.Type) []member {
	if known, ok := structs.Load(t); ok {
		if members, ok := known.([]member); ok {
			return members
		}
	}
	var out []member
	for f := range t.Fields() {
		if f.Anonymous {
			out = append(out, membersOf(f.Type)...)
			continue
		}
		out = append(out, memberOf(f))
	}
	structs.Store(t, out)
	return out
}

// structs holds the members of the structs that were looked at, by their type.
var structs sync.Map

// A member is a field as its tags describe it.
type member struct {
	name     string
	field    string // in Go
	kind     reflect.Type
	optional bool
	tags     []string // up to dive
	items    []string // after dive
	only     *condition
	needs    []condition
}

// memberOf reads the tags of a field.
func memberOf(f reflect.StructField) member {
	name, options, _ := strings.Cut(f.Tag.Get("json"), ",")
	m := member{name: name, field: f.Name, kind: f.Type, optional: options != ""}
	if m.kind.Kind() == reflect.Pointer {
		m.kind = m.kind.Elem()
	}
	if tags := f.Tag.Get("validate"); tags != "" {
		m.tags = strings.Split(tags, ",")
	}
	if i := slices.Index(m.tags, "dive"); i >= 0 {
		m.tags, m.items = m.tags[:i], m.tags[i+1:]
	}
	for _, tag := range m.tags {
		name, param, _ := strings.Cut(tag, "=")
		switch name {
		case "only":
			m.only = conditionOf(param)
		case "needs":
			m.needs = append(m.needs, *conditionOf(param))
		}
	}
	return m
}

// member is the schema of the value of a member.
func (w *schemaWriter) member(m member) object {
	switch m.kind.Kind() {
	case reflect.Slice:
		s := object{"type": "array", "items": w.value(m.kind.Elem(), m.items, false)}
		if m.optional {
			s["minItems"] = 1
		}
		for _, tag := range m.tags {
			listKeyword(s, tag)
		}
		return s
	case reflect.Map:
		return object{
			"type": "object", "minProperties": 1, "maxProperties": 20,
			"propertyNames":        object{"pattern": forms["lang"].String()},
			"additionalProperties": w.value(m.kind.Elem(), []string{"required", "max=300", "plain"}, false),
		}
	}
	return w.value(m.kind, m.tags, m.optional)
}

// value is the schema of a value that is no list. Where it is optional, it is
// never the one that is left out.
func (w *schemaWriter) value(t reflect.Type, tags []string, optional bool) object {
	s := object{}
	switch t.Kind() {
	case reflect.Struct:
		return w.ref(t)
	case reflect.String:
		s["type"] = "string"
		if optional || slices.Contains(tags, "required") {
			s["minLength"] = 1
		}
	case reflect.Bool:
		s["type"] = "boolean"
		if optional {
			s["const"] = true
		}
	case reflect.Int64:
		s["type"] = "integer"
		if optional {
			s["not"] = object{"const": 0}
		}
	}
	for _, tag := range tags {
		keyword(s, tag)
	}
	return s
}

// keyword adds what a tag says of one value to its schema.
func keyword(s object, tag string) {
	name, param, _ := strings.Cut(tag, "=")
	lowest, highest := "minimum", "maximum"
	if s["type"] == "string" {
		lowest, highest = "minLength", "maxLength"
	}
	switch name {
	case "min":
		s[lowest] = json.Number(param)
		delete(s, "not")
	case "max":
		s[highest] = json.Number(param)
	case "oneof":
		enumerate(s, strings.Fields(param))
	case "code":
		enumerate(s, valuesOf(listPrefix(param)))
	case "problem":
		var codes []string
		for _, c := range problem.Codes() {
			codes = append(codes, string(c))
		}
		enumerate(s, codes)
	case "undertaken":
		s["const"] = true
	case "ip":
		s["anyOf"] = []any{object{"format": "ipv4"}, object{"format": "ipv6"}}
	}
	if form, ok := forms[name]; ok {
		s["pattern"] = form.String()
	}
}

// listKeyword adds what a tag says of a list to its schema.
func listKeyword(s object, tag string) {
	name, param, _ := strings.Cut(tag, "=")
	switch {
	case name == "min":
		s["minItems"] = json.Number(param)
	case name == "max":
		s["maxItems"] = json.Number(param)
	case name == "unique" && param == "":
		s["uniqueItems"] = true
	case name == "contains":
		s["contains"] = object{"enum": valuesOf(param)}
	}
}

// enumerate makes s the schema of one of the texts.
func enumerate(s object, values []string) {
	clear(s)
	s["enum"] = values
}

// ruleOf is the rule between members that a tag of member m of type t makes, or
// nil.
func ruleOf(t reflect.Type, m member, tag string) any {
	name, param, _ := strings.Cut(tag, "=")
	switch name {
	case "needs":
		return object{"if": conditionOf(param).schema(t), "then": object{"required": []any{m.name}}}
	case "only":
		return object{"if": conditionOf(param).schema(t), "else": object{"properties": object{m.name: false}}}
	case "any_of":
		one := []any{object{"required": []any{m.name}}}
		for _, other := range strings.Fields(param) {
			one = append(one, object{"required": []any{nameOf(t, other)}})
		}
		return object{"anyOf": one}
	}
	return nil
}

// nameOf returns the JSON name of a field of struct t.
func nameOf(t reflect.Type, field string) string {
	f, _ := t.FieldByName(field)
	return memberOf(f).name
}

// schema is the schema that an object of struct t satisfies where the condition
// holds.
func (c condition) schema(t reflect.Type) object {
	if t.Kind() == reflect.Slice {
		return object{"contains": c.schema(t.Elem())}
	}
	if t.Kind() == reflect.Pointer {
		return c.schema(t.Elem())
	}
	if len(c.path) == 0 {
		return c.leaf(t)
	}
	f, ok := t.FieldByName(c.path[0])
	if !ok {
		return object{"not": object{}} // a test keeps the tags right
	}
	name := memberOf(f).name
	inner := condition{path: c.path[1:], when: c.when}
	if len(inner.path) == 0 && slices.Contains(c.when, "*") {
		return object{"required": []any{name}}
	}
	return object{"required": []any{name}, "properties": object{name: inner.schema(f.Type)}}
}

// leaf is the schema of a value that is as the condition says.
func (c condition) leaf(t reflect.Type) object {
	if t.Kind() == reflect.Bool {
		return object{"const": c.when[0] == "true"}
	}
	values := []string{}
	for _, w := range c.when {
		values = append(values, valuesOf(w)...)
	}
	return object{"enum": values}
}
