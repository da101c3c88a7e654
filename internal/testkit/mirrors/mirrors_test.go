package mirrors_test

import (
	"slices"
	"testing"
	"time"

	"github.com/entraide/entraide/internal/auditor"
	"github.com/entraide/entraide/internal/testkit/mirrors"
)

// TestPlanted checks that a mirror finds exactly one of each kind of fault that was
// planted, and nothing in a story as it was told.
func TestPlanted(t *testing.T) {
	t.Parallel()
	end := time.Date(2026, 3, 20, 9, 0, 0, 0, time.UTC)
	from := end.Add(-20 * 24 * time.Hour)
	sound := mirrors.New(t, mirrors.NewStory(900, from, end).Order().Entries, nil, end)
	if s := sound.Derive(auditor.DefaultRules(), end); len(s.Findings) > 0 || s.Entries != 900 || s.Scope != "all" {
		t.Errorf("a sound story: %+v", s)
	}
	story := mirrors.NewStory(900, from, end).Plant(end)
	m := mirrors.New(t, story.Entries, story.Withheld, end)
	m.Tamper(end)
	s := m.Derive(auditor.DefaultRules(), end.Add(25*time.Hour))
	for _, code := range auditor.FindingCodes() {
		if s.Findings[code] != 1 {
			t.Errorf("%s: %d", code, s.Findings[code])
		}
	}
	cases, err := m.Book.Cases(t.Context(), auditor.Filter{Requesting: "QZ", Overdue: true}, 1<<40, 50)
	if err != nil || len(cases) != mirrors.Late || slices.ContainsFunc(cases, func(c auditor.Matter) bool { return c.Acknowledged < 5*3600 }) {
		t.Errorf("late acknowledgements: %d, %v", len(cases), err)
	}
}
