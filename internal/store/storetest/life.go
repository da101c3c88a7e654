package storetest

import (
	"bytes"
	"context"
	"errors"
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/entraide/entraide/internal/store"
)

// testDuplicates refuses a batch with what is there already, whole, without a
// word of what was in it.
func testDuplicates(t *testing.T, s store.Broker) {
	const secret = "sesame"
	fill := func(first int64, b *store.Batch) {
		m := message("m", first)
		m.Seq, m.Payload = 1, []byte(secret)
		b.Messages = []store.Message{m}
		b.Cases = []store.Case{{ID: id("c"), Index: first}}
	}
	if err := add(t.Context(), s, 1, fill); err != nil {
		t.Fatal(err)
	}
	err := add(t.Context(), s, 1, fill)
	if err == nil || errors.Is(err, store.ErrOutcomeUnknown) || strings.Contains(err.Error(), secret) {
		t.Errorf("storing a message twice: %v", err)
	}
	size(t, s, 1)
	if err := add(t.Context(), s, 1, nil); err != nil {
		t.Errorf("after that: %v", err)
	}
}

// testWaits gives up waiting for another write when its caller does.
func testWaits(t *testing.T, s store.Broker) {
	err := s.Write(t.Context(), func(store.Writer) error {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		err := s.Write(ctx, func(store.Writer) error { return nil })
		if !errors.Is(err, context.Canceled) {
			t.Errorf("a write whose caller has gone: %v, want context.Canceled", err)
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}

// testManyReaders reads in many goroutines while there are writes.
func testManyReaders(t *testing.T, s store.Broker) {
	payload := bytes.Repeat([]byte{7}, 100_000)
	if err := add(t.Context(), s, 1, func(_ int64, b *store.Batch) {
		m := message("m", 0)
		m.Payload, m.PayloadSize = payload, int64(len(payload))
		b.Messages = []store.Message{m}
	}); err != nil {
		t.Fatal(err)
	}
	const readers, reads = 50, 5
	var all sync.WaitGroup
	for range readers {
		all.Go(func() {
			for range reads {
				err := s.Read(t.Context(), func(r store.Reader) error {
					m, err := r.Message(t.Context(), id("m"))
					if !bytes.Equal(m.Payload, payload) {
						t.Error("another payload")
					}
					return err
				})
				if err != nil {
					t.Error(err)
				}
			}
		})
	}
	for range reads {
		if err := add(t.Context(), s, 1, nil); err != nil {
			t.Error(err)
		}
	}
	all.Wait()
}

// testClose waits for what runs, and lets nothing begin.
func testClose(t *testing.T, s store.Broker) {
	closed := make(chan error, 1)
	err := s.Read(t.Context(), func(r store.Reader) error {
		return s.Write(t.Context(), func(w store.Writer) error {
			go func() { closed <- s.Close() }()
			for s.Read(t.Context(), func(store.Reader) error { return nil }) == nil {
				runtime.Gosched() // it has not begun to close
			}
			if _, err := r.Head(t.Context()); err != nil {
				t.Errorf("reading while it closes: %v", err)
			}
			b, err := batch(t.Context(), w, 1)
			if err != nil {
				return err
			}
			select {
			case err := <-closed:
				t.Errorf("Close did not wait: %v", err)
			default:
			}
			return w.Append(t.Context(), b)
		})
	})
	if err != nil {
		t.Errorf("what ran when it was closed: %v", err)
	}
	if err := <-closed; err != nil {
		t.Error(err)
	}
	if err := s.Write(t.Context(), func(store.Writer) error { return nil }); err == nil {
		t.Error("a closed store can be written")
	}
	if err := s.SaveCheckpoint(t.Context(), 1, []byte("note")); err == nil {
		t.Error("a closed store saves checkpoints")
	}
	if _, _, err := s.Watch(t.Context()); err == nil {
		t.Error("a closed store can be watched")
	}
}

// testUnwinds leaves nothing locked behind when a caller's function does not
// return.
func testUnwinds(t *testing.T, s store.Broker) {
	var ended sync.WaitGroup
	ended.Go(func() {
		_ = s.Write(t.Context(), func(store.Writer) error { runtime.Goexit(); return nil })
	})
	ended.Go(func() {
		_ = s.Read(t.Context(), func(store.Reader) error { runtime.Goexit(); return nil })
	})
	ended.Wait()
	if err := add(t.Context(), s, 1, nil); err != nil {
		t.Error(err)
	}
}

// testEnded ends a watch: nothing waits for it any more.
func testEnded(t *testing.T, s store.Broker) {
	_, end, err := s.Watch(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	end()
	end() // twice does no harm
	for range 100 {
		if err := add(t.Context(), s, 1, nil); err != nil {
			t.Fatal(err)
		}
	}
}
