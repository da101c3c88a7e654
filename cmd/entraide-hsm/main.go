// Command entraide-hsm lends the keys that a PKCS #11 device holds to a desk of
// the same user, over the socket protocol of docs/custody.md. It is a program of
// its own because PKCS #11 needs cgo, and a C library of the device's maker in
// the process: entraide itself has neither.
package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"

	"golang.org/x/term"

	"github.com/entraide/entraide/internal/keyring"
)

const usage = `Usage: entraide-hsm serve --module LIBRARY --token LABEL --dir DIR --socket SOCKET

Lend the keys of suite hsm-4 in a PKCS #11 device to desks of the same user, until
interrupted. The PIN comes from --pin-fd, from a systemd credential named "pin", or
from the terminal; never from an argument or a variable.

`

// maxPIN bounds a PIN, in bytes.
const maxPIN = 255

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "entraide-hsm: error:", err)
		os.Exit(1)
	}
}

// options are the command line.
type options struct {
	module, token, dir, socket string
	pinFD                      int
	verbose                    bool
}

// parse reads the command line.
func parse(args []string) (o options, err error) {
	f := flag.NewFlagSet("entraide-hsm serve", flag.ContinueOnError)
	f.Usage = func() {
		fmt.Fprint(f.Output(), usage)
		f.PrintDefaults()
	}
	f.StringVar(&o.module, "module", "", "the PKCS #11 library of the device")
	f.StringVar(&o.token, "token", "", "label of the token")
	f.StringVar(&o.dir, "dir", "", "private directory for the certificates of the keys")
	f.StringVar(&o.socket, "socket", "", "Unix socket to answer at")
	f.IntVar(&o.pinFD, "pin-fd", -1, "read the PIN from this file descriptor")
	f.BoolVar(&o.verbose, "verbose", false, "say on standard error what is being done")
	if len(args) == 0 || args[0] != "serve" {
		f.Usage()
		return o, errors.New("the one command is serve")
	}
	if err := f.Parse(args[1:]); err != nil {
		return o, err
	}
	if f.NArg() > 0 || o.module == "" || o.token == "" || o.dir == "" || o.socket == "" {
		return o, errors.New("--module, --token, --dir and --socket are needed, and nothing else")
	}
	return o, nil
}

// run serves until ctx ends.
func run(ctx context.Context, args []string) (err error) {
	o, err := parse(args)
	if errors.Is(err, flag.ErrHelp) {
		return nil
	}
	if err != nil {
		return err
	}
	level := slog.LevelWarn
	if o.verbose {
		level = slog.LevelDebug
	}
	log := slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: level}))
	if _, err := keyring.Harden(); err != nil {
		log.Warn("the PIN may be written to disk", "err", err)
	}
	secret, err := pin(o.pinFD)
	if err != nil {
		return err
	}
	d, err := openDevice(o.module, o.token, secret)
	clear(secret)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, d.Close()) }()
	keys, err := openStore(o.dir, d)
	if err != nil {
		return err
	}
	listener, err := keyring.Listen(ctx, o.socket)
	if err != nil {
		return err
	}
	fmt.Fprintf(os.Stderr, "entraide-hsm: the keys of token %q are lent at %s\n", o.token, o.socket)
	return (&keyring.Server{Keys: keys, Log: log}).Serve(ctx, listener)
}

// pin returns the PIN of the token.
func pin(fd int) ([]byte, error) {
	if fd >= 0 {
		f := os.NewFile(uintptr(fd), "pin")
		if f == nil {
			return nil, fmt.Errorf("--pin-fd %d is not an open file", fd)
		}
		defer f.Close()
		return line(f)
	}
	if dir := os.Getenv("CREDENTIALS_DIRECTORY"); dir != "" {
		f, err := os.Open(filepath.Join(dir, "pin"))
		if err != nil {
			return nil, fmt.Errorf("reading the PIN: %w", err)
		}
		defer f.Close()
		return line(f)
	}
	if !term.IsTerminal(int(os.Stdin.Fd())) {
		return nil, errors.New("a PIN is needed and there is no terminal to ask: use --pin-fd")
	}
	fmt.Fprint(os.Stderr, "PIN of the token: ")
	secret, err := term.ReadPassword(int(os.Stdin.Fd()))
	fmt.Fprintln(os.Stderr)
	if err == nil && len(secret) == 0 {
		err = errors.New("the PIN is empty")
	}
	return secret, err
}

// line reads one line.
func line(r io.Reader) ([]byte, error) {
	data, err := io.ReadAll(io.LimitReader(r, maxPIN+2))
	if err != nil {
		return nil, fmt.Errorf("reading the PIN: %w", err)
	}
	secret, _, _ := bytes.Cut(data, []byte("\n"))
	if len(secret) == 0 || len(secret) > maxPIN {
		return nil, fmt.Errorf("the PIN must be one line of 1 to %d bytes", maxPIN)
	}
	return secret, nil
}
