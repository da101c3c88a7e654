package auditor

import "context"

// Statistics are figures of a log, with the checkpoint that they rest on.
type Statistics struct {
	Origin     string           `json:"origin"`
	Checkpoint string           `json:"checkpoint"` // signed note
	Scope      string           `json:"scope"`      // all, a party, or files
	Pairs      []Figure         `json:"pairs"`
	Rejections map[string]int64 `json:"rejections"` // by code
	Statements map[string]int64 `json:"statements"` // by subject: admissions, changes of keys and standing
	Entries    map[string]int64 `json:"entries"`    // by kind
	// Published is what States say of their own cases; only where it is asked for.
	Published []Published `json:"published,omitempty"`
}

// A Figure sums up the cases that one party asked another in a lane. Times are
// in seconds from the opening; nil where no case came so far. Answered means
// decided, or answered by a last delivery.
type Figure struct {
	Requesting      string           `json:"requesting"`
	Requested       string           `json:"requested"`
	Lane            string           `json:"lane"`
	Cases           int64            `json:"cases"`
	Messages        int64            `json:"messages"`
	Stages          map[string]int64 `json:"stages"`
	Overdue         int64            `json:"overdue"` // deadlines that passed
	Acknowledged    int64            `json:"acknowledged"`
	AcknowledgedP50 *int64           `json:"acknowledged_median,omitempty"`
	AcknowledgedP90 *int64           `json:"acknowledged_p90,omitempty"`
	Answered        int64            `json:"answered"`
	AnsweredP50     *int64           `json:"answered_median,omitempty"`
	AnsweredP90     *int64           `json:"answered_p90,omitempty"`
}

// Statistics returns the figures of the last derivation, of all pairs or of
// those with a party.
func (b *Book) Statistics(ctx context.Context, party string) (Statistics, error) {
	broker, err := readBroker(b.home)
	if err != nil {
		return Statistics{}, err
	}
	s := Statistics{Origin: broker.Origin, Pairs: []Figure{}}
	if s.Checkpoint, err = b.db.Mark(ctx, markCheckpoint); err != nil {
		return s, err
	}
	if s.Scope, err = b.scope(ctx); err != nil {
		return s, err
	}
	figures, err := b.db.Figures(ctx, party)
	if err != nil {
		return s, err
	}
	for _, f := range figures {
		s.Pairs = append(s.Pairs, Figure{
			Requesting: f.Requesting, Requested: f.Requested, Lane: f.Lane, Cases: f.Cases, Messages: f.Messages, Stages: f.Stages, Overdue: f.Overdue,
			Acknowledged: f.Acknowledged, AcknowledgedP50: known(f.AcknowledgedP50), AcknowledgedP90: known(f.AcknowledgedP90),
			Answered: f.Answered, AnsweredP50: known(f.AnsweredP50), AnsweredP90: known(f.AnsweredP90),
		})
	}
	for what, into := range map[string]*map[string]int64{"code": &s.Rejections, "statement": &s.Statements, "kind": &s.Entries} {
		tallies, err := b.db.Tallies(ctx, what)
		if err != nil {
			return s, err
		}
		*into = counted(tallies)
	}
	return s, nil
}

// scope says whose exchanges the book has: all, those of a party, or what files
// have brought.
func (b *Book) scope(ctx context.Context) (string, error) {
	mark, err := b.db.Mark(ctx, markScope)
	return scopeName(mark), err
}

// scopeName is the scope that a mark stands for.
func scopeName(mark string) string {
	switch mark {
	case markAll:
		return "all"
	case "":
		return "files"
	default:
		return mark
	}
}

// known is a number, nil for none.
func known(n int64) *int64 {
	if n < 0 {
		return nil
	}
	return &n
}
