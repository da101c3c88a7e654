package desk

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/entraide/entraide/internal/store"
	"github.com/entraide/entraide/pkg/directory"
	"github.com/entraide/entraide/pkg/verify"
	"github.com/entraide/entraide/pkg/wire"
)

// compareEvery is how often a desk holds its directory against the one that the
// broker serves.
const compareEvery = 24 * time.Hour

// compareDaily holds the directory against the broker's, if that was not done
// lately. What is found is kept as incidents; the desk goes on with its own copy,
// which is verified.
func (d *Desk) compareDaily(ctx context.Context) error {
	var last int64
	if err := d.db.Read(ctx, func(r store.DeskReader) (err error) {
		last, err = r.Compared(ctx)
		return err
	}); err != nil {
		return err
	}
	if age := d.now().Sub(time.Unix(last, 0)); age >= 0 && age < compareEvery {
		return nil
	}
	return d.CompareDirectory(ctx)
}

// CompareDirectory holds every statement that the broker serves against the one
// that this desk verified when it was logged. A desk fetches a statement once: an
// operator who exchanges one later deceives those who come after, and the desks
// that were there before say so. Each disagreement is an incident; the error is
// about the line.
func (d *Desk) CompareDirectory(ctx context.Context) error {
	kept, err := d.published(ctx)
	if err != nil {
		return err
	}
	c := comparison{desk: d, kept: kept}
	for after, more := int64(-1), true; more; {
		page, err := d.client.Statements(ctx, after)
		if err != nil {
			return fmt.Errorf("%w: %w", errLater, err)
		}
		for _, s := range page.Items {
			if err := c.hold(ctx, s); err != nil {
				return err
			}
			after = s.Index
		}
		more = page.More && len(page.Items) > 0
	}
	if err := c.skip(ctx, func(store.Published) bool { return true }); err != nil {
		return err
	}
	return d.db.Write(ctx, func(w store.DeskWriter) error { return w.PutCompared(ctx, d.now().Unix()) })
}

// published reads all statements of the desk's directory.
func (d *Desk) published(ctx context.Context) (all []store.Published, err error) {
	err = d.db.Read(ctx, func(r store.DeskReader) (err error) {
		all, err = r.Published(ctx, -1)
		return err
	})
	return all, err
}

// A comparison is one under way.
type comparison struct {
	desk *Desk
	kept []store.Published // those that have not been seen served yet
}

// hold holds the next statement that is served against the desk's own.
func (c *comparison) hold(ctx context.Context, s wire.Statement) error {
	if err := c.skip(ctx, func(p store.Published) bool { return p.Index < s.Index }); err != nil {
		return err
	}
	if len(c.kept) == 0 {
		return nil // it is new; the desk will verify it when it fetches it
	}
	ours := c.kept[0]
	if ours.Index > s.Index {
		return c.desk.keepIncident(ctx, verify.Misbehaviour(verify.StatementInvalid, fmt.Sprintf(
			"the broker's operator has put a statement about %s at entry %d, where there was none", subjectOf(s.Statement), s.Index), nil), asServed(s), nil)
	}
	c.kept = c.kept[1:]
	if s.Statement == string(ours.Text) && string(s.Signature) == string(ours.Signature) {
		return nil
	}
	return c.desk.keepIncident(ctx, c.desk.exchanged(s, ours), asServed(s), asServed(statementOf(ours)))
}

// skip reports the statements that are not served, as long as they are.
func (c *comparison) skip(ctx context.Context, missing func(store.Published) bool) error {
	for len(c.kept) > 0 && missing(c.kept[0]) {
		p := c.kept[0]
		if err := c.desk.keepIncident(ctx, verify.Misbehaviour(verify.AnswerWithheld, fmt.Sprintf(
			"the broker's operator withholds the statement about %s that the log holds as entry %d", subjectOf(string(p.Text)), p.Index), nil),
			nil, asServed(statementOf(p))); err != nil {
			return err
		}
		c.kept = c.kept[1:]
	}
	return nil
}

// exchanged says what an operator has done who serves another statement in the
// place of one that the log holds.
func (d *Desk) exchanged(shown wire.Statement, ours store.Published) error {
	dir := d.Directory()
	record, ok := dir.Find(directory.Signed{Statement: string(ours.Text)}.Digest())
	if !ok {
		return fmt.Errorf("the stored directory is damaged at %d", ours.Index)
	}
	what := fmt.Sprintf("the broker's operator has exchanged statement no. %d about %s: entry %d of the log is the one that %s signed at %s",
		record.Number, record.Subject, record.Index, record.Signer, record.Issued)
	genuine, err := directory.Parse(string(ours.Text))
	if err != nil {
		return err
	}
	if other, err := directory.Parse(shown.Statement); err != nil {
		what += ", and what is shown is no statement"
	} else if paths := changedMembers(genuine, other); len(paths) > 0 {
		what += ", and what is shown has " + strings.Join(paths, ", ")
	}
	if _, err := dir.AsOf(ours.Index).Apply(directory.Signed{Statement: shown.Statement, Signature: shown.Signature}, ours.Index); err != nil {
		what += fmt.Sprintf(". %s has not signed that: %v", record.Signer, err)
	}
	return verify.Misbehaviour(verify.StatementInvalid, what, nil)
}

// subjectOf names whom a text is about, whatever is wrong with it.
func subjectOf(text string) string {
	statement, err := directory.Parse(text)
	if err != nil {
		return "nobody, for it is no statement,"
	}
	return statement.Head().Subject
}

// asServed is a statement as the broker's API serves it, for the files of an
// incident.
func asServed(s wire.Statement) []byte {
	text, err := json.Marshal(s)
	if err != nil {
		return []byte(s.Statement) // a statement can be written as JSON
	}
	return text
}
