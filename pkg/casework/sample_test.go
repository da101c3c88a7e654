package casework_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/entraide/entraide"
	"github.com/entraide/entraide/pkg/casework"
	"github.com/entraide/entraide/pkg/convention"
	"github.com/entraide/entraide/pkg/workflow"
)

// played is a sample case as entries of its threads, an hour between messages.
func played(t *testing.T, number int) (threads map[string][]casework.Entry, end time.Time) {
	t.Helper()
	play, err := entraide.Sample(number)
	if err != nil {
		t.Fatal(err)
	}
	now := time.Date(2026, 3, 16, 7, 40, 0, 0, time.UTC)
	values, openers, ids := map[string]string{}, map[string]string{}, map[string]string{}
	threads = map[string][]casework.Entry{}
	for i, s := range play.Steps {
		now = now.Add(time.Hour)
		values["now"] = now.Format(time.RFC3339)
		raw, err := entraide.SampleBody(number, s.Body, values)
		if err != nil {
			t.Fatal(err)
		}
		body, err := convention.ParseBody(raw)
		if err != nil {
			t.Fatalf("%s: %v", s.Body, err)
		}
		digest := fmt.Sprintf("%064x", i+1)
		if openers[s.Thread] == "" {
			openers[s.Thread] = s.From
			ids[s.Thread] = strings.Repeat(string("0123456789abcdef"[len(ids)+1]), 32)
			values["case:"+s.Thread] = ids[s.Thread]
		}
		values["digest:"+s.Body], values["time:"+s.Body] = digest, values["now"]
		e := casework.Entry{Digest: digest, Actor: workflow.Requesting, At: now, Body: body}
		if s.From != openers[s.Thread] {
			e.Actor = workflow.Requested
		}
		threads[s.Thread] = append(threads[s.Thread], e)
		link(threads, ids, s.Thread, e)
	}
	return threads, now
}

// link adds a message to the other cases that it bears on.
func link(threads map[string][]casework.Entry, ids map[string]string, thread string, e casework.Entry) {
	first, ok := threads[thread][0].Body.(*convention.Request)
	if !ok {
		return
	}
	for other, id := range ids {
		for _, ref := range first.References {
			if ref.Case == id && other != thread && casework.Bears(first, e.Body) {
				e.Linked = true
				threads[other] = append(threads[other], e)
			}
		}
	}
}

// TestSampleCases derives the sample cases: every measure ends, every message
// fits its place, and the conditions bind.
func TestSampleCases(t *testing.T) {
	t.Parallel()
	for _, number := range entraide.Samples {
		threads, end := played(t, number)
		for name, entries := range threads {
			c := casework.Derive(entries, end)
			for _, m := range c.Measures {
				if !m.Ended {
					t.Errorf("case %d, %s: measure %d (%s) ends %s", number, name, m.Number, m.Workflow, m.State)
				}
			}
			for _, x := range c.Misplaced {
				t.Errorf("case %d, %s: message %s, measure %d: %s", number, name, strings.TrimLeft(x.Digest, "0"), x.Measure, x.Reason)
			}
			if c.Aggregate() != casework.AllEnded || len(c.Questions) > 0 {
				t.Errorf("case %d, %s: %s with %d questions", number, name, c.Aggregate(), len(c.Questions))
			}
		}
	}
}
