package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/entraide/entraide/internal/witness"
	"github.com/entraide/entraide/pkg/translog"
	"github.com/entraide/entraide/pkg/verify"
)

// witnessStop is how long running requests may take when a witness stops.
const witnessStop = 5 * time.Second

func (a *app) witnessCommand() *cobra.Command {
	return group("witness", "Watch a log for others: cosign what extends what was seen before", a.witnessInit(), a.witnessServe(), a.witnessKeys())
}

func (a *app) witnessInit() *cobra.Command {
	var name string
	var brokers, logs []string
	var rotated []translog.LogKeys
	c := &cobra.Command{
		Use:   "init",
		Short: "Make a witness's home: its key, and the logs that it follows",
		Long: `Make a witness's home in --home, which must be empty or absent.

The witness follows the logs of the brokers whose broker.json is given with
--broker, and any other log of c2sp.org/tlog-tiles by its verifier key (--log).
Two keys of one log are for the time in which it changes its key.

Hand the verifier key that is printed to whoever writes the policy of the log.
The home must never be restored from a backup: a witness that has forgotten
what it cosigned is no witness any more.`,
		Example: "  entraide witness init --home witness --name witness.example/qz --broker broker.json",
		Args:    noArgs,
		RunE: func(*cobra.Command, []string) error {
			dir, err := a.homeDir()
			if err != nil {
				return err
			}
			for _, file := range brokers {
				b, err := readBroker(file)
				if err != nil {
					return err
				}
				trust, err := verify.NewTrust(b)
				if err != nil {
					return err
				}
				logs, rotated = append(logs, b.LogKey), append(rotated, trust.LogKeys())
			}
			if len(logs) == 0 {
				return usage("name a log to follow, with --broker FILE or --log KEY")
			}
			vkey, err := witness.Init(dir, name, logs)
			if err != nil {
				return err
			}
			for _, keys := range rotated {
				if err := witness.SetKeys(dir, keys); err != nil {
					return err
				}
			}
			return a.print(map[string]string{"home": dir, "key": vkey}, func(w io.Writer) {
				fmt.Fprintf(w, "Witness made in %s\nKey:  %s\n", dir, vkey)
				fmt.Fprintf(w, "The key is in %s.\n", filepath.Join(dir, witness.PublicFile))
			})
		},
	}
	c.Flags().StringVar(&name, "name", "", "name of the witness, an address without scheme, such as witness.example/qz")
	c.Flags().StringArrayVar(&brokers, "broker", nil, "broker.json of a broker whose log to follow")
	c.Flags().StringArrayVar(&logs, "log", nil, "verifier key of a log to follow")
	required(c, "name")
	return c
}

func (a *app) witnessServe() *cobra.Command {
	var listen string
	c := &cobra.Command{
		Use:   "serve",
		Short: "Cosign checkpoints until interrupted (c2sp.org/tlog-witness)",
		Long: `Answer POST /add-checkpoint until interrupted.

Checkpoints are public and signed, so the witness speaks plain HTTP; put a web
server with TLS in front of it where others can reach it. Of a log that signs
two trees of one size, the witness keeps the proof in evidence/ of its home;
show it to everybody: entraide verify convicts the log with it.`,
		Example: "  entraide witness serve --home witness --listen 127.0.0.1:7380",
		Args:    noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			dir, err := a.homeDir()
			if err != nil {
				return err
			}
			w, err := witness.Open(dir, a.now, a.logger())
			if err != nil {
				return err
			}
			l, err := net.Listen("tcp", listen)
			if err != nil {
				return err
			}
			fmt.Fprintf(a.err, "entraide: witness %s listens on %s\n", w.Key().Name(), l.Addr())
			return serveUntil(cmd.Context(), w.Server(), l)
		},
	}
	c.Flags().StringVar(&listen, "listen", "127.0.0.1:7380", "address to listen on")
	return c
}

// serveUntil serves until ctx ends, and then finishes what runs.
func serveUntil(ctx context.Context, server *http.Server, l net.Listener) error {
	failed := make(chan error, 1)
	go func() { failed <- server.Serve(l) }()
	var err error
	select {
	case err = <-failed:
	case <-ctx.Done():
	}
	stopping, cancel := context.WithTimeout(context.WithoutCancel(ctx), witnessStop)
	defer cancel()
	if errors.Is(err, http.ErrServerClosed) {
		err = nil
	}
	return errors.Join(err, server.Shutdown(stopping))
}
