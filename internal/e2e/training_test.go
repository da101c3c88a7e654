package e2e_test

import (
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/entraide/entraide/internal/desk"
	"github.com/entraide/entraide/internal/training"
	"github.com/entraide/entraide/pkg/convention"
	"github.com/entraide/entraide/pkg/message"
	"github.com/entraide/entraide/pkg/workflow"
)

// An exercise is a training home with the officers' desk and the partner.
type exercise struct {
	*testing.T
	dir      string
	home     *training.Home
	officers *desk.Desk
	partner  *training.Partner
	log      *strings.Builder
	mu       sync.Mutex
	shift    time.Duration
}

func newExercise(t *testing.T) *exercise {
	t.Helper()
	x := &exercise{T: t, dir: filepath.Join(t.TempDir(), "x"), log: &strings.Builder{}}
	x.open()
	x.sync()
	t.Cleanup(func() { x.home.Close() })
	return x
}

func (x *exercise) now() time.Time {
	x.mu.Lock()
	defer x.mu.Unlock()
	return time.Now().Add(x.shift)
}

func (x *exercise) pass(d time.Duration) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.shift += d
}

func (x *exercise) must(err error) {
	x.Helper()
	if err != nil {
		x.Fatalf("%v\n%s", err, x.log.String())
	}
}

// open opens the home as a start of the command does.
func (x *exercise) open() {
	x.Helper()
	o := training.Options{Dir: x.dir, Now: x.now, Log: slog.New(slog.DiscardHandler)}
	var err error
	x.home, err = training.Open(x.Context(), o)
	x.must(err)
	x.officers, err = x.home.Desk(x.Context(), training.Officers)
	x.must(err)
	other, err := x.home.Desk(x.Context(), training.Other)
	x.must(err)
	x.partner = &training.Partner{Desk: other, Dir: x.dir, Now: x.now, Log: slog.New(slog.NewTextHandler(x.log, nil))}
}

// sync lets both sides take and send what waits.
func (x *exercise) sync() {
	x.Helper()
	x.must(x.partner.Desk.Sync(x.Context()))
	x.must(x.officers.Sync(x.Context()))
}

// step lets the partner reply, and returns the kind of the last message of the
// case, which must be the partner's.
func (x *exercise) step(id message.ID) string {
	x.Helper()
	x.sync()
	n, err := x.partner.Step(x.Context())
	x.must(err)
	if n != 1 {
		x.Fatalf("the partner sent %d replies in %s\n%s", n, x.stands(id).Stage, x.log.String())
	}
	x.sync()
	c := x.stands(id)
	last := c.Events[len(c.Events)-1]
	if !last.Incoming {
		x.Fatalf("the last message is the officers' %s", last.Kind)
	}
	return last.Kind
}

// walk expects the partner's next replies.
func (x *exercise) walk(id message.ID, kinds ...string) {
	x.Helper()
	for _, want := range kinds {
		if got := x.step(id); got != want {
			x.Fatalf("the partner sent a %s, want a %s", got, want)
		}
	}
	x.rests(id)
}

// rests expects that the partner waits.
func (x *exercise) rests(id message.ID) {
	x.Helper()
	x.sync()
	if n, err := x.partner.Step(x.Context()); err != nil || n != 0 {
		x.Fatalf("the partner replied %d times in %s, want to wait: %v", n, x.stands(id).Stage, err)
	}
}

func (x *exercise) stands(id message.ID) desk.Case {
	x.Helper()
	c, err := x.officers.Case(x.Context(), string(id))
	x.must(err)
	return c
}

// ask sends a request of the officers'.
func (x *exercise) ask(name, reference string, change func(*convention.Request)) message.ID {
	x.Helper()
	o, err := training.Request(name, training.Officers, training.Other, reference, x.now())
	x.must(err)
	if change != nil {
		body, err := convention.ParseBody(o.Body)
		x.must(err)
		request, ok := body.(*convention.Request)
		if !ok {
			x.Fatal("the sample is no request")
		}
		change(request)
		o.Body, err = convention.Marshal(request)
		x.must(err)
		code, _ := convention.CodeOf("urgency-class", request.Urgency)
		o.Lane = workflow.Lane(code.Text("lane"))
	}
	return x.send(o)
}

