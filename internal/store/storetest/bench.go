package storetest

import (
	"bytes"
	"crypto/rand"
	"fmt"
	"testing"
	"time"

	"github.com/entraide/entraide/internal/store"
)

// benchPayload is the size of a small padded message.
const benchPayload = 4 << 10

// Benchmark measures writes as the broker makes them: what a batch of
// submissions needs is read, then the batch is appended with a message, a
// case, a pair and an inbox item to each entry. A submission is one entry.
func Benchmark(b *testing.B, open func(b *testing.B) store.Broker) {
	b.Helper()
	for _, size := range []int{1, 16, 128, 512} {
		b.Run(fmt.Sprintf("batch=%d", size), func(b *testing.B) {
			s := open(b)
			payload := make([]byte, benchPayload)
			if _, err := rand.Read(payload); err != nil {
				b.Fatal(err)
			}
			fastest := time.Hour
			for b.Loop() {
				began := time.Now()
				if err := s.Write(b.Context(), func(w store.Writer) error { return submit(b, w, size, payload) }); err != nil {
					b.Fatal(err)
				}
				fastest = min(fastest, time.Since(began))
			}
			b.ReportMetric(float64(size)*float64(b.N)/b.Elapsed().Seconds(), "submissions/s")
			b.ReportMetric(float64(fastest.Microseconds())/1e3, "fastest-ms/batch") // what a busy machine disturbs least
		})
	}
}

// submit appends a batch of messages, each the first of its case.
func submit(b *testing.B, w store.Writer, size int, payload []byte) error {
	ctx := b.Context()
	next, err := batch(ctx, w, size)
	if err != nil {
		return err
	}
	for _, e := range next.Entries {
		m := message(fmt.Sprintf("%032x", e.Index), e.Index)
		m.Case, m.To = m.ID, fmt.Sprintf("QN.%d", e.Index%1000)
		m.Header, m.Signature = bytes.Repeat([]byte("h"), 2000), bytes.Repeat([]byte("s"), 200)
		m.Payload = append(bytes.Clone(payload[16:]), m.ID[16:]...)
		next.Messages = append(next.Messages, m)
		next.Cases = append(next.Cases, store.Case{ID: m.Case, Requesting: m.From, Requested: m.To, Stage: "open", Index: e.Index})
		next.Inbox = append(next.Inbox, store.InboxItem{Authority: m.To, Index: e.Index, Kind: "message", Ref: m.ID})
		next.Clocks = append(next.Clocks, store.Clock{Case: m.Case, Name: "delivery", Due: e.Index, State: "running"})
	}
	ids, pairs := keysOf(&next)
	if _, err := w.Messages(ctx, ids); err != nil {
		return err
	}
	if _, err := w.Cases(ctx, ids); err != nil {
		return err
	}
	if _, err := w.Heads(ctx, pairs); err != nil {
		return err
	}
	if _, err := w.Clocks(ctx, ids); err != nil {
		return err
	}
	return w.Append(ctx, next)
}

// keysOf returns the identifiers and the pairs of a batch's messages, and
// gives the batch its pairs' heads.
func keysOf(b *store.Batch) (ids []string, pairs []store.Pair) {
	heads := map[store.Pair]store.PairHead{}
	for _, m := range b.Messages {
		pair := store.Pair{From: m.From, To: m.To}
		ids, pairs = append(ids, m.ID), append(pairs, pair)
		heads[pair] = store.PairHead{Pair: pair, Seq: m.Seq, Digest: m.Digest}
	}
	for _, h := range heads {
		b.Heads = append(b.Heads, h)
	}
	return ids, pairs
}
