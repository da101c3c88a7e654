package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"
	"golang.org/x/term"

	"github.com/entraide/entraide/internal/auditor"
	"github.com/entraide/entraide/internal/auditor/web"
	"github.com/entraide/entraide/internal/page"
	"github.com/entraide/entraide/pkg/translog"
)

func (a *app) auditorCommand() *cobra.Command {
	return group("auditor", "Review a log in a browser, on the auditor's own machine", a.auditorServe(), a.auditorLink())
}

// A roomForm is how the pages of a mirror are served.
type roomForm struct {
	pages  webForm
	log    checking
	broker string
	every  time.Duration
}

func (a *app) auditorServe() *cobra.Command {
	var f roomForm
	c := &cobra.Command{
		Use:   "serve",
		Short: "Follow a log, and serve pages about it on this machine",
		Long: `Follow the log of the mirror in --home, as entraide audit check does, again and
again, and serve pages about it on this machine: the state of the log and its
figures, every entry with its proof, cases, what does not fit and what was said of
it, and a page that verifies files. Other commands may work on the same mirror
meanwhile. With --broker, the mirror is made if it is not there yet.

The pages are over the mirror's own files: the broker's word is taken for nothing
that can be checked, and no key of any State is needed. They speak HTTPS only, with
a certificate that is made in private/ of the mirror, and only to this machine; or
plain HTTP on a Unix socket, for a proxy.

At every start a link is written to private/enter-link of the mirror, which only
its owner can read, and shown on a terminal. It is good for an hour, and once:
whoever opens it gives a name, which goes with their remarks. entraide auditor link
makes another. There are no passwords.`,
		Example: `  entraide auditor serve --home mirror --broker broker.json
  entraide auditor serve --home mirror --account desk --every 30s`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return f.run(cmd.Context(), a) },
	}
	flags := c.Flags()
	flags.StringVar(&f.pages.address, "listen", "127.0.0.1:8444", "host:port of this machine, or unix:PATH for a proxy")
	flags.StringVar(&f.pages.origin, "origin", "", "where browsers find the pages; needed with unix:PATH")
	flags.StringVar(&f.broker, "broker", "", "broker.json of the log to follow; needed the first time")
	flags.DurationVar(&f.every, "every", time.Minute, "how often the log is looked at")
	f.log.flags(c)
	return c
}

// place is where the pages listen and how they are reached: on this machine only.
func (f *roomForm) place() (network, address, origin string, err error) {
	if !strings.HasPrefix(f.pages.address, "unix:") {
		host, _, err := net.SplitHostPort(f.pages.address)
		if ip := net.ParseIP(host); err != nil || host != "localhost" && (ip == nil || !ip.IsLoopback()) {
			return "", "", "", usage("--listen is an address of this machine alone, such as 127.0.0.1:8444, or unix:PATH")
		}
	}
	return f.pages.place()
}

// run serves the pages until the context ends.
func (f *roomForm) run(ctx context.Context, a *app) (err error) {
	dir, err := a.homeDir()
	if err != nil {
		return err
	}
	network, address, origin, err := f.place()
	if err != nil {
		return err
	}
	if f.broker != "" {
		b, err := readBroker(f.broker)
		if err != nil {
			return err
		}
		if err := auditor.Create(dir, b); err != nil {
			return err
		}
	}
	book, err := auditor.OpenBook(ctx, dir)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, book.Close()) }()
	if f.log.again {
		if err := book.Again(ctx); err != nil {
			return err
		}
	}
	pages, err := web.New(f.options(a, dir, origin, book))
	if err != nil {
		return err
	}
	certificate, err := f.pages.identity(filepath.Join(dir, "private"), network, origin, a.now())
	if err != nil {
		return err
	}
	listener, err := listen(ctx, network, address)
	if err != nil {
		return err
	}
	fmt.Fprintf(a.err, "entraide: the pages are at %s\n", origin)
	if err := errors.Join(web.KeepOrigin(dir, origin), a.offerLink(dir, origin)); err != nil {
		return errors.Join(err, listener.Close())
	}
	work, ctx := errgroup.WithContext(ctx)
	work.Go(func() error { return pages.Follow(ctx) })
	work.Go(func() error { return run(ctx, page.HTTPServer(pages, certificate, a.logger()), listener) })
	return work.Wait()
}

