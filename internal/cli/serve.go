package cli

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"github.com/entraide/entraide/internal/desk/office"
	"github.com/entraide/entraide/internal/desk/web"
	"github.com/entraide/entraide/internal/training"
	"github.com/entraide/entraide/pkg/pgp"
)

func (a *app) deskServe() *cobra.Command {
	var f serveForm
	c := &cobra.Command{
		Use:   "serve",
		Short: "Send and receive until interrupted, and serve the pages for officers",
		Long: `Keep the line to the broker open: take what arrives, send what waits, repeat
what failed, and call the watch for an emergency. The passphrase is needed once.
Other commands may work on the same home meanwhile.

With --web, officers work in a browser. The pages speak HTTPS only, with a
certificate of the State's (--tls-cert, --tls-key) or one that the desk makes
itself; plain HTTP only on a Unix socket, for a proxy. The first start writes a
link to the file set-up-link of the home, with which the first administrator
sets the pages up: there is no default password. web.toml of the home names the
State's identity provider, if it has one.

With --training, the home is one for exercises, which is made if the directory
is empty or absent: a broker, a depositary, the officers' desk in DIR/QM and
that of a fictitious State that answers by itself. A real home is refused, and
without --training a training home is. docs/training.md is for whoever trains.`,
		Example: `  entraide desk serve --home desk
  entraide desk serve --home desk --web 127.0.0.1:8443
  entraide desk serve --training --home exercise --web 127.0.0.1:8443`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return f.run(cmd.Context(), a) },
	}
	f.flags(c)
	return c
}

// A serveForm is how a desk is served.
type serveForm struct {
	line     lineForm
	pages    webForm
	training trainingForm
}

func (f *serveForm) flags(c *cobra.Command) {
	f.line.flags(c)
	f.pages.flags(c)
	f.training.flags(c)
}

// run serves the desk of the home, or an exercise.
func (f *serveForm) run(ctx context.Context, a *app) error {
	dir, err := a.homeDir()
	if err != nil {
		return err
	}
	if err := f.pages.check(a.now()); err != nil {
		return err
	}
	if f.training.on {
		return f.exercise(ctx, a, dir)
	}
	if err := errors.Join(f.training.unused(), training.RefuseMarked(dir)); err != nil {
		return err
	}
	return f.serve(ctx, a, dir)
}

// serve serves one desk until the context ends.
func (f *serveForm) serve(ctx context.Context, a *app, dir string) (err error) {
	d, err := a.openDeskIn(ctx, dir)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, d.Close()) }()
	if err := f.line.apply(d); err != nil {
		return err
	}
	if _, err := web.ReadConfig(dir); err != nil {
		return err // before anybody types a passphrase
	}
	a.harden()
	if err := d.Unlock(); errors.Is(err, pgp.ErrUnavailable) {
		a.logger().Warn("what needs keys waits", "err", err)
	} else if err != nil {
		return err
	}
	work, ctx := errgroup.WithContext(ctx)
	if f.pages.address != "" {
		serve, err := f.pages.open(ctx, a, dir, d)
		if err != nil {
			return err
		}
		work.Go(func() error { return serve(ctx) })
	}
	fmt.Fprintln(a.err, "entraide: the desk is at work")
	work.Go(func() error { return d.Run(ctx) })
	work.Go(func() error { return (&office.Notifier{Office: office.New(d)}).Watch(ctx) })
	return work.Wait()
}
