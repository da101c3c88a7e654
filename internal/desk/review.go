package desk

import (
	"context"
	"slices"
	"time"

	"github.com/entraide/entraide/internal/store"
	"github.com/entraide/entraide/pkg/convention"
	"github.com/entraide/entraide/pkg/directory"
	"github.com/entraide/entraide/pkg/problem"
)

// Review holds the content of a message to an authority against the law, the
// directory, and what this desk knows of preserved data. A *problem.Error says
// that there is no such authority.
func (d *Desk) Review(ctx context.Context, to string, body []byte) ([]convention.Finding, error) {
	var found []convention.Finding
	err := d.db.Read(ctx, func(r store.DeskReader) (err error) {
		found, err = d.review(ctx, r, to, body)
		return err
	})
	return found, err
}

func (d *Desk) review(ctx context.Context, r store.DeskReader, to string, body []byte) ([]convention.Finding, error) {
	requested, err := d.Directory().Authority(to)
	if err != nil {
		return nil, err
	}
	preserved, err := preservations(ctx, r, body)
	if err != nil {
		return nil, err
	}
	own, err := d.Authorities()
	if err != nil {
		return nil, err
	}
	profile := profileOf(requested.Statement, directory.PartyOf(own[0]))
	return convention.Review(body, convention.Setting{Now: d.now(), Requested: &profile, Preserved: preserved}), nil
}

// complete refuses a request that has warnings for which it states no reason.
func (d *Desk) complete(ctx context.Context, r store.DeskReader, o Order) error {
	found, err := d.review(ctx, r, o.To, o.Body)
	if err != nil {
		return err
	}
	if left := convention.Unanswered(found); len(left) > 0 {
		return problem.Newf(problem.InvalidValue, left[0].Pointer,
			"%s Correct it, or state the reason for going past the warning %q in overrides.", left[0].Message("en"), left[0].Code)
	}
	return nil
}

// profileOf takes from an authority's statement what the check of a request by
// a party uses.
func profileOf(s directory.AuthorityStatement, requesting string) convention.Profile {
	return convention.Profile{
		Languages: s.Languages, Positions: s.Stance.Positions,
		Treaties: s.Stance.Treaties[requesting], ServiceLeadDays: s.Stance.ServiceLeadDays,
	}
}

// preservations returns until when data are preserved, by the references of the
// authority that preserves them, for the cases that a request refers to.
func preservations(ctx context.Context, r store.DeskReader, raw []byte) (map[string]time.Time, error) {
	body, err := convention.ParseBody(raw)
	q, ok := body.(*convention.Request)
	if err != nil || !ok {
		return nil, nil //nolint:nilerr // the review itself says what is wrong
	}
	until := map[string]time.Time{}
	for _, ref := range q.References {
		if ref.Case == "" {
			continue
		}
		letters, err := r.Letters(ctx, ref.Case)
		if err != nil {
			return nil, err
		}
		for _, l := range letters {
			notePreservation(until, l)
		}
	}
	return until, nil
}

// notePreservation notes what a message says of the end of a preservation: the
// earliest, where its items end at different times.
func notePreservation(until map[string]time.Time, l store.Letter) {
	p, ok := bodyOf(l).(*convention.Preserved)
	if !ok {
		return
	}
	ends := make([]time.Time, len(p.Items))
	for i, item := range p.Items {
		ends[i] = item.Until.Time
	}
	until[p.Reference] = slices.MinFunc(ends, time.Time.Compare)
}
