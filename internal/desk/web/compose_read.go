package web

import (
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/entraide/entraide/pkg/convention"
)

// A reader takes a form that a maker made back into the body of a draft. What the
// form does not show stays as it is; what cannot be read stays as it was, and is
// in errors.
type reader struct {
	c      *Call
	in     url.Values
	shown  map[string]bool // boxes that the form shows
	does   string          // add or remove
	place  string          // of what is added or removed
	errors map[string]string
	lang   string // of new texts
}

// newReader reads what a form says of itself.
func newReader(c *Call, in url.Values, lang string) *reader {
	r := &reader{c: c, in: in, shown: map[string]bool{}, errors: map[string]string{}, lang: lang}
	for _, pointer := range in["/#shown"] {
		r.shown[pointer] = true
	}
	r.does, r.place, _ = strings.Cut(in.Get("/#do"), ":")
	return r
}

// object takes what the form shows of the members of an object.
func (r *reader) object(s convention.Shape, at string, old map[string]any) map[string]any {
	out := map[string]any{}
	for name, v := range old {
		out[name] = v
	}
	for _, in := range s.Inputs() {
		pointer := at + "/" + in.Name
		if !r.about(pointer) {
			if _, has := out[in.Name]; !has && in.Form == convention.FormFlag && !in.Optional && !in.Statement && !in.Many {
				out[in.Name] = false // a box that was not ticked, be it that it was not shown
			}
			continue
		}
		v := r.member(in, pointer, old[in.Name])
		if v == nil || in.Optional && !in.Many && convention.IsBlank(v) {
			delete(out, in.Name)
			continue
		}
		out[in.Name] = v
	}
	return out
}

// about reports whether the form shows a member or something inside it.
func (r *reader) about(pointer string) bool {
	if r.shown[pointer] || r.place == pointer || strings.HasPrefix(r.place, pointer+"/") {
		return true
	}
	for name := range r.in {
		if name == pointer || strings.HasPrefix(name, pointer+"/") {
			return true
		}
	}
	for name := range r.shown {
		if strings.HasPrefix(name, pointer+"/") {
			return true
		}
	}
	return false
}

// member takes the value of a member; nil for none.
func (r *reader) member(in convention.Input, pointer string, old any) any {
	if !in.Many {
		return r.value(in, pointer, old)
	}
	switch in.Form {
	case convention.FormGroup, convention.FormText, convention.FormMoment, convention.FormTime:
		return r.items(in, pointer, old)
	}
	return r.values(in, pointer)
}

// values takes a list that is ticked, or typed one a line.
func (r *reader) values(in convention.Input, pointer string) any {
	typed := r.in[pointer]
	if len(typed) == 1 {
		typed = strings.FieldsFunc(typed[0], func(c rune) bool { return c == '\n' || c == '\r' })
	}
	out := []any{}
	for _, x := range typed {
		x = strings.TrimSpace(x)
		if x == "" || slices.Contains(out, any(x)) {
			continue
		}
		if in.Form != convention.FormReference && in.Form != convention.FormNumber {
			out = append(out, x)
			continue
		}
		n, err := strconv.ParseInt(x, 10, 64)
		if err != nil {
			r.errors[pointer] = r.c.L.T("compose.not_number")
			continue
		}
		out = append(out, float64(n))
	}
	if len(out) == 0 {
		return nil
	}
	return out
}

// items takes a list whose items have fields.
func (r *reader) items(in convention.Input, pointer string, old any) any {
	had, _ := old.([]any)
	count, err := strconv.Atoi(r.in.Get(pointer + "/#count"))
	if err != nil || count < 0 || count > 500 {
		count = len(had)
	}
	out := []any{}
	for i := range count {
		at := pointer + "/" + strconv.Itoa(i)
		if r.does == "remove" && r.place == at {
			continue
		}
		var before any
		if i < len(had) {
			before = had[i]
		}
		if v := r.value(in, at, before); !convention.IsBlank(v) {
			out = append(out, v)
		}
	}
	out = append(out, r.pasted(in, pointer)...)
	if r.does == "add" && r.place == pointer {
		out = append(out, blankItem(in))
	}
	if in.Numbered {
		number(out)
	}
	if len(out) == 0 {
		return nil
	}
	return out
}

// blankItem is an item that is to be filled in.
func blankItem(in convention.Input) any {
	if in.Form == convention.FormMoment || in.Form == convention.FormTime {
		return ""
	}
	return map[string]any{}
}

