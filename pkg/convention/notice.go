package convention

import (
	"fmt"
	"strconv"
)

// A Notice tells the other side something, at any time.
type Notice struct {
	Head
	Topic string `json:"topic" validate:"required,code=notice-topic"`
	Text  Text   `json:"text"`
	// Message is the digest of the message that it concerns.
	Message string `json:"message,omitempty" validate:"omitempty,digest"`
}

func (n *Notice) summary() string { return "Notice: " + n.Topic }

// A Failure says that a message could not be opened. It holds the code of the
// problem and nothing of the message.
type Failure struct {
	Head
	Code    string `json:"code" validate:"required,problem"`
	Message string `json:"message" validate:"required,digest"`
}

func (f *Failure) summary() string { return "A message could not be opened: " + f.Code }

// A Withdrawal takes measures back.
type Withdrawal struct {
	Head
	// Measures are the numbers withdrawn; left out, the whole request is.
	Measures []int64 `json:"measures,omitempty" validate:"max=200,unique,dive,min=1,max=200"`
	Reason   *Text   `json:"reason,omitempty"`
	// Handling is what is to become of what was gathered.
	Handling string `json:"handling" validate:"required,code=withdrawal-handling"`
}

func (w *Withdrawal) summary() string {
	if len(w.Measures) == 0 {
		return "Withdrawn"
	}
	return "Withdrawn: " + count(len(w.Measures), "measure")
}

// A Closure ends a case.
type Closure struct {
	Head
	Outcome string `json:"outcome" validate:"required,code=closure-outcome"`
	// Duties are those that go on after closing.
	Duties []Text `json:"duties,omitempty" validate:"max=50,dive"`
	Text   *Text  `json:"text,omitempty"`
}

func (c *Closure) summary() string {
	if len(c.Duties) == 0 {
		return "Closed: " + c.Outcome
	}
	return fmt.Sprintf("Closed: %s, %s remaining", c.Outcome, count(len(c.Duties), "obligation"))
}

// count writes a number with its noun.
func count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return strconv.Itoa(n) + " " + noun + "s"
}

// by writes a date after some words, or nothing where there is no date.
func by(words string, t Time) string {
	if t.IsZero() {
		return ""
	}
	return words + t.UTC().Format("2 January 2006 15:04 UTC")
}
