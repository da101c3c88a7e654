package auditor

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/entraide/entraide/pkg/client"
	"github.com/entraide/entraide/pkg/translog"
	"github.com/entraide/entraide/pkg/verify"
	"github.com/entraide/entraide/pkg/wire"
)

// An Entry is an entry of the log with its body, verified.
type Entry struct {
	Index int64          `json:"index"`
	Entry translog.Entry `json:"entry"`
	// Private is what the leaf commits to.
	Private translog.Salted `json:"-"`
}

// Entries asks the broker for the entries of a query, page by page, as far as
// the mirror goes, and calls found with each once it is verified: its leaf in
// the mirror commits to it. The broker must prove that it has logged each
// reading as the one it was.
//
// The error wraps [verify.ErrMisbehaviour] if the broker shows what its log does
// not hold.
func (m *Mirror) Entries(ctx context.Context, c *client.Client, q wire.AuditQuery, found func(Entry) error) error {
	return m.pages(ctx, c, q, func(p looked) error {
		for _, e := range p.entries {
			if err := found(e); err != nil {
				return err
			}
		}
		return nil
	})
}

// A looked page has the entries that were found up to an index, and the party
// whose exchanges were shown; empty for all.
type looked struct {
	entries []Entry
	next    int64
	scope   string
}

// pages asks for entries page by page.
func (m *Mirror) pages(ctx context.Context, c *client.Client, q wire.AuditQuery, taken func(looked) error) error {
	trusted, err := m.trusted()
	if err != nil {
		return err
	}
	if q.To == 0 || q.To > trusted.Size {
		q.To = trusted.Size
	}
	leaves := translog.TileReader(trusted, Directory(m.home))
	for q.From < q.To {
		page, err := c.AuditEntries(ctx, q)
		if err != nil {
			return err
		}
		p := looked{next: page.Next}
		if p.scope, err = m.accounted(q, page); err != nil {
			return err
		}
		for _, item := range page.Items {
			e, err := committed(ctx, leaves, item)
			if err != nil {
				return err
			}
			if item.Index < q.From || item.Index >= page.Next {
				return fmt.Errorf("%w: the broker shows entry %d, which was not asked for", verify.ErrMisbehaviour, item.Index)
			}
			p.entries = append(p.entries, e)
		}
		if page.Next <= q.From {
			return fmt.Errorf("%w: the broker has not looked at entry %d, which it has signed", verify.ErrMisbehaviour, q.From)
		}
		if err := taken(p); err != nil {
			return err
		}
		q.From = page.Next
	}
	return nil
}

// accounted checks that the broker has logged a reading, and returns its scope.
func (m *Mirror) accounted(q wire.AuditQuery, page wire.AuditEntries) (scope string, err error) {
	fact, _, err := m.trust.Access([]byte(page.Access))
	if err != nil {
		return "", err
	}
	sought, err := json.Marshal(q.AuditFilter)
	if err != nil {
		return "", err
	}
	if fact.What != "entries "+string(sought) || fact.From != q.From || fact.To != page.Next {
		return "", fmt.Errorf("%w: the broker has logged another reading than this", verify.ErrMisbehaviour)
	}
	return fact.Scope, nil
}

// committed checks an entry against its leaf.
func committed(ctx context.Context, leaves translog.ReadHashes, item wire.AuditEntry) (Entry, error) {
	salted := translog.Salted{Body: []byte(item.Body)}
	if copy(salted.Salt[:], item.Salt) != len(salted.Salt) {
		return Entry{}, fmt.Errorf("%w: entry %d comes without its salt", verify.ErrMisbehaviour, item.Index)
	}
	return held(ctx, leaves, item.Index, salted)
}

// held checks a private half against the mirrored leaf.
func held(ctx context.Context, leaves translog.ReadHashes, index int64, salted translog.Salted) (Entry, error) {
	hash, err := leaves(ctx, 0, index, index+1)
	if err != nil {
		return Entry{}, err
	}
	if translog.LeafHash(salted.Leaf()) != hash[0] {
		return Entry{}, fmt.Errorf("%w: entry %d, as it is shown, is not the one in the log", verify.ErrMisbehaviour, index)
	}
	e, err := translog.ParseEntry(salted.Body)
	if err != nil {
		return Entry{}, fmt.Errorf("%w: entry %d: %w", verify.ErrMisbehaviour, index, err)
	}
	return Entry{Index: index, Entry: e, Private: salted}, nil
}
