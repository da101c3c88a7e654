package desk

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/entraide/entraide/internal/keyring"
	"github.com/entraide/entraide/internal/store"
	"github.com/entraide/entraide/pkg/message"
	"github.com/entraide/entraide/pkg/pgp"
	"github.com/entraide/entraide/pkg/problem"
	"github.com/entraide/entraide/pkg/translog"
	"github.com/entraide/entraide/pkg/workflow"
)

// An Erased says when, by whom and on what basis a case was erased.
type Erased struct {
	At       string `json:"at"` // RFC 3339
	By       string `json:"by"` // authority
	Officer  string `json:"officer"`
	Basis    string `json:"basis"`
	Messages int    `json:"messages,omitempty"` // that were erased now
}

// String says it in a sentence.
func (e Erased) String() string {
	return fmt.Sprintf(remarkErased, e.At, e.Officer, e.Basis)
}

// A HoldInfo is a legal hold.
type HoldInfo struct {
	Basis string `json:"basis"`
	By    string `json:"by"`
	Since string `json:"since"` // RFC 3339
}

// words checks what an officer says, and who it is.
func words(basis, by string) error {
	for _, said := range []struct{ field, words string }{{"basis", basis}, {"by", by}} {
		if strings.TrimSpace(said.words) == "" || len(said.words) > message.MaxWords || strings.ContainsFunc(said.words, message.Rearranges) {
			return problem.New(problem.InvalidValue, said.field, "Say in a line the rule or order that this rests on, and who does it.")
		}
	}
	return nil
}

// HoldCase places a legal hold on a case, which keeps it from being erased, or
// lifts it. Either is an entry of the desk's own log.
func (d *Desk) HoldCase(ctx context.Context, caseID, basis, by string, lift bool) error {
	return d.hold(ctx, "desk", caseID, basis, by, lift)
}

// HoldBy is [Desk.HoldCase] for an administrator, whom the desk's own log names.
func (d *Desk) HoldBy(ctx context.Context, o Officer, caseID, basis string, lift bool) error {
	if err := o.Require(Administrator); err != nil {
		return err
	}
	return d.hold(ctx, o.ID, caseID, basis, o.Name, lift)
}

func (d *Desk) hold(ctx context.Context, recorded, caseID, basis, by string, lift bool) error {
	if err := words(basis, by); err != nil {
		return err
	}
	return d.db.Write(ctx, func(w store.DeskWriter) error {
		if _, err := lettersOf(ctx, w, caseID); err != nil {
			return err
		}
		_, err := w.CaseHold(ctx, caseID)
		if err != nil && !errors.Is(err, store.ErrNotFound) {
			return err
		}
		if lift != (err == nil) {
			return problem.New(problem.ActNotAllowed, "case", "A legal hold is on the case already, or there is none to lift.")
		}
		what := "legal hold"
		if lift {
			what, err = "legal hold lifted", w.DeleteCaseHold(ctx, caseID)
		} else {
			err = w.PutCaseHold(ctx, store.Hold{Case: caseID, Basis: basis, By: by, Since: d.now().Unix()})
		}
		if err != nil {
			return err
		}
		return d.Record(ctx, w, recorded, what, caseID+": "+basis+"; "+by)
	})
}

// A Held case is one under a legal hold.
type Held struct {
	Case string `json:"case"`
	HoldInfo
}

// Holds returns the cases under a legal hold, the oldest hold first.
func (d *Desk) Holds(ctx context.Context) ([]Held, error) {
	held := []Held{}
	err := d.db.Read(ctx, func(r store.DeskReader) error {
		all, err := r.CaseHolds(ctx)
		for _, h := range all {
			held = append(held, Held{h.Case, HoldInfo{Basis: h.Basis, By: h.By, Since: rfc3339(h.Since)}})
		}
		return err
	})
	return held, err
}

// lettersOf returns the messages of a case that there is.
func lettersOf(ctx context.Context, r store.DeskReader, caseID string) ([]store.Letter, error) {
	letters, err := r.Letters(ctx, caseID)
	if err == nil && len(letters) == 0 {
		err = problem.New(problem.NotFound, "case", "This desk has no such case.")
	}
	return letters, err
}

