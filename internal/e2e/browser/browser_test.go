package browser_test

import (
	"testing"

	"github.com/entraide/entraide/internal/locale"
)

// TestPages looks at every page of the list in pages.mjs, in the languages that
// differ most: with axe, at 320 pixels, by keyboard, without scripts.
func TestPages(t *testing.T) {
	before := locale.Missed()
	newWorld(t, "QM").run("pages")
	if n := locale.Missed() - before; n != 0 {
		t.Errorf("%d sentences were missing", n)
	}
}

// TestBoards looks at the pages of the watch, of auditors and of custodians.
func TestBoards(t *testing.T) {
	before := locale.Missed()
	newWorld(t, "QM").run("boards")
	if n := locale.Missed() - before; n != 0 {
		t.Errorf("%d sentences were missing", n)
	}
}

// TestCompose has a duty officer, who follows only the screen, ask for the
// preservation of data, and counts the clicks and fields of the shortest path.
func TestCompose(t *testing.T) {
	w := newWorld(t, "QM", "QN")
	for _, place := range w.desks {
		w.must(place.desk.Sync(t.Context()))
	}
	w.run("compose")
}

// TestCases looks at a case that another State has opened, and reads its request.
func TestCases(t *testing.T) {
	before := locale.Missed()
	w := newWorld(t, "QM", "QN")
	for _, place := range w.desks {
		w.must(place.desk.Sync(t.Context()))
	}
	w.receive()
	w.run("cases")
	if n := locale.Missed() - before; n != 0 {
		t.Errorf("%d sentences were missing", n)
	}
}
