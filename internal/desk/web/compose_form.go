package web

import (
	"fmt"
	"html/template"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/entraide/entraide/internal/locale"
	"github.com/entraide/entraide/internal/page"
	"github.com/entraide/entraide/pkg/convention"
)

// Forms of drafts are made from the shapes of package convention: the pages know
// no member by name. The name and id of every field is the JSON pointer of its
// place in the body, so that a finding leads to its field, and a form can be made
// and read for every kind of content alike. See compose_read.go for the way back.
//
// Fields beside the values, made of a pointer and a sign that no member has:
//
//	/#shown   (value: a pointer) the form shows this box or set of boxes: not
//	          ticked means no, and not "not asked"
//	P/#count  how many items of the list P the form shows
//	P/#zone   the offset from UTC of the moment P
//	P/#paste  many identifiers, one a line, to be added to the list P
//	/#do      the button that was pressed: save, add:P, remove:P

// An option is a choice that may be chosen already.
type option struct {
	page.Choice
	Chosen bool
}

// An inputView is what the partial "input" shows: one member of a body.
type inputView struct {
	ID     string // JSON pointer; name of the field
	Form   string // as in package convention
	Many   bool
	Label  string
	Hint   string
	Error  string
	Needed bool
	OneOf  bool // one of several of which one is needed
	Value  string
	Lang   string // of Value
	Max    int64
	Long   bool // several lines
	On     bool // of a box
	// Options can be chosen; one or, if Many, several.
	Options []option
	Zones   []option // of a moment
	// Fields are the members of a group that are asked for, More the others.
	Fields, More []inputView
	Items        []inputView // of a list
	Title        string      // of an item, for its legend
	Paste        bool        // many identifiers can be pasted
	Twin         bool        // a text has translations, to be shown beside it
}

// Count is how many items the form shows.
func (v inputView) Count() int { return len(v.Items) }

// Boxes reports whether several of a list are ticked.
func (v inputView) Boxes() bool { return v.Many && len(v.Options) > 0 }

// Radios reports whether the options are few enough to stand on the page.
func (v inputView) Radios() bool { return !v.Many && len(v.Options) > 0 && len(v.Options) <= 6 }

// At makes the id of something beside the value.
func (v inputView) At(what string) string { return v.ID + "/#" + what }

// A maker makes the fields of a draft.
type maker struct {
	c *Call
	// errors say by pointer what is wrong; typed is what was typed and could not be
	// taken.
	errors map[string]string
	typed  url.Values
	// refer are the items that numbers can name, by their list.
	refer map[string][]page.Choice
	// parties are the States of the directory.
	parties []page.Choice
	// lang is the language of new texts.
	lang string
	// brief leaves out what is there already or can be left out.
	brief bool
}

// fields makes the fields of the members of an object; only names members if it
// is not nil.
func (k *maker) fields(s convention.Shape, object map[string]any, at string, only []string) (asked, more []inputView) {
	for _, name := range order(s, only) {
		in, _ := s.Input(name)
		v, has := object[in.Name]
		blank := !has || convention.IsBlank(v)
		pointer := at + "/" + in.Name
		switch wrong := k.wrong(pointer); {
		case k.brief && (in.Wanted(object) && k.lacks(in, v) || wrong), !k.brief && (in.Asked(object) || !blank || wrong):
			asked = append(asked, k.input(in, v, pointer, in.Wanted(object)))
		case !k.brief && in.Fits(object):
			more = append(more, k.input(in, v, pointer, false))
		case k.brief && in.OneOf(object) && !in.Many:
			asked = append(asked, k.input(in, v, pointer, false))
		}
		if len(asked) > 0 && asked[len(asked)-1].ID == pointer {
			asked[len(asked)-1].OneOf = in.OneOf(object)
		}
	}
	return asked, more
}

// order are the members to show in their order: those named, or all.
func order(s convention.Shape, only []string) []string {
	if only != nil {
		return only
	}
	var all []string
	for _, in := range s.Inputs() {
		all = append(all, in.Name)
	}
	return all
}

// wrong reports whether something is wrong at a place or inside it.
func (k *maker) wrong(pointer string) bool {
	for at := range k.errors {
		if at == pointer || strings.HasPrefix(at, pointer+"/") {
			return true
		}
	}
	return false
}

