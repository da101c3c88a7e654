package e2e_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/entraide/entraide/internal/desk"
	"github.com/entraide/entraide/pkg/wire"
	"github.com/entraide/entraide/pkg/workflow"
)

// TestWithheld hides one item from the answers of an honest broker (row 10 of the
// threats): the broker's own statement of how many it has sent convicts it at the
// next poll, and so does the next message of the same sender.
func TestWithheld(t *testing.T) {
	t.Parallel()
	h := newHub(t)
	qm, qn := h.pair()
	h.must(qn.Sync(t.Context()))
	first := h.send(qm, h.order(workflow.Request, "QM.mla", "QN.mla", desk.Message{}))
	h.meddle(hiding(h, first.ID))
	h.pass(2 * time.Minute)
	h.must(qn.Sync(t.Context()))
	h.accused(qn, 1, "it sent 1 items to QN.mla")
	h.must(qn.Sync(t.Context()))
	h.accused(qn, 1, "it sent 1 items to QN.mla")

	h.send(qm, h.order(workflow.Request, "QM.mla", "QN.mla", desk.Message{}))
	h.must(qn.Sync(t.Context()))
	h.accused(qn, 2, "messages 1 to 1 from QM.mla to QN.mla")
	if found, err := qm.Incidents(t.Context()); err != nil || len(found) > 0 {
		t.Errorf("the other desk accuses the broker of %v, %v", found, err)
	}
}

// TestMailboxStatement alters the statement itself: it is nothing that the log
// proves.
func TestMailboxStatement(t *testing.T) {
	t.Parallel()
	h := newHub(t)
	qm, qn := h.pair()
	h.must(qn.Sync(t.Context()))
	h.send(qm, h.order(workflow.Request, "QM.mla", "QN.mla", desk.Message{}))
	h.pass(2 * time.Minute)
	h.meddle(answering("/v1/inbox", func(body []byte) []byte {
		var in wire.Inbox
		h.must(json.Unmarshal(body, &in))
		in.Mailbox = strings.Replace(in.Mailbox, "extra ", "extra A", 1)
		body, err := json.Marshal(in)
		h.must(err)
		return body
	}))
	h.must(qn.Sync(t.Context()))
	h.accused(qn, 1, "the receipt")
}

// hiding takes a message out of every inbox.
func hiding(h *hub, id string) tamper {
	return answering("/v1/inbox", func(body []byte) []byte {
		var in wire.Inbox
		h.must(json.Unmarshal(body, &in))
		kept := []wire.InboxItem{}
		for _, item := range in.Items {
			if item.Ref != id || item.Kind != wire.KindMessage {
				kept = append(kept, item)
			}
		}
		in.Items = kept
		body, err := json.Marshal(in)
		h.must(err)
		return body
	})
}

// answering alters every answer at a path.
func answering(path string, change func([]byte) []byte) tamper {
	return func(w http.ResponseWriter, r *http.Request, next http.Handler) bool {
		if r.URL.Path != path {
			return false
		}
		altered(w, r, next, change)
		return true
	}
}

// accused expects a number of incidents, the newest about something.
func (h *hub) accused(d *desk.Desk, n int, what string) {
	h.t.Helper()
	found, err := d.Incidents(h.t.Context())
	h.must(err)
	if len(found) != n || n > 0 && !strings.Contains(found[n-1].What, what) {
		h.t.Fatalf("incidents: %+v, want %d, the newest about %q", found, n, what)
	}
}
