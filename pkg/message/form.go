package message

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/entraide/entraide/pkg/directory"
	"github.com/entraide/entraide/pkg/problem"
	"github.com/entraide/entraide/pkg/strictjson"
)

// unmarshal reads strict JSON. The field of a problem is the member's path
// under prefix, such as "core.to.fingerprint".
func unmarshal(data []byte, maxBytes int, prefix string, v any) error {
	err := strictjson.Unmarshal(data, maxBytes, v)
	if e, ok := errors.AsType[*strictjson.Error](err); ok {
		return problem.New(problem.Code(e.Kind), under(prefix, path(e.Pointer)), e.Detail)
	}
	return err
}

// path turns a JSON pointer into a member's path.
func path(pointer string) string {
	return strings.ReplaceAll(strings.TrimPrefix(pointer, "/"), "/", ".")
}

// inside turns a problem of something inside a member into one of the whole.
func inside(err error, member string) error {
	p, ok := errors.AsType[*problem.Error](err)
	if !ok {
		return err
	}
	return inField(err, under(member, path(p.Field)))
}

// under joins a prefix and a member's path, each of which may be empty.
func under(prefix, path string) string {
	return strings.Trim(prefix+"."+path, ".")
}

// canonical checks that text is the one spelling of v: what is signed must not
// have two.
func canonical(text, field string, v any) error {
	want, err := strictjson.Marshal(v)
	if err != nil || string(want) != text {
		return problem.New(problem.MalformedJSON, field, "This is not in its canonical form: all members, in order, without white space.")
	}
	return nil
}

// A form collects the first fault of an object's members.
type form struct {
	prefix string
	fault  *problem.Error
}

// must notes a fault unless ok.
func (f *form) must(ok bool, code problem.Code, field, detail string) {
	if !ok && f.fault == nil {
		f.fault = problem.New(code, under(f.prefix, field), detail)
	}
}

// err returns the first fault, or a nil error.
func (f *form) err() error {
	if f.fault == nil {
		return nil
	}
	return f.fault
}

func (f *form) id(id ID, field string) {
	f.must(id.Valid(), problem.InvalidValue, field, "An identifier is 32 lower-case hex digits.")
}

func (f *form) digest(d Digest, field string) {
	f.must(d.Valid(), problem.InvalidValue, field, "A digest is 64 lower-case hex digits.")
}

func (f *form) authority(id, field string) {
	f.must(directory.ValidAuthority(id), problem.InvalidValue, field, "An authority is written as party, dot and label, such as QM.24-7.")
}

func (f *form) fingerprint(s, field string) {
	f.must(directory.ValidFingerprint(s), problem.InvalidValue, field, "A fingerprint is 40 or 64 upper-case hex digits.")
}

// time checks that a time is there at all: the zero Time means that the member
// is missing, and no clock of ours shows a year before 2000.
func (f *form) time(t Time, field string) {
	f.must(t.Year() >= 2000, problem.InvalidValue, field, "The time is missing or before the year 2000.")
}

func (f *form) size(n, atLeast, atMost int64, field string) {
	f.must(n >= atLeast && n <= atMost, problem.InvalidValue, field, fmt.Sprintf("This must be between %d and %d.", atLeast, atMost))
}

// ascending checks that digests are in order, which also means that none is
// there twice.
func (f *form) ascending(digests []Digest, field string) {
	for i, d := range digests {
		f.digest(d, fmt.Sprintf("%s.%d", field, i))
	}
	unique := slices.Compact(slices.Sorted(slices.Values(digests)))
	f.must(slices.Equal(unique, digests), problem.InvalidValue, field, "The digests must be in ascending order, each once.")
}