// number numbers items in their order.
func number(items []any) {
	for i, item := range items {
		if object, ok := item.(map[string]any); ok {
			object["number"] = float64(i + 1)
		}
	}
}

// pasted are identifiers that were pasted together, one a line.
func (r *reader) pasted(in convention.Input, pointer string) []any {
	if in.Shape.Name() != "identifier" {
		return nil
	}
	var out []any
	for line := range strings.FieldsFuncSeq(r.in.Get(pointer+"/#paste"), func(c rune) bool { return c == '\n' || c == '\r' || c == ';' || c == '\t' }) {
		if line = strings.TrimSpace(line); line != "" {
			out = append(out, map[string]any{"type": recognise(line), "value": line})
		}
	}
	return out
}

// recognise guesses the type of an identifier from its spelling; the officer sees
// it and may change it.
func recognise(line string) string {
	_, err := netip.ParseAddr(line)
	digits := strings.Trim(line, "0123456789") == ""
	switch {
	case err == nil:
		return "ip"
	case strings.Contains(line, "://"):
		return "url"
	case strings.Contains(line, "@"):
		return "email"
	case strings.HasPrefix(line, "+") && strings.Trim(line[1:], "0123456789") == "":
		return "phone"
	case digits && len(line) == 15:
		return "imei"
	case strings.Contains(line, ".") && !strings.ContainsAny(line, " /"):
		return "domain"
	}
	return "account"
}

// value takes one value.
func (r *reader) value(in convention.Input, pointer string, old any) any {
	switch in.Form {
	case convention.FormGroup:
		before, _ := old.(map[string]any)
		return r.object(in.Shape, pointer, before)
	case convention.FormText:
		return r.text(in, pointer, old)
	case convention.FormFlag:
		if !r.shown[pointer] {
			return old
		}
		return r.in.Get(pointer) != ""
	}
	typed, ok := r.in[pointer]
	if !ok {
		return old
	}
	text := strings.TrimSpace(typed[0])
	if text == "" {
		return nil
	}
	switch in.Form {
	case convention.FormTime, convention.FormMoment:
		return r.time(in, pointer, text, old)
	case convention.FormNumber:
		return r.number(pointer, text, old)
	case convention.FormReference:
		if in.Refers != "messages" {
			return r.number(pointer, text, old)
		}
	}
	return text
}

// number takes a whole number.
func (r *reader) number(pointer, text string, old any) any {
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		r.errors[pointer] = r.c.L.T("compose.not_number")
		return old
	}
	return float64(n)
}

// time takes a date and time: an instant in the officer's zone, a moment with its
// own offset.
func (r *reader) time(in convention.Input, pointer, text string, old any) any {
	for _, form := range []string{inputTime, "2006-01-02T15:04", "2006-01-02 15:04", "2006-01-02"} {
		if in.Form == convention.FormTime {
			if t, err := time.ParseInLocation(form, text, r.c.User.Location()); err == nil {
				return convention.At(t).String()
			}
			continue
		}
		if t, err := time.Parse(form+"-07:00", text+r.in.Get(pointer+"/#zone")); err == nil {
			return t.Format(time.RFC3339)
		}
	}
	r.errors[pointer] = r.c.L.T("compose.not_time")
	return old
}

// text takes a text with its translations. A text that is not there binds once it
// is written.
func (r *reader) text(in convention.Input, pointer string, old any) any {
	out := map[string]any{"authentic": true, "lang": r.lang}
	if before, ok := old.(map[string]any); ok {
		for name, v := range before {
			out[name] = v
		}
		if scalar(out["lang"]) == "" {
			out["lang"], out["authentic"] = r.lang, true
		}
	}
	if typed, ok := r.in[pointer+"/text"]; ok {
		out["text"] = strings.TrimSpace(strings.ReplaceAll(typed[0], "\r\n", "\n"))
	}
	if lang := r.in.Get(pointer + "/lang"); lang != "" {
		out["lang"] = lang
	}
	if r.shown[pointer+"/authentic"] {
		out["authentic"] = r.in.Get(pointer+"/authentic") != ""
	}
	if inner, ok := in.Shape.Input("translations"); ok && r.about(pointer+"/translations") {
		if v := r.member(inner, pointer+"/translations", out["translations"]); v != nil {
			out["translations"] = v
		} else {
			delete(out, "translations")
		}
	}
	return out
}
