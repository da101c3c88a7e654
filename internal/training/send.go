package training

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/entraide/entraide"
	"github.com/entraide/entraide/internal/desk"
	"github.com/entraide/entraide/pkg/convention"
	"github.com/entraide/entraide/pkg/message"
	"github.com/entraide/entraide/pkg/workflow"
)

// sampleCase is the sample case from which the partner's requests come.
const sampleCase = 3

// requests are those that the partner sends, by the name of their lane.
var requests = map[string]struct{ step, label string }{
	string(workflow.Emergency): {"01-emergency-request", "24-7"},
	string(workflow.Routine):   {"07-evidence-request", "mla"},
}

// Cases are the names of the requests that the partner sends, in the order of a
// drill.
func Cases() []string { return []string{string(workflow.Emergency), string(workflow.Routine)} }

// Send sends a request of the partner's to the officers and returns its case. The
// reference may be empty.
func (p *Partner) Send(ctx context.Context, name, reference string) (message.ID, error) {
	if reference == "" {
		reference = "QN-EXERCISE-" + p.Now().UTC().Format("20060102-150405")
	}
	o, err := Request(name, Other, Officers, reference, p.Now())
	if err != nil {
		return "", err
	}
	if err := p.Desk.Sync(ctx); err != nil {
		p.Log.Debug("another process moves the partner's mail", "err", err)
	}
	id, caseID, err := p.Desk.Send(ctx, o)
	if err != nil {
		return "", err
	}
	_, err = p.Desk.Await(ctx, id)
	return caseID, err
}

// Request makes one of the sample requests between two States of an exercise.
func Request(name, from, to, reference string, now time.Time) (desk.Order, error) {
	r, ok := requests[name]
	if !ok {
		return desk.Order{}, fmt.Errorf("there is no request %q; choose one of %s", name, strings.Join(Cases(), ", "))
	}
	never, err := message.NewID() // the case that the sample refers to is left out
	if err != nil {
		return desk.Order{}, err
	}
	raw, err := entraide.SampleBody(sampleCase, r.step, map[string]string{
		"now": now.UTC().Format(time.RFC3339), "case:" + string(workflow.Emergency): string(never),
	})
	if err != nil {
		return desk.Order{}, err
	}
	body, err := convention.ParseBody(raw)
	if err != nil {
		return desk.Order{}, err
	}
	request, ok := body.(*convention.Request)
	if !ok {
		return desk.Order{}, fmt.Errorf("the sample %s is no request", r.step)
	}
	request.Requesting, request.Requested, request.OwnRef = from, to, reference
	request.Authority.ID = from + "." + r.label
	request.References = nil
	text, err := convention.Marshal(request)
	return desk.Order{
		From: from + "." + r.label, To: to + "." + r.label, Act: workflow.Request, Lane: workflow.Lane(name), Body: text,
	}, err
}
