package auditor

import (
	"context"
	"fmt"

	"github.com/entraide/entraide/pkg/translog"
)

// Keep stores entries as if the broker had shown them to an auditor of all
// exchanges, who had asked for those before an index.
func (b *Book) Keep(ctx context.Context, looked int64, entries map[int64]translog.Salted) error {
	var rows []Entry
	for index, salted := range entries {
		e, err := translog.ParseEntry(salted.Body)
		if err != nil {
			return err
		}
		rows = append(rows, Entry{Index: index, Entry: e, Private: salted})
	}
	if err := b.keep(ctx, rows); err != nil {
		return err
	}
	if err := b.db.PutMark(ctx, markScope, markAll); err != nil {
		return err
	}
	return b.db.PutMark(ctx, markLooked, fmt.Sprint(looked))
}

// KeepAll stores entries in the order of their indices, as Keep does.
func (b *Book) KeepAll(ctx context.Context, from int64, entries []translog.Entry) error {
	var rows []Entry
	for i, e := range entries {
		body, err := e.Marshal()
		if err != nil {
			return err
		}
		salted, err := translog.NewSalted(body)
		if err != nil {
			return err
		}
		rows = append(rows, Entry{Index: from + int64(i), Entry: e, Private: salted})
	}
	if err := b.keep(ctx, rows); err != nil {
		return err
	}
	if err := b.db.PutMark(ctx, markScope, markAll); err != nil {
		return err
	}
	return b.db.PutMark(ctx, markLooked, fmt.Sprint(from+int64(len(entries))))
}
