package page_test

import (
	"net/http/httptest"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/entraide/entraide/internal/locale"
	"github.com/entraide/entraide/internal/page"
)

// TestColumns holds what is drawn against the numbers: in proportion, on one
// another, never outside, and never too small to be seen.
func TestColumns(t *testing.T) {
	t.Parallel()
	c := page.Columns{Series: []string{"a", "b"}, Bars: []page.Column{
		{Label: "1", Parts: []page.Amount{{Count: 500}, {Count: 500}}},
		{Label: "2", Parts: []page.Amount{{Count: 0}, {Count: 250}}},
		{Label: "3", Parts: []page.Amount{{Count: 1}, {Count: 0}}},
		{Label: "4", Parts: []page.Amount{{Count: 999}, {Count: 1}}},
	}}
	if c.Most() != 1000 || c.First() != "1" || c.Last() != "4" || c.Sums()[0] != 1500 || c.Sums()[1] != 751 {
		t.Errorf("%d, %q to %q, %v", c.Most(), c.First(), c.Last(), c.Sums())
	}
	boxes := c.Boxes()
	if len(boxes) != 6 {
		t.Fatalf("%d parts are drawn: %+v", len(boxes), boxes)
	}
	if b := boxes[1]; b.Slot != 1 || b.Y != 0 || b.H != 500 || b.X != 0 || b.W != 200 {
		t.Errorf("the second part: %+v", b)
	}
	for _, b := range boxes {
		if b.H < 6 || b.Y < 0 || b.X+b.W > 1000 {
			t.Errorf("%+v is not seen, or outside", b)
		}
	}
	if empty := (page.Columns{}); empty.Most() != 0 || len(empty.Boxes()) != 0 || empty.First() != "" {
		t.Error("nothing is drawn as something")
	}
}

// TestBars draws the longest value first, so that none is hidden.
func TestBars(t *testing.T) {
	t.Parallel()
	rows := page.Bars{Names: []string{"median", "90th"}, Rows: []page.Bar{
		{Label: "x", Values: []page.Value{{Size: 10}, {Size: 40}}}, {Label: "y", Values: []page.Value{{Size: -1}, {Size: 1}}},
	}}.Drawn()
	if s := rows[0].Strokes; len(s) != 2 || s[0].Slot != 1 || s[0].W != 1000 || s[1].W != 250 {
		t.Errorf("%+v", s)
	}
	if s := rows[1].Strokes; len(s) != 1 || s[0].W != 25 {
		t.Errorf("what is unknown is drawn: %+v", s)
	}
}

// TestCharts renders both in every language.
func TestCharts(t *testing.T) {
	t.Parallel()
	set, err := page.New(page.Options{
		Templates: fstest.MapFS{"x.html": {Data: []byte(`{{define "title"}}x{{end}}{{define "main"}}{{template "columns" .C}}{{template "bars" .B}}{{end}}`)}},
		URL:       func(string, ...string) (string, error) { return "/", nil },
	})
	if err != nil {
		t.Fatal(err)
	}
	view := struct {
		C page.Columns
		B page.Bars
	}{
		page.Columns{ID: "c", Title: "Exchanges", Label: "Day", Series: []string{"one", "two"}, Bars: []page.Column{
			{Label: "2026-03-02", Parts: []page.Amount{{Count: 1234, Address: "/entries?a=1&b=2"}, {Count: 0}}},
		}},
		page.Bars{Title: "Times", Label: "Lane", Names: []string{"Median"}, Rows: []page.Bar{{Label: "urgent", Address: "/x", Values: []page.Value{{Size: 3, Text: "3 h"}}}}},
	}
	for _, l := range locale.Languages() {
		localizer, err := locale.For(l.Tag)
		if err != nil {
			t.Fatal(err)
		}
		w := httptest.NewRecorder()
		if err := set.Render(w, localizer, 200, "x.html", view, page.Shell{}); err != nil {
			t.Fatal(err)
		}
		body := w.Body.String()
		if strings.Count(body, `href="/entries?a=1&amp;b=2"`) != 2 || strings.Contains(body, "style=") || !strings.Contains(body, `<rect class="ed-fill-0" x="0" y="0"`) {
			t.Errorf("%s: %s", l.Tag, body)
		}
	}
}
