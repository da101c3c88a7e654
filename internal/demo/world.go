package demo

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/entraide/entraide/internal/broker/home"
	"github.com/entraide/entraide/internal/depositary"
	"github.com/entraide/entraide/internal/desk"
	"github.com/entraide/entraide/pkg/pgp"
	"github.com/entraide/entraide/pkg/wire"
)

const (
	// passphraseFile holds the passphrase of a home of a world. Real homes have
	// none.
	passphraseFile = "passphrase"
	keeperHome     = "depositary"
	brokerHome     = "broker"
)

// A World is a broker, a depositary and desks of fictitious States on this
// machine: ordinary homes below one directory, each with its passphrase in a
// file, as no real home has.
type World struct {
	Dir      string
	Suites   []pgp.Suite // of the States' keys
	Database string      // sqlite:FILE in the broker's home, or a postgres:// address
	Now      func() time.Time
	Log      *slog.Logger

	keeper  *depositary.Depositary
	closers []func() error
}

// Close ends what the world runs, the last first.
func (w *World) Close() (err error) {
	for _, end := range slices.Backward(w.closers) {
		err = errors.Join(err, end())
	}
	w.closers = nil
	return err
}

// Found makes the depositary and the broker, and serves the broker until Close.
func (w *World) Found(ctx context.Context) (public wire.Broker, err error) {
	secret, err := newSecret()
	if err != nil {
		return public, err
	}
	statement, err := depositary.Init(w.home(keeperHome), depositary.InitOptions{Name: "Depositary", Passphrase: secret, Now: w.Now()})
	if err != nil {
		return public, err
	}
	if err := w.keep(keeperHome, secret); err != nil {
		return public, err
	}
	listen, err := freeAddress()
	if err != nil {
		return public, err
	}
	public, err = home.Init(ctx, w.home(brokerHome), home.InitOptions{
		URL: "https://" + listen, Listen: listen, Origin: "broker.example/log", Database: w.Database,
		Depositary: statement, Now: w.Now, Log: w.Log,
	})
	if err != nil {
		return public, err
	}
	if err := w.Serve(ctx); err != nil {
		return public, err
	}
	if w.keeper, err = depositary.Open(w.home(keeperHome), secret, w.Now); err != nil {
		return public, err
	}
	return public, w.keeper.Connect(public)
}

// Serve runs the broker inside this process until Close.
func (w *World) Serve(ctx context.Context) error {
	server, err := home.Open(ctx, w.home(brokerHome), w.Now, w.Log)
	if err != nil {
		return err
	}
	serving, stop := context.WithCancel(ctx)
	ended, ready := make(chan error, 1), make(chan struct{})
	go func() { ended <- server.Serve(serving, func(net.Addr) { close(ready) }) }()
	w.closers = append(w.closers, func() error {
		stop()
		return errors.Join(<-ended, server.Close())
	})
	select {
	case <-ready:
		return nil
	case err := <-ended:
		ended <- nil
		return err
	}
}

// Enrol makes the desk of a State of the sample cases and has it admitted, in a
// world that was just founded.
func (w *World) Enrol(ctx context.Context, code string, b wire.Broker) error {
	i := slices.IndexFunc(states, func(s state) bool { return s.code == code })
	if i < 0 {
		return fmt.Errorf("there is no fictitious State %q", code)
	}
	secret, err := newSecret()
	if err != nil {
		return err
	}
	request, err := desk.Init(ctx, w.home(code), desk.InitOptions{
		Party: code, Names: states[i].names, Authorities: states[i].authorities(), Suites: w.Suites,
		Passphrase: secret, Broker: b, Now: w.Now,
	})
	if err != nil {
		return err
	}
	if err := w.keep(code, secret); err != nil {
		return err
	}
	return w.keeper.Admit(ctx, request)
}

// Desk opens the desk of a State until Close.
func (w *World) Desk(ctx context.Context, code string) (*desk.Desk, error) {
	d, err := desk.Open(ctx, w.home(code), desk.Options{
		Passphrase: func() ([]byte, error) {
			secret, err := os.ReadFile(filepath.Join(w.home(code), passphraseFile))
			return bytes.TrimSpace(secret), err
		}, Now: w.Now, Log: w.Log,
	})
	if err != nil {
		return nil, err
	}
	w.closers = append(w.closers, d.Close)
	return d, nil
}

func (w *World) home(name string) string { return filepath.Join(w.Dir, name) }

// newSecret makes the passphrase of a home.
func newSecret() ([]byte, error) {
	random := make([]byte, 16)
	if _, err := rand.Read(random); err != nil {
		return nil, err
	}
	return []byte(hex.EncodeToString(random)), nil
}

// keep writes the passphrase into the home.
func (w *World) keep(name string, secret []byte) error {
	return os.WriteFile(filepath.Join(w.home(name), passphraseFile), append(secret, '\n'), 0o600)
}

// freeAddress finds a loopback port that nobody listens on.
func freeAddress() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer l.Close()
	return l.Addr().String(), nil
}