// lacks reports whether a value that is wanted is missing, or something wanted
// inside it is.
func (k *maker) lacks(in convention.Input, v any) bool {
	if in.Form == convention.FormFlag {
		return in.Statement && convention.IsBlank(v)
	}
	if convention.IsBlank(v) {
		return true
	}
	if in.Form != convention.FormGroup {
		return false
	}
	items, ok := v.([]any)
	if !ok {
		items = []any{v}
	}
	return slices.ContainsFunc(items, func(item any) bool {
		object, _ := item.(map[string]any)
		return slices.ContainsFunc(in.Shape.Inputs(), func(inner convention.Input) bool {
			return (!in.Numbered || inner.Name != "number") && inner.Wanted(object) && k.lacks(inner, object[inner.Name])
		})
	})
}

// input makes the field of one member.
func (k *maker) input(in convention.Input, value any, pointer string, needed bool) inputView {
	lang := k.c.L.Tag
	v := inputView{
		ID: pointer, Form: in.Form, Many: in.Many, Label: in.Label(lang), Hint: in.Hint(lang), Error: k.errors[pointer],
		Needed: needed, Max: in.Max,
	}
	v.Options = k.options(in, value)
	switch {
	case in.Many && k.listed(in):
		k.items(&v, in, value)
	case in.Many && len(v.Options) == 0:
		v.Long, v.Value = true, lines(value)
		v.Hint = strings.TrimSpace(v.Hint + " " + k.c.L.T("compose.one_per_line"))
	case !in.Many:
		k.single(&v, in, value)
	}
	if typed, ok := k.typed[pointer]; ok && len(typed) > 0 && v.Error != "" {
		v.Value = typed[0]
	}
	return v
}

// listed reports whether the items of a list each have fields of their own.
func (k *maker) listed(in convention.Input) bool {
	return slices.Contains([]string{convention.FormGroup, convention.FormText, convention.FormMoment, convention.FormTime}, in.Form)
}

// lines writes a list of texts one a line.
func lines(value any) string {
	items, _ := value.([]any)
	out := make([]string, len(items))
	for i, item := range items {
		out[i] = scalar(item)
	}
	return strings.Join(out, "\n")
}

// scalar is a value that is no object as somebody types it.
func scalar(value any) string {
	switch value := value.(type) {
	case string:
		return value
	case float64:
		return strconv.FormatFloat(value, 'f', -1, 64)
	}
	return ""
}

// items makes the fields of the items of a list; a list that is needed and empty
// shows one.
func (k *maker) items(v *inputView, in convention.Input, value any) {
	items, _ := value.([]any)
	if len(items) == 0 && v.Needed {
		items = []any{nil}
	}
	for i, item := range items {
		one := inputView{ID: v.ID + "/" + strconv.Itoa(i), Form: in.Form, Label: v.Label, Needed: v.Needed}
		one.Error = k.errors[one.ID]
		one.Title = k.c.L.T("compose.item", "Label", capital(v.Label), "Number", i+1)
		k.single(&one, in, item)
		v.Items = append(v.Items, one)
	}
	v.Paste = in.Shape.Name() == "identifier"
}

// capital begins a label with a capital letter, where its script has them.
func capital(label string) string {
	first, size := utf8.DecodeRuneInString(label)
	return string(unicode.ToTitle(first)) + label[size:]
}

// single fills in the field of one value.
func (k *maker) single(v *inputView, in convention.Input, value any) {
	switch in.Form {
	case convention.FormGroup:
		k.group(v, in, value)
	case convention.FormText:
		k.text(v, in, value)
	case convention.FormFlag:
		v.On, _ = value.(bool)
	case convention.FormTime:
		if t, err := time.Parse(time.RFC3339, scalar(value)); err == nil && t.Year() > 1 {
			v.Value = t.In(k.c.User.Location()).Format(inputTime)
		}
	case convention.FormMoment:
		k.moment(v, value)
	default:
		v.Value = scalar(value)
		if v.Value == "0" {
			v.Value = ""
		}
		v.Long = v.Max > 500
	}
}

// group makes the fields of a group. A group that is missing as such is shown
// whole, even where only what is needed is asked for: what can be left out of it is
// what gives it weight.
func (k *maker) group(v *inputView, in convention.Input, value any) {
	object, _ := value.(map[string]any)
	whole := k.brief && v.Error != "" && convention.IsBlank(value)
	brief := k.brief
	k.brief = brief && !whole
	v.Fields, v.More = k.fields(in.Shape, object, v.ID, unnumbered(in))
	k.brief = brief
	if whole {
		v.Needed = true
		v.Fields, v.More = append(v.Fields, v.More...), nil
	}
}

// unnumbered leaves out the number of items that number themselves.
func unnumbered(in convention.Input) []string {
	if !in.Numbered {
		return nil
	}
	return slices.DeleteFunc(order(in.Shape, nil), func(name string) bool { return name == "number" })
}

// inputTime is how fields for a date and time write it.
const inputTime = "2006-01-02T15:04:05"

