package browser_test

import (
	"testing"

	"github.com/entraide/entraide/internal/desk"
	"github.com/entraide/entraide/internal/store"
)

// TestPages looks at every page of the list in pages.mjs, in the languages that
// differ most: with axe, at 320 pixels, by keyboard, without scripts.
func TestPages(t *testing.T) {
	t.Parallel()
	newWorld(t, "QM").run("pages")
}

// TestBoards looks at the pages of the watch, of auditors and of custodians.
func TestBoards(t *testing.T) {
	t.Parallel()
	newWorld(t, "QM").run("boards")
}

// TestCompose has a duty officer, who follows only the screen, ask for the
// preservation of data, and counts the clicks and fields of the shortest path.
func TestCompose(t *testing.T) {
	t.Parallel()
	newWorld(t, "QM", "QN").run("compose")
}

// TestJourney has the officers of two desks take a case from its request to its
// end, through pages alone, in each of the languages that differ most.
func TestJourney(t *testing.T) {
	t.Parallel()
	newWorld(t, "QM", "QN").run("journey")
}

// TestCases looks at a case that another State has opened, and reads its request.
func TestCases(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "QM", "QN")
	w.receive()
	w.run("cases")
}

// TestSettings has two administrators set the office up.
func TestSettings(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "QM")
	w.must(w.desks["QM"].desk.Store().Write(t.Context(), func(tx store.DeskWriter) error {
		return tx.PutIncident(t.Context(), store.Incident{At: w.now().Unix(), Kind: desk.KindUnasked, What: "a statement about this State that this desk did not make", A: []byte("{}")})
	}))
	w.run("settings")
}
