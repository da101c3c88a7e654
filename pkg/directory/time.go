package directory

import (
	"errors"
	"time"
)

// timeForm is the one spelling of a time: RFC 3339, UTC, whole seconds.
const timeForm = "2006-01-02T15:04:05Z"

// A Time is an instant as signed objects carry it: RFC 3339 in UTC, written
// with Z and without fraction of a second (protocol section 1).
type Time struct{ time.Time }

// At returns t as a Time: in UTC, cut to the second.
func At(t time.Time) Time { return Time{t.UTC().Truncate(time.Second)} }

// String returns t in its one spelling.
func (t Time) String() string { return t.UTC().Format(timeForm) }

// MarshalText writes t in its one spelling. A fraction of a second is an error.
func (t Time) MarshalText() ([]byte, error) { return t.AppendText(nil) }

// AppendText appends what MarshalText writes.
func (t Time) AppendText(b []byte) ([]byte, error) {
	if year := t.UTC().Year(); t.Nanosecond() != 0 || year < 0 || year > 9999 {
		return nil, errors.New("directory: not a whole second of the years 0 to 9999")
	}
	return t.UTC().AppendFormat(b, timeForm), nil
}

// UnmarshalText reads the one spelling of a time and refuses every other.
func (t *Time) UnmarshalText(text []byte) error {
	parsed, err := time.Parse(timeForm, string(text))
	if err != nil || parsed.Format(timeForm) != string(text) {
		return errors.New("must be a time such as " + timeForm)
	}
	t.Time = parsed.UTC()
	return nil
}

// MarshalJSON writes t as a JSON string. It stands in front of the method of
// the embedded time.Time, which would write fractions of a second.
func (t Time) MarshalJSON() ([]byte, error) {
	b, err := t.AppendText([]byte{'"'})
	return append(b, '"'), err
}

// UnmarshalJSON reads what MarshalJSON writes.
func (t *Time) UnmarshalJSON(data []byte) error {
	if len(data) < 2 || data[0] != '"' || data[len(data)-1] != '"' {
		return errors.New("must be a string")
	}
	return t.UnmarshalText(data[1 : len(data)-1])
}
