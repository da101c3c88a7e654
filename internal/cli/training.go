package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"github.com/entraide/entraide/internal/training"
)

// A trainingForm is how an exercise runs.
type trainingForm struct {
	on    bool
	delay time.Duration
	drill time.Duration
}

func (f *trainingForm) flags(c *cobra.Command) {
	flags := c.Flags()
	flags.BoolVar(&f.on, "training", false, "serve an exercise: every page is marked, and a fictitious State answers by itself")
	flags.DurationVar(&f.delay, "partner-delay", 3*time.Second, "how long the partner of an exercise leaves a message before it replies")
	flags.DurationVar(&f.drill, "drill", 0, "how often the partner of an exercise sends a request of its own, such as 10m (default: never)")
}

// unused reports settings of an exercise where there is none.
func (f *trainingForm) unused() error {
	if f.drill != 0 {
		return usage("--drill is for exercises: add --training")
	}
	return nil
}

// exercise serves the officers' desk of a training home, its broker and the
// partner.
func (f *serveForm) exercise(ctx context.Context, a *app, dir string) (err error) {
	if f.training.delay < 0 || f.training.drill < 0 {
		return usage("--partner-delay and --drill cannot be negative")
	}
	world, err := training.Open(ctx, training.Options{Dir: dir, Now: a.now, Log: a.logger()})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, world.Close()) }()
	other, err := world.Desk(ctx, training.Other)
	if err != nil {
		return err
	}
	partner := training.Partner{
		Desk: other, Dir: dir, Delay: f.training.delay, Every: f.training.drill, Now: a.now, Log: a.logger(),
	}
	f.pages.training = true
	fmt.Fprintf(a.err, "entraide: an exercise; the officers' desk is %s, and %s answers by itself\n", world.DeskHome(training.Officers), training.Other)
	work, serving := errgroup.WithContext(ctx)
	work.Go(func() error { return partner.Run(serving) })
	work.Go(func() error { return f.serve(serving, a, world.DeskHome(training.Officers)) })
	return work.Wait()
}

func (a *app) trainingCommand() *cobra.Command {
	return group("training", "Work with the partner of an exercise", a.trainingSend())
}

func (a *app) trainingSend() *cobra.Command {
	var name, reference string
	c := &cobra.Command{
		Use:   "send",
		Short: "Let the partner of an exercise send a request to the officers",
		Long: `Let the fictitious State of an exercise send a request to the officers' desk: an
emergency to the contact point, or a routine request to the central authority.
` + "`entraide desk serve --training`" + ` must be at work on the same home.`,
		Example: "  entraide training send --case emergency --home exercise",
		Args:    noArgs,
		RunE: func(cmd *cobra.Command, _ []string) (err error) {
			if !slices.Contains(training.Cases(), name) {
				return usage("--case must be one of %s", strings.Join(training.Cases(), ", "))
			}
			dir, err := a.homeDir()
			if err != nil {
				return err
			}
			world, other, err := training.Join(cmd.Context(), training.Options{Dir: dir, Now: a.now, Log: a.logger()})
			if err != nil {
				return err
			}
			defer func() { err = errors.Join(err, world.Close()) }()
			partner := training.Partner{Desk: other, Dir: dir, Now: a.now, Log: a.logger()}
			id, err := partner.Send(cmd.Context(), name, reference)
			if err != nil {
				return err
			}
			return a.print(map[string]string{"case": string(id)}, func(w io.Writer) {
				fmt.Fprintf(w, "%s has sent a request, case %s.\n", training.Other, id)
			})
		},
	}
	c.Flags().StringVar(&name, "case", "", "which request: "+strings.Join(training.Cases(), " or "))
	c.Flags().StringVar(&reference, "reference", "", "the reference of the request")
	required(c, "case")
	return c
}
