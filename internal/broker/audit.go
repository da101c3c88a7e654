package broker

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"time"

	"github.com/entraide/entraide/internal/store"
	"github.com/entraide/entraide/pkg/directory"
	"github.com/entraide/entraide/pkg/problem"
	"github.com/entraide/entraide/pkg/translog"
	"github.com/entraide/entraide/pkg/wire"
)

// auditScan is how many entries one query looks at.
const auditScan = 4096

// AuditEntries shows entries of the log, with their private halves, to an
// auditor among the callers, and logs that it did, before it answers: an
// auditor of a party sees those about its exchanges and those about the broker,
// one that the depositary has named sees all. None of them holds content.
//
// It looks at a bounded number of entries from q.From on, as far as a
// checkpoint covers them; the answer says where to go on.
func (b *Broker) AuditEntries(ctx context.Context, callers []directory.Authority, q wire.AuditQuery) (wire.AuditEntries, error) {
	out := wire.AuditEntries{Items: []wire.AuditEntry{}}
	who, err := b.auditor(callers)
	if err != nil {
		return out, err
	}
	err = b.Store.Read(ctx, func(r store.Reader) error {
		cp, err := r.LatestCheckpoint(ctx)
		if err != nil {
			return unsigned(err)
		}
		out.Size, out.Next = cp.Size, min(q.From, cp.Size)
		end := min(cp.Size, out.Next+auditScan)
		if q.To > 0 {
			end = min(end, max(q.To, out.Next))
		}
		return who.read(ctx, r, q, end, &out)
	})
	if err != nil {
		return out, err
	}
	what, err := json.Marshal(q.AuditFilter)
	if err != nil {
		return out, err
	}
	receipt, err := b.Note(ctx, translog.Entry{Kind: translog.KindAccess, Access: &translog.AccessFact{
		By: who.authority, What: "entries " + string(what), Scope: who.party, From: min(q.From, out.Next), To: out.Next,
	}})
	out.Access = string(receipt)
	return out, err
}

// A reader of the log is an auditor. It sees the exchanges of one party, or of
// all for "".
type reader struct{ authority, party string }

// auditor finds the auditor among the callers.
func (b *Broker) auditor(callers []directory.Authority) (reader, error) {
	dir, now := b.Directory(), b.Now()
	var found reader
	var inactive error
	for _, a := range callers {
		ofAll, ofParty := dir.Audits(a.Statement.ID), slices.Contains(a.Statement.Roles, directory.RoleAuditor)
		if !ofAll && !ofParty {
			continue
		}
		if err := a.Check(now); err != nil {
			inactive = err
			continue
		}
		if ofAll {
			return reader{authority: a.Statement.ID}, nil
		}
		found = reader{authority: a.Statement.ID, party: a.Party}
	}
	if found.authority != "" {
		return found, nil
	}
	if inactive != nil {
		return found, inactive
	}
	return found, problem.New(problem.Forbidden, "authority", "Only an auditor may read entries: an authority with the role auditor, or one that the depositary has named.")
}

// read adds to out what the auditor may see, and asked for, of the entries up
// to end.
func (v reader) read(ctx context.Context, r store.Reader, q wire.AuditQuery, end int64, out *wire.AuditEntries) error {
	for out.Next < end && len(out.Items) < q.Limit {
		rows, err := r.Entries(ctx, out.Next, min(end, out.Next+checkPage))
		if err != nil {
			return err
		}
		page, err := subjects(ctx, r, rows)
		if err != nil {
			return err
		}
		for _, s := range page {
			if len(out.Items) == q.Limit {
				return nil
			}
			out.Next = s.row.Index + 1
			if !s.erased && v.sees(s) && s.sought(q) {
				out.Items = append(out.Items, wire.AuditEntry{Index: s.row.Index, Salt: s.row.Salt, Body: string(s.row.Body)})
			}
		}
	}
	return nil
}

