// Package locale speaks to people in their language: sentences from
// catalogues, plural forms, dates, names from the directory, and machine values
// that keep their order in right-to-left text.
//
// Catalogues are the files catalogue/<area>.<tag>.json, one area for each part
// of the program (common, signin, report, …) and one file for each language:
// an object from key to sentence, or to plural forms by CLDR category. A key
// begins with its area: "signin.title". Sentences hold plain text and named
// places such as {{.Name}}, never HTML.
//
// To add a sentence, add its key to the area's seven files and use it as
// {{T "area.key" "Name" .Value}} in a template or l.T("area.key", "Name", value)
// in Go. The tests find keys that a language lacks or nobody uses, places that
// differ between languages, and plural forms that a language does not have. A
// key that is made at run time, T("area.prefix." + x), uses all keys with that
// prefix.
//
// There is no fallback to another language: a sentence that is missing shows
// as its key between ⟦ and ⟧, and is counted.
package locale

import (
	"embed"
	"errors"
	"fmt"
	"path"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/nicksnyder/go-i18n/v2/i18n"
	"github.com/nicksnyder/go-i18n/v2/i18n/template"
	"golang.org/x/text/language"
)

//go:embed catalogue/*.json
var catalogues embed.FS

// A Language is one that the program speaks.
type Language struct {
	Tag  string // BCP 47
	Name string // in the language itself
	Dir  string // ltr or rtl
}

// languages are the six of the United Nations and Vietnamese, in the order of
// the language switch.
var languages = []Language{
	{"ar", "العربية", "rtl"},
	{"en", "English", "ltr"},
	{"es", "Español", "ltr"},
	{"fr", "Français", "ltr"},
	{"ru", "Русский", "ltr"},
	{"vi", "Tiếng Việt", "ltr"},
	{"zh-Hans", "简体中文", "ltr"},
}

// Pseudo-locales are made from English, for tests: one with long accented
// sentences, one that runs from right to left. Nobody is offered them.
const (
	PseudoLong     = "en-XA"
	PseudoMirrored = "ar-XB"
)

var pseudo = []Language{
	{PseudoLong, "Ŀŏŋğ", "ltr"},
	{PseudoMirrored, "Mirrored", "rtl"},
}

// Languages returns the languages that the program speaks.
func Languages() []Language { return append([]Language(nil), languages...) }

// A Localizer speaks one language. It is safe for concurrent use.
type Localizer struct {
	Language
	messages *i18n.Localizer
}

// loaded keeps one localizer for each tag, made when it is first asked for.
var loaded sync.Map

// For returns the localizer of a tag that Languages or the constants name.
func For(tag string) (*Localizer, error) {
	if l, ok := loaded.Load(tag); ok {
		return l.(*Localizer), nil
	}
	for _, lang := range append(Languages(), pseudo...) {
		if lang.Tag == tag {
			l, err := load(lang)
			if err != nil {
				return nil, err
			}
			kept, _ := loaded.LoadOrStore(tag, l)
			return kept.(*Localizer), nil
		}
	}
	return nil, fmt.Errorf("locale: no language %q", tag)
}

// load reads the catalogues of one language into a bundle of its own, so that
// no other language can stand in for it.
func load(lang Language) (*Localizer, error) {
	source, change := lang.Tag, func(s string) string { return s }
	switch lang.Tag {
	case PseudoLong:
		source, change = "en", lengthen
	case PseudoMirrored:
		source, change = "en", mirror
	}
	tag, err := language.Parse(source)
	if err != nil {
		return nil, fmt.Errorf("locale: %w", err)
	}
	bundle := i18n.NewBundle(tag)
	files, err := catalogues.ReadDir("catalogue")
	if err != nil {
		return nil, fmt.Errorf("locale: %w", err)
	}
	for _, f := range files {
		if _, of, _ := strings.Cut(f.Name(), "."); of != source+".json" {
			continue
		}
		data, err := catalogues.ReadFile(path.Join("catalogue", f.Name()))
		if err != nil {
			return nil, fmt.Errorf("locale: %w", err)
		}
		file, err := i18n.ParseMessageFileBytes(data, f.Name(), nil)
		if err != nil {
			return nil, fmt.Errorf("locale: reading %s: %w", f.Name(), err)
		}
		for _, m := range file.Messages {
			changeAll(m, change)
		}
		if err := bundle.AddMessages(tag, file.Messages...); err != nil {
			return nil, fmt.Errorf("locale: reading %s: %w", f.Name(), err)
		}
	}
	return &Localizer{Language: lang, messages: i18n.NewLocalizer(bundle, source)}, nil
}

