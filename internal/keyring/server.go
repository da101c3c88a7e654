package keyring

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"sync"
	"time"

	"github.com/entraide/entraide/pkg/pgp"
)

// A Generator is a keyring that makes keys where they stay.
type Generator interface {
	Generate(name string, suite pgp.Suite, userID string, at time.Time) (*pgp.Key, error)
}

// A Locker is a keyring that can be locked.
type Locker interface {
	Lock()
	Unlock(passphrase []byte) error
}

// A Server lends the keys of a keyring to other processes of the same user. What
// it signs it logs by purpose, never by content.
type Server struct {
	Keys Keyring
	Log  *slog.Logger
	// LockAfter is how long the keys stay unlocked unused; 0 is for ever.
	LockAfter time.Duration

	mu    sync.Mutex // held during a change
	timer *time.Timer
}

// maxSocket bounds the name of a Unix socket, in bytes.
const maxSocket = 103

// Listen opens a Unix socket that only its owner may use. A socket that a dead
// process has left is taken over.
func Listen(ctx context.Context, socket string) (net.Listener, error) {
	if len(socket) > maxSocket {
		return nil, fmt.Errorf("the name of the socket has more than %d bytes: choose a shorter one", maxSocket)
	}
	if info, err := os.Lstat(socket); err == nil {
		if info.Mode()&os.ModeSocket == 0 {
			return nil, fmt.Errorf("%s is not a socket: choose another name", socket)
		}
		var d net.Dialer
		if conn, err := d.DialContext(ctx, "unix", socket); err == nil {
			return nil, errors.Join(fmt.Errorf("somebody answers at %s already", socket), conn.Close())
		}
		if err := os.Remove(socket); err != nil {
			return nil, err
		}
	}
	var c net.ListenConfig
	listener, err := c.Listen(ctx, "unix", socket)
	if err != nil {
		return nil, err
	}
	if err := os.Chmod(socket, 0o600); err != nil {
		return nil, errors.Join(err, listener.Close())
	}
	return listener, nil
}

// Serve answers until ctx ends, and locks the keys then.
func (s *Server) Serve(ctx context.Context, listener net.Listener) error {
	s.touch()
	defer s.lock()
	stop := context.AfterFunc(ctx, func() { _ = listener.Close() })
	defer stop()
	var all sync.WaitGroup
	defer all.Wait()
	for {
		conn, err := listener.Accept()
		if ctx.Err() != nil {
			return nil
		}
		if err != nil {
			return fmt.Errorf("listening for who needs the keys: %w", err)
		}
		all.Go(func() {
			done := context.AfterFunc(ctx, func() { _ = conn.Close() })
			defer done()
			s.converse(conn)
		})
	}
}

// converse answers one connection until it ends.
func (s *Server) converse(conn net.Conn) {
	defer func() { _ = conn.Close() }() // nobody is left to tell
	if err := checkPeer(conn); err != nil {
		s.Log.Warn("refused", "err", err)
		return
	}
	for {
		var r request
		if err := readFrame(conn, &r); err != nil {
			return
		}
		a, err := s.answer(r)
		clear(r.Passphrase)
		clear(r.Data)
		if err != nil {
			s.Log.Warn("refused", "op", r.Op, "key", r.Key, "typ", r.Typ, "err", err)
			a = refusal(err)
		}
		err = writeFrame(conn, a)
		clear(a.SessionKey)
		if err != nil {
			return
		}
	}
}

// answer does what a request asks for.
func (s *Server) answer(r request) (answer, error) {
	switch r.Op {
	case opList:
		return s.list()
	case opLock, opUnlock:
		return answer{}, s.toggle(r)
	case opGenerate:
		return s.generate(r)
	}
	key, err := s.Keys.Key(r.Key)
	if err != nil {
		return answer{}, err
	}
	s.touch()
	switch r.Op {
	case opKey:
		return answer{Certificate: key.Certificate().Bytes()}, nil
	case opSign:
		s.Log.Info("signing", "key", r.Key, "typ", r.Typ)
		signature, err := key.SignFor(r.Typ, r.Data, r.Intended, r.at())
		return answer{Signature: signature}, err
	case opSession:
		session, err := key.OpenSession(r.Subkey, r.Packet)
		return answer{SessionKey: session}, err
	case opCertify:
		return certify(key, r)
	case opChange:
		return s.change(key, r)
	}
	return answer{}, fmt.Errorf("%w: %q", ErrUnsupported, r.Op)
}

// list names the keys.
func (s *Server) list() (a answer, err error) {
	entries, err := s.Keys.List()
	for _, e := range entries {
		a.Keys = append(a.Keys, e.Name())
	}
	return a, err
}

// toggle locks or unlocks.
func (s *Server) toggle(r request) error {
	locker, ok := s.Keys.(Locker)
	if !ok {
		return fmt.Errorf("%w: it cannot be locked", ErrUnsupported)
	}
	s.Log.Info(r.Op)
	if r.Op == opLock {
		locker.Lock()
		return nil
	}
	s.touch()
	return locker.Unlock(r.Passphrase)
}

// generate has the keyring make a key.
func (s *Server) generate(r request) (answer, error) {
	g, ok := s.Keys.(Generator)
	if !ok {
		return answer{}, fmt.Errorf("%w: it makes no keys", ErrUnsupported)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.Log.Info("making a key", "key", r.Key, "suite", r.Suite)
	key, err := g.Generate(r.Key, r.Suite, r.UserID, r.at())
	if err != nil {
		return answer{}, err
	}
	return answer{Certificate: key.Certificate().Bytes()}, nil
}

// certify certifies another certificate.
func certify(key *pgp.Key, r request) (answer, error) {
	c, err := pgp.ParseCertificate(r.Certificate)
	if err != nil {
		return answer{}, err
	}
	certified, err := key.Certify(c, r.at(), time.Duration(r.LifetimeS)*time.Second)
	if err != nil {
		return answer{}, err
	}
	return answer{Certificate: certified.Bytes()}, nil
}

// change changes a key and has it kept before anybody learns of it.
func (s *Server) change(key *pgp.Key, r request) (answer, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.Log.Info("changing a key", "key", r.Key, "kind", r.Kind)
	c := pgp.Change{Kind: r.Kind, At: r.at(), Subkey: r.Subkey, Reason: pgp.Reason(r.Reason)}
	if err := c.Apply(key); err != nil {
		return answer{}, err
	}
	if err := s.Keys.Keep(r.Key, key); err != nil {
		return answer{}, err
	}
	return answer{Certificate: key.Certificate().Bytes()}, nil
}

// touch puts off the time when the keys are locked.
func (s *Server) touch() {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.LockAfter <= 0:
	case s.timer == nil:
		s.timer = time.AfterFunc(s.LockAfter, s.lock)
	default:
		s.timer.Reset(s.LockAfter)
	}
}

// lock locks the keys if they can be.
func (s *Server) lock() {
	if locker, ok := s.Keys.(Locker); ok {
		s.Log.Info("locking the keys")
		locker.Lock()
	}
}
