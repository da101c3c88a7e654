package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime/debug"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/entraide/entraide/internal/desk"
	"github.com/entraide/entraide/pkg/convention"
	"github.com/entraide/entraide/pkg/evidence"
)

func (a *app) evidenceCommand() *cobra.Command {
	return group("evidence", "Seal, fetch and check evidence",
		a.evidenceAdd(), a.evidenceSeal(), a.evidenceStatus(), a.evidenceFetch(), a.evidenceVerify(), a.evidenceExport())
}

// A custodyForm is the flags of a custody record.
type custodyForm struct {
	record evidence.Custody
	at     date
	hashes []string
}

func (f *custodyForm) flags(c *cobra.Command) {
	r := &f.record
	s := c.Flags()
	s.StringVar(&r.Identifier, "identifier", "", "number of the exhibit")
	s.StringVar(&r.Origin, "origin", "", "device, account or provider it comes from")
	s.StringVar(&r.Location, "location", "", "where it was acquired")
	s.StringVar(&r.AcquiredBy, "acquired-by", "", "person or unit that acquired it")
	s.Var(&f.at, "acquired-at", "when it was acquired")
	s.StringVar(&r.Method, "method", "", "how it was acquired, such as \"logical copy, write blocker\"")
	s.StringVar(&r.Tool, "tool", "", "tool that it was acquired with")
	s.StringVar(&r.ToolVersion, "tool-version", "", "version of the tool")
	s.StringArrayVar(&f.hashes, "hash", nil, "digest taken earlier, as SHA256=HEX (may be repeated)")
}

// custody returns the record.
func (f *custodyForm) custody() (evidence.Custody, error) {
	c := f.record
	if !f.at.IsZero() {
		c.AcquiredAt = f.at.UTC().Format(time.RFC3339)
	}
	for _, h := range f.hashes {
		algorithm, value, ok := strings.Cut(h, "=")
		if !ok {
			return c, usage("%q must be an algorithm, an equals sign, and a digest in hex", h)
		}
		c.Hashes = append(c.Hashes, evidence.Hash{Algorithm: algorithm, Value: strings.ToLower(value)})
	}
	if reason := c.Check(); reason != "" {
		return c, usage("custody: %s", reason)
	}
	return c, nil
}

func (a *app) evidenceAdd() *cobra.Command {
	var form custodyForm
	var dir string
	c := &cobra.Command{
		Use:   "add PATH",
		Short: "Note a file or folder for a package, with a custody record of its own",
		Long: `Note a file or folder, with a custody record of its own, for the package that
evidence seal makes in the same directory. Nothing is copied.`,
		Example: `  entraide evidence add phone.img --dir sealed --origin "Telephone, IMEI 490154203237518" --tool "imager"`,
		Args:    exactly("PATH"),
		RunE: func(_ *cobra.Command, args []string) error {
			custody, err := form.custody()
			if err != nil {
				return err
			}
			items, err := desk.AddItem(dir, args[0], custody)
			if err != nil {
				return err
			}
			return a.print(items, func(w io.Writer) { fmt.Fprintf(w, "%d to be sealed by evidence seal --dir %s\n", len(items), dir) })
		},
	}
	form.flags(c)
	c.Flags().StringVar(&dir, "dir", "", "directory that is sealed into")
	required(c, "dir")
	return c
}

// A sealedLine is the result of evidence seal.
type sealedLine struct {
	Dir         string `json:"dir"`
	Files       int    `json:"files"`
	Bytes       int64  `json:"bytes"`
	SHA256      string `json:"sha256"` // of the archive
	Parts       int    `json:"parts"`
	SealedBytes int64  `json:"sealed_bytes"`
	Manifest    string `json:"manifest"` // SHA-256 of the list of parts
	Restricted  bool   `json:"restricted"`
}

// leanBytes is how much memory evidence passes through: what a key takes to be
// unlocked, and as much again.
const leanBytes = 24 << 20

