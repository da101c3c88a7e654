package postgres

import (
	"context"
	"fmt"
	"time"

	"github.com/lib/pq"
)

// channel is what commits are announced on, in all schemas of a database.
const channel = "entraide_log"

// announce is the expression that tells those who watch, if the transaction
// commits.
const announce = `pg_notify('` + channel + `', '')`

// reconnectLeast and reconnectMost bound how soon a lost line for wake-ups is
// tried again.
const (
	reconnectLeast = 50 * time.Millisecond
	reconnectMost  = time.Second
)

// Watch implements [store.Broker]. It has a connection of its own. It ends
// with Close at the latest.
func (db *DB) Watch(ctx context.Context) (<-chan struct{}, func(), error) {
	listener := pq.NewDialListener(newDialer(), db.address, reconnectLeast, reconnectMost, nil)
	if !db.keep(listener) {
		_ = listener.Close() // it was open
		return nil, nil, errClosed
	}
	end := func() {
		db.forget(listener)
		_ = listener.Close() // it may have been closed before
	}
	listening := make(chan error, 1)
	go func() { listening <- listener.Listen(channel) }() // ends when the listener does
	var err error
	select {
	case err = <-listening:
	case <-ctx.Done():
		err = ctx.Err()
	}
	if err != nil {
		end()
		return nil, nil, fmt.Errorf("postgres: listening for commits: %w", err)
	}
	ear := make(chan struct{}, 1)
	go pass(listener.Notify, ear)
	return ear, end, nil
}

// pass passes notifications on until the listener has ended. A nil one follows
// every new connection, for what was said while there was none.
func pass(from <-chan *pq.Notification, ear chan<- struct{}) {
	for range from {
		select {
		case ear <- struct{}{}:
		default: // it has not looked since the last one
		}
	}
}

// keep notes an open listener for Close; it returns false if that was before.
func (db *DB) keep(listener *pq.Listener) bool {
	db.mu.Lock()
	defer db.mu.Unlock()
	if !db.closed {
		db.watching[listener] = true
	}
	return !db.closed
}

func (db *DB) forget(listener *pq.Listener) {
	db.mu.Lock()
	defer db.mu.Unlock()
	delete(db.watching, listener)
}
