package cli

import (
	"os"
	"path/filepath"
	"slices"

	"github.com/spf13/cobra"

	"github.com/entraide/entraide"
	"github.com/entraide/entraide/internal/demo"
	"github.com/entraide/entraide/pkg/pgp"
)

func (a *app) demoCommand() *cobra.Command {
	var o demo.Options
	var suite string
	var exit bool
	c := &cobra.Command{
		Use:   "demo",
		Short: "Play an exchange between fictitious States on this machine",
		Long: `Start a broker, a depositary and the desks of seven fictitious States on
loopback, with real keys, and play a sample case. Everything is done by the code
of real use. The cases are:

  1  ransomware at a hospital: preservation, extension, evidence
  2  a fake trading platform: trace, freeze, conditions, confiscation, return
  3  a child in danger: emergency by telephone, then in writing, then evidence
  4  business e-mail compromise: large partial delivery, privileged material
  5  a witness by video-conference, service of a summons, a postponement
  6  information given unasked, and a joint investigation team

With --dir the homes stay, and every other command works on them: DIR/broker,
DIR/depositary, DIR/QM, DIR/QN, … Only demonstration homes keep their
passphrase in a file.`,
		Example: `  entraide demo --exit --dir x
  entraide case list --home x/QN`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) (err error) {
			o.Suite, o.Stay = pgp.Suite(suite), !exit
			if !o.Suite.Valid() {
				return usage("--suite must be one of %v", pgp.Suites())
			}
			if !slices.Contains(entraide.Samples, o.Case) {
				return usage("--case must be one of %v", entraide.Samples)
			}
			if o.Brokers < 1 {
				return usage("--brokers must be at least 1")
			}
			if o.Dir == "" {
				if o.Dir, err = os.MkdirTemp("", "entraide-demo-"); err != nil {
					return err
				}
				defer os.RemoveAll(o.Dir)
			}
			if o.Dir, err = filepath.Abs(o.Dir); err != nil {
				return err
			}
			if o.Binary, err = os.Executable(); err != nil {
				return err
			}
			o.Now, o.Out, o.Log = a.now, a.out, a.logger()
			return demo.Run(cmd.Context(), o)
		},
	}
	flags := c.Flags()
	flags.BoolVar(&exit, "exit", false, "end after the exchange instead of serving on")
	flags.StringVar(&o.Dir, "dir", "", "keep the homes in this directory, which must be empty or absent (default: a temporary one)")
	flags.IntVar(&o.Case, "case", 1, "number of the sample case")
	flags.StringVar(&suite, "suite", string(pgp.PQ6), "suite of all messages: pq-6, modern-6 or classic-4")
	flags.StringVar(&o.Database, "database", "sqlite:broker.db", "the broker's database: sqlite:FILE or a postgres:// address")
	flags.IntVar(&o.Brokers, "brokers", 1, "broker processes that share the database (more than one needs PostgreSQL)")
	return c
}