// sees reports whether the auditor may see an entry.
func (v reader) sees(s subject) bool {
	return v.party == "" || s.public || slices.ContainsFunc(s.authorities, func(id string) bool { return directory.PartyOf(id) == v.party })
}

// A subject is what an entry is about.
type subject struct {
	row         store.Entry
	entry       translog.Entry
	erased      bool
	public      bool     // every auditor may see it
	authorities []string // whose exchange it is
	caseID      string
	stage, code string
}

// subjects reads what a page of entries is about. A receipt and a legal hold
// name a message or a case, of which the database knows the rest.
func subjects(ctx context.Context, r store.Reader, rows []store.Entry) ([]subject, error) {
	page := make([]subject, len(rows))
	var messages, cases []string
	for i, row := range rows {
		page[i] = subject{row: row, erased: len(row.Salt) == 0}
		if page[i].erased {
			continue
		}
		var err error
		if page[i].entry, err = translog.ParseEntry(row.Body); err != nil {
			return nil, err
		}
		if f := page[i].entry.Receipt; f != nil {
			messages = append(messages, f.Message)
		}
		if f := page[i].entry.Operator; f != nil {
			cases = append(cases, caseOfDeed(*f))
		}
	}
	known, err := r.Messages(ctx, messages)
	if err != nil {
		return nil, err
	}
	held, err := r.Cases(ctx, cases)
	if err != nil {
		return nil, err
	}
	for i := range page {
		page[i].resolve(known, held)
	}
	return page, nil
}

// resolve fills in what follows from the entry.
func (s *subject) resolve(messages map[string]store.Message, cases map[string]store.Case) {
	switch e := s.entry; e.Kind {
	case translog.KindMessage:
		s.authorities, s.caseID, s.stage = []string{e.Message.From, e.Message.To}, e.Message.Case, e.Message.Stage
	case translog.KindRejection:
		s.authorities, s.code = []string{e.Rejection.By}, e.Rejection.Code
	case translog.KindReceipt:
		m := messages[e.Receipt.Message]
		s.authorities, s.caseID = []string{e.Receipt.By, m.From}, m.Case
	case translog.KindDeadline:
		s.authorities, s.caseID = []string{e.Deadline.From, e.Deadline.To}, e.Deadline.Case
	case translog.KindAccess:
		s.authorities, s.public = []string{e.Access.By, e.Access.Scope}, e.Access.Scope == ""
	case translog.KindMailbox:
		s.authorities = []string{e.Mailbox.Authority}
	case translog.KindAnchor:
		s.authorities = []string{e.Anchor.Authority}
	case translog.KindOperator:
		s.caseID = caseOfDeed(*e.Operator)
		c := cases[s.caseID]
		s.authorities = []string{c.Requesting, c.Requested}
	case translog.KindStatement:
		s.authorities, s.public = []string{e.Statement.Subject}, true
	case translog.KindConfiguration, translog.KindBackup, translog.KindRestore, translog.KindErasure:
		s.public = true
	}
}

// sought reports whether the entry is among those that a query asks for.
func (s *subject) sought(q wire.AuditQuery) bool {
	at, _ := time.Parse(time.RFC3339, s.entry.Time) // held to its form when it was parsed
	party := q.Party == "" || slices.ContainsFunc(s.authorities, func(id string) bool { return id == q.Party || directory.PartyOf(id) == q.Party })
	return party && (q.Kind == "" || q.Kind == string(s.entry.Kind)) && (q.Case == "" || q.Case == s.caseID) &&
		(q.Stage == "" || q.Stage == s.stage) && (q.Code == "" || q.Code == s.code) &&
		(q.Since.IsZero() || !at.Before(q.Since)) && (q.Until.IsZero() || at.Before(q.Until))
}

// caseOfDeed returns the case that an operator's act on one names; empty if the
// act is another.
func caseOfDeed(f translog.OperatorFact) string {
	if f.What != holdPlaced && f.What != holdLifted {
		return ""
	}
	id, _, _ := strings.Cut(f.Detail, ": ")
	return id
}
