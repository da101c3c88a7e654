package api

import (
	"fmt"
	"net/http"
	"time"

	"github.com/gorilla/mux"

	"github.com/entraide/entraide/pkg/directory"
	"github.com/entraide/entraide/pkg/message"
	"github.com/entraide/entraide/pkg/wire"
)

// submit serves POST /v1/messages.
func (s *Server) submit(w http.ResponseWriter, c *call) error {
	data, err := c.body(w, wire.MaxMessageBytes)
	if err != nil {
		return err
	}
	a, err := s.Broker.Submit(c.Context(), c.authorities, data)
	if err != nil {
		return err
	}
	return accepted(w, a, "")
}

// message serves GET /v1/messages/{id}.
func (s *Server) message(w http.ResponseWriter, c *call) error {
	id, err := c.id()
	if err != nil {
		return err
	}
	d, err := s.Broker.Message(c.Context(), c.authorities, id)
	if err != nil {
		return err
	}
	return answer(w, http.StatusOK, d)
}

// receipt serves GET /v1/messages/{id}/receipt.
func (s *Server) receipt(w http.ResponseWriter, c *call) error {
	id, err := c.id()
	if err != nil {
		return err
	}
	receipt, err := s.Broker.Receipt(c.Context(), c.authorities, id)
	if err != nil {
		return err
	}
	return answer(w, http.StatusOK, receipt)
}

// cosign serves POST /v1/cosignatures.
func (s *Server) cosign(w http.ResponseWriter, c *call) error {
	var in wire.Cosigned
	if err := c.decode(w, wire.MaxCheckpointBytes, &in); err != nil {
		return err
	}
	note, err := s.Broker.Cosign(c.Context(), []byte(in.Checkpoint))
	if err != nil {
		return err
	}
	return answer(w, http.StatusOK, wire.Cosigned{Checkpoint: string(note)})
}

// sent serves GET /v1/sent?from=&to=&after=.
func (s *Server) sent(w http.ResponseWriter, c *call) error {
	from, err := c.own("from")
	if err != nil {
		return err
	}
	to, err := c.counterpart()
	if err != nil {
		return err
	}
	page, err := c.cursor()
	if err != nil {
		return err
	}
	sent, err := s.Broker.Sent(c.Context(), from, to, page.After, page.Limit)
	if err != nil {
		return err
	}
	return answer(w, http.StatusOK, sent)
}

// inbox serves GET /v1/inbox?authority=&after=.
func (s *Server) inbox(w http.ResponseWriter, c *call) error {
	own, err := c.own("authority")
	if err != nil {
		return err
	}
	page, err := c.cursor()
	if err != nil {
		return err
	}
	in, err := s.Broker.Inbox(c.Context(), own, page.After, page.Limit)
	if err != nil {
		return err
	}
	return answer(w, http.StatusOK, in)
}

// receive serves POST /v1/receipts.
func (s *Server) receive(w http.ResponseWriter, c *call) error {
	var signed message.SignedReceipt
	if err := c.decode(w, wire.MaxReceiptBytes, &signed); err != nil {
		return err
	}
	a, err := s.Broker.Receive(c.Context(), c.authorities, signed)
	if err != nil {
		return err
	}
	return accepted(w, a, "")
}

// caseOf serves GET /v1/cases/{id}?after=.
func (s *Server) caseOf(w http.ResponseWriter, c *call) error {
	id, err := c.id()
	if err != nil {
		return err
	}
	page, err := c.cursor()
	if err != nil {
		return err
	}
	out, err := s.Broker.Case(c.Context(), c.authorities, id, page.After, page.Limit)
	if err != nil {
		return err
	}
	return answer(w, http.StatusOK, out)
}

// statements serves GET /v1/directory/statements?after=.
func (s *Server) statements(w http.ResponseWriter, c *call) error {
	page, err := c.cursor()
	if err != nil {
		return err
	}
	out, err := s.Broker.Statements(c.Context(), page.After, page.Limit)
	if err != nil {
		return err
	}
	return answer(w, http.StatusOK, out)
}

// publish serves POST /v1/directory/statements.
func (s *Server) publish(w http.ResponseWriter, c *call) error {
	var signed directory.Signed
	if err := c.decode(w, wire.MaxStatementBytes, &signed); err != nil {
		return err
	}
	a, err := s.Broker.Publish(c.Context(), c.name, signed)
	if err != nil {
		return err
	}
	return accepted(w, a, "")
}

// checkpoint serves GET /checkpoint.
func (s *Server) checkpoint(w http.ResponseWriter, c *call) error {
	note, err := s.Broker.Checkpoint(c.Context())
	if err != nil {
		return err
	}
	send(w, http.StatusOK, "text/plain; charset=utf-8", note)
	return nil
}

// witnessed serves GET /checkpoint/witnessed.
func (s *Server) witnessed(w http.ResponseWriter, c *call) error {
	note, err := s.Broker.Witnessed(c.Context())
	if err != nil {
		return err
	}
	send(w, http.StatusOK, "text/plain; charset=utf-8", note)
	return nil
}

// tile serves GET /tile/{path}.
func (s *Server) tile(w http.ResponseWriter, c *call) error {
	tile, err := s.Broker.Tile(c.Context(), "tile/"+mux.Vars(c.Request)["path"])
	if err != nil {
		return err
	}
	send(w, http.StatusOK, "application/octet-stream", tile)
	return nil
}

// events serves GET /v1/inbox/events?authority=&after=: a server-sent event
// with the index of the newest item whenever something arrives, and a comment
// every so often to keep the line open. A reconnecting client names the last
// event it saw.
func (s *Server) events(w http.ResponseWriter, c *call) error {
	own, err := c.own("authority")
	if err != nil {
		return err
	}
	page, err := c.cursor()
	if err != nil {
		return err
	}
	wakes, stop := s.Broker.Subscribe()
	defer stop()
	out := http.NewResponseController(w)
	if err := out.SetReadDeadline(time.Time{}); err != nil {
		return err
	}
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(http.StatusOK)
	beat := time.NewTicker(heartbeat)
	defer beat.Stop()
	for after := page.After; ; {
		newest, err := s.Broker.Newest(c.Context(), own, after)
		if err != nil {
			return nil // the stream has begun; the client reconnects and is told then
		}
		line := ": still here\n\n"
		if newest > after {
			after, line = newest, fmt.Sprintf("id: %d\nevent: inbox\ndata: {\"index\":%d}\n\n", newest, newest)
		}
		if err := out.SetWriteDeadline(time.Now().Add(heartbeat)); err != nil {
			return nil
		}
		if _, err := fmt.Fprint(w, line); err != nil {
			return nil
		}
		if err := out.Flush(); err != nil {
			return nil
		}
		select {
		case <-c.Context().Done():
			return nil
		case <-s.Broker.Stopped():
			return nil
		case <-wakes:
		case <-beat.C:
		}
	}
}
