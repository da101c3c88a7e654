package training

import (
	"context"
	"errors"
	"log/slog"
	"path/filepath"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/entraide/entraide/internal/desk"
	"github.com/entraide/entraide/pkg/convention"
	"github.com/entraide/entraide/pkg/message"
	"github.com/entraide/entraide/pkg/workflow"
)

// lookEvery is how often a partner at work looks for what it owes.
const lookEvery = time.Second

// A Partner answers by itself at the desk of the other State.
type Partner struct {
	Desk *desk.Desk
	Dir  string // where its evidence is made: that of the training home
	// Delay is how long it leaves a message before it replies.
	Delay time.Duration
	// Every is how often it sends a request of its own, for drills of the watch;
	// zero for never.
	Every time.Duration
	Now   func() time.Time
	Log   *slog.Logger

	stuck map[string]int // cases in which it could not reply, with their messages then
}

// Run keeps the partner's desk and the partner at work until the context ends.
func (p *Partner) Run(ctx context.Context) error {
	work, ctx := errgroup.WithContext(ctx)
	work.Go(func() error { return p.Desk.Run(ctx) })
	work.Go(func() error { return p.work(ctx) })
	return work.Wait()
}

// work replies, and sends what a drill wants.
func (p *Partner) work(ctx context.Context) error {
	look := time.NewTicker(lookEvery)
	defer look.Stop()
	next, sent := p.Now().Add(p.Every), 0
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-look.C:
		}
		if _, err := p.Step(ctx); err != nil && ctx.Err() == nil {
			p.Log.Warn("the partner could not look into its cases", "err", err)
		}
		if p.Every > 0 && !p.Now().Before(next) {
			name := Cases()[sent%len(Cases())]
			if _, err := p.Send(ctx, name, ""); err != nil && ctx.Err() == nil {
				p.Log.Warn("the partner could not send its request", "case", name, "err", err)
			}
			next, sent = p.Now().Add(p.Every), sent+1
		}
	}
}

// Step sends every reply that is due and returns how many there were. A case in
// which the partner cannot reply is logged, and left until something new happens
// in it.
func (p *Partner) Step(ctx context.Context) (replies int, err error) {
	if p.stuck == nil {
		p.stuck = map[string]int{}
	}
	lines, err := p.Desk.Cases(ctx)
	if err != nil {
		return 0, err
	}
	waiting, err := p.waiting(ctx)
	if err != nil {
		return 0, err
	}
	for _, line := range lines {
		if line.Stage == string(workflow.StageClosed) || waiting[line.Case] {
			continue
		}
		c, err := p.Desk.Case(ctx, line.Case)
		if err != nil {
			return replies, err
		}
		if n, known := p.stuck[line.Case]; known && n == len(c.Events) {
			continue
		}
		delete(p.stuck, line.Case)
		sent, err := p.reply(ctx, c)
		if err != nil {
			p.stuck[line.Case] = len(c.Events)
			p.Log.Warn("the partner could not reply", "case", line.Case, "err", err)
		}
		if sent {
			replies++
		}
	}
	return replies, nil
}

// waiting are the cases with a message of the partner's that the broker has not
// accepted: what was said once is not said again.
func (p *Partner) waiting(ctx context.Context) (map[string]bool, error) {
	all, err := p.Desk.Messages(ctx)
	if err != nil {
		return nil, err
	}
	cases := map[string]bool{}
	for _, m := range all {
		if m.Index < 0 {
			cases[m.Case] = true
		}
	}
	return cases, nil
}

// A file is a case as the partner sees it.
type file struct {
	desk.Case
	bodies  []convention.Body
	request *convention.Request
}

// reply sends the next message of a case, if one is due.
func (p *Partner) reply(ctx context.Context, c desk.Case) (sent bool, err error) {
	last := c.Events[len(c.Events)-1]
	at, err := time.Parse(time.RFC3339, last.Created)
	if err != nil || p.Now().Sub(at) < p.Delay {
		return false, err
	}
	f, err := p.read(ctx, c)
	if err != nil {
		return false, err
	}
	next := f.next()
	if next == Wait {
		return false, nil
	}
	return true, p.give(ctx, f, next)
}