// text fills in a text: its words, then its language and translations.
func (k *maker) text(v *inputView, in convention.Input, value any) {
	object, _ := value.(map[string]any)
	v.Value, v.Long = scalar(object["text"]), true
	translations, _ := object["translations"].([]any)
	v.Twin = len(translations) > 0
	v.Lang = scalar(object["lang"])
	if v.Lang == "" {
		v.Lang = k.lang
	}
	brief := k.brief
	k.brief = false
	defer func() { k.brief = brief }()
	names := []string{"lang", "authentic", "translations"}
	if v.Twin {
		names = []string{"translations", "lang", "authentic"} // beside the text
	}
	for _, name := range names {
		inner, ok := in.Shape.Input(name)
		if !ok {
			continue
		}
		had, has := object[name]
		switch {
		case name == "lang":
			had = v.Lang
		case name == "authentic" && !has:
			had = true
		}
		v.More = append(v.More, k.input(inner, had, v.ID+"/"+name, false))
	}
	if v.Error == "" {
		v.Error = k.errors[v.ID+"/text"]
	}
}

// moment fills in a time with the offset of its place.
func (k *maker) moment(v *inputView, value any) {
	zone := k.c.Now.In(k.c.User.Location())
	if t, err := time.Parse(time.RFC3339, scalar(value)); err == nil && t.Year() > 1 {
		v.Value, zone = t.Format(inputTime), t
	}
	chosen := zone.Format("-07:00")
	for _, o := range offsets {
		v.Zones = append(v.Zones, option{page.Choice{Value: o, Label: "UTC" + o}, o == chosen})
	}
}

// offsets from UTC that clocks show.
var offsets = []string{
	"-12:00", "-11:00", "-10:00", "-09:30", "-09:00", "-08:00", "-07:00", "-06:00", "-05:00", "-04:00", "-03:30", "-03:00", "-02:00", "-01:00",
	"+00:00", "+01:00", "+02:00", "+03:00", "+03:30", "+04:00", "+04:30", "+05:00", "+05:30", "+05:45", "+06:00", "+06:30", "+07:00", "+08:00",
	"+08:45", "+09:00", "+09:30", "+10:00", "+10:30", "+11:00", "+12:00", "+12:45", "+13:00", "+14:00",
}

// options are the choices of a member, nil where it is typed.
func (k *maker) options(in convention.Input, value any) []option {
	var choices []page.Choice
	switch in.Form {
	case convention.FormChoice:
		for _, x := range in.Values {
			choices = append(choices, page.Choice{Value: x, Label: in.ValueLabel(x, k.c.L.Tag)})
		}
	case convention.FormLanguage:
		if !in.Many {
			choices = languagesOf(k.c.L)
		}
	case convention.FormParty:
		choices = k.parties
	case convention.FormReference:
		choices = k.refer[in.Refers]
	}
	if choices == nil {
		return nil
	}
	has := map[string]bool{}
	for _, x := range strings.Split(lines(value), "\n") {
		has[x] = true
	}
	has[scalar(value)] = true
	var out []option
	for _, choice := range choices {
		out = append(out, option{choice, has[choice.Value]})
		delete(has, choice.Value)
	}
	for x := range has {
		if x != "" && x != "0" {
			out = append(out, option{page.Choice{Value: x, Label: x}, true}) // kept, though no list has it
		}
	}
	return out
}

// tongues are the languages proposed for texts and names; others can be kept.
var tongues = []string{
	"ar", "en", "es", "fr", "ru", "vi", "zh-Hans", "am", "az", "bg", "bn", "bs", "cs", "da", "de", "el", "et", "fa", "fi", "he", "hi", "hr", "hu",
	"hy", "id", "it", "ja", "ka", "kk", "km", "ko", "ky", "lo", "lt", "lv", "mk", "mn", "ms", "my", "ne", "nl", "no", "pl", "pt", "ro", "si", "sk",
	"sl", "sq", "sr", "sv", "sw", "ta", "tg", "th", "tk", "tl", "tr", "uk", "ur", "uz", "zh-Hant",
}

// languagesOf names the languages in the language of the page.
func languagesOf(l *locale.Localizer) []page.Choice {
	out := make([]page.Choice, len(tongues))
	for i, tag := range tongues {
		out[i] = page.Choice{Value: tag, Label: l.LanguageName(tag)}
	}
	return out
}

// textHTML shows a text in its language.
func textHTML(lang, text string) template.HTML {
	return template.HTML(fmt.Sprintf(`<span class="ed-prose" lang="%s" dir="%s">%s</span>`, //nolint:gosec // escaped
		template.HTMLEscapeString(lang), locale.Direction(lang), template.HTMLEscapeString(text)))
}
