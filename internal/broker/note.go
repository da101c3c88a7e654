package broker

import (
	"context"
	"fmt"
	"strings"

	"github.com/entraide/entraide/internal/store"
	"github.com/entraide/entraide/pkg/problem"
	"github.com/entraide/entraide/pkg/translog"
)

// A latestKey names what the newest entry of a kind is about.
type latestKey struct {
	kind    translog.Kind
	subject string
}

// subjectOf returns what an entry is about if the newest of its kind about it
// is to be found without reading the log.
func subjectOf(e translog.Entry) (subject string, ok bool) {
	switch {
	case e.Mailbox != nil:
		return e.Mailbox.Authority, true
	case e.Anchor != nil:
		return e.Anchor.Authority, true
	case e.Configuration != nil:
		return e.Configuration.What, true
	case e.Backup != nil:
		return e.Backup.What, true
	}
	return "", false
}

// A remark is an entry that stands for itself, on its way into the log.
type remark struct{ entry translog.Entry }

func (*remark) wants(*wants) {}

func (r *remark) kind() string { return string(r.entry.Kind) }

func (*remark) size() int { return 0 }

func (r *remark) apply(t *turn) (int64, bool, error) {
	index, err := t.append(r.entry)
	return index, false, err
}

// Note puts an entry that stands for itself into the log: what an operator did,
// or what was read. It returns the receipt.
func (b *Broker) Note(ctx context.Context, e translog.Entry) ([]byte, error) {
	out, err := b.propose(ctx, &remark{e})
	return out.receipt, err
}

// configure logs what is in effect of the configuration, as far as the newest
// entry about it says something else.
func (b *Broker) configure(ctx context.Context) error {
	return b.Store.Write(ctx, func(w store.Writer) error {
		t, err := newTurn(ctx, b, w)
		if err != nil {
			return err
		}
		if err := t.load(ctx, w, wants{latest: []translog.Kind{translog.KindConfiguration}}); err != nil {
			return err
		}
		for _, now := range b.Configuration {
			before, err := t.newest(ctx, w, latestKey{translog.KindConfiguration, now.What})
			if err != nil {
				return err
			}
			if before.Configuration != nil && *before.Configuration == now {
				continue
			}
			if _, err := t.append(translog.Entry{Kind: translog.KindConfiguration, Configuration: &now}); err != nil {
				return err
			}
		}
		_, err = t.commit(ctx, w)
		return err
	})
}

// KeysReceipt returns the receipt of the newest entry that says which keys the
// log has: always the same bytes.
func (b *Broker) KeysReceipt(ctx context.Context) (receipt []byte, err error) {
	err = b.Store.Read(ctx, func(r store.Reader) error {
		newest, err := r.Latest(ctx, string(translog.KindConfiguration))
		if err != nil {
			return err
		}
		index, ok := newest[translog.WhatLogKey]
		if !ok {
			return fmt.Errorf("the entry about the keys of the log: %w", store.ErrNotFound)
		}
		receipt, err = readReceipt(ctx, r, index)
		return err
	})
	return receipt, err
}

// newest reads the newest entry of a kind about a subject, as it was before
// this turn; empty if there is none.
func (t *turn) newest(ctx context.Context, r store.Reader, key latestKey) (translog.Entry, error) {
	index, ok := t.latest[key]
	if !ok || index >= t.batch.Before.Size {
		return translog.Entry{}, nil
	}
	row, err := r.Entry(ctx, index)
	if err != nil || len(row.Body) == 0 {
		return translog.Entry{}, err // what was taken out of it, the check finds
	}
	return translog.ParseEntry(row.Body)
}

// readEntry reads an entry that has not been erased.
func readEntry(ctx context.Context, r store.Reader, index int64) (translog.Entry, error) {
	row, err := r.Entry(ctx, index)
	if err != nil {
		return translog.Entry{}, err
	}
	return translog.ParseEntry(row.Body)
}

// NoteExport logs that somebody exports the public log.
func (b *Broker) NoteExport(ctx context.Context, by string) error {
	if by == "" || len(by) > maxBasis {
		return problem.New(problem.InvalidValue, "by", "Say who does it.")
	}
	_, err := b.Note(ctx, translog.Entry{
		Kind: translog.KindAccess, Access: &translog.AccessFact{By: by, What: "export of the public log", To: b.latestCP.Load()},
	})
	return err
}

// NoteBackup logs that a backup is made of the database, by whom, with which
// tools, and what it is called.
func (b *Broker) NoteBackup(ctx context.Context, by, tools, name string) error {
	for field, words := range map[string]string{"by": by, "name": name} {
		if strings.TrimSpace(words) == "" || len(words) > maxBasis {
			return problem.New(problem.InvalidValue, field, "Say who makes the backup, and what it is called.")
		}
	}
	_, err := b.Note(ctx, translog.Entry{Kind: translog.KindBackup, Backup: &translog.OperatorFact{By: by, What: tools, Detail: name}})
	return err
}

// Signed returns how many entries the newest checkpoint covers, as far as this
// broker knows.
func (b *Broker) Signed() int64 { return b.latestCP.Load() }
