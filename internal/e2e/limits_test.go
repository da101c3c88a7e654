package e2e_test

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/entraide/entraide/internal/broker/api"
	"github.com/entraide/entraide/internal/desk"
	"github.com/entraide/entraide/internal/transport"
	"github.com/entraide/entraide/pkg/problem"
	"github.com/entraide/entraide/pkg/workflow"
)

// line opens a connection to the broker with the certificate of a desk.
func (h *hub) line(party string) *tls.Conn {
	h.t.Helper()
	identity, err := transport.Load(filepath.Join(h.dir, party))
	h.must(err)
	conn, err := tls.Dial("tcp", strings.TrimPrefix(h.public.URL, "https://"), &tls.Config{
		Certificates: []tls.Certificate{identity}, InsecureSkipVerify: true, NextProtos: []string{"http/1.1"},
	})
	h.must(err)
	h.t.Cleanup(func() { conn.Close() })
	return conn
}

// TestSlowAndLarge holds the broker's patience (T36): a header that never ends, one
// that is too large, and a body shorter than was said cost it a connection and no
// more; nothing is kept of them, and it serves others meanwhile.
func TestSlowAndLarge(t *testing.T) {
	t.Parallel()
	h := newHub(t)
	qm, _ := h.pair()
	slow := h.line("QM")
	_, err := io.WriteString(slow, "GET /v1/inbox?authority=QM.mla HTTP/1.1\r\nHost: broker\r\nX-Slow: ")
	h.must(err)

	large := h.line("QM")
	go func() { // the broker may have closed before all is written
		_, _ = fmt.Fprintf(large, "GET /v1/inbox?authority=QM.mla HTTP/1.1\r\nHost: broker\r\nX-Large: %s\r\n\r\n", strings.Repeat("x", 1<<20))
	}()
	answer := make([]byte, 200)
	n, err := large.Read(answer)
	if err != nil || !strings.HasPrefix(string(answer[:n]), fmt.Sprintf("HTTP/1.1 %d ", http.StatusRequestHeaderFieldsTooLarge)) {
		t.Errorf("a header of 1 MiB: %q, %v", answer[:n], err)
	}

	short := h.line("QM")
	_, err = io.WriteString(short, "POST /v1/messages HTTP/1.1\r\nHost: broker\r\nContent-Type: application/json\r\nContent-Length: 100000\r\n\r\n{\"header\":")
	h.must(errors.Join(err, short.CloseWrite()))
	said, err := io.ReadAll(short)
	if err != nil || strings.HasPrefix(string(said), "HTTP/1.1 2") {
		t.Errorf("a body that ends too early: %q, %v", said, err)
	}

	sent := h.send(qm, h.order(workflow.Request, "QM.mla", "QN.mla", desk.Message{}))
	h.must(slow.SetReadDeadline(time.Now().Add(time.Minute)))
	rest, err := io.ReadAll(slow)
	if errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("a header that never ends is waited for after a minute")
	}
	if strings.HasPrefix(string(rest), "HTTP/1.1 2") {
		t.Errorf("a header that never ends: %q", rest)
	}
	there, err := h.as("QN").Inbox(t.Context(), "QN.mla", -1)
	h.must(err)
	messages := 0
	for _, item := range there.Items {
		if item.Kind == "message" {
			messages++
		}
	}
	if sent.Index == 0 || messages != 1 {
		t.Errorf("%d messages were taken, want that which was whole", messages)
	}
}

// TestGreedySender has a State ask for more than its share (T37): it is told to wait,
// and what is urgent to another State is taken while it goes on asking.
func TestGreedySender(t *testing.T) {
	t.Parallel()
	h := newHub(t)
	_, qn := h.pair()
	h.must(qn.Sync(t.Context()))
	h.limit(api.Limits{PerSecond: 10, Burst: 100}) // which a slow machine can exceed
	greedy := h.as("QM")
	var pressing sync.WaitGroup
	done, asked, waits := make(chan struct{}), atomic.Int64{}, make(chan struct{}, 1)
	for range 2 {
		pressing.Go(func() {
			for {
				select {
				case <-done:
					return
				default:
				}
				_, err := greedy.Inbox(t.Context(), "QM.mla", -1)
				asked.Add(1)
				if problem.CodeOf(err) == problem.RateLimited {
					select {
					case waits <- struct{}{}:
					default:
					}
				}
			}
		})
	}
	select {
	case <-waits:
	case <-time.After(time.Minute):
		t.Error("nobody told the greedy State to wait")
	}
	before := asked.Load()
	h.send(qn, h.order(workflow.Request, "QN.mla", "QM.mla", desk.Message{})) // an urgent one
	if asked.Load() == before {
		t.Error("the greedy State has not gone on")
	}
	close(done)
	pressing.Wait()
}

// TestTwoProcesses has two processes of one desk empty its outbox at once (T31): each
// message is submitted by one of them, and once.
func TestTwoProcesses(t *testing.T) {
	t.Parallel()
	h := newHub(t)
	one, _ := h.pair()
	two := h.opened("QM")
	const messages = 12
	for range messages {
		_, _, err := one.Send(t.Context(), h.order(workflow.Request, "QM.mla", "QN.mla", desk.Message{}))
		h.must(err)
	}
	var submissions atomic.Int64
	h.meddle(func(_ http.ResponseWriter, r *http.Request, _ http.Handler) bool {
		if isSubmission(r) {
			submissions.Add(1)
		}
		return false
	})
	var both sync.WaitGroup
	for _, d := range []*desk.Desk{one, two} {
		both.Go(func() {
			for range messages {
				_ = d.Sync(t.Context()) // it says so where the other is at work
			}
		})
	}
	both.Wait()
	h.must(one.Sync(t.Context()))
	if n := submissions.Load(); n != messages {
		t.Errorf("%d messages were submitted %d times", messages, n)
	}
	all, err := two.Messages(t.Context())
	h.must(err)
	if len(all) != messages {
		t.Errorf("%d of %d messages are in the case file", len(all), messages)
	}
}
