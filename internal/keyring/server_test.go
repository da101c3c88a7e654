package keyring

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"github.com/entraide/entraide/pkg/pgp"
)

var (
	born = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	name = NameOf("QM.24-7", pgp.Classic4)
)

// stored returns a directory with one locked key, and the key.
func stored(t testing.TB) (string, *pgp.Key) {
	t.Helper()
	key, err := pgp.Generate(pgp.Classic4, "QM.24-7 <24-7@qm.example>", born, 0)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := NewFiles(dir, func() ([]byte, error) { return []byte("secret"), nil }).Keep(name, key); err != nil {
		t.Fatal(err)
	}
	return dir, key
}

// served starts a server of a keyring and returns a client of it.
func served(t testing.TB, keys Keyring) *Client {
	t.Helper()
	socket := filepath.Join(t.TempDir(), "s")
	ctx, stop := context.WithCancel(t.Context())
	listener, err := Listen(ctx, socket)
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error)
	go func() { done <- (&Server{Keys: keys, Log: slog.New(slog.DiscardHandler)}).Serve(ctx, listener) }()
	t.Cleanup(func() {
		stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return NewAgentClient(socket)
}

func TestServer(t *testing.T) {
	t.Parallel()
	dir, own := stored(t)
	client := served(t, NewFiles(dir, Locked))
	if _, err := client.Key(name); !errors.Is(err, ErrLocked) || !errors.Is(err, pgp.ErrUnavailable) {
		t.Fatalf("before it is unlocked: %v", err)
	}
	if err := client.Unlock([]byte("wrong")); !errors.Is(err, pgp.ErrPassphrase) {
		t.Errorf("a wrong passphrase: %v", err)
	}
	if err := client.Unlock([]byte("secret")); err != nil {
		t.Fatal(err)
	}
	if names, err := client.Names(); err != nil || len(names) != 1 || names[0] != name {
		t.Errorf("held are %v, error %v", names, err)
	}
	key, err := client.Key(name)
	if err != nil {
		t.Fatal(err)
	}
	signature, err := key.Sign("entraide/test/1", []byte("x"), born)
	if err := errors.Join(err, own.Certificate().Verify("entraide/test/1", []byte("x"), signature, born)); err != nil {
		t.Error(err)
	}
	sealed, err := own.Seal("entraide/test/1", []byte("x"), own.Certificate(), born)
	if err != nil {
		t.Fatal(err)
	}
	subkey, err := own.Certificate().EncryptionSubkey(born)
	if err != nil {
		t.Fatal(err)
	}
	opened, err := key.Open(sealed, pgp.Opening{
		Typ: "entraide/test/1", Sender: own.Certificate(), At: born, Recipients: []string{subkey, subkey},
		Intended: []string{own.Fingerprint()}, MaxBytes: 10,
	})
	if err != nil || !bytes.Equal(opened, []byte("x")) {
		t.Errorf("opened as %q, error %v", opened, err)
	}
	_, other := stored(t)
	if certified, err := key.Certify(other.Certificate(), born, time.Hour); err != nil || certified.Fingerprint() != other.Fingerprint() {
		t.Errorf("certifying: %v", err)
	}
	// A rotation is in the file before it is anywhere else.
	if err := key.RotateEncryption(born.Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	again, err := NewFiles(dir, func() ([]byte, error) { return []byte("secret"), nil }).Key(name)
	if err != nil || !bytes.Equal(again.Certificate().Bytes(), key.Certificate().Bytes()) {
		t.Errorf("what was rotated is not stored, error %v", err)
	}
	// Errors keep their meaning.
	if _, err := key.Sign("entraide/test/1", nil, born.Add(-time.Hour)); !errors.Is(err, pgp.ErrNotYetValid) {
		t.Errorf("signing before the key was made: %v", err)
	}
	if _, err := client.Key(Party); !errors.Is(err, ErrNoKey) {
		t.Errorf("a key that is not there: %v", err)
	}
	if _, err := client.Generate(Party, pgp.Classic4, "QM <party@qm.example>", born); !errors.Is(err, ErrUnsupported) {
		t.Errorf("making a key: %v", err)
	}
	if err := client.Lock(); err != nil {
		t.Error(err)
	}
	if _, err := key.Sign("entraide/test/1", nil, born); !errors.Is(err, ErrLocked) {
		t.Errorf("a key that was lent before it was locked: %v", err)
	}
}

// A stored key whose public part was altered signs nothing, through the holder
// too (T18).
func TestServerAlteredKey(t *testing.T) {
	t.Parallel()
	dir, own := stored(t)
	client := served(t, NewFiles(dir, func() ([]byte, error) { return []byte("secret"), nil }))
	lent, err := client.Key(name)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, name+".key")
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	// The first octets of the point of the primary key.
	i := bytes.Index(data, own.Certificate().Bytes()[20:40])
	if i < 0 {
		t.Fatal("the public part is not found")
	}
	data[i+10] ^= 1
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := client.Key(name); !errors.Is(err, pgp.ErrKey) {
		t.Errorf("lending it: %v", err)
	}
	if _, err := lent.Sign("entraide/test/1", []byte("x"), born); !errors.Is(err, pgp.ErrKey) {
		t.Errorf("signing with it: %v", err)
	}
}

func TestServerLocksUnused(t *testing.T) {
	t.Parallel()
	dir, _ := stored(t)
	keys := NewFiles(dir, Locked)
	if err := keys.Unlock([]byte("secret")); err != nil {
		t.Fatal(err)
	}
	synctest.Test(t, func(t *testing.T) {
		s := &Server{Keys: keys, Log: slog.New(slog.DiscardHandler), LockAfter: time.Hour}
		s.touch()
		for range 3 {
			<-time.After(time.Hour - time.Second)
			if _, err := s.answer(request{Op: opKey, Key: name}); err != nil {
				t.Fatalf("in use: %v", err)
			}
		}
		<-time.After(time.Hour + time.Second)
		if _, err := s.answer(request{Op: opKey, Key: name}); !errors.Is(err, ErrLocked) {
			t.Errorf("unused for an hour: %v", err)
		}
	})
}

func TestSocketIsPrivate(t *testing.T) {
	t.Parallel()
	dir, _ := stored(t)
	client := served(t, NewFiles(dir, Locked))
	if info, err := os.Stat(client.socket); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the socket has mode %v, error %v", info.Mode(), err)
	}
	if _, err := Listen(t.Context(), client.socket); err == nil {
		t.Error("two answer at one socket")
	}
	if err := os.Chmod(client.socket, 0o660); err != nil {
		t.Fatal(err)
	}
	if _, err := client.Names(); !errors.Is(err, ErrExposed) {
		t.Errorf("a socket that the group may use: %v", err)
	}
	path := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Listen(t.Context(), path); err == nil {
		t.Error("a file is taken for a dead socket")
	}
	if _, err := NewAgentClient(path + "x").Names(); !errors.Is(err, pgp.ErrUnavailable) {
		t.Errorf("no socket: %v", err)
	}
}

