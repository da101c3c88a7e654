package cli

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/entraide/entraide/internal/desk"
	"github.com/entraide/entraide/pkg/convention"
	"github.com/entraide/entraide/pkg/directory"
	"github.com/entraide/entraide/pkg/pgp"
)

func (a *app) directoryCommand() *cobra.Command {
	return group("directory", "Who is who, as this desk has verified it",
		a.directoryList(), a.directoryShow(), a.directoryHistory(), a.directoryVerify(),
		a.directorySnapshot(), a.directoryImport(), a.directoryStatements(), a.directoryCertificates(),
		a.directorySubmit(), a.directoryCompared(), a.directoryCompare(), a.directorySecond(),
		a.directoryStanding("suspend", directory.Suspended, "Suspend one of the State's own authorities"),
		a.directoryStanding("restore", directory.Restored, "Lift a suspension that the State has made"),
		a.directoryStanding("revoke", directory.Revoked, "Remove one of the State's own authorities for good"))
}

// An authorityLine is an authority in a list.
type authorityLine struct {
	ID       string            `json:"id"`
	Names    map[string]string `json:"names"`
	Standing string            `json:"standing"`
	Suites   []pgp.Suite       `json:"suites"`
}

func (a *app) directoryList() *cobra.Command {
	return &cobra.Command{
		Use:     "list",
		Short:   "List all authorities",
		Example: "  entraide directory list --home desk",
		Args:    noArgs,
		RunE: a.onDesk(func(_ context.Context, d *desk.Desk, _ []string) error {
			lines := []authorityLine{}
			for _, x := range d.Directory().Authorities() {
				lines = append(lines, authorityLine{x.Statement.ID, x.Statement.Names, x.Standing, suitesOf(x)})
			}
			return a.print(lines, func(w io.Writer) {
				if len(lines) == 0 {
					fmt.Fprintln(w, "The directory is empty; run `entraide desk sync` once the State is admitted.")
					return
				}
				var rows []string
				for _, l := range lines {
					rows = append(rows, row(l.ID, l.Standing, l.Suites, anyName(l.Names)))
				}
				table(w, "AUTHORITY\tSTANDING\tSUITES\tNAME", rows)
			})
		}),
	}
}

// suitesOf lists an authority's suites, strongest first.
func suitesOf(a directory.Authority) []pgp.Suite {
	var suites []pgp.Suite
	for _, s := range pgp.Suites() {
		if _, ok := a.Certificates[s]; ok {
			suites = append(suites, s)
		}
	}
	return suites
}

// anyName returns the English name, or else the first by language.
func anyName(names map[string]string) string {
	if name, ok := names["en"]; ok {
		return name
	}
	for _, lang := range slices.Sorted(maps.Keys(names)) {
		return names[lang]
	}
	return ""
}

func (a *app) directoryShow() *cobra.Command {
	return &cobra.Command{
		Use:     "show AUTHORITY",
		Short:   "Show an authority: names, hours, languages, certificates",
		Example: "  entraide directory show QN.24-7 --home desk",
		Args:    exactly("AUTHORITY"),
		RunE: a.onDesk(func(_ context.Context, d *desk.Desk, args []string) error {
			x, err := d.Directory().Authority(args[0])
			if err != nil {
				return err
			}
			return a.print(x.Statement, func(w io.Writer) { a.printAuthority(w, x, d.Directory()) })
		}),
	}
}

func (a *app) printAuthority(w io.Writer, x directory.Authority, dir *directory.Directory) {
	s := x.Statement
	fmt.Fprintf(w, "%s  %s, %s\n", s.ID, anyName(s.Names), x.Standing)
	fmt.Fprintf(w, "  roles      %s\n  hours      %s (%s)\n", strings.Join(s.Roles, ", "), s.Hours, s.TimeZone)
	for _, lane := range slices.Sorted(maps.Keys(s.Languages)) {
		fmt.Fprintf(w, "  %-10s %s\n", lane, strings.Join(s.Languages[lane], ", "))
	}
	fmt.Fprintf(w, "  evidence   up to %s, sealed, and %s waiting\n", size(s.Limits.EvidenceBytes), size(s.Limits.QuotaBytes))
	a.printStance(w, s.Stance)
	fmt.Fprintf(w, "  valid      %s to %s\n  statement  no. %d of %s, entry %d of the log\n",
		s.ValidFrom, s.ValidUntil, s.Number, s.Issued, x.Index)
	for _, suite := range suitesOf(x) {
		fmt.Fprintf(w, "  %-10s %s\n", suite, x.Certificates[suite].Fingerprint())
		if since, ok := dir.KeySince(s.ID, suite); ok {
			fmt.Fprintf(w, "  %-10s since %s, by statement no. %d of %s, entry %d\n", "", since.Issued, since.Number, since.Signer, since.Index)
		}
	}
}

// printStance prints what an authority says of its law, in words.
func (a *app) printStance(w io.Writer, s directory.Stance) {
	for _, code := range slices.Sorted(maps.Keys(s.Positions)) {
		says := cmp.Or(convention.Label("stance", code, a.lang), code)
		if measures := s.Positions[code]; len(measures) > 0 {
			says += ": " + strings.Join(measures, ", ")
		}
		fmt.Fprintf(w, "  law        %s\n", says)
	}
	for _, party := range slices.Sorted(maps.Keys(s.Treaties)) {
		fmt.Fprintf(w, "  treaties   with %s: %s\n", party, strings.Join(s.Treaties[party], ", "))
	}
	if s.ServiceLeadDays > 0 {
		fmt.Fprintf(w, "  service    documents must arrive %d days before the date of appearance\n", s.ServiceLeadDays)
	}
	for _, lang := range slices.Sorted(maps.Keys(s.Notes)) {
		fmt.Fprintf(w, "  note (%s)  %s\n", lang, s.Notes[lang])
	}
}

func (a *app) directoryCertificates() *cobra.Command {
	var suite, out string
	c := &cobra.Command{
		Use:     "export-certificates",
		Short:   "Write all current certificates of a suite, in binary",
		Example: "  entraide directory export-certificates --suite classic-4 --out all.pgp --home desk",
		Args:    noArgs,
	}
	c.RunE = a.onDesk(func(_ context.Context, d *desk.Desk, _ []string) error {
		if !pgp.Suite(suite).Valid() {
			return usage("--suite must be one of %v", pgp.Suites())
		}
		var all []byte
		n := 0
		for _, x := range d.Directory().Authorities() {
			if cert, ok := x.Certificates[pgp.Suite(suite)]; ok && x.Standing == directory.Active {
				all, n = append(all, cert.Bytes()...), n+1
			}
		}
		if n == 0 {
			return fmt.Errorf("no authority has a certificate in suite %s", suite)
		}
		if err := writeNew(out, all); err != nil {
			return err
		}
		return a.print(map[string]any{"certificates": n, "file": out}, func(w io.Writer) {
			fmt.Fprintf(w, "Wrote %d certificates to %s\n", n, out)
		})
	})
	c.Flags().StringVar(&suite, "suite", "", "suite of the certificates")
	c.Flags().StringVar(&out, "out", "", "file to make")
	required(c, "suite", "out")
	return c
}
