package office

import (
	"encoding/json"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"
)

// A Change is a member that two versions of a body have differently. Before or
// After is empty where the member is missing.
type Change struct {
	Pointer string `json:"pointer"` // JSON pointer
	Before  string `json:"before,omitempty"`
	After   string `json:"after,omitempty"`
}

// Changes lists the members in which two bodies differ, in the order of their
// pointers. What is no JSON is shown whole.
func Changes(before, after []byte) []Change {
	var a, b any
	if json.Unmarshal(before, &a) != nil || json.Unmarshal(after, &b) != nil {
		return []Change{{Before: string(before), After: string(after)}}
	}
	out := compare(nil, "", a, b)
	if out == nil {
		out = []Change{}
	}
	return out
}

// compare adds what differs at a pointer. A missing value is nil.
func compare(out []Change, at string, a, b any) []Change {
	if reflect.DeepEqual(a, b) {
		return out
	}
	x, isObject := a.(map[string]any)
	if y, ok := b.(map[string]any); ok && isObject {
		all := maps.Clone(x)
		maps.Copy(all, y)
		for _, name := range slices.Sorted(maps.Keys(all)) {
			out = compare(out, at+"/"+escape(name), x[name], y[name])
		}
		return out
	}
	p, isList := a.([]any)
	if q, ok := b.([]any); ok && isList {
		for i := range max(len(p), len(q)) {
			out = compare(out, at+"/"+strconv.Itoa(i), element(p, i), element(q, i))
		}
		return out
	}
	return append(out, Change{at, text(a), text(b)})
}

// escape spells a name in a JSON pointer (RFC 6901 section 3).
func escape(name string) string { return strings.NewReplacer("~", "~0", "/", "~1").Replace(name) }

func element(list []any, i int) any {
	if i >= len(list) {
		return nil
	}
	return list[i]
}

// text shows a value: a text as it is, others as JSON.
func text(v any) string {
	switch v := v.(type) {
	case nil:
		return ""
	case string:
		return v
	}
	data, err := json.Marshal(v)
	if err != nil {
		return ""
	}
	return string(data)
}