// lean has the program collect what it has done with early. Unlocking a key takes a
// good part of the 64 MiB that a process may have, and would be allowed for twice.
func lean(*cobra.Command, []string) { debug.SetMemoryLimit(leanBytes) }

func (a *app) evidenceSeal() *cobra.Command {
	var s desk.Sealing
	var form custodyForm
	c := &cobra.Command{
		Use:   "seal [PATH…]",
		Short: "Make a package of files and folders and seal it for an authority",
		Long: `Make a package of files and folders, and of what evidence add has noted, and seal
it to an authority and to the sender, in parts of 16 MiB, into a directory. It
travels with reply deliver --evidence DIR, or on a medium (--medium there).

--restricted is for material that may be shown to nobody without a permission of
its own, such as that of child abuse: its type is not looked at, and it is
opened only with evidence fetch --restricted.`,
		Example: `  entraide evidence seal logs/ --to QM.24-7 --dir sealed --origin "Example Cloud SA" \
    --acquired-by "Cyber Desk" --acquired-at 2026-04-07T09:00:00Z --method "production order" --home desk`,
	}
	c.PreRun = lean
	c.RunE = a.onDesk(func(ctx context.Context, d *desk.Desk, args []string) (err error) {
		if s.Items, err = desk.Items(s.Dir); err != nil {
			return err
		}
		for _, path := range args {
			s.Items = append(s.Items, evidence.Item{Path: path})
		}
		if len(s.Items) == 0 {
			return usage("name the files and folders to seal, or add them with evidence add")
		}
		if s.From, err = ownAuthority(d, s.From); err != nil {
			return err
		}
		if s.About.Custody, err = form.custody(); err != nil {
			return err
		}
		report, end := a.progress()
		s.Report = report
		sealed, p, err := d.SealEvidence(ctx, s)
		end()
		if err != nil {
			return err
		}
		line := sealedLine{
			s.Dir, len(p.Files), sealed.PlainBytes, sealed.PlainSHA256, len(sealed.Digests), sealed.Bytes, sealed.SHA256(), p.Restricted,
		}
		return a.print(line, func(w io.Writer) {
			fmt.Fprintf(w, "Sealed %d files, %s, for %s in %d parts in %s\n", line.Files, size(line.Bytes), s.To, line.Parts, s.Dir)
			fmt.Fprintf(w, "SHA-256 of the archive %s\n", line.SHA256)
		})
	})
	form.flags(c)
	f := c.Flags()
	f.StringVar(&s.From, "from", "", "own authority that delivers (may be left out where there is only one)")
	f.StringVar(&s.To, "to", "", "authority that may open it")
	f.StringVar(&s.Dir, "dir", "", "directory for the sealed parts")
	f.BoolVar(&s.About.Restricted, "restricted", false, "material that needs a permission of its own to be seen")
	required(c, "to", "dir", "origin", "acquired-by", "acquired-at", "method")
	return c
}

func (a *app) evidenceStatus() *cobra.Command {
	return &cobra.Command{
		Use:     "status CASE",
		Short:   "List the packages of a case and what has become of them",
		Example: "  entraide evidence status 0f3c… --home desk",
		Args:    exactly("CASE"),
		RunE: a.onDesk(func(ctx context.Context, d *desk.Desk, args []string) error {
			lines, err := d.Packages(ctx, args[0])
			if err != nil {
				return err
			}
			return a.print(lines, func(w io.Writer) {
				if len(lines) == 0 {
					fmt.Fprintln(w, "The case has no packages of evidence.")
					return
				}
				var rows []string
				for _, l := range lines {
					rows = append(rows, row(l.Message, l.Number, size(l.Bytes), l.State, orDash(l.Medium), l.Description))
				}
				table(w, "MESSAGE\tNO\tSIZE\tSTATE\tMEDIUM\tWHAT", rows)
			})
		}),
	}
}

// A lineForm is the flags of what uses the line to the broker.
type lineForm struct{ limit string }

