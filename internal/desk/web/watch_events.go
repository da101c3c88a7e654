package web

import (
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/entraide/entraide/internal/desk/account"
	"github.com/entraide/entraide/internal/page"
)

// Spans of the stream of the board.
const (
	lookEvery   = 2 * time.Second  // at the desk
	beatEvery   = 15 * time.Second // a sign of life, and a look at the session
	writeWithin = 10 * time.Second // for a browser to take what is written
)

// watchEvents tells the board that something has changed, as server-sent events:
// once at the beginning of each minute, for its clocks, and whenever a page is
// raised or acknowledged, a case moves, or the line to the broker breaks. It ends
// with the session. To a connection that cannot wait it says what there is now, and
// the browser asks again.
func (s *Server) watchEvents(w http.ResponseWriter, c *Call) error {
	last, err := s.boardState(c)
	if err != nil {
		return err
	}
	h := w.Header()
	h.Set("Content-Type", "text/event-stream")
	h.Set("X-Accel-Buffering", "no") // proxies hand it on at once
	stream := http.NewResponseController(w)
	say := func(text string) bool {
		if stream.SetWriteDeadline(time.Now().Add(writeWithin)) != nil {
			return false
		}
		_, err := fmt.Fprint(w, text)
		return err == nil && stream.Flush() == nil
	}
	if !say("retry: 5000\n\n") {
		_, _ = fmt.Fprint(w, "retry: 5000\n\n") // the browser may be gone
		return nil
	}
	look, beat := time.NewTicker(lookEvery), time.NewTicker(beatEvery)
	defer look.Stop()
	defer beat.Stop()
	for {
		select {
		case <-c.Context().Done():
			return nil
		case <-beat.C:
			if !s.goesOn(c) || !say(": alive\n\n") {
				return nil
			}
		case <-look.C:
			state, err := s.boardState(c)
			if err != nil {
				return nil // the answer has begun: the browser asks again and is told
			}
			if state != last && !say("event: change\ndata:\n\n") {
				return nil
			}
			last = state
		}
	}
}

// goesOn reports whether the session of a stream is still there, without keeping
// it alive.
func (s *Server) goesOn(c *Call) bool {
	_, err := s.Accounts.Resume(c.Context(), page.CookieValue(c.Request, sessionCookie), true)
	return !errors.Is(err, account.ErrNoSession)
}

// boardState is a digest of what the board shows.
func (s *Server) boardState(c *Call) (digest [sha256.Size]byte, err error) {
	b, err := s.office.Board(c.Context(), c.User.Officer())
	if err != nil {
		return digest, err
	}
	b.At, b.Reached = b.At.Truncate(time.Minute), time.Time{}
	for i := range b.Pages {
		b.Pages[i].Seconds = 0
	}
	text, err := json.Marshal(b)
	return sha256.Sum256(text), err
}
