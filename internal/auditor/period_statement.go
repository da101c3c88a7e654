package auditor

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/entraide/entraide/pkg/directory"
)

// statements lists the directory statements of the period, with what each changes.
func (p *period) statements(ctx context.Context) error {
	entries, err := p.db.StatementsOf(ctx, p.span)
	if err != nil {
		return err
	}
	said, err := p.said(ctx)
	p.report.Statements = []StatementEntry{}
	for _, e := range entries {
		s := said[e.Index]
		s.Index, s.Time, s.Subject, s.Number, s.Signer, s.Digest = e.Index, stamp(e.At), e.Code, e.Seq, e.Sender, e.Digest
		p.report.Statements = append(p.report.Statements, s)
	}
	return err
}

// said is what the statements that the book has say, by the index of their entries.
func (p *period) said(ctx context.Context) (map[int64]StatementEntry, error) {
	kept, err := p.db.Statements(ctx, "")
	if err != nil {
		return nil, err
	}
	said, before := map[int64]StatementEntry{}, map[string]directory.Statement{}
	for _, k := range kept {
		s, err := directory.Parse(k.Text)
		if err != nil {
			return nil, fmt.Errorf("auditor: the book is damaged at statement %d: %w", k.Index, err)
		}
		line, key := StatementEntry{Typ: s.Head().Typ}, s.Head().Typ+" "+k.Subject
		if old, ok := before[key]; ok {
			for _, c := range directory.Changes(old, s) {
				line.Changes = append(line.Changes, c.Member)
			}
		}
		line.Key = slices.ContainsFunc(line.Changes, func(member string) bool { return strings.HasPrefix(member, "certificate") })
		before[key], said[k.Index] = s, line
	}
	return said, nil
}
