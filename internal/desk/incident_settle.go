package desk

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/entraide/entraide/internal/store"
	"github.com/entraide/entraide/pkg/message"
	"github.com/entraide/entraide/pkg/problem"
	"github.com/entraide/entraide/pkg/verify"
)

// Kinds of incidents besides those of package verify.
const (
	KindUnasked   = "unasked"   // a statement in this State's name that this desk did not make
	KindRecovered = "recovered" // keys were restored from shares
	KindOld       = "old"       // nobody vouches for the present state of the log
	KindSilent    = "silent"    // the broker does not answer what it was sent
	KindOther     = "other"     // of misbehaviour
)

// kindOf is the kind of the incident that an error makes.
func kindOf(err error) string {
	if errors.Is(err, errFork) {
		return string(verify.TwoHistories)
	}
	if f, ok := errors.AsType[*verify.Finding](err); ok {
		return string(f.Code)
	}
	for _, k := range []struct {
		err  error
		kind string
	}{{errUnasked, KindUnasked}, {errRecovered, KindRecovered}, {ErrOld, KindOld}, {ErrSilent, KindSilent}} {
		if errors.Is(err, k.err) {
			return k.kind
		}
	}
	return KindOther
}

// ErrUnsettled says that an incident cannot be settled.
var ErrUnsettled = errors.New("this incident cannot be settled")

// settlers may settle an incident.
var settlers = []Role{Approver, Administrator}

// SettleBy is [Desk.Settle] for an approver or administrator, whom the desk's own
// log names.
func (d *Desk) SettleBy(ctx context.Context, o Officer, number int64, why string) error {
	if err := o.Require(settlers...); err != nil {
		return err
	}
	if why = strings.TrimSpace(why); why == "" || len(why) > message.MaxWords {
		return problem.New(problem.InvalidValue, "why", "Say in a line why the incident needs no attention any more.")
	}
	return d.settleIncident(ctx, o.ID, o.Name, number, why)
}

// Settle notes why an incident needs no attention any more: an officer has
// looked into it. Its evidence stays. A log with two faces cannot be settled.
func (d *Desk) Settle(ctx context.Context, number int64, why string) error {
	return d.settleIncident(ctx, "desk", "", number, why)
}

func (d *Desk) settleIncident(ctx context.Context, by, name string, number int64, why string) error {
	if strings.TrimSpace(why) == "" {
		return fmt.Errorf("%w without a reason", ErrUnsettled)
	}
	return d.db.Write(ctx, func(w store.DeskWriter) error {
		all, err := w.Incidents(ctx)
		if err != nil {
			return err
		}
		i := slices.IndexFunc(all, func(i store.Incident) bool { return i.ID == number })
		switch {
		case i < 0:
			return problem.New(problem.NotFound, "incident", "This desk has no incident of this number.")
		case strings.HasPrefix(all[i].What, errFork.Error()):
			return fmt.Errorf("%w: after a log with two faces nothing is trusted", ErrUnsettled)
		}
		if err := w.Settle(ctx, store.Incident{ID: number, Settled: why, SettledBy: name, SettledAt: d.now().Unix()}); err != nil {
			return err
		}
		return d.Record(ctx, w, by, "incident settled", fmt.Sprintf("%d: %s", number, why))
	})
}

// ExportIncident writes the evidence of an incident to a new directory, with the
// proof of a fork if there is one, and notes who asked: for approvers, administrators
// and national auditors.
func (d *Desk) ExportIncident(ctx context.Context, o Officer, number int64, dir string) error {
	if err := o.Require(Approver, Administrator, NationalAuditor); err != nil {
		return err
	}
	var found store.Incident
	if err := d.db.Write(ctx, func(w store.DeskWriter) error {
		all, err := w.Incidents(ctx)
		if err != nil {
			return err
		}
		i := slices.IndexFunc(all, func(i store.Incident) bool { return i.ID == number })
		if i < 0 {
			return problem.New(problem.NotFound, "incident", "This desk has no incident of this number.")
		}
		found = all[i]
		return d.Record(ctx, w, o.ID, "evidence of an incident taken", fmt.Sprint(number))
	}); err != nil {
		return err
	}
	if err := os.Mkdir(dir, 0o700); err != nil {
		return err
	}
	text := fmt.Sprintf("Incident %d, found at %s by the desk of %s:\n\n%s\n\nThe other files are the evidence as it was received. Keep them unchanged.\n",
		number, time.Unix(found.At, 0).UTC().Format(time.RFC3339), d.Party(), found.What)
	files := map[string][]byte{"README.txt": []byte(text), "evidence-1": found.A, "evidence-2": found.B}
	if found.Kind == string(verify.TwoHistories) || strings.HasPrefix(found.What, errFork.Error()) {
		proofs, err := filepath.Glob(filepath.Join(d.home, incidentsDir, "fork-*.json"))
		if err != nil {
			return err
		}
		for _, path := range proofs {
			if files[filepath.Base(path)], err = os.ReadFile(path); err != nil {
				return err
			}
		}
	}
	for name, content := range files {
		if len(content) == 0 {
			continue
		}
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o600); err != nil {
			return err
		}
	}
	return nil
}
