package directory_test

import (
	"bytes"
	"fmt"
	"testing"
	"time"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/entraide/entraide/internal/testkit/states"
	"github.com/entraide/entraide/pkg/directory"
	"github.com/entraide/entraide/pkg/pgp"
	"github.com/entraide/entraide/pkg/problem"
	"github.com/entraide/entraide/pkg/strictjson"
	"github.com/entraide/entraide/schemas"
)

// statistics is what QM publishes of a period, as the next statement.
func statistics(w *states.World, from, to string) directory.StatisticsStatement {
	return directory.StatisticsStatement{
		Heading: w.Heading(directory.StatisticsSubject("QM"), "QM"), From: from, To: to,
		Cases: []directory.CaseFigure{
			{Type: "T01", Direction: directory.Incoming, Cases: 12, Closed: 7, Median: 30, Ninety: 61},
			{Type: "T01", Direction: directory.Outgoing, Cases: 5, Closed: 5},
			{Type: "T05", Direction: directory.Incoming, Cases: 8},
		},
		Decisions: []directory.OutcomeFigure{{Outcome: "accepted", Direction: directory.Incoming, Measures: 9}},
		Grounds:   []directory.GroundFigure{{Ground: "21A_FORM", Direction: directory.Outgoing, Measures: 5}},
		LeftOut:   3,
	}
}

// TestStatistics publishes periods one after the other, corrects one, and refuses
// what overlaps, what is not the party's to say, and what comes out of order.
func TestStatistics(t *testing.T) {
	t.Parallel()
	w := states.New(t, pgp.Modern6)
	qm := w.Parties["QM"]
	next := w.Heading("QM", "depositary").Number
	wantProblem(t, apply(w, qm, statistics(w, "2025-10-01", "2025-12-31")), "", "")
	corrected := statistics(w, "2025-10-01", "2025-12-31")
	corrected.LeftOut = 4
	wantProblem(t, apply(w, qm, corrected), "", "")
	wantProblem(t, apply(w, qm, statistics(w, "2025-12-15", "2026-01-31")), problem.StatementInvalid, "from")
	wantProblem(t, apply(w, qm, statistics(w, "2025-10-01", "2025-12-30")), problem.StatementInvalid, "from")
	before := w.Directory
	wantProblem(t, apply(w, qm, statistics(w, "2026-01-01", "2026-02-28")), "", "")
	wantProblem(t, apply(w, qm, statistics(w, "2025-10-01", "2025-12-31")), problem.StatementInvalid, "from")
	if all := w.Directory.Statistics("QM"); len(all) != 2 || all[0].LeftOut != 4 || all[1].From != "2026-01-01" || len(before.Statistics("QM")) != 1 || w.Directory.Statistics("QN") != nil {
		t.Errorf("%+v", all)
	}
	if w.Heading("QM", "depositary").Number != next || len(w.Directory.Parties()) != len(before.Parties()) || w.Directory.AsOf(before.Size()).Statistics("QM")[0].LeftOut != 4 {
		t.Error("statistics stand in the way of what is said about the party")
	}
	for name, tt := range map[string]struct {
		key   *pgp.Key
		make  func(*directory.StatisticsStatement)
		code  problem.Code
		field string
	}{
		"by another":        {w.Parties["QN"], func(*directory.StatisticsStatement) {}, problem.StatementSigner, "signature"},
		"by the depositary": {w.Depositary, func(s *directory.StatisticsStatement) { s.Signer = directory.DepositarySubject }, problem.StatementSigner, "signer"},
		"in another's name": {w.Parties["QN"], func(s *directory.StatisticsStatement) { s.Signer = "QN" }, problem.StatementSigner, "signer"},
		"of the authority":  {w.Keys["QM.24-7"], func(*directory.StatisticsStatement) {}, problem.StatementSigner, "signature"},
		"about the party":   {qm, func(s *directory.StatisticsStatement) { s.Subject = "QM" }, problem.StatementInvalid, "subject"},
		"a number skipped":  {qm, func(s *directory.StatisticsStatement) { s.Number++ }, problem.StatementChain, "number"},
	} {
		s := statistics(w, "2026-01-01", "2026-02-28")
		tt.make(&s)
		t.Log(name)
		wantProblem(t, apply(w, tt.key, s), tt.code, tt.field)
	}
	wantProblem(t, apply(w, qm, directory.StandingStatement{Heading: w.Heading("QM-statistics", "QM"), Standing: "revoked", Reason: "x"}), problem.StatementInvalid, "subject")
	w.SetStanding(t, "QM", directory.DepositarySubject, directory.Suspended)
	wantProblem(t, apply(w, qm, statistics(w, "2026-01-01", "2026-02-28")), problem.StatementSigner, "signer")
}

