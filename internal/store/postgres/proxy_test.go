package postgres_test

import (
	"bytes"
	"net"
	"net/url"
	"sync"
	"sync/atomic"
	"testing"
)

// A cut is what a proxy does when it sees a COMMIT.
type cut struct {
	forward bool   // send it to the server
	abandon bool   // and do not wait for the answer
	then    func() // before both sides are cut off
	last    bool   // and nobody gets through afterwards
}

// A proxy stands between a broker and its server.
type proxy struct {
	listener net.Listener
	server   string
	next     atomic.Pointer[cut] // what to do with the next COMMIT
	ended    atomic.Bool         // nobody gets through
	running  sync.WaitGroup
}

// newProxy returns a proxy before the server of a database, and the address of
// the database behind it.
func newProxy(t *testing.T, address string) (*proxy, string) {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &proxy{listener: l, server: u.Host}
	p.running.Go(p.accept)
	t.Cleanup(func() {
		_ = l.Close() // it may have been closed by a cut
		p.running.Wait()
	})
	u.Host = l.Addr().String()
	return p, u.String()
}

func (p *proxy) accept() {
	for {
		client, err := p.listener.Accept()
		if err != nil {
			return
		}
		p.running.Go(func() { p.serve(client) })
	}
}

// serve passes everything on until it has something to cut.
func (p *proxy) serve(client net.Conn) {
	defer client.Close()
	server, err := net.Dial("tcp", p.server)
	if err != nil {
		return
	}
	defer server.Close()
	var swallow atomic.Bool
	answered := make(chan struct{})
	p.running.Go(func() {
		defer close(answered)
		buffer := make([]byte, 64<<10)
		for {
			n, err := server.Read(buffer)
			if swallow.Load() {
				return // the client is cut off when all else is done
			}
			if err == nil {
				_, err = client.Write(buffer[:n])
			}
			if err != nil {
				_ = client.Close() // so that serve ends too
				return
			}
		}
	})
	buffer := make([]byte, 64<<10)
	for {
		n, err := client.Read(buffer)
		if err != nil || p.ended.Load() {
			return
		}
		c := (*cut)(nil)
		if bytes.Contains(buffer[:n], []byte("COMMIT\x00")) {
			c = p.next.Swap(nil)
		}
		if c != nil {
			swallow.Store(true)
		}
		if c == nil || c.forward {
			if _, err := server.Write(buffer[:n]); err != nil {
				return
			}
		}
		if c == nil {
			continue
		}
		if c.forward && !c.abandon {
			<-answered
		}
		_ = server.Close() // a transaction that has not begun to commit ends
		if c.last {
			p.ended.Store(true)
			_ = p.listener.Close() // it was open
		}
		if c.then != nil {
			c.then()
		}
		return
	}
}