// A dead process leaves its socket; the next one takes it over.
func TestDeadSocket(t *testing.T) {
	t.Parallel()
	socket := filepath.Join(t.TempDir(), "s")
	dead, err := Listen(t.Context(), socket)
	if err != nil {
		t.Fatal(err)
	}
	dead.(*net.UnixListener).SetUnlinkOnClose(false)
	if err := dead.Close(); err != nil {
		t.Fatal(err)
	}
	next, err := Listen(t.Context(), socket)
	if err != nil {
		t.Fatal(err)
	}
	if err := next.Close(); err != nil {
		t.Error(err)
	}
}

// FuzzFrame reads requests: what is read is written back as one that reads the
// same.
func FuzzFrame(f *testing.F) {
	for _, r := range []request{{Op: opList}, {Op: opSign, Key: name, Typ: "t", Data: []byte("x"), Intended: []string{"AB"}, At: 1}} {
		var frame bytes.Buffer
		if err := writeFrame(&frame, r); err != nil {
			f.Fatal(err)
		}
		f.Add(frame.Bytes())
	}
	f.Add([]byte{255, 255, 255, 255, '{'})
	f.Fuzz(func(t *testing.T, data []byte) {
		var r, again request
		if readFrame(bytes.NewReader(data), &r) != nil {
			return
		}
		var frame bytes.Buffer
		if err := writeFrame(&frame, r); err != nil {
			t.Fatal(err)
		}
		if err := readFrame(&frame, &again); err != nil {
			t.Fatal(err)
		}
		a, _ := json.Marshal(r)
		b, _ := json.Marshal(again)
		if !bytes.Equal(a, b) {
			t.Errorf("%s is read again as %s", a, b)
		}
	})
}