// changeAll changes every form of a message.
func changeAll(m *i18n.Message, change func(string) string) {
	for _, form := range []*string{&m.Zero, &m.One, &m.Two, &m.Few, &m.Many, &m.Other} {
		if *form != "" {
			*form = change(*form)
		}
	}
}

// strict fills places and refuses a place that is given no value.
var strict = &template.TextParser{Option: "missingkey=error"}

// Has reports whether there is a sentence with a key.
func (l *Localizer) Has(key string) bool {
	_, err := l.messages.Localize(&i18n.LocalizeConfig{MessageID: key, TemplateParser: strict})
	_, none := errors.AsType[*i18n.MessageNotFoundErr](err)
	return !none
}

// T returns the sentence with a key. The pairs fill its places by name; the
// pair "Count" also chooses the plural form. Strings are isolated, so that they
// keep their own direction.
func (l *Localizer) T(key string, pairs ...any) string {
	data := make(map[string]any, len(pairs)/2)
	config := &i18n.LocalizeConfig{MessageID: key, TemplateData: data, TemplateParser: strict}
	for i := 0; i+1 < len(pairs); i += 2 {
		name, ok := pairs[i].(string)
		if !ok {
			return missing(key)
		}
		data[name] = place(pairs[i+1])
		if name == "Count" {
			config.PluralCount = pairs[i+1]
		}
	}
	text, err := l.messages.Localize(config)
	if err != nil || len(pairs)%2 != 0 {
		return missing(key)
	}
	return text
}

// place is a value as it stands in a sentence.
func place(v any) any {
	switch v := v.(type) {
	case string:
		return isolate(firstStrong, v)
	case fmt.Stringer:
		return isolate(firstStrong, v.String())
	}
	return v
}

// Each returns the speakers of some languages, or with no tag of all, English
// first, as of a text that stands in each of them.
func Each(tags ...string) ([]*Localizer, error) {
	if len(tags) == 0 {
		tags = append(tags, "en")
		for _, l := range Languages() {
			if l.Tag != "en" {
				tags = append(tags, l.Tag)
			}
		}
	}
	var all []*Localizer
	for _, tag := range tags {
		l, err := For(tag)
		if err != nil {
			return nil, err
		}
		all = append(all, l)
	}
	return all, nil
}

// missed counts the sentences that were asked for and not found.
var missed atomic.Int64

// Missed returns how many sentences were asked for and not found since the
// program started. It is 0 in a program that was tested.
func Missed() int64 { return missed.Load() }

func missing(key string) string {
	missed.Add(1)
	return "⟦" + key + "⟧"
}

// matcher finds the language nearest to what somebody prefers; English where
// none is near.
var matcher = sync.OnceValue(func() language.Matcher {
	tags := []language.Tag{language.English}
	for _, l := range languages {
		if l.Tag != "en" {
			tags = append(tags, language.Make(l.Tag))
		}
	}
	return language.NewMatcher(tags)
})

// Negotiate returns the tag of the language to speak: the first preference that
// is one of Languages (a user's setting, a cookie), otherwise the nearest to an
// Accept-Language header, otherwise English.
func Negotiate(acceptLanguage string, preferences ...string) string {
	for _, p := range preferences {
		for _, l := range languages {
			if l.Tag == p {
				return p
			}
		}
	}
	wanted, _, err := language.ParseAcceptLanguage(acceptLanguage)
	if err != nil || len(wanted) == 0 {
		return "en"
	}
	_, index, confidence := matcher().Match(wanted...)
	if confidence == language.No || index == 0 {
		return "en"
	}
	others := 0
	for _, l := range languages {
		if l.Tag == "en" {
			continue
		}
		if others++; others == index {
			return l.Tag
		}
	}
	return "en"
}

// Name returns what something is called, from names by language as the signed
// directory gives them, and the language of that name: in this language, in
// English, or in the first that there is. Without names it returns the
// identifier, whose language is "".
func (l *Localizer) Name(names map[string]string, id string) (name, tag string) {
	base, _, _ := strings.Cut(l.Tag, "-")
	for _, tag := range []string{l.Tag, base, "en"} {
		if names[tag] != "" {
			return names[tag], tag
		}
	}
	for t := range names {
		if names[t] != "" && (tag == "" || t < tag) {
			name, tag = names[t], t
		}
	}
	if tag == "" {
		return id, ""
	}
	return name, tag
}