func (x *exercise) send(o desk.Order) message.ID {
	x.Helper()
	id, caseID, err := x.officers.Send(x.Context(), o)
	x.must(err)
	_, err = x.officers.Await(x.Context(), id)
	x.must(err)
	return caseID
}

// say sends an officers' message in a case.
func (x *exercise) say(id message.ID, act workflow.Act, body convention.Body) {
	x.Helper()
	c := x.stands(id)
	text, err := convention.Marshal(body)
	x.must(err)
	o := desk.Order{From: c.Requesting, To: c.Requested, Case: id, Act: act, Body: text}
	if c.Role == string(workflow.Requested) {
		o.From, o.To = o.To, o.From
	}
	x.send(o)
}

// state is the state of the only measure.
func (x *exercise) state(id message.ID, want string) {
	x.Helper()
	c := x.stands(id)
	if len(c.Misplaced) > 0 || c.Measures[0].State != want {
		x.Fatalf("the measure is %s, want %s; misplaced %v", c.Measures[0].State, want, c.Misplaced)
	}
}

func words(text string) convention.Text {
	return convention.Text{Lang: "en", Text: text, Authentic: true}
}

// TestExercise walks the officers through an exercise: every way in which the
// partner answers, the partner's own requests, and what is refused.
func TestExercise(t *testing.T) {
	t.Parallel()
	x := newExercise(t)
	x.lesson()
	x.refused()
	x.preserved()
	x.waits()
	x.partnerAsks()
	x.goesOn()
	x.apart()
}

// consulted answers a consultation of the partner's.
func (x *exercise) consulted(id message.ID) {
	x.Helper()
	x.say(id, workflow.Consult, &convention.Consultation{Head: convention.HeadOf("consultation"), Topic: "other", Text: words("We see.")})
}

// closes ends a case that was executed.
func (x *exercise) closes(id message.ID) {
	x.Helper()
	x.say(id, workflow.Close, &convention.Closure{Head: convention.HeadOf("closure"), Outcome: "executed"})
	x.rests(id)
	x.state(id, "closed")
}

// lesson is all that there is to learn, with a request for subscriber
// information, and an emergency, which is answered at once.
func (x *exercise) lesson() {
	id := x.ask("routine", "QM-2026-1", nil)
	x.walk(id, "acknowledgement", "question")
	x.say(id, workflow.Enquire, &convention.StatusEnquiry{Head: convention.HeadOf("status-enquiry"), Question: words("How does it stand?")})
	x.walk(id, "status-report")
	x.say(id, workflow.Answer, &convention.Answers{
		Head: convention.HeadOf("answers"), Answers: []convention.AnswerItem{{Number: 1, Text: words("UTC")}},
	})
	x.walk(id, "condition-offer")
	x.state(id, "conditions-offered")
	x.say(id, workflow.Respond, &convention.ConditionAnswer{
		Head: convention.HeadOf("condition-answer"), Answers: []convention.ConditionAnswerItem{{Number: 1, Accepted: true}},
	})
	x.walk(id, "decision", "delivery")
	x.state(id, "executed")
	x.receive(id)
	x.closes(id)

	id = x.ask("emergency", "QM-2026-2", nil)
	x.walk(id, "acknowledgement", "delivery")
	x.state(id, "answered")
	x.receive(id)
	x.closes(id)
}

// refused is a refusal, which follows a consultation: because a condition is
// declined, or because a word asks for it.
func (x *exercise) refused() {
	id := x.ask("routine", "QM-2026-3 CONDITION", nil)
	x.walk(id, "acknowledgement", "condition-offer")
	no := words("The court decides on that.")
	x.say(id, workflow.Respond, &convention.ConditionAnswer{
		Head: convention.HeadOf("condition-answer"), Answers: []convention.ConditionAnswerItem{{Number: 1, Reason: &no}},
	})
	x.walk(id, "consultation")
	x.consulted(id)
	x.walk(id, "decision")
	x.state(id, "refused")

	id = x.ask("routine", "QM-2026-4 REFUSE", preservation)
	x.walk(id, "acknowledgement", "consultation")
	x.consulted(id)
	x.walk(id, "decision")
	x.state(id, "refused")
}

