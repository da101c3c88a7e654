package mirrors

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/entraide/entraide/pkg/translog"
)

// A Story is what a log tells, in the order of time.
type Story struct {
	Entries  []translog.Entry
	Withheld map[int]bool // that the broker does not show

	dice dice
}

// dice are numbers that look like chance and are the same every time: xorshift64.
type dice uint64

func (d *dice) next() uint64 {
	*d ^= *d << 13
	*d ^= *d >> 7
	*d ^= *d << 17
	return uint64(*d)
}

// below is a number below n.
func (d *dice) below(n int) int { return int(d.next() >> 1 % uint64(n)) }

// ID is an identifier of a message or case.
func ID(name string) string {
	return (strings.Map(func(r rune) rune {
		if strings.ContainsRune("0123456789abcdef", r) {
			return r
		}
		return rune("0123456789abcdef"[r%16])
	}, name) + strings.Repeat("0", 32))[:32]
}

// when is a time of the log.
func when(t time.Time) string { return t.UTC().Format(time.RFC3339) }

// Message is an accepted message; its number is given when the story is in order.
func Message(at time.Time, id, caseID, act, lane, from, to, stage string) translog.Entry {
	return translog.Entry{Kind: translog.KindMessage, Time: when(at), Message: &translog.MessageFact{
		Digest: strings.Repeat("0", 64), ID: id, Case: caseID, From: from + ".mla", To: to + ".mla", Act: act, Lane: lane, Stage: stage,
	}}
}

// Receipt is one of delivery.
func Receipt(at time.Time, message, by string) translog.Entry {
	return translog.Entry{Kind: translog.KindReceipt, Time: when(at), Receipt: &translog.ReceiptFact{
		Digest: strings.Repeat("1", 64), Kind: "delivered", Message: message, By: by + ".mla",
	}}
}

// Deadline is one that passed.
func Deadline(at, due time.Time, caseID, clock, from, to string) translog.Entry {
	return translog.Entry{Kind: translog.KindDeadline, Time: when(at), Deadline: &translog.DeadlineFact{
		Case: caseID, Clock: clock, Due: when(due), From: from + ".mla", To: to + ".mla",
	}}
}

// NewStory tells of so many entries between two times: cases of twelve States that
// ask twelve others, each asked, acknowledged, answered and most of them closed, some
// submissions that were refused, and statements of the directory.
func NewStory(entries int, from, to time.Time) *Story {
	s := &Story{Withheld: map[int]bool{}, dice: 88172645463325252}
	span := to.Sub(from)
	for i := range 24 {
		s.add(translog.Entry{Kind: translog.KindStatement, Time: when(from.Add(span / 24 * time.Duration(i))), Statement: &translog.StatementFact{
			Subject: state(i) + ".mla", Number: 1 + int64(i/12), Digest: "d", Signer: state(i),
		}})
	}
	// A case takes half a day, and none goes beyond the end.
	for n := 0; len(s.Entries) < entries; n++ {
		s.tell(n, from.Add(time.Duration(s.dice.below(int(span-15*time.Hour)))))
	}
	s.Entries = s.Entries[:entries]
	return s
}

// state is one of the States of the story.
func state(i int) string {
	if i%2 == 0 {
		return fmt.Sprintf("Q%c", 'M'+rune(i/2%12))
	}
	return fmt.Sprintf("X%c", 'A'+rune(i/2%12))
}

func (s *Story) add(entries ...translog.Entry) { s.Entries = append(s.Entries, entries...) }

// tell tells of one case.
func (s *Story) tell(n int, at time.Time) {
	a, b := state(2*s.dice.below(12)), state(2*s.dice.below(12)+1)
	lane := []string{"emergency", "urgent", "urgent", "routine", "routine", "routine"}[s.dice.below(6)]
	pace := map[string]time.Duration{"emergency": time.Minute, "urgent": 10 * time.Minute, "routine": 25 * time.Minute}[lane]
	caseID := fmt.Sprintf("%016x%016x", s.dice.next(), n)
	step := func() time.Time {
		at = at.Add(time.Second + time.Duration(s.dice.below(int(4*pace))))
		return at
	}
	id := func() string { return fmt.Sprintf("%016x%016x", s.dice.next(), s.dice.next()) }
	say := func(from, to, act, stage string) {
		m := id()
		s.add(Message(step(), m, caseID, act, lane, from, to, stage), Receipt(step(), m, to))
	}
	say(a, b, "request", "open")
	say(b, a, "acknowledge", "acknowledged")
	if s.dice.below(3) == 0 {
		code := []string{"stale-time", "bad-signature", "wrong-certificate", "quota-exceeded"}[s.dice.below(4)]
		s.add(translog.Entry{Kind: translog.KindRejection, Time: when(step()), Rejection: &translog.RejectionFact{Code: code, By: b + ".mla"}})
	}
	if s.dice.below(10) == 0 {
		return
	}
	say(b, a, "deliver", "answered")
	if s.dice.below(4) > 0 {
		say(a, b, "close", "closed")
	}
}

// Order puts the story in the order of time and gives every message the number
// that it has among those of its sender to its recipient.
func (s *Story) Order() *Story {
	slices.SortStableFunc(s.Entries, func(a, b translog.Entry) int { return strings.Compare(a.Time, b.Time) })
	seq := map[string]int64{}
	for _, e := range s.Entries {
		if f := e.Message; f != nil {
			seq[f.From+f.To]++
			f.Seq = seq[f.From+f.To]
		}
	}
	return s
}
