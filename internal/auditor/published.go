package auditor

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/entraide/entraide/internal/store"
	"github.com/entraide/entraide/pkg/client"
	"github.com/entraide/entraide/pkg/directory"
	"github.com/entraide/entraide/pkg/wire"
)

// A Published statement is what a State has published about its own cases of a
// period, beside what the procedure says of the same period.
type Published struct {
	Index     int64                         `json:"index"` // of its entry
	Party     string                        `json:"party"`
	Corrected bool                          `json:"corrected,omitempty"` // a later statement is about the same period
	Statement directory.StatisticsStatement `json:"statement"`
	// Incoming and Outgoing are the cases that the book has of the period, as they were
	// last derived. A case that asks for several things counts once here, and for each
	// in the statement, which leaves small numbers out.
	Incoming Procedure `json:"incoming"`
	Outgoing Procedure `json:"outgoing"`
}

// A Procedure counts cases by what their messages say of the procedure.
type Procedure struct {
	Cases  int64 `json:"cases"`  // opened in the period
	Closed int64 `json:"closed"` // of these
}

// errStatementBehind ends a reading of statements that the mirror does not reach.
var errStatementBehind = errors.New("auditor: the mirror does not reach this statement yet")

// readDirectory asks the broker for new directory statements, verifies each from the
// trust anchor on, holds it against its leaf, and keeps it. One that the mirrored log
// does not hold, or that is not valid, is evidence.
func (b *Book) readDirectory(ctx context.Context, m *Mirror, c *client.Client) error {
	dir, err := b.Directory(ctx)
	if err != nil {
		return err
	}
	trusted, err := m.trusted()
	if err != nil {
		return err
	}
	page := func(ctx context.Context, after int64) (wire.Statements, error) { return c.Statements(ctx, after) }
	_, err = m.trust.Follow(ctx, dir, page, func(s wire.Statement, next *directory.Directory) error {
		if s.Index >= trusted.Size {
			return errStatementBehind
		}
		if _, err := m.receipt(ctx, []byte(s.Receipt)); err != nil {
			return err
		}
		record := next.Records()[len(next.Records())-1]
		return b.db.PutStatement(ctx, store.MirrorStatement{Index: s.Index, Subject: record.Subject, Text: s.Statement, Signature: s.Signature})
	})
	if errors.Is(err, errStatementBehind) {
		return nil
	}
	return err
}

// Directory is the directory as far as the book has been shown it, from the trust
// anchor on.
func (b *Book) Directory(ctx context.Context) (*directory.Directory, error) {
	trust, err := b.Trust()
	if err != nil {
		return nil, err
	}
	dir := directory.New(trust.Anchor)
	kept, err := b.db.Statements(ctx, "")
	if err != nil {
		return nil, err
	}
	for _, s := range kept {
		if dir, err = dir.Apply(directory.Signed{Statement: s.Text, Signature: s.Signature}, s.Index); err != nil {
			return nil, fmt.Errorf("auditor: the book is damaged at statement %d: %w", s.Index, err)
		}
	}
	return dir, nil
}

// Published returns what States have published about their own cases, or one of
// them, the oldest first. Only a book that has asked the broker has any.
func (b *Book) Published(ctx context.Context, party string) ([]Published, error) {
	subject := ""
	if party != "" {
		subject = directory.StatisticsSubject(party)
	}
	kept, err := b.db.Statements(ctx, subject)
	if err != nil {
		return nil, err
	}
	list := []Published{}
	for _, s := range kept {
		if !strings.HasSuffix(s.Subject, directory.StatisticsSubject("")) {
			continue
		}
		parsed, err := directory.Parse(s.Text)
		statement, ok := parsed.(*directory.StatisticsStatement)
		if err != nil || !ok {
			return nil, fmt.Errorf("auditor: the book is damaged at statement %d: %w", s.Index, err)
		}
		p := Published{Index: s.Index, Party: directory.PartyOf(s.Subject), Statement: *statement}
		if i := slices.IndexFunc(list, func(o Published) bool {
			return o.Party == p.Party && o.Statement.From == statement.From && !o.Corrected
		}); i >= 0 {
			list[i].Corrected = true
		}
		if err := b.beside(ctx, &p); err != nil {
			return nil, err
		}
		list = append(list, p)
	}
	return list, nil
}

// beside fills in what the procedure says of the period.
func (b *Book) beside(ctx context.Context, p *Published) (err error) {
	from, err := time.Parse(time.DateOnly, p.Statement.From)
	if err != nil {
		return fmt.Errorf("auditor: the book is damaged at statement %d: %w", p.Index, err)
	}
	to, err := time.Parse(time.DateOnly, p.Statement.To)
	if err != nil {
		return fmt.Errorf("auditor: the book is damaged at statement %d: %w", p.Index, err)
	}
	for asked, into := range map[bool]*Procedure{true: &p.Incoming, false: &p.Outgoing} {
		if into.Cases, into.Closed, err = b.db.CasesOf(ctx, p.Party, asked, from.Unix(), to.AddDate(0, 0, 1).Unix()); err != nil {
			return err
		}
	}
	return nil
}