// preserved is preservation, for which the law knows no conditions.
func (x *exercise) preserved() {
	id := x.ask("routine", "QM-2026-5 DELIVER CONDITION", preservation)
	x.walk(id, "acknowledgement", "decision", "preserved")
	x.state(id, "preserved")
	moot := words("No longer needed.")
	x.say(id, workflow.Withdraw, &convention.Withdrawal{Head: convention.HeadOf("withdrawal"), Handling: "stop", Reason: &moot})
	x.walk(id, "closure")
	x.state(id, "closed")
}

// waits is a postponement, silence, and a partner that takes its time.
func (x *exercise) waits() {
	id := x.ask("routine", "QM-2026-6 POSTPONE", nil)
	x.walk(id, "acknowledgement", "consultation")
	x.consulted(id)
	x.walk(id, "decision")
	x.state(id, "postponed")

	x.rests(x.ask("routine", "QM-2026-7 SILENT", nil))

	x.partner.Delay = time.Hour
	id = x.ask("routine", "QM-2026-8 DELIVER", nil)
	x.rests(id)
	x.pass(time.Hour + time.Second)
	x.partner.Delay = 0
	x.walk(id, "acknowledgement", "decision", "delivery")
}

// receive fetches what was delivered in a case and confirms it.
func (x *exercise) receive(id message.ID) {
	x.Helper()
	events := x.stands(id).Events
	last := events[len(events)-1]
	_, err := x.officers.FetchEvidence(x.Context(), desk.Fetching{Message: last.ID, Number: 1, Dir: filepath.Join(x.TempDir(), "bag")})
	x.must(err)
	receipt, err := x.officers.EvidenceReceipt(x.Context(), string(id), last.ID)
	x.must(err)
	x.say(id, workflow.Confirm, receipt)
}

// preservation makes a request one for preservation that is urgent.
func preservation(r *convention.Request) {
	r.Urgency = "E1_URGENT_VOLATILE"
	r.Measures = []convention.Measure{{Number: 1, Type: "T01", Description: words("Preserve"), Preservation: &convention.Preservation{
		Data:     []convention.DataSet{{Category: "content", Object: "image"}},
		Relation: words("The server controlled the malware."), Necessity: words("The provider deletes it."), MLAIntended: true,
	}}}
}

// partnerAsks is a request of the partner's own, with which it goes through.
func (x *exercise) partnerAsks() {
	for _, name := range training.Cases() {
		id, err := x.partner.Send(x.Context(), name, "")
		x.must(err)
		x.sync()
		if c := x.stands(id); c.Lane != name || c.Role != string(workflow.Requested) {
			x.Fatalf("the officers have a %s case as %s", c.Lane, c.Role)
		}
		x.say(id, workflow.Ask, &convention.Question{Head: convention.HeadOf("question"), Questions: []convention.QuestionItem{
			{Number: 1, Text: words("Which port?"), Necessary: true},
		}})
		x.walk(id, "answers")
	}
}

// goesOn checks that a home that was made is taken up where it was left.
func (x *exercise) goesOn() {
	before, err := x.officers.Cases(x.Context())
	x.must(err)
	x.must(x.home.Close())
	x.open()
	after, err := x.officers.Cases(x.Context())
	x.must(err)
	if len(before) != len(after) {
		x.Fatalf("the officers have %d cases after a new start, and had %d", len(after), len(before))
	}
	x.must(x.home.Close())
}

// apart checks that nothing that is real mixes with an exercise.
func (x *exercise) apart() {
	officers := filepath.Join(x.dir, training.Officers)
	for _, home := range []string{x.dir, officers} {
		if err := training.RefuseMarked(home); !errors.Is(err, training.ErrTraining) {
			x.Errorf("%s as a real home: %v", home, err)
		}
	}
	o := training.Options{Dir: filepath.Join(x.TempDir(), "desk"), Now: x.now, Log: slog.New(slog.DiscardHandler)}
	x.must(os.CopyFS(o.Dir, os.DirFS(officers)))
	x.must(os.Remove(filepath.Join(o.Dir, "training")))
	x.must(training.RefuseMarked(o.Dir))
	if _, err := training.Open(x.Context(), o); !errors.Is(err, training.ErrReal) {
		x.Errorf("a real home as one for exercises: %v", err)
	}
	x.must(os.Remove(filepath.Join(officers, "training")))
	o.Dir = x.dir
	if _, err := training.Open(x.Context(), o); !errors.Is(err, training.ErrUnfinished) {
		x.Errorf("a training home with another desk in it: %v", err)
	}
}
