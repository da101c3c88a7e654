package convention

import (
	"reflect"
	"strconv"
)

// checkSpelling checks that a document, read as a value, says nothing but what
// was understood: that every member that is always written is there, and that
// none is empty that would be left out. The error is a fault.
func checkSpelling(have any, b Body) error {
	if at, code := misspelt(have, reflect.ValueOf(b)); code != "" {
		return fault{code, at}
	}
	return nil
}

// misspelt finds the first place where a value is not as it would be written:
// its pointer and the finding, which is "" where there is none.
func misspelt(have any, v reflect.Value) (at, fault string) {
	v = reflect.Indirect(v)
	switch have := have.(type) {
	case map[string]any:
		if v.Kind() == reflect.Struct {
			return misspeltMember(have, v)
		}
	case []any:
		for i := range have {
			if at, fault := misspelt(have[i], v.Index(i)); fault != "" {
				return "/" + strconv.Itoa(i) + at, fault
			}
		}
	}
	return "", ""
}

// misspeltMember is misspelt for the members of a struct.
func misspeltMember(have map[string]any, v reflect.Value) (at, fault string) {
	for _, m := range membersOf(v.Type()) {
		raw, given := have[m.name]
		value := v.FieldByName(m.field)
		switch {
		case given && m.optional && isEmpty(value):
			return "/" + m.name, "empty"
		case !given && !m.optional:
			return "/" + m.name, "required"
		case given:
			if at, fault := misspelt(raw, value); fault != "" {
				return "/" + m.name + at, fault
			}
		}
	}
	return "", ""
}