// Erase destroys what the desk holds of a closed case, in the tables and the
// files of its database, among fetched parts of evidence and among the files of its
// drafts: what officers read and wrote, the sealed messages, what waits in the outbox, and the salts without
// which the leaves in the broker's log say nothing. A signed record with the
// digests stays, and everything else still verifies. A legal hold prevents it.
//
// Erasing a case again only cleans the files again, as is needed after
// [store.ErrResidue].
func (d *Desk) Erase(ctx context.Context, caseID, basis, by string) (Erased, error) {
	if err := words(basis, by); err != nil {
		return Erased{}, err
	}
	e := &erasing{Desk: d, caseID: caseID, basis: basis, officer: by}
	err := d.db.Read(ctx, func(r store.DeskReader) error { return e.gather(ctx, r) })
	if err != nil {
		return Erased{}, err
	}
	if e.done == nil {
		if err := e.destroy(ctx); err != nil {
			return Erased{}, err
		}
	}
	for _, l := range e.letters {
		if err := d.dropParts(l.ID); err != nil {
			return *e.done, err
		}
	}
	for _, id := range e.drafts {
		if err := os.RemoveAll(d.DraftDir(id)); err != nil {
			return *e.done, fmt.Errorf("removing the files of a draft: %w", err)
		}
	}
	return *e.done, d.db.Purge(ctx)
}

// dropParts removes what was fetched of a message's evidence.
func (d *Desk) dropParts(id string) error {
	found, err := filepath.Glob(filepath.Join(d.home, "evidence", id+"-*"))
	for _, path := range found {
		err = errors.Join(err, os.RemoveAll(path))
	}
	if err != nil {
		return fmt.Errorf("removing fetched evidence: %w", err)
	}
	return nil
}

// An erasing is an erasure in preparation.
type erasing struct {
	*Desk
	caseID, basis, officer string

	letters       []store.Letter
	confirmations []store.Confirmation
	deadlines     []store.Deadline
	drafts        []string // ids
	done          *Erased  // the case is erased
}

// gather reads what there is of the case, and whether it may go.
func (e *erasing) gather(ctx context.Context, r store.DeskReader) (err error) {
	if e.letters, err = lettersOf(ctx, r, e.caseID); err != nil {
		return err
	}
	if e.drafts, err = r.DraftsOf(ctx, e.caseID); err != nil {
		return err
	}
	if e.done, err = erasedOf(ctx, r, e.caseID); err != nil || e.done != nil {
		return err
	}
	c, err := derive(ctx, r, e.letters)
	if err != nil {
		return fmt.Errorf("the case cannot be derived from its messages: %w", err)
	}
	if c.state.Stage != workflow.StageClosed {
		return problem.Newf(problem.ActNotAllowed, "case", "The case is %s; only a closed case can be erased.", c.state.Stage)
	}
	if err := e.free(ctx, r); err != nil {
		return err
	}
	for _, l := range e.letters {
		confirmed, err := r.Confirmations(ctx, l.ID)
		if err != nil {
			return err
		}
		e.confirmations = append(e.confirmations, confirmed...)
	}
	if slices.ContainsFunc(e.confirmations, func(c store.Confirmation) bool { return c.Proof == nil }) {
		return problem.New(problem.ActNotAllowed, "case", "A receipt of this case has not reached the broker yet; synchronise first.")
	}
	e.deadlines, err = r.Deadlines(ctx, e.caseID)
	return err
}

// free refuses a case under a legal hold, or with a message that waits.
func (e *erasing) free(ctx context.Context, r store.DeskReader) error {
	hold, err := r.CaseHold(ctx, e.caseID)
	if err == nil {
		return problem.Newf(problem.Forbidden, "case", "A legal hold is on the case: %s. Lift it first.", hold.Basis)
	}
	if !errors.Is(err, store.ErrNotFound) {
		return err
	}
	waiting, err := r.Orders(ctx, store.OrderWaiting)
	if slices.ContainsFunc(waiting, func(o store.Order) bool { return o.Case == e.caseID }) {
		return problem.New(problem.ActNotAllowed, "case", "A message of this case waits to be sent; synchronise first.")
	}
	return err
}

