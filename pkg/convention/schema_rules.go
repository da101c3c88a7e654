package convention

import (
	"maps"
	"reflect"
	"slices"
)

// furtherSchemas are the rules of registerStructRules, as far as a schema can
// say them.
var furtherSchemas = map[reflect.Type]func() []any{
	reflect.TypeFor[Name]():         nameSchemas,
	reflect.TypeFor[Request]():      requestSchemas,
	reflect.TypeFor[Identifier]():   identifierSchemas,
	reflect.TypeFor[Preservation](): preservationSchemas,
	reflect.TypeFor[StoredData]():   storedDataSchemas,
	reflect.TypeFor[DecisionItem](): decisionSchemas,
}

// where is the schema of an object whose member is one of the values.
func where(member string, values ...string) object {
	return object{"required": []any{member}, "properties": object{member: object{"enum": values}}}
}

// having is the schema of an object that has the members.
func having(members ...any) object { return object{"required": members} }

// inside is the schema of an object whose member, if it is there, is as said.
func inside(member string, s object) object {
	return object{"properties": object{member: s}}
}

// implies is the rule that what satisfies the first schema satisfies the
// second.
func implies(first, second object) object { return object{"if": first, "then": second} }

// with is the schema of an object whose member is there and as said.
func with(member string, s object) object {
	return object{"required": []any{member}, "properties": object{member: s}}
}

func nameSchemas() []any {
	foreign := object{"pattern": "[\u0370-\u1dff\u2c00-\U0010ffff]"}
	return []any{implies(with("full", foreign), having("transliteration"))}
}

func requestSchemas() []any {
	contains := func(s object) object { return with("measures", object{"contains": s}) }
	refers := func(relation string) object {
		return with("references", object{"contains": where("relation", relation)})
	}
	extends := contains(having("extension"))
	follows := func(detail string) object { return contains(with(detail, having("preservation"))) }
	return []any{
		implies(where("urgency", valuesOf("urgency-class.text")...), inside("urgency_reason", having("text"))),
		inside("narrative", inside("authentic", object{"const": true})),
		implies(extends, object{"allOf": []any{where("status", "extension"), refers("extends")}}),
		implies(where("status", "extension"), extends),
		implies(object{"anyOf": []any{follows("stored_data"), follows("subscriber")}}, refers("follows-preservation")),
	}
}

func identifierSchemas() []any {
	var out []any
	for _, name := range slices.Sorted(maps.Keys(identifierForms)) {
		out = append(out, implies(where("type", name), inside("value", object{"pattern": identifierForms[name].String()})))
	}
	return append(out, implies(where("type", "ip"), inside("value", object{"anyOf": []any{object{"format": "ipv4"}, object{"format": "ipv6"}}})))
}

func preservationSchemas() []any {
	kind, _ := CodeOf(listMeasure, "T01")
	return []any{inside("duration_days", object{"minimum": kind.Number("min_days")})}
}

func storedDataSchemas() []any {
	return []any{inside("data", object{"items": having("from")})}
}

func decisionSchemas() []any {
	preserving := where("type", valuesOf("measure-type.preservation")...)
	grounds := func(when string) object { return object{"items": object{"enum": valuesOf(when)}} }
	consulted := object{"allOf": []any{
		object{"not": preserving}, with("grounds", object{"contains": object{"enum": valuesOf("refusal-ground.consult")}}),
	}}
	extended := object{"allOf": []any{where("type", valuesOf("measure-type.extends")...), where("outcome", "accepted", "partly")}}
	return []any{
		implies(preserving, inside("grounds", grounds("refusal-ground.preservation"))),
		implies(consulted, having("consultation")),
		object{"if": extended, "then": having("until"), "else": inside("until", object{"not": object{}})},
	}
}
