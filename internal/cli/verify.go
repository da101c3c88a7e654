package cli

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/entraide/entraide/internal/desk"
	"github.com/entraide/entraide/pkg/directory"
	"github.com/entraide/entraide/pkg/message"
	"github.com/entraide/entraide/pkg/strictjson"
	"github.com/entraide/entraide/pkg/verify"
	"github.com/entraide/entraide/pkg/wire"
)

// errIncidents marks incidents that a desk has found.
var errIncidents = fmt.Errorf("%w: the desk has found incidents", verify.ErrMisbehaviour)

// maxFile bounds a file that is verified.
const maxFile = 64 << 20

// A verdict is the result of a verification.
type verdict struct {
	Verdict string `json:"verdict"`
	ID      string `json:"id"`
	Case    string `json:"case"`
	From    string `json:"from"`
	To      string `json:"to"`
	Act     string `json:"act"`
	Digest  string `json:"digest"`
	Index   int64  `json:"index"`
	Logged  string `json:"logged"`
	Log     string `json:"log"`
	Size    int64  `json:"size"`
	// Witnessed says that a quorum of the log's witnesses vouches for its tree.
	Witnessed bool `json:"witnessed"`
}

func (a *app) verifyCommand() *cobra.Command {
	var broker, receipt, dir, page string
	c := &cobra.Command{
		Use:   "verify FILE",
		Short: "Verify a message, a case bundle or a proof of a fork, offline",
		Long: `Verify an exported message (message.mla.json): that the broker's receipt proves it
to be in the log, that sender, recipient and keys are those of the directory of
its time, and that signature, digests and framing are right. Nothing is
decrypted and nothing is asked of anybody. The receipt and the directory are
taken from beside FILE unless named.

Or verify a case bundle (entraide audit bundle): every message and receipt in
it, that all of them stand in one history of the log, and the stage of the case.
The verdict is proven, authentic, incomplete or misbehaviour, with its reasons;
--report writes it for people. The report inside a bundle is never read.

Or verify the proof that a log has signed two histories (fork-….json), which a
mirror or a witness has kept.

What is believed beforehand is the log's key and the depositary's fingerprint,
from the file given with --broker, or from the home. The exit status is 3 if
something is evidence of misbehaviour.`,
		Example: `  entraide verify m/message.mla.json --broker broker.json
  entraide verify case.zip --broker broker.json
  entraide verify case.zip --broker broker.json --report report.html --lang fr`,
		Args: exactly("FILE"),
		RunE: func(cmd *cobra.Command, args []string) error {
			beside := func(name, given string) string {
				if given != "" {
					return given
				}
				return filepath.Join(filepath.Dir(args[0]), name)
			}
			trust, err := a.trust(broker)
			if err != nil {
				return err
			}
			switch kind, err := kindOf(args[0]); {
			case err != nil:
				return err
			case kind == isBundle:
				return a.verifyBundle(cmd, trust, args[0], page)
			case page != "":
				return usage("--report is made of a case bundle")
			case kind == isFork:
				return verifyFork(trust, args[0])
			}
			v, err := verifyFiles(cmd.Context(), trust, args[0], beside(desk.ReceiptFile, receipt), beside(desk.DirectoryFile, dir))
			if err != nil {
				return err
			}
			return a.print(v, func(w io.Writer) { printVerdict(w, v) })
		},
	}
	c.Flags().StringVar(&broker, "broker", "", "broker.json as its operator handed it out")
	c.Flags().StringVar(&receipt, "receipt", "", "log receipt (default: beside FILE)")
	c.Flags().StringVar(&page, "report", "", "of a case bundle: HTML file to write for people, in the language of --lang, or else in all")
	c.Flags().StringVar(&dir, "directory", "", "directory statements (default: beside FILE)")
	return c
}

func printVerdict(w io.Writer, v verdict) {
	fmt.Fprintf(w, "Authentic: %s sent this message (%s) to %s.\n", v.From, v.Act, v.To)
	fmt.Fprintf(w, "It is entry %d of the log %s, logged at %s by the broker's clock, under a signed tree of %d entries.\n",
		v.Index, v.Log, v.Logged, v.Size)
	if v.Witnessed {
		fmt.Fprintf(w, "A quorum of witnesses vouches for the tree.\n")
	}
	fmt.Fprintf(w, "Digest %s\n", v.Digest)
}

// trust reads what is believed beforehand.
func (a *app) trust(broker string) (verify.Trust, error) {
	if broker == "" {
		home, err := a.homeDir()
		if err != nil {
			return verify.Trust{}, usage("say what to believe: --broker FILE, or --home DIR")
		}
		broker = filepath.Join(home, "broker.json")
	}
	b, err := readBroker(broker)
	if err != nil {
		return verify.Trust{}, err
	}
	return verify.NewTrust(b)
}

// verifyFiles verifies an exported message.
func verifyFiles(ctx context.Context, trust verify.Trust, wireFile, receiptFile, directoryFile string) (verdict, error) {
	dir, err := readDirectory(ctx, trust, directoryFile)
	if err != nil {
		return verdict{}, err
	}
	data, err := readFile(wireFile, maxFile)
	if err != nil {
		return verdict{}, err
	}
	m, err := message.Parse(data)
	if err != nil {
		return verdict{}, fmt.Errorf("%s is not a message: %w", wireFile, err)
	}
	proof, err := readFile(receiptFile, maxFile)
	if err != nil {
		return verdict{}, err
	}
	accepted, err := trust.Message(m, proof, dir)
	if err != nil {
		return verdict{}, err
	}
	c := m.Core
	return verdict{
		Verdict: "authentic", ID: string(c.ID), Case: string(c.Case), From: c.From.Authority, To: c.To.Authority,
		Act: string(c.Act), Digest: m.Digest(), Index: accepted.Index, Logged: accepted.At.Format(time.RFC3339),
		Log: accepted.Checkpoint.Origin, Size: accepted.Checkpoint.Size, Witnessed: accepted.Witnessed,
	}, nil
}

// readDirectory reads exported statements, verifying each.
func readDirectory(ctx context.Context, trust verify.Trust, path string) (*directory.Directory, error) {
	data, err := readFile(path, maxFile)
	if err != nil {
		return nil, err
	}
	var all wire.Statements
	if err := strictjson.Unmarshal(data, maxFile, &all); err != nil {
		return nil, fmt.Errorf("%s does not hold directory statements: %w", path, err)
	}
	page := func(context.Context, int64) (wire.Statements, error) { return wire.Statements{Items: all.Items}, nil }
	return trust.Follow(ctx, directory.New(trust.Anchor), page, nil)
}

// readFile reads a file of bounded size.
func readFile(path string, limit int64) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return readAll(f, path, limit)
}

// readAll reads at most limit bytes of what name calls.
func readAll(r io.Reader, name string, limit int64) ([]byte, error) {
	data, err := io.ReadAll(io.LimitReader(r, limit+1))
	if err == nil && int64(len(data)) > limit {
		err = fmt.Errorf("%s is larger than %d bytes", name, limit)
	}
	return data, err
}
