package cli

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/entraide/entraide/internal/desk"
	"github.com/entraide/entraide/internal/enrolment"
	"github.com/entraide/entraide/pkg/pgp"
)

// A comparison is what two sides compare over another channel before one of them
// believes the other's key.
type comparison struct {
	Party       string   `json:"party"`
	Code        string   `json:"code"` // of the whole request
	Fingerprint string   `json:"fingerprint"`
	Words       []string `json:"words"`
	URI         string   `json:"uri"` // in the QR code
}

func compare(e enrolment.Enrolment) (c comparison, err error) {
	certificate, err := pgp.ParseCertificate(e.Certificate)
	if err != nil {
		return c, fmt.Errorf("reading the certificate of %s: %w", e.Party, err)
	}
	c = comparison{Party: e.Party, Fingerprint: certificate.Fingerprint(), URI: enrolment.URI(certificate.Fingerprint())}
	if c.Words, err = enrolment.Words(c.Fingerprint); err != nil {
		return c, err
	}
	c.Code, err = e.Code()
	return c, err
}

// print prints the fingerprint in digits, words and as a QR code.
func (c comparison) print(w io.Writer) error {
	code, err := enrolment.NewQR(c.Fingerprint)
	if err != nil {
		return err
	}
	fmt.Fprintf(w, "Key of %s\n  fingerprint  %s\n", c.Party, c.Fingerprint)
	const perLine = 5
	for i := 0; i < len(c.Words); i += perLine {
		fmt.Fprintf(w, "  %-12s %s\n", map[bool]string{true: "in words"}[i == 0], strings.Join(c.Words[i:min(i+perLine, len(c.Words))], " "))
	}
	fmt.Fprintf(w, "\n%s\n", code.Text())
	return nil
}

// draw writes the QR code to a file that must not exist, in the form that its
// name says.
func (c comparison) draw(path string) error {
	if path == "" {
		return nil
	}
	code, err := enrolment.NewQR(c.Fingerprint)
	if err != nil {
		return err
	}
	switch filepath.Ext(path) {
	case ".svg":
		return writeNew(path, code.SVG())
	case ".png":
		return writeNew(path, code.PNG())
	}
	return usage("--qr must name a file that ends in .svg or .png")
}

func qrFlag(c *cobra.Command, path *string) {
	c.Flags().StringVar(path, "qr", "", "also write the QR code of the fingerprint to this file, .svg or .png")
}

// readEnrolment reads a request to be admitted.
func readEnrolment(path string) (enrolment.Enrolment, error) {
	data, err := readFile(path, maxFile)
	if err != nil {
		return enrolment.Enrolment{}, err
	}
	return enrolment.Parse(data)
}

// comparedEnrolment reads a request that the depositary has compared with the
// State over another channel: see [app.confirmed].
func (a *app) comparedEnrolment(path, code, qr string) (enrolment.Enrolment, error) {
	e, err := readEnrolment(path)
	if err != nil {
		return e, err
	}
	c, err := compare(e)
	if err != nil {
		return e, err
	}
	if err := c.draw(qr); err != nil {
		return e, err
	}
	return e, a.confirmed(c, code)
}

func (a *app) deskEnrolment() *cobra.Command {
	var qr string
	c := &cobra.Command{
		Use:   "enrolment",
		Short: "Show what the depositary is to compare: code, fingerprint in words, QR code",
		Long: `Show the code of this home's request to be admitted, and the fingerprint of the
State's key in digits, in words to be read aloud, and as a QR code that OpenPGP
programs on telephones know.`,
		Example: "  entraide desk enrolment --qr QM.svg --home desk",
		Args:    noArgs,
	}
	c.RunE = func(*cobra.Command, []string) error {
		dir, err := a.homeDir()
		if err != nil {
			return err
		}
		e, err := readEnrolment(filepath.Join(dir, desk.EnrolmentFile))
		if err != nil {
			return err
		}
		return a.printEnrolment(dir, e, qr)
	}
	qrFlag(c, &qr)
	return c
}

func (a *app) printEnrolment(dir string, e enrolment.Enrolment, qr string) error {
	c, err := compare(e)
	if err != nil {
		return err
	}
	if err := c.draw(qr); err != nil {
		return err
	}
	file := filepath.Join(dir, desk.EnrolmentFile)
	if a.json {
		return a.print(struct {
			Enrolment string `json:"enrolment"`
			comparison
		}{file, c}, nil)
	}
	if err := c.print(a.out); err != nil {
		return err
	}
	fmt.Fprintf(a.out, "Desk of %s made in %s\n", e.Party, dir)
	fmt.Fprintf(a.out, "Send %s to the depositary.\nWhen they call, read them this code: %s\n", file, c.Code)
	return nil
}

// errNotCompared says that the code of a request is not the one that was read
// out.
var errNotCompared = errors.New("nothing was signed")

// confirmed makes sure that the depositary has compared a request with the State
// over another channel: by the code that was given, or that is typed now.
func (a *app) confirmed(c comparison, given string) error {
	if given == "" {
		f, ok := a.in.(*os.File)
		if ok && a.passphraseFD != int(f.Fd()) && term.IsTerminal(int(f.Fd())) {
			if err := c.print(a.err); err != nil {
				return err
			}
			fmt.Fprintf(a.err, "Call %s on a number that you know. Compare the words, or the QR code.\nThen type the short code that they read to you: ", c.Party)
			line, err := bufio.NewReader(f).ReadString('\n')
			if err != nil {
				return err
			}
			given = line
		}
	}
	plain := func(s string) string { return strings.ToLower(strings.Join(strings.Fields(s), "")) }
	if plain(given) == plain(c.Code) {
		return nil
	}
	if err := c.print(a.err); err != nil {
		return err
	}
	return usage("%w: the code of this file is %q; compare it with the State over another channel and give it with --code", errNotCompared, c.Code)
}