func (l *lineForm) flags(c *cobra.Command) {
	c.Flags().StringVar(&l.limit, "bandwidth", "", "most of the line that evidence may take, per second, such as 500k, 2M")
}

// apply sets what the flags say on a desk.
func (l *lineForm) apply(d *desk.Desk) error {
	if l.limit == "" {
		return nil
	}
	factor, text := int64(1), l.limit
	for suffix, n := range map[string]int64{"k": 1 << 10, "M": 1 << 20, "G": 1 << 30} {
		if rest, ok := strings.CutSuffix(text, suffix); ok {
			factor, text = n, rest
			break
		}
	}
	n, err := strconv.ParseInt(text, 10, 40)
	if err != nil || n <= 0 {
		return usage("--bandwidth is a number of bytes per second, such as 500k or 2M")
	}
	d.Limit(n * factor)
	return nil
}

func (a *app) evidenceFetch() *cobra.Command {
	f := desk.Fetching{}
	var line lineForm
	c := &cobra.Command{
		Use:   "fetch MESSAGE",
		Short: "Fetch a package of evidence, check it and open it into a folder",
		Long: `Fetch the parts of a package that a message delivers, check each, decrypt them
beside the folder, compare size and digest with what the sender signed, and only
then give the folder its name: a bag (RFC 8493) with the files in data/. What was
interrupted goes on where it was; a wrong part is fetched again alone. What was
found is kept for the receipt of evidence (reply confirm).`,
		Example: "  entraide evidence fetch 1b2c… --dir case-12 --home desk",
		Args:    exactly("MESSAGE"),
		PreRun:  lean,
		RunE: a.onDesk(func(ctx context.Context, d *desk.Desk, args []string) error {
			if err := line.apply(d); err != nil {
				return err
			}
			f.Message = args[0]
			report, end := a.progress()
			d.Report = report
			p, err := d.FetchEvidence(ctx, f)
			end()
			if err != nil {
				return err
			}
			return a.print(p, func(w io.Writer) {
				fmt.Fprintf(w, "%d files, %s, are in %s, byte for byte as the sender signed them\n", len(p.Files), size(p.Bytes()), filepath.Join(f.Dir, "data"))
			})
		}),
	}
	s := c.Flags()
	s.IntVar(&f.Number, "number", 1, "number of the package in the delivery")
	s.StringVar(&f.Dir, "dir", "", "folder to make")
	s.StringVar(&f.Medium, "medium", "", "folder of the physical medium that carries the parts, instead of the broker")
	s.BoolVar(&f.Restricted, "restricted", false, "you have the permission that restricted material needs; it is an entry of the desk's log")
	s.BoolVar(&f.KeepParts, "keep-parts", false, "keep the sealed parts in the home, for checks by hand")
	line.flags(c)
	required(c, "dir")
	return c
}

func (a *app) evidenceVerify() *cobra.Command {
	var message string
	var number int
	c := &cobra.Command{
		Use:   "verify FOLDER",
		Short: "Compare an opened package with what its sender signed",
		Long: `Compare every file of an opened package with its description, and all of it,
packed again, with the digest that the sender signed.`,
		Example: "  entraide evidence verify case-12 --message 1b2c… --home desk",
		Args:    exactly("FOLDER"),
		RunE: a.onDesk(func(ctx context.Context, d *desk.Desk, args []string) error {
			p, found, err := d.VerifyEvidence(ctx, args[0], message, number)
			if err != nil {
				return err
			}
			for _, f := range found {
				fmt.Fprintf(plainly{a.err}, "entraide: %v\n", f)
			}
			if len(found) > 0 {
				return fmt.Errorf("%w: %d files are not as they were described", evidence.ErrContent, len(found))
			}
			return a.print(p, func(w io.Writer) {
				fmt.Fprintf(w, "%d files, %s: byte for byte what the sender signed\n", len(p.Files), size(p.Bytes()))
			})
		}),
	}
	c.Flags().StringVar(&message, "message", "", "message that delivered it")
	c.Flags().IntVar(&number, "number", 1, "number of the package in the delivery")
	required(c, "message")
	return c
}