// read opens the messages of a case, as an officer would.
func (p *Partner) read(ctx context.Context, c desk.Case) (file, error) {
	f := file{Case: c}
	for _, e := range c.Events {
		raw, err := p.Desk.Body(ctx, e.ID)
		if err != nil {
			return f, err
		}
		body, err := convention.ParseBody(raw)
		if err != nil {
			return f, err
		}
		f.bodies = append(f.bodies, body)
	}
	request, ok := f.bodies[0].(*convention.Request)
	if !ok {
		return f, errors.New("the partner answers requests only")
	}
	f.request = request
	return f, nil
}

// next is what the partner does in the case.
func (f *file) next() Reply {
	said := make([]Said, len(f.bodies))
	for i, b := range f.bodies {
		said[i] = Said{Kind: b.Kind(), Ours: !f.Events[i].Incoming, Declined: declines(b)}
		if d, ok := b.(*convention.Delivery); ok {
			said[i].Packages = len(d.Packages) > 0
		}
	}
	if f.Role == string(workflow.Requesting) {
		return NextAsking(workflow.Stage(f.Stage), said)
	}
	return Next(PlanOf(f.asked()), workflow.Stage(f.Stage), said)
}

// declines reports whether a body says no.
func declines(b convention.Body) bool {
	switch b := b.(type) {
	case *convention.ConditionAnswer:
		for _, a := range b.Answers {
			if !a.Accepted {
				return true
			}
		}
	case *convention.Decision:
		for _, i := range b.Items {
			if i.Outcome != "refused" {
				return false
			}
		}
		return true
	}
	return false
}

// asked is what the plan depends on.
func (f *file) asked() Asked {
	a := Asked{Reference: f.request.OwnRef, Lane: workflow.Lane(f.Lane), Conditional: true}
	for i, m := range f.request.Measures {
		a.Conditional = a.Conditional && knowsConditions(f.Measures[i].Workflow)
		switch {
		case m.Preservation != nil:
			a.Preserves = true
		case m.Extension != nil:
			a.Extends = true
		default:
			a.Delivers = true
		}
	}
	return a
}

// knowsConditions reports whether a workflow of substance has conditions and
// postponement.
func knowsConditions(name string) bool {
	table, ok := workflow.Substance(name)
	if !ok {
		return false
	}
	offers, postpones := false, false
	for _, act := range table.Acts() {
		offers = offers || act == "condition-offer"
		postpones = postpones || act == "decision:postponed"
	}
	return offers && postpones
}

// give sends a reply and waits until the broker has it.
func (p *Partner) give(ctx context.Context, f file, reply Reply) error {
	o := desk.Order{From: f.Requested, To: f.Requesting, Case: message.ID(f.Case.Case), Act: moves[reply].act}
	if f.Role == string(workflow.Requesting) {
		o.From, o.To = o.To, o.From
	}
	var body convention.Body
	var err error
	switch reply {
	case Deliver:
		o.Final = true
		body, o.Evidence, err = p.delivery(ctx, f, o)
	case ConfirmEvidence:
		body, err = p.receipt(ctx, f)
	default:
		body, err = f.body(reply, p.Now())
	}
	if err != nil {
		return err
	}
	if o.Body, err = convention.Marshal(body); err != nil {
		return err
	}
	return p.send(ctx, o)
}

func (p *Partner) send(ctx context.Context, o desk.Order) error {
	id, _, err := p.Desk.Send(ctx, o)
	if err != nil {
		return err
	}
	_, err = p.Desk.Await(ctx, id)
	return err
}

// evidenceDir is where the partner makes and fetches evidence.
func (p *Partner) evidenceDir() string { return filepath.Join(p.Dir, "evidence") }
