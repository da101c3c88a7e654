package home

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/entraide/entraide/internal/broker"
	"github.com/entraide/entraide/internal/guard"
	"github.com/entraide/entraide/internal/store"
	"github.com/entraide/entraide/pkg/directory"
)

// Check verifies the home's whole database against its log, the log's key and
// the signer guard, and changes nothing. The error wraps
// [broker.ErrInconsistent] if something does not fit.
func Check(ctx context.Context, home string, now func() time.Time) (broker.Report, error) {
	var report broker.Report
	err := reading(ctx, home, func(s store.Broker, c Config, k logKeys) error {
		g, err := guard.Open(within(home, c.Guard))
		if err != nil {
			return err
		}
		last, err := g.Last(ctx)
		if err != nil {
			return err
		}
		kept, err := c.openParts(ctx, home, now())
		if err != nil {
			return err
		}
		report, err = broker.Check(ctx, s, broker.Checked{
			Origin: c.Origin, Keys: k.Verifiers(), Anchor: c.Depositary, Guard: last, Parts: kept,
		})
		return err
	})
	return report, err
}

// ExportLog writes the public log, as far as it is signed, to a directory and
// returns its size in entries. That it was exported, and by whom, is the newest
// of them.
func ExportLog(ctx context.Context, home string, now func() time.Time, log *slog.Logger, dir, by string) (size int64, err error) {
	keys, err := readLogKeys(home)
	if err != nil {
		return 0, err
	}
	err = acting(ctx, home, now, log, func(s *Server) error {
		if err := s.Broker.NoteExport(ctx, by); err != nil {
			return err
		}
		size, err = broker.Export(ctx, s.store, dir, s.Config.Origin, keys.LogKeys)
		return err
	})
	return size, err
}

// reading opens the home's database without starting a broker.
func reading(ctx context.Context, home string, fn func(store.Broker, Config, logKeys) error) error {
	c, err := read(home)
	if err != nil {
		return err
	}
	keys, err := readLogKeys(home)
	if err != nil {
		return err
	}
	db, err := openDatabase(ctx, home, c)
	if err != nil {
		return err
	}
	if err := fn(db, c, keys); err != nil {
		return errors.Join(err, db.Close())
	}
	if err := db.Close(); err != nil {
		return fmt.Errorf("closing the database: %w", err)
	}
	return nil
}

// Erase opens the home's broker, erases a closed case (see
// [broker.Broker.Erase]) and removes it from the files of the database and from
// among the sealed evidence.
func Erase(ctx context.Context, home string, now func() time.Time, log *slog.Logger, caseID, basis, by string) (entries int, err error) {
	err = acting(ctx, home, now, log, func(s *Server) error {
		if entries, err = s.Broker.Erase(ctx, caseID, basis, by); err != nil {
			return err
		}
		return errors.Join(s.Broker.SweepEvidence(ctx), s.Broker.Store.Purge(ctx))
	})
	return entries, err
}

// Hold opens the home's broker and places a legal hold on a case, or lifts it.
func Hold(ctx context.Context, home string, now func() time.Time, log *slog.Logger, caseID, basis, by string, lift bool) error {
	return acting(ctx, home, now, log, func(s *Server) error { return s.Broker.Hold(ctx, caseID, basis, by, lift) })
}

// Publish opens the home's broker and accepts directory statements that were
// carried to it, in order. What it has already stays. The error names the first
// that is refused; those before it are accepted.
func Publish(ctx context.Context, home string, now func() time.Time, log *slog.Logger, statements []directory.Signed) error {
	return acting(ctx, home, now, log, func(s *Server) error {
		for i, signed := range statements {
			if _, err := s.Broker.Publish(ctx, "operator", signed); err != nil {
				return fmt.Errorf("statement %d of %d: %w", i+1, len(statements), err)
			}
		}
		return nil
	})
}

// acting opens the home's broker for an operator's act.
func acting(ctx context.Context, home string, now func() time.Time, log *slog.Logger, act func(*Server) error) error {
	s, err := Open(ctx, home, now, log)
	if err != nil {
		return err
	}
	return errors.Join(act(s), s.Close())
}
