package convention

import (
	"regexp"
	"time"

	"github.com/entraide/entraide/pkg/strictjson"
)

// A Text is free text. The language that binds is marked authentic; the others
// are translations.
type Text struct {
	// Lang is a BCP 47 tag such as "ar" or "zh-Hans".
	Lang string `json:"lang" validate:"required,lang"`
	Text string `json:"text" validate:"required,max=50000,lines"`
	// Authentic says that this is the text that binds.
	Authentic    bool          `json:"authentic"`
	Translations []Translation `json:"translations,omitempty" validate:"max=12,dive"`
}

// A Translation is a text in another language than the one that binds.
type Translation struct {
	Lang string `json:"lang" validate:"required,lang"`
	Text string `json:"text" validate:"required,max=50000,lines"`
	// Method is how the translation was made: human, certified or machine.
	Method string `json:"method" validate:"required,oneof=human certified machine"`
	// Translator names who made or certified it.
	Translator string `json:"translator,omitempty" validate:"max=300,plain"`
}

// In returns the text in the given language, and the text that binds where
// there is no such translation.
func (t *Text) In(lang string) string {
	for _, tr := range t.Translations {
		if tr.Lang == lang {
			return tr.Text
		}
	}
	return t.Text
}

// timeForm is the one spelling of a time.
const timeForm = "2006-01-02T15:04:05Z"

// A Time is an instant, spelt as RFC 3339 in UTC with whole seconds. The zero
// Time is no time.
type Time struct{ time.Time }

// At returns t as a Time: in UTC, cut to the second.
func At(t time.Time) Time { return Time{t.UTC().Truncate(time.Second)} }

// String returns the time in its one spelling.
func (t Time) String() string { return t.UTC().Format(timeForm) }

// MarshalJSON writes the time in its one spelling. It stands in front of the
// method of time.Time, which would write fractions of a second.
func (t Time) MarshalJSON() ([]byte, error) {
	if year := t.UTC().Year(); t.Nanosecond() != 0 || year < 0 || year > 9999 {
		return nil, &strictjson.Error{Kind: strictjson.Value, Detail: "The time is not a whole second of the years 0 to 9999."}
	}
	return []byte(`"` + t.String() + `"`), nil
}

// UnmarshalJSON reads the one spelling of a time and refuses every other.
func (t *Time) UnmarshalJSON(data []byte) error {
	var text string
	if err := strictjson.Unmarshal(data, len(timeForm)+2, &text); err == nil {
		parsed, err := time.Parse(timeForm, text)
		if err == nil && parsed.Format(timeForm) == text {
			t.Time = parsed.UTC()
			return nil
		}
	}
	return &strictjson.Error{Kind: strictjson.Value, Detail: "The value is not a time such as " + timeForm + "."}
}

// A Moment is an instant with the offset from UTC of the place where it was
// read off a clock, such as a line of a provider's log. It is spelt as RFC 3339
// with whole seconds; an offset of zero is spelt Z. The zero Moment is none.
type Moment struct{ time.Time }

// momentForm is the pattern of a moment.
const momentForm = `^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-5][0-9](Z|[+-](0[1-9]|1[0-4]):[0-5][0-9]|[+-]00:(0[1-9]|[1-5][0-9]))$`

var momentPattern = regexp.MustCompile(momentForm)

// String returns the moment in its one spelling.
func (m Moment) String() string { return m.Format(time.RFC3339) }

// MarshalJSON writes the moment in its one spelling.
func (m Moment) MarshalJSON() ([]byte, error) {
	text := m.String()
	if m.Nanosecond() != 0 || !momentPattern.MatchString(text) {
		return nil, &strictjson.Error{Kind: strictjson.Value, Detail: "The time cannot be written with whole seconds and an offset."}
	}
	return []byte(`"` + text + `"`), nil
}

// UnmarshalJSON reads the one spelling of a moment and refuses every other.
func (m *Moment) UnmarshalJSON(data []byte) error {
	var text string
	if err := strictjson.Unmarshal(data, len(timeForm)+8, &text); err == nil && momentPattern.MatchString(text) {
		if parsed, err := time.Parse(time.RFC3339, text); err == nil {
			_, offset := parsed.Zone()
			m.Time = parsed.In(time.FixedZone("", offset))
			if offset == 0 {
				m.Time = parsed.UTC()
			}
			return nil
		}
	}
	return &strictjson.Error{Kind: strictjson.Value, Detail: "The value is not a time with its offset such as 2006-01-02T15:04:05+07:00."}
}
