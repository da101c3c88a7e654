package e2e_test

import (
	"sync"
	"testing"

	"github.com/entraide/entraide/internal/desk"
	"github.com/entraide/entraide/internal/testkit/pgserver"
	"github.com/entraide/entraide/pkg/workflow"
)

// TestDeskServerKilled kills the database server of a desk again and again while it
// sends: what was ordered is sent once, as ordered, and the case file is whole.
func TestDeskServerKilled(t *testing.T) {
	t.Parallel()
	h := newHub(t)
	server := pgserver.Start(t)
	h.desks = map[string]string{"QM": server.Database(t)}
	qm, qn := h.pair()

	const kills = 4
	ended, ordered, failed := make(chan struct{}), map[string]bool{}, 0
	var killing sync.WaitGroup
	killing.Go(func() {
		defer close(ended)
		for range kills {
			server.Kill()
			if err := server.Run(); err != nil {
				t.Error(err)
			}
		}
	})
	for going := true; going; {
		select {
		case <-ended:
			going = false
		default:
		}
		id, _, err := qm.Send(t.Context(), h.order(workflow.Request, "QM.mla", "QN.mla", desk.Message{}))
		if err == nil {
			err = qm.Sync(t.Context())
			ordered[string(id)] = true
		}
		if err != nil {
			failed++
		}
	}
	killing.Wait()
	h.must(qm.Sync(t.Context()))
	h.must(qn.Sync(t.Context()))
	there, err := qn.Messages(t.Context())
	h.must(err)
	t.Logf("%d kills, %d messages ordered, %d attempts failed, %d messages arrived", kills, len(ordered), failed, len(there))
	for _, m := range there {
		delete(ordered, m.ID)
	}
	if len(ordered) > 0 {
		t.Errorf("%d messages that were ordered did not arrive", len(ordered))
	}
	if failed == 0 {
		t.Error("nothing was interrupted")
	}
	n, err := qm.VerifyMessages(t.Context())
	h.must(err)
	if n != len(there) {
		t.Errorf("%d messages are in the case file, and %d arrived", n, len(there))
	}
	_, err = qm.VerifyIndex(t.Context())
	h.must(err)
}
