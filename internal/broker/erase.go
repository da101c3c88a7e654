package broker

import (
	"context"
	"strings"

	"github.com/entraide/entraide/internal/store"
	"github.com/entraide/entraide/pkg/problem"
	"github.com/entraide/entraide/pkg/translog"
	"github.com/entraide/entraide/pkg/workflow"
)

// Erase destroys what the broker holds of a closed case: its messages, its
// receipts, and the private halves of its entries. The leaves stay, and each
// gets an entry that says on what basis, and by whom, it was erased, so that
// everything else still verifies. A legal hold prevents it. It returns how many
// entries were erased; a *problem.Error refuses.
//
// What was erased is gone from the files of the database after [store.Broker].Purge.
func (b *Broker) Erase(ctx context.Context, caseID, basis, by string) (int, error) {
	deed, err := newDeed(caseID, basis, by)
	if err != nil {
		return 0, err
	}
	e := &erasure{deed: deed}
	_, err = b.propose(ctx, e)
	return e.entries, err
}

// Hold places a legal hold on a case, which keeps it from being erased, or
// lifts it. Either is an entry of the log.
func (b *Broker) Hold(ctx context.Context, caseID, basis, by string, lift bool) error {
	deed, err := newDeed(caseID, basis, by)
	if err != nil {
		return err
	}
	_, err = b.propose(ctx, &hold{deed: deed, lift: lift})
	return err
}

// maxBasis bounds the words of an operator.
const maxBasis = 1000

// A deed is what an operator does to a case, on what basis, and who it is.
type deed struct{ caseID, basis, by string }

func newDeed(caseID, basis, by string) (deed, error) {
	for _, said := range []struct{ field, words string }{{"basis", basis}, {"by", by}} {
		if strings.TrimSpace(said.words) == "" || len(said.words) > maxBasis {
			return deed{}, problem.New(problem.InvalidValue, said.field, "Say the rule or order that this rests on, and who does it.")
		}
	}
	return deed{caseID, basis, by}, nil
}

func (d *deed) wants(w *wants) {
	w.cases, w.erased = append(w.cases, d.caseID), append(w.erased, d.caseID)
}

func (*deed) size() int { return 0 }

// loadErased reads what erasing cases needs to know.
func (t *turn) loadErased(ctx context.Context, r store.Reader, cases []string) (err error) {
	if len(cases) == 0 {
		return nil
	}
	t.about = map[string][]int64{}
	for _, id := range cases {
		if t.about[id], err = r.CaseEntries(ctx, id); err != nil {
			return err
		}
	}
	t.holds, err = r.Holds(ctx, cases)
	return err
}

// An erasure is the end of a case on its way into the log.
type erasure struct {
	deed
	entries int // that were erased
}

func (*erasure) kind() string { return "erasure" }

func (e *erasure) apply(t *turn) (last int64, repeat bool, err error) {
	c, ok := t.cases[e.caseID]
	switch {
	case !ok:
		return 0, false, problem.New(problem.NotFound, "case", "There is no such case, or it was erased before.")
	case workflow.Stage(c.Stage) != workflow.StageClosed:
		return 0, false, problem.Newf(problem.ActNotAllowed, "case", "The case is %s; only a closed case can be erased.", c.Stage)
	case t.holds[e.caseID].Basis != "":
		return 0, false, problem.Newf(problem.Forbidden, "case", "A legal hold is on the case: %s. Lift it first.", t.holds[e.caseID].Basis)
	}
	for _, index := range t.about[e.caseID] {
		if last, err = t.append(translog.Entry{
			Kind: translog.KindErasure, Erasure: &translog.ErasureFact{Index: index, Basis: e.basis, By: e.by},
		}); err != nil {
			return 0, false, err
		}
		t.batch.Erased = append(t.batch.Erased, store.Erased{Index: index, By: last})
	}
	e.entries = len(t.about[e.caseID])
	t.batch.ErasedCases = append(t.batch.ErasedCases, e.caseID)
	delete(t.cases, e.caseID)
	delete(t.touched, e.caseID)
	return last, false, nil
}

// What the log says of legal holds; the case and the basis follow.
const (
	holdPlaced = "legal hold"
	holdLifted = "legal hold lifted"
)

// A hold is a legal hold, or the end of one, on its way into the log.
type hold struct {
	deed
	lift bool
}

func (*hold) kind() string { return "hold" }

func (h *hold) apply(t *turn) (int64, bool, error) {
	placed := t.holds[h.caseID].Basis != ""
	switch _, ok := t.cases[h.caseID]; {
	case !ok:
		return 0, false, problem.New(problem.NotFound, "case", "There is no such case, or it was erased before.")
	case placed != h.lift:
		return 0, false, problem.New(problem.ActNotAllowed, "case", "A legal hold is on the case already, or there is none to lift.")
	}
	row, what := store.Hold{Case: h.caseID, Basis: h.basis, By: h.by, Since: t.now.Unix()}, holdPlaced
	if h.lift {
		row.Basis, what = "", holdLifted
	}
	t.batch.Holds = append(t.batch.Holds, row)
	t.holds[h.caseID] = row
	index, err := t.append(translog.Entry{
		Kind: translog.KindOperator, Operator: &translog.OperatorFact{By: h.by, What: what, Detail: h.caseID + ": " + h.basis},
	})
	return index, false, err
}
