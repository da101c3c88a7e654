package convention

import (
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Made returns a document of a kind, or a request for a measure of a type,
// with everything that may be in it (full) or only what must be.
func Made(name string, full bool) Body {
	b, err := New(name)
	if err != nil {
		return nil
	}
	f := filler{full: full, day: time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC)}
	f.fill(reflect.ValueOf(b).Elem())
	if q, ok := b.(*Request); ok {
		f.request(q)
	}
	return b
}

// A filler fills documents. Every time is a day later than the last.
type filler struct {
	full bool
	day  time.Time
}

func (f *filler) next() time.Time {
	f.day = f.day.AddDate(0, 0, 100)
	return f.day
}

// request makes the parts of a request fit together.
func (f *filler) request(q *Request) {
	q.Requested = "QN"
	if !f.full {
		q.Urgency, q.UrgencyReason = Routine, nil
	}
	if q.Measures[0].Extension != nil {
		q.Status = "extension"
	}
	for _, relation := range []string{"extends", "follows-preservation"} {
		q.References = append(q.References, Reference{Relation: relation, Ref: "R-1"})
	}
	if len(q.Subjects) == 0 && len(q.Measures[0].subjects()) > 0 {
		s := Subject{Number: 1, Kind: "person", Roles: []string{"suspect"}, Person: &Person{Name: Name{Full: "An Example", Lang: "en"}}}
		q.Subjects = []Subject{s}
	}
}

// fill fills a struct.
func (f *filler) fill(v reflect.Value) {
	for _, m := range membersOf(v.Type()) {
		field := v.FieldByName(m.field)
		if field.Kind() == reflect.Slice && field.Len() > 0 {
			for i := range field.Len() {
				f.fill(field.Index(i))
			}
			continue
		}
		if !isEmpty(field) || !fits(m, v) || !f.full && !wanted(m, v) {
			continue
		}
		field.Set(f.value(m, field.Type(), slices.Concat(m.tags)))
	}
	if i, ok := v.Addr().Interface().(*Identifier); ok {
		i.Type, i.Value = "email", "a@mail.example"
		*i = Identifier{Type: i.Type, Value: i.Value, Provider: i.Provider}
	}
	if d, ok := v.Addr().Interface().(*DataSet); ok && d.To.IsZero() {
		d.From, d.To = At(f.next()), At(f.next())
	}
	switch x := v.Addr().Interface().(type) {
	case *Information:
		x.To = "QN"
	case *Reference:
		x.Ref = "R-1"
	case *DataSet:
		x.Object = "the mailbox"
	case *DecisionItem:
		x.Until = Time{}
	}
}

// value makes a value of a type that keeps the tags.
func (f *filler) value(m member, t reflect.Type, tags []string) reflect.Value {
	v := reflect.New(t).Elem()
	switch {
	case t.Kind() == reflect.Pointer:
		v.Set(reflect.New(t.Elem()))
		v.Elem().Set(f.value(m, t.Elem(), tags))
	case t == reflect.TypeFor[Time]():
		v.Set(reflect.ValueOf(At(f.next())))
	case t == reflect.TypeFor[Moment]():
		v.Set(reflect.ValueOf(Moment{f.next().In(time.FixedZone("", 7*3600))}))
	case t == reflect.TypeFor[Text]():
		v.Set(reflect.ValueOf(Text{Lang: "ar", Text: "نص", Authentic: true, Translations: []Translation{{Lang: "en", Text: "text", Method: "human", Translator: "A"}}}))
	case t.Kind() == reflect.Struct:
		f.fill(v)
	case t.Kind() == reflect.Slice:
		for i := range max(1, number(tags, "min")) {
			item := f.value(m, t.Elem(), m.items)
			if t.Elem().Kind() == reflect.String && i > 0 {
				item.SetString("X" + item.String())
			}
			v.Set(reflect.Append(v, item))
		}
	case t.Kind() == reflect.String:
		v.SetString(text(m.name, tags))
	case t.Kind() == reflect.Bool:
		v.SetBool(true)
	case t.Kind() == reflect.Int64:
		v.SetInt(max(1, int64(number(tags, "min"))))
		if m.name == "duration_days" || m.name == "max_penalty_months" {
			v.SetInt(60)
		}
	}
	return v
}

// number returns the number of a tag; 0 where there is none.
func number(tags []string, name string) int {
	for _, tag := range tags {
		if n, ok := strings.CutPrefix(tag, name+"="); ok {
			i, _ := strconv.Atoi(n)
			return i
		}
	}
	return 0
}

// text returns a text that keeps the tags.
func text(name string, tags []string) string {
	for _, tag := range tags {
		key, param, _ := strings.Cut(tag, "=")
		switch key {
		case "oneof":
			return strings.Fields(param)[0]
		case "code":
			return valuesOf(listPrefix(param))[0]
		}
		if good, ok := spelt[key]; ok {
			return good
		}
	}
	return name
}

// spelt are values in the spelling that a tag asks for.
var spelt = map[string]string{
	"party": "QM", "authority": "QM.mla", "id": strings.Repeat("0", 32), "digest": strings.Repeat("a", 64), "domain": "a.example", "asn": "AS64500",
	"mailbox": "a@mail.example", "media": "text/plain", "lang": "fr", "date": "1990-05", "decimal": "10.5", "currency": "XTS", "pointer": "/measures/0/type",
	"reliability": "B2", "filename": "a.pdf", "problem": "bad-signature", "ip": "192.0.2.1",
}
