package cli

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"golang.org/x/term"
)

// passphraseFile is the name of a passphrase kept in a demonstration home, and
// of the systemd credential.
const passphraseFile = "passphrase"

// maxPassphrase bounds a passphrase, in bytes.
const maxPassphrase = 4096

// passphrase returns the passphrase of a home: from the file descriptor of
// --passphrase-fd, from a systemd credential, from the file that only
// demonstration homes have, or from the terminal. It is never taken from an
// argument or a variable, which others can see.
func (a *app) passphrase(home string) ([]byte, error) {
	if a.passphraseFD >= 0 {
		f := os.NewFile(uintptr(a.passphraseFD), "passphrase")
		if f == nil {
			return nil, usage("--passphrase-fd %d is not an open file", a.passphraseFD)
		}
		defer f.Close()
		return readPassphrase(f)
	}
	if dir := os.Getenv("CREDENTIALS_DIRECTORY"); dir != "" {
		return passphraseFrom(dir)
	}
	if _, err := fs.Stat(os.DirFS(home), passphraseFile); err == nil {
		return passphraseFrom(home)
	}
	return a.ask("Passphrase of " + home + ": ")
}

// newPassphrase is passphrase for a home that is being made: typed twice.
func (a *app) newPassphrase(home string) ([]byte, error) {
	if a.passphraseFD >= 0 || os.Getenv("CREDENTIALS_DIRECTORY") != "" {
		return a.passphrase(home)
	}
	first, err := a.ask("New passphrase for " + home + ": ")
	if err != nil {
		return nil, err
	}
	second, err := a.ask("The same again: ")
	if err != nil {
		return nil, err
	}
	if !bytes.Equal(first, second) {
		return nil, errors.New("the two passphrases differ")
	}
	return first, nil
}

// passphraseFrom reads the passphrase file of a directory.
func passphraseFrom(dir string) ([]byte, error) {
	data, err := fs.ReadFile(os.DirFS(dir), passphraseFile)
	if err != nil {
		return nil, fmt.Errorf("reading the passphrase: %w", err)
	}
	return readPassphrase(bytes.NewReader(data))
}

// readPassphrase reads one line.
func readPassphrase(r io.Reader) ([]byte, error) {
	data, err := io.ReadAll(io.LimitReader(r, maxPassphrase+1))
	if err != nil {
		return nil, fmt.Errorf("reading the passphrase: %w", err)
	}
	line, _, _ := bytes.Cut(data, []byte("\n"))
	if len(line) == 0 || len(data) > maxPassphrase {
		return nil, errors.New("the passphrase must be one line of 1 to 4096 bytes")
	}
	return line, nil
}

// ask reads from the terminal without showing what is typed.
func (a *app) ask(prompt string) ([]byte, error) {
	f, ok := a.in.(*os.File)
	if !ok || !term.IsTerminal(int(f.Fd())) {
		return nil, usage("a passphrase is needed and there is no terminal to ask: use --passphrase-fd")
	}
	fmt.Fprint(a.err, prompt)
	line, err := term.ReadPassword(int(f.Fd()))
	fmt.Fprintln(a.err)
	if err != nil {
		return nil, fmt.Errorf("reading the passphrase: %w", err)
	}
	if len(line) == 0 {
		return nil, errors.New("the passphrase is empty")
	}
	return line, nil
}