func (a *app) evidenceExport() *cobra.Command {
	var out string
	c := &cobra.Command{
		Use:   "export FOLDER",
		Short: "Describe an opened package in CASE/UCO for forensic tools",
		Long: `Write what an opened package is, and its chain of custody, as CASE/UCO 1.4 in
JSON-LD. The folder itself is a bag (RFC 8493) that archives take as it is.`,
		Example: "  entraide evidence export case-12 --out case-12.jsonld",
		Args:    exactly("FOLDER"),
		RunE: func(_ *cobra.Command, args []string) error {
			p, found, err := evidence.CheckBag(args[0])
			if err != nil {
				return err
			}
			if len(found) > 0 {
				return fmt.Errorf("%w: %d files are not as they were described, the first: %w", evidence.ErrContent, len(found), found[0])
			}
			f, err := os.OpenFile(out, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
			if err != nil {
				return err
			}
			if err := errors.Join(p.WriteCASE(f), f.Sync(), f.Close()); err != nil {
				return errors.Join(err, os.Remove(out))
			}
			return a.print(map[string]string{"out": out}, func(w io.Writer) { fmt.Fprintf(w, "Wrote %s\n", out) })
		},
	}
	c.Flags().StringVar(&out, "out", "", "file to make")
	required(c, "out")
	return c
}

// A deliveryForm is the flags of a delivery that are about evidence.
type deliveryForm struct {
	dirs    []string
	measure int64
	what    speech
	medium  convention.Medium
}

func (f *deliveryForm) flags(c *cobra.Command) {
	s := c.Flags()
	s.StringArrayVar(&f.dirs, "evidence", nil, "directory of evidence seal that travels with the delivery (may be repeated)")
	s.Int64Var(&f.measure, "of-measure", 1, "measure that the evidence came of")
	s.StringVar(&f.what.text, "what", "", "what the evidence is, in words")
	s.StringVar(&f.medium.Description, "medium", "", "physical medium that carries the evidence instead of the broker, with its serial number")
	s.StringVar(&f.medium.Courier, "courier", "", "who carries the medium")
	s.StringArrayVar(&f.medium.Seals, "seal-number", nil, "number of a seal on the medium's bag (may be repeated)")
}

// complete adds the packages to the body of a delivery, and, to one that was made
// of flags, whether it is the last. It returns the directories that travel
// through the broker.
func (f *deliveryForm) complete(body []byte, final, short bool) ([]byte, []string, error) {
	parsed, err := convention.ParseBody(body)
	b, ok := parsed.(*convention.Delivery)
	if err != nil || !ok || len(f.dirs) == 0 && !short {
		return body, nil, err
	}
	if short {
		b.Final = final
	}
	through, err := f.list(b)
	if err != nil {
		return nil, nil, err
	}
	body, err = convention.Marshal(b)
	return body, through, err
}

// list adds the packages to a delivery. It returns the directories that travel
// through the broker.
func (f *deliveryForm) list(b *convention.Delivery) ([]string, error) {
	if f.medium.Description != "" && (f.medium.Courier == "" || len(f.medium.Seals) == 0) {
		return nil, usage("--medium needs --courier and --seal-number")
	}
	f.what.in = "en"
	if f.what.text == "" {
		f.what.text = "Evidence"
	}
	for _, dir := range f.dirs {
		p, err := desk.ListPackage(dir, int64(len(b.Packages))+1, f.measure, f.what.says(f.what.text))
		if err != nil {
			return nil, err
		}
		if f.medium.Description != "" {
			if err := desk.OnMedium(&p, dir, f.medium); err != nil {
				return nil, err
			}
		}
		b.Packages = append(b.Packages, p)
	}
	if f.medium.Description != "" {
		return nil, nil
	}
	return f.dirs, nil
}