// TestStatisticsBounds holds every member to its bounds; above all, nothing small is
// published, nor what it follows from.
func TestStatisticsBounds(t *testing.T) {
	t.Parallel()
	w := states.New(t, pgp.Modern6)
	type s = directory.StatisticsStatement
	fits := schema(t)
	for i, tt := range []struct {
		change func(*s)
		field  string // "" if it is right
	}{
		{func(*s) {}, ""},
		{func(s *s) { s.From = "2026-1-01" }, "from"},
		{func(s *s) { s.To = "2026-02-30" }, "to"},
		{func(s *s) { s.From, s.To = "2026-02-01", "2026-02-28" }, ""},
		{func(s *s) { s.From, s.To = "2026-02-02", "2026-02-28" }, "to"},
		{func(s *s) { s.From, s.To = "2024-01-01", "2024-12-31" }, ""},
		{func(s *s) { s.From, s.To = "2024-01-01", "2025-01-01" }, "to"},
		{func(s *s) { s.From, s.To = "2026-02-28", "2026-02-01" }, "to"},
		{func(s *s) { s.To = w.Now.Format(time.DateOnly) }, "to"}, // today is not over
		{func(s *s) { s.Cases[0].Cases, s.Cases[0].Closed, s.Cases[0].Median, s.Cases[0].Ninety = 4, 0, 0, 0 }, "cases.0.cases"},
		{func(s *s) { s.Cases[0].Closed = 4 }, "cases.0.closed"},
		{func(s *s) { s.Cases[0].Closed = 8 }, "cases.0.closed"}, // four are open
		{func(s *s) { s.Cases[0].Closed = 12 }, ""},
		{func(s *s) { s.Cases[0].Closed = 13 }, "cases.0.closed"},
		{func(s *s) { s.Cases[0].Closed = -5 }, "cases.0.closed"},
		{func(s *s) { s.Cases[0].Median = 62 }, "cases.0.p90_days"},
		{func(s *s) { s.Cases[0].Median = -1 }, "cases.0.p90_days"},
		{func(s *s) { s.Cases[0].Ninety = 36_601 }, "cases.0.p90_days"},
		{func(s *s) { s.Cases[2].Ninety = 1 }, "cases.2.p90_days"},
		{func(s *s) { s.Cases[0].Type = "John Doe" }, "cases.0.type"},
		{func(s *s) { s.Cases[0].Direction = "both" }, "cases.0.direction"},
		{func(s *s) { s.Cases[0], s.Cases[1] = s.Cases[1], s.Cases[0] }, "cases"},
		{func(s *s) { s.Cases[1] = s.Cases[0] }, "cases"},
		{func(s *s) { s.Cases = nil }, "cases"},
		{func(s *s) { s.Cases = []directory.CaseFigure{} }, ""},
		{func(s *s) { s.Decisions[0].Measures = 4 }, "decisions.0.measures"},
		{func(s *s) { s.Decisions[0].Outcome = "Refused of X" }, "decisions.0.outcome"},
		{func(s *s) { s.Grounds[0].Measures = 1 << 40 }, "grounds.0.measures"},
		{func(s *s) { s.Grounds[0].Ground = "because" }, "grounds.0.ground"},
		{func(s *s) { s.Grounds = make([]directory.GroundFigure, 257) }, "grounds.0.ground"},
		{func(s *s) { s.LeftOut = -1 }, "left_out"},
	} {
		made := statistics(w, "2025-12-01", "2026-02-28")
		tt.change(&made)
		_, err := directory.Sign(w.Parties["QM"], made, w.Now)
		t.Log(i, fmt.Sprintf("%+v", made))
		if tt.field == "" {
			wantProblem(t, err, "", "")
			made.Typ, made.Issued = directory.TypStatistics, directory.At(w.Now)
			if err := fits(made); err != nil {
				t.Errorf("the schema refuses it: %v", err)
			}
		} else {
			wantProblem(t, err, problem.StatementInvalid, tt.field)
		}
	}
}

// schema holds statements against the schema that others build to, which leaves out
// what a schema cannot say.
func schema(t *testing.T) func(any) error {
	t.Helper()
	const name = "statements/statistics.json"
	text, err := schemas.FS.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	document, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	compiler := jsonschema.NewCompiler()
	if err := compiler.AddResource(name, document); err != nil {
		t.Fatal(err)
	}
	compiled, err := compiler.Compile(name)
	if err != nil {
		t.Fatal(err)
	}
	return func(v any) error {
		text, err := strictjson.Marshal(v)
		if err != nil {
			return err
		}
		instance, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
		if err != nil {
			return err
		}
		return compiled.Validate(instance)
	}
}

// TestStatisticsSchema: what the schema can say, it says.
func TestStatisticsSchema(t *testing.T) {
	t.Parallel()
	w := states.New(t, pgp.Modern6)
	fits := schema(t)
	for name, change := range map[string]func(*directory.StatisticsStatement){
		"subject":   func(s *directory.StatisticsStatement) { s.Subject = "QM" },
		"signer":    func(s *directory.StatisticsStatement) { s.Signer = directory.DepositarySubject },
		"from":      func(s *directory.StatisticsStatement) { s.From = "2026-1-01" },
		"small":     func(s *directory.StatisticsStatement) { s.Cases[0].Cases = 4 },
		"closed":    func(s *directory.StatisticsStatement) { s.Cases[0].Closed = 4 },
		"type":      func(s *directory.StatisticsStatement) { s.Cases[0].Type = "X" },
		"direction": func(s *directory.StatisticsStatement) { s.Grounds[0].Direction = "both" },
		"ground":    func(s *directory.StatisticsStatement) { s.Grounds[0].Ground = "because" },
		"outcome":   func(s *directory.StatisticsStatement) { s.Decisions[0].Outcome = "Refused" },
		"left out":  func(s *directory.StatisticsStatement) { s.LeftOut = -1 },
	} {
		made := statistics(w, "2025-12-01", "2026-02-28")
		made.Typ, made.Issued = directory.TypStatistics, directory.At(w.Now)
		change(&made)
		if err := fits(made); err == nil {
			t.Errorf("%s: the schema takes it", name)
		}
	}
}