// options are those of the pages.
func (f *roomForm) options(a *app, dir, origin string, book *auditor.Book) web.Options {
	o := web.Options{
		Home: dir, Book: book, Source: sourceOf(f.log.from), Rules: f.log.rules, Every: f.every, Origin: origin, Now: a.now, Log: a.logger(),
	}
	if f.log.account != "" {
		o.Read = func(ctx context.Context, m *auditor.Mirror, b *auditor.Book) error {
			return readAs(ctx, f.log.account, m, b)
		}
	}
	return o
}

// offerLink hands out a link with which somebody comes in: in a file that only the
// owner of the mirror reads, and on a terminal, but never to a log.
func (a *app) offerLink(dir, origin string) error {
	link, path, err := web.NewLink(dir, origin, a.now())
	if err != nil {
		return err
	}
	if f, ok := a.err.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		fmt.Fprintf(a.err, "\nOpen this link within the hour, once:\n\n  %s\n\n", link)
		return nil
	}
	fmt.Fprintf(a.err, "entraide: open the link in %s within the hour\n", path)
	return nil
}

func (a *app) auditorLink() *cobra.Command {
	return &cobra.Command{
		Use:   "link",
		Short: "Make another link to the pages of a mirror",
		Long: `Write another link to private/enter-link of the mirror in --home, whose pages are
being served: good for an hour, and once. The one before is good no more.`,
		Example: "  entraide auditor link --home mirror",
		Args:    noArgs,
		RunE: func(*cobra.Command, []string) error {
			dir, err := a.homeDir()
			if err != nil {
				return err
			}
			origin, err := web.KnownOrigin(dir)
			if err != nil {
				return err
			}
			if origin == "" {
				return errors.New("the pages of this mirror were never served: entraide auditor serve")
			}
			return a.offerLink(dir, origin)
		},
	}
}

func (a *app) auditHold() *cobra.Command {
	return &cobra.Command{
		Use:   "hold FILE…",
		Short: "Hold receipts and signed states of the log against a mirror",
		Long: `Verify receipts of the log (tlog-proof) and signed states of it (checkpoint), and
hold them against the mirror in --home: the mirror must hold the same entry at the
same place, and one of two states must continue the other. Nothing is asked of
anybody. What proves two histories is kept in evidence/, and the exit status is 3.`,
		Example: "  entraide audit hold m/receipt.tlog-proof checkpoint --home mirror",
		Args:    cobra.MinimumNArgs(1),
		RunE: a.withBook(func(ctx context.Context, b *auditor.Book, args []string) error {
			for _, path := range args {
				text, err := readFile(path, translog.MaxReceiptBytes)
				if err == nil {
					err = a.hold(ctx, b, text)
				}
				if err != nil {
					return fmt.Errorf("%s: %w", path, err)
				}
			}
			return nil
		}),
	}
}

// hold holds one receipt, or one state, against the mirror.
func (a *app) hold(ctx context.Context, b *auditor.Book, text []byte) error {
	if _, err := translog.ParseReceipt(text); err == nil {
		e, under, err := b.Hold(ctx, text)
		if err != nil {
			return err
		}
		return a.print(e, func(w io.Writer) {
			fmt.Fprintf(w, "Entry %d of the log %s, %s of %s. The mirror holds the same.\n", e.Index, under.Origin, e.Entry.Kind, e.Entry.Time)
		})
	}
	c, err := b.Checkpoint(ctx, text, a.now())
	if err != nil {
		return err
	}
	return a.print(map[string]any{"origin": c.Origin, "size": c.Size, "root": c.Root.String(), "cosigned": len(c.By), "witnessed": c.Witnessed}, func(w io.Writer) {
		fmt.Fprintf(w, "A state of the log %s with %d entries, cosigned by %d witnesses. It is of the same history as the mirror.\n", c.Origin, c.Size, len(c.By))
	})
}
