package locale

import (
	"slices"

	"golang.org/x/text/language"
	"golang.org/x/text/language/display"
)

// LanguageName is the name of a language (BCP 47) in the language of the
// localizer, or the tag where it has none.
func (l *Localizer) LanguageName(tag string) string {
	if names := display.Tags(language.Make(l.Tag)); names != nil {
		if name := names.Name(language.Make(tag)); name != "" {
			return name
		}
	}
	return tag
}

// Direction is the direction of a text in a language (BCP 47): ltr, rtl, or auto
// where the language is not known.
func Direction(tag string) string {
	if tag == "" {
		return "auto"
	}
	script, _ := language.Make(tag).Script()
	if slices.Contains([]string{"Arab", "Hebr", "Syrc", "Thaa"}, script.String()) {
		return "rtl"
	}
	return "ltr"
}
