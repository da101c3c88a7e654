package convention

import (
	"maps"
	"reflect"
	"slices"
	"strconv"

	"github.com/entraide/entraide/pkg/strictjson"
)

// checkSpelling checks that a document, read as a value, says nothing but what was understood:
// that every member that is always written is there, and that none is empty
// that would be left out.
func checkSpelling(have any, b Body) error {
	written, err := strictjson.Marshal(b)
	if err != nil {
		return refusal(err)
	}
	var want any
	if err := strictjson.Unmarshal(written, MaxBodyBytes, &want); err != nil {
		return refusal(err)
	}
	if at, fault := difference(have, want); fault != "" {
		return invalid(at, sentence(fault))
	}
	return nil
}

// difference finds a place where two JSON values differ, always the same: its
// pointer and the key of the sentence, which is "" where there is none.
func difference(have, want any) (at, fault string) {
	if have, ok := have.(map[string]any); ok {
		if want, ok := want.(map[string]any); ok {
			return differentMembers(have, want)
		}
	}
	if have, ok := have.([]any); ok {
		if want, ok := want.([]any); ok && len(have) == len(want) {
			for i := range have {
				if at, fault := difference(have[i], want[i]); fault != "" {
					return "/" + strconv.Itoa(i) + at, fault
				}
			}
			return "", ""
		}
	}
	if !reflect.DeepEqual(have, want) {
		return "", "spelling"
	}
	return "", ""
}

// differentMembers is difference for two objects.
func differentMembers(have, want map[string]any) (at, fault string) {
	for _, name := range slices.Sorted(maps.Keys(have)) {
		if _, ok := want[name]; !ok {
			return "/" + name, "empty"
		}
	}
	for _, name := range slices.Sorted(maps.Keys(want)) {
		if _, ok := have[name]; !ok {
			return "/" + name, "required"
		}
		if at, fault := difference(have[name], want[name]); fault != "" {
			return "/" + name + at, fault
		}
	}
	return "", ""
}
