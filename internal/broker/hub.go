package broker

import (
	"context"
	"sync"

	"github.com/entraide/entraide/internal/store"
)

// A hub passes the database's wake-ups on to everybody who waits.
type hub struct {
	source <-chan struct{}
	end    func()
	mu     sync.Mutex
	ears   map[chan struct{}]bool
}

func newHub(ctx context.Context, s store.Broker) (*hub, error) {
	source, end, err := s.Watch(ctx)
	if err != nil {
		return nil, err
	}
	return &hub{source: source, end: end, ears: map[chan struct{}]bool{}}, nil
}

// run ends with ctx.
func (h *hub) run(ctx context.Context) {
	defer h.end()
	for {
		select {
		case <-ctx.Done():
			return
		case <-h.source:
			h.wake()
		}
	}
}

func (h *hub) wake() {
	h.mu.Lock()
	defer h.mu.Unlock()
	for ear := range h.ears {
		select {
		case ear <- struct{}{}:
		default: // it has not looked since the last one
		}
	}
}

// subscribe returns a channel that receives, coalesced, after commits, and a
// function that ends it.
func (h *hub) subscribe() (<-chan struct{}, func()) {
	ear := make(chan struct{}, 1)
	h.mu.Lock()
	defer h.mu.Unlock()
	h.ears[ear] = true
	return ear, func() {
		h.mu.Lock()
		defer h.mu.Unlock()
		delete(h.ears, ear)
	}
}