// erasedOf returns how a case was erased; nil if it was not.
func erasedOf(ctx context.Context, r store.DeskReader, caseID string) (*Erased, error) {
	e, err := r.CaseErasure(ctx, caseID)
	if errors.Is(err, store.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return &Erased{At: rfc3339(e.At), By: e.By, Officer: e.Officer, Basis: e.Basis}, nil
}

// refuseErased says of a message that it was erased.
func refuseErased(ctx context.Context, r store.DeskReader, caseID string) error {
	return problem.New(problem.NotFound, "id", "The message was "+noteErased(ctx, r, caseID)+". Its digest and its place in the log remain.")
}

// noteErased says how a case was erased, to be shown with each of its messages.
func noteErased(ctx context.Context, r store.DeskReader, caseID string) string {
	e, err := erasedOf(ctx, r, caseID)
	if err != nil || e == nil {
		return remarkNoRecord
	}
	return e.String()
}

// destroy signs the record and takes everything else out of the tables.
func (e *erasing) destroy(ctx context.Context) error {
	record, left, err := e.record()
	if err != nil {
		return err
	}
	newest := e.letters[len(e.letters)-1]
	key, err := e.keys.Key(keyring.NameOf(record.By, pgp.Suite(newest.Suite)))
	if err != nil {
		return err
	}
	signed, err := message.SignErasure(record, key)
	if err != nil {
		return err
	}
	row := store.CaseErasure{
		Case: e.caseID, At: record.At.Unix(), By: record.By, Officer: e.officer, Basis: e.basis,
		Record: []byte(signed.Erasure), Signature: signed.Signature,
	}
	err = e.db.Write(ctx, func(w store.DeskWriter) error {
		if err := e.free(ctx, w); err != nil {
			return err
		}
		if now, err := w.Letters(ctx, e.caseID); err != nil || len(now) != len(e.letters) {
			return errors.Join(errors.New("the case has moved meanwhile; look again"), err)
		}
		if err := w.EraseCase(ctx, row, left); err != nil {
			return err
		}
		return e.Desk.record(ctx, w, recordErased, e.caseID+": "+e.basis+"; "+e.officer)
	})
	e.done = &Erased{At: record.At.String(), By: record.By, Officer: e.officer, Basis: e.basis, Messages: len(e.letters)}
	return err
}

const recordErased = "case erased"

// record makes the record, and what stays of the receipts.
func (e *erasing) record() (message.Erasure, store.Remains, error) {
	own := e.letters[0].From
	if e.letters[0].Incoming {
		own = e.letters[0].To
	}
	r := message.Erasure{
		Case: message.ID(e.caseID), By: own, At: message.At(e.now()), Directory: e.Directory().Size(),
		Basis: e.basis, Officer: e.officer, Messages: []message.ErasedMessage{}, Entries: []message.ErasedEntry{},
	}
	left := store.Remains{Letters: map[int64][]byte{}, Confirmations: map[int64][]byte{}, Deadlines: map[int64][]byte{}}
	for _, l := range e.letters {
		leaf, err := strip(l.Receipt, left.Letters)
		if err != nil {
			return r, left, err
		}
		r.Messages = append(r.Messages, message.ErasedMessage{
			Index: l.Index, Leaf: leaf, ID: message.ID(l.ID), Digest: message.Digest(l.Digest), From: l.From, To: l.To,
			Act: l.Act, Final: l.Final, Lane: l.Lane, Logged: message.At(time.Unix(l.AcceptedAt, 0)),
		})
	}
	entry := func(index int64, kind translog.Kind, proof []byte, kept map[int64][]byte) error {
		leaf, err := strip(proof, kept)
		r.Entries = append(r.Entries, message.ErasedEntry{Index: index, Leaf: leaf, Kind: string(kind)})
		return err
	}
	for _, c := range e.confirmations {
		if err := entry(c.Index, translog.KindReceipt, c.Proof, left.Confirmations); err != nil {
			return r, left, err
		}
	}
	for _, p := range e.deadlines {
		if err := entry(p.Index, translog.KindDeadline, p.Proof, left.Deadlines); err != nil {
			return r, left, err
		}
	}
	slices.SortFunc(r.Entries, func(a, b message.ErasedEntry) int { return cmp.Compare(a.Index, b.Index) })
	return r, left, nil
}

// strip takes salt and body from a receipt, keeps the rest and returns the leaf.
func strip(receipt []byte, kept map[int64][]byte) ([]byte, error) {
	r, err := translog.ParseReceipt(receipt)
	if err != nil {
		return nil, err
	}
	kept[r.Index] = r.Inclusion().Format()
	return r.Entry.Leaf(), nil
}

// verifyErasure verifies the record of a case's erasure, and what stayed of a
// message's receipt.
func (d *Desk) verifyErasure(ctx context.Context, r store.DeskReader, l store.Letter) error {
	row, err := r.CaseErasure(ctx, l.Case)
	if err != nil {
		return errors.Join(errors.New("it is gone, and no record says that the case was erased"), err)
	}
	signed := message.SignedErasure{Erasure: string(row.Record), Signature: row.Signature}
	e, err := message.ParseErasure(signed)
	if err != nil {
		return err
	}
	by, err := d.Directory().AsOf(e.Directory).Authority(e.By)
	if err != nil {
		return err
	}
	if err := signed.Verify(by); err != nil {
		return err
	}
	i := slices.IndexFunc(e.Messages, func(m message.ErasedMessage) bool {
		return m.Index == l.Index && string(m.ID) == l.ID && string(m.Digest) == l.Digest && string(e.Case) == l.Case
	})
	if i < 0 || row.Basis != e.Basis || row.Officer != e.Officer || row.At != e.At.Unix() || row.By != e.By {
		return errors.New("the record of the erasure says something else")
	}
	_, err = d.trust.Place(l.Receipt, l.Index, e.Messages[i].Leaf)
	return err
}
