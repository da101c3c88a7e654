package cli

import (
	"fmt"
	"io"
	"io/fs"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/entraide/entraide/internal/desk"
	"github.com/entraide/entraide/internal/keyring"
)

// defaultLockAfter is a working day.
const defaultLockAfter = 8 * time.Hour

func (a *app) keyAgent() *cobra.Command {
	var socket string
	var lockAfter time.Duration
	var forget bool
	c := &cobra.Command{
		Use:   "agent",
		Short: "Hold the home's unlocked keys in a process of their own",
		Long: `Hold the home's keys, unlocked, in this process, and sign and decrypt with them
for the home's other processes, over a socket that only their owner may use.
From now on these ask the agent for keys and never for the passphrase, whether
the agent is running or not; --forget takes that back.

The keys are unlocked at once if the passphrase comes from --passphrase-fd or a
systemd credential, and else by ` + "`entraide key unlock`" + `. They are locked again by
` + "`entraide key lock`" + `, when they have not been used for --lock-after, and when
the agent ends.`,
		Example: "  entraide key agent --home desk --lock-after 8h",
		Args:    noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			dir, err := a.homeDir()
			if err != nil {
				return err
			}
			if forget {
				return desk.ForgetAgent(dir)
			}
			a.harden()
			o := desk.AgentOptions{Socket: socket, LockAfter: lockAfter, Log: a.logger()}
			if a.hasPassphrase(dir) {
				o.Passphrase = func() ([]byte, error) { return a.passphrase(dir) }
			}
			o.Ready = func(socket string) { fmt.Fprintf(a.err, "entraide: the key agent answers at %s\n", socket) }
			return desk.ServeAgent(cmd.Context(), dir, o)
		},
	}
	c.Flags().StringVar(&socket, "socket", "", "Unix socket to answer at (the home's agent.sock)")
	c.Flags().DurationVar(&lockAfter, "lock-after", defaultLockAfter, "lock the keys when unused for so long; 0 for never")
	c.Flags().BoolVar(&forget, "forget", false, "have the home's processes ask for the passphrase again, and end")
	return c
}

// hasPassphrase reports whether the passphrase is there without anybody being
// asked.
func (a *app) hasPassphrase(home string) bool {
	if a.passphraseFD >= 0 || os.Getenv("CREDENTIALS_DIRECTORY") != "" {
		return true
	}
	_, err := fs.Stat(os.DirFS(home), passphraseFile)
	return err == nil
}

// harden keeps the keys of a process that holds them for long out of dumps and
// swap. Where that cannot be had, the process says so and goes on.
func (a *app) harden() {
	locked, err := keyring.Harden()
	if err != nil {
		a.logger().Warn("keys may be written to disk", "err", err)
	} else if !locked {
		a.logger().Info("memory is not locked; LimitMEMLOCK=infinity in the unit allows it")
	}
}

func (a *app) keyLock() *cobra.Command {
	return &cobra.Command{
		Use:     "lock",
		Short:   "Have the key agent forget the keys until they are unlocked",
		Example: "  entraide key lock --home desk",
		Args:    noArgs,
		RunE: func(*cobra.Command, []string) error {
			dir, err := a.homeDir()
			if err != nil {
				return err
			}
			if err := desk.LockAgent(dir); err != nil {
				return err
			}
			return a.print(map[string]bool{"locked": true}, func(w io.Writer) { fmt.Fprintln(w, "The keys are locked.") })
		},
	}
}

func (a *app) keyUnlock() *cobra.Command {
	return &cobra.Command{
		Use:     "unlock",
		Short:   "Have the key agent unlock the keys",
		Example: "  entraide key unlock --home desk",
		Args:    noArgs,
		RunE: func(*cobra.Command, []string) error {
			dir, err := a.homeDir()
			if err != nil {
				return err
			}
			if err := desk.UnlockAgent(dir, func() ([]byte, error) { return a.passphrase(dir) }); err != nil {
				return err
			}
			return a.print(map[string]bool{"locked": false}, func(w io.Writer) { fmt.Fprintln(w, "The keys are unlocked.") })
		},
	}
}
