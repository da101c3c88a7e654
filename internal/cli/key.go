package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"github.com/entraide/entraide/internal/desk"
	"github.com/entraide/entraide/pkg/pgp"
)

func (a *app) keyCommand() *cobra.Command {
	return group("key", "Keep the desk's keys", append(a.keyLife(), a.keyGenerate(), a.keyList(), a.keyShow(), a.keyExport(),
		a.keyAgent(), a.keyLock(), a.keyUnlock(), a.keyRecovery())...)
}

// A keyChoice picks a key of the home.
type keyChoice struct{ authority, suite string }

func (k *keyChoice) flags(c *cobra.Command) {
	c.Flags().StringVar(&k.authority, "authority", "", "own authority (may be left out where there is only one)")
	c.Flags().StringVar(&k.suite, "suite", "", "suite of the key")
	required(c, "suite")
}

// pick checks the choice.
func (k *keyChoice) pick(d *desk.Desk) (string, pgp.Suite, error) {
	own, err := d.Authorities()
	if err != nil {
		return "", "", err
	}
	authority := k.authority
	if authority == "" {
		authority = own[0]
	}
	if _, err := ownAuthority(d, authority); err != nil {
		return "", "", usage("--authority must be one of %v", own)
	}
	if !pgp.Suite(k.suite).Valid() {
		return "", "", usage("--suite must be one of %v", pgp.Suites())
	}
	return authority, pgp.Suite(k.suite), nil
}

func (a *app) keyGenerate() *cobra.Command {
	var k keyChoice
	var hsm string
	c := &cobra.Command{
		Use:   "generate",
		Short: "Make an authority's key in a further suite and publish it",
		Long: `Make a key for one of the home's authorities in a suite it has none in yet, have
the State's key certify it, and publish the authority's new statement.`,
		Example: "  entraide key generate --authority QM.mla --suite classic-4 --home desk",
		Args:    noArgs,
	}
	c.RunE = a.onDesk(func(ctx context.Context, d *desk.Desk, _ []string) error {
		authority, suite, err := k.pick(d)
		if err != nil {
			return err
		}
		if hsm != "" && suite != pgp.HSM4 {
			return usage("--hsm makes keys of hsm-4, not of %s", suite)
		}
		if err := d.AddKey(ctx, authority, suite, hsm); err != nil {
			return err
		}
		return a.print(map[string]any{"authority": authority, "suite": suite}, func(w io.Writer) {
			fmt.Fprintf(w, "%s has a key in suite %s, and the directory says so.\n", authority, suite)
		})
	})
	k.flags(c)
	c.Flags().StringVar(&hsm, "hsm", "", "socket of the helper of a device, to make the key there")
	return c
}

func (a *app) keyList() *cobra.Command {
	return &cobra.Command{
		Use:     "list",
		Short:   "List the home's keys, and what ends or is due",
		Example: "  entraide key list --home desk",
		Args:    noArgs,
		RunE: a.onDesk(func(_ context.Context, d *desk.Desk, _ []string) error {
			keys, err := d.Keys()
			if err != nil {
				return err
			}
			notices, err := d.KeyNotices()
			if err != nil {
				return err
			}
			return a.print(map[string]any{"keys": keys, "notices": notices}, func(w io.Writer) {
				var rows []string
				for _, k := range keys {
					name := k.Authority
					if name == "" {
						name = "(the State)"
					}
					rows = append(rows, row(name, k.Suite, orDash(k.Expires), orDash(k.Fingerprint)))
				}
				table(w, "AUTHORITY\tSUITE\tEXPIRES\tFINGERPRINT", rows)
				printNotices(w, notices)
			})
		}),
	}
}

func (a *app) keyShow() *cobra.Command {
	var k keyChoice
	c := &cobra.Command{
		Use:     "show",
		Short:   "Show a certificate of the home as the directory has it",
		Example: "  entraide key show --authority QM.24-7 --suite pq-6 --home desk",
		Args:    noArgs,
	}
	c.RunE = a.onDesk(func(_ context.Context, d *desk.Desk, _ []string) error {
		authority, suite, err := k.pick(d)
		if err != nil {
			return err
		}
		keys, err := d.Keys()
		if err != nil {
			return err
		}
		for _, info := range keys {
			if info.Authority == authority && info.Suite == suite {
				return a.print(info, func(w io.Writer) {
					fmt.Fprintf(w, "%s in suite %s\nFingerprint %s\nExpires     %s\n", authority, suite,
						orDash(info.Fingerprint), orDash(info.Expires))
					printSubkeys(w, info.Subkeys)
				})
			}
		}
		return desk.ErrNoKey
	})
	k.flags(c)
	return c
}

// printSubkeys prints the subkeys of a key and what has become of them.
func printSubkeys(w io.Writer, all []desk.SubkeyInfo) {
	var rows []string
	for _, s := range all {
		rows = append(rows, row(s.Use, s.Created, s.State, s.Fingerprint))
	}
	table(w, "SUBKEY\tSINCE\tSTATE\tFINGERPRINT", rows)
}

func (a *app) keyExport() *cobra.Command {
	var k keyChoice
	var secret bool
	var out string
	c := &cobra.Command{
		Use:   "export",
		Short: "Write a certificate, or a locked secret key, for other OpenPGP tools",
		Long: `Write the certificate of one of the home's authorities, in binary. With --secret,
write the secret key instead, locked under the home's passphrase in a form that
gpg and rnp unlock; guard the file as you guard the home.`,
		Example: "  entraide key export --secret --suite classic-4 --out qm.key --home desk",
		Args:    noArgs,
	}
	c.RunE = a.onDesk(func(_ context.Context, d *desk.Desk, _ []string) error {
		authority, suite, err := k.pick(d)
		if err != nil {
			return err
		}
		export := d.Certificate
		if secret {
			export = d.ExportKey
		}
		data, err := export(authority, suite)
		if err != nil {
			return err
		}
		if err := writeNew(out, data); err != nil {
			return err
		}
		return a.print(map[string]any{"authority": authority, "suite": suite, "file": out, "secret": secret}, func(w io.Writer) {
			fmt.Fprintf(w, "Wrote %s\n", out)
		})
	})
	k.flags(c)
	c.Flags().BoolVar(&secret, "secret", false, "write the secret key, locked")
	c.Flags().StringVar(&out, "out", "", "file to make")
	required(c, "suite", "out")
	return c
}

// writeNew writes a private file that must not exist yet.
func writeNew(path string, data []byte) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	return errors.Join(err, f.Close())
}
