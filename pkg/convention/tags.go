package convention

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"sync"

	"github.com/go-playground/validator/v10"
)

// The tags of this package, beside those of the validator. Each is also written
// into the JSON Schemas, but for those marked *, which a schema cannot say.
//
//	code=LIST            the value is a code of the list
//	code=LIST.FLAG       … whose row has the flag
//	needs=PATH WHEN…     the member is needed where a value at PATH is as said
//	only=PATH WHEN…      the member is allowed only there
//	any_of=MEMBER…       this or one of the other members is needed
//	undertaken           the statement must be made: the value is true
//	contains=WHEN        the list has a value as said
//	numbered *           the items are numbered from 1 in their order
//	after=MEMBER *       the time is later than that of the other member
//
// PATH is the name of a field beside the member and of fields inside it; of a
// list, any item counts. WHEN is a value, or LIST.FLAG for the codes whose row
// has the flag, or * for any value; !LIST.FLAG are the codes without it.

// registerTags makes the validator know the tags.
func registerTags(v *validator.Validate) []error {
	absent := map[string]validator.Func{
		"needs": func(fl validator.FieldLevel) bool {
			return !isEmpty(fl.Field()) || !conditionOf(fl.Param()).holds(fl.Parent())
		},
		"only": func(fl validator.FieldLevel) bool {
			return isEmpty(fl.Field()) || conditionOf(fl.Param()).holds(fl.Parent())
		},
		"any_of": func(fl validator.FieldLevel) bool {
			parent := reflect.Indirect(fl.Parent())
			return !isEmpty(fl.Field()) || slices.ContainsFunc(strings.Fields(fl.Param()), func(name string) bool { return !isEmpty(parent.FieldByName(name)) })
		},
	}
	given := map[string]validator.Func{
		"code":       func(fl validator.FieldLevel) bool { return matches(fl.Field().String(), listPrefix(fl.Param())) },
		"undertaken": func(fl validator.FieldLevel) bool { return fl.Field().Bool() },
		"contains":   func(fl validator.FieldLevel) bool { return anyMatches(fl.Field(), []string{fl.Param()}) },
		"numbered":   func(fl validator.FieldLevel) bool { return numbered(fl.Field()) },
		"after":      after,
	}
	var errs []error
	for tag, f := range absent {
		errs = append(errs, v.RegisterValidation(tag, f, true))
	}
	for tag, f := range given {
		errs = append(errs, v.RegisterValidation(tag, f))
	}
	return errs
}

// listPrefix turns the parameter of code into a WHEN: a list without a flag
// means all its codes.
func listPrefix(param string) string {
	if strings.Contains(param, ".") {
		return param
	}
	return param + "."
}

// cut separates a flag from its value.
func cut(flag string) (member, value string, found bool) { return strings.Cut(flag, ":") }

// A condition says when a rule applies.
type condition struct {
	path []string
	when []string
}

// conditionOf reads the parameter of needs and only.
func conditionOf(param string) *condition {
	if known, ok := conditions.Load(param); ok {
		if c, ok := known.(*condition); ok {
			return c
		}
	}
	words := strings.Fields(param)
	c := &condition{path: strings.Split(words[0], "."), when: words[1:]}
	conditions.Store(param, c)
	return c
}

// conditions holds those that were read, by their text.
var conditions sync.Map

// holds reports whether a value at the path, from the struct v on, is as said.
func (c condition) holds(v reflect.Value) bool {
	return slices.ContainsFunc(valuesAt(v, c.path), func(x reflect.Value) bool { return anyMatches(x, c.when) })
}

// valuesAt returns the values at a path.
func valuesAt(v reflect.Value, path []string) []reflect.Value {
	v = reflect.Indirect(v)
	switch {
	case !v.IsValid():
		return nil
	case len(path) == 0:
		return []reflect.Value{v}
	case v.Kind() == reflect.Slice:
		var out []reflect.Value
		for i := range v.Len() {
			out = append(out, valuesAt(v.Index(i), path)...)
		}
		return out
	}
	return valuesAt(v.FieldByName(path[0]), path[1:])
}

// anyMatches reports whether the value, or an item of it, is as one of when.
func anyMatches(v reflect.Value, when []string) bool {
	if v.Kind() == reflect.Slice && !slices.Contains(when, "*") {
		for i := range v.Len() {
			if anyMatches(v.Index(i), when) {
				return true
			}
		}
		return false
	}
	return slices.ContainsFunc(when, func(w string) bool {
		return w == "*" && !isEmpty(v) || w != "*" && matches(fmt.Sprint(v.Interface()), w)
	})
}

// matches reports whether a value is as a WHEN other than * says.
func matches(value, when string) bool {
	list, flag, isList := strings.Cut(when, ".")
	if !isList {
		return value == when
	}
	without := strings.HasPrefix(list, "!")
	code, ok := CodeOf(strings.TrimPrefix(list, "!"), value)
	return ok && (flag == "" || code.Has(flag) != without)
}

// valuesOf returns the values that a WHEN other than * stands for.
func valuesOf(when string) []string {
	list, _, isList := strings.Cut(when, ".")
	if !isList {
		return []string{when}
	}
	out := []string{}
	for _, c := range Codes(strings.TrimPrefix(list, "!")) {
		if matches(c.Code, when) {
			out = append(out, c.Code)
		}
	}
	return out
}

// isEmpty reports whether a value is one that is left out.
func isEmpty(v reflect.Value) bool {
	return !v.IsValid() || v.IsZero() || v.Kind() == reflect.Slice && v.Len() == 0
}

// numbered reports whether the items of a list are numbered 1, 2, 3 and so on.
func numbered(list reflect.Value) bool {
	for i := range list.Len() {
		if list.Index(i).FieldByName("Number").Int() != int64(i)+1 {
			return false
		}
	}
	return true
}

// after reports whether the member is later than the other, if both are given.
func after(fl validator.FieldLevel) bool {
	parent := reflect.Indirect(fl.Parent())
	from, _ := reflect.TypeAssert[Time](parent.FieldByName(fl.Param()))
	to, _ := reflect.TypeAssert[Time](parent.FieldByName(fl.StructFieldName()))
	return from.IsZero() || to.IsZero() || to.After(from.Time)
}
