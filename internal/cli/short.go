package cli

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/entraide/entraide/internal/desk"
	"github.com/entraide/entraide/pkg/convention"
	"github.com/entraide/entraide/pkg/workflow"
)

// A shortForm makes the body of a common act from flags.
type shortForm struct {
	example string
	// flags adds the flags to the command of the act, and returns what makes the
	// body of them when the command runs.
	flags func(*cobra.Command) func(desk.Case) (convention.Body, error)
}

// shortForms are the acts that need no file.
var shortForms = map[workflow.Act]shortForm{
	workflow.Acknowledge: {`--reference NCD-26-1187 --unit "Cyber Desk" --phone +99955501234 --next-step "The order is being prepared."`, shortAcknowledge},
	workflow.Ask:         {`--question "Which account?" --question "In which time zone?"`, shortAsk},
	workflow.Answer:      {`--answer "1=The account usr-48213." --answer "2=UTC."`, shortAnswer},
	workflow.Enquire:     {`--text "When may we expect the answer?"`, shortEnquire},
	workflow.Report:      {`--status in-execution --expected 2026-12-01T12:00:00Z`, shortReport},
	workflow.Consult:     {`--topic refusal --ground 21C_DOMESTIC_PROHIBITION --text "We see this obstacle."`, shortConsult},
	workflow.Offer:       {`--condition "use=Only for this case."`, shortOffer},
	workflow.Respond:     {`--accept-all`, shortRespond},
	workflow.Decide:      {`--outcome accepted`, shortDecide},
	workflow.Deliver:     {`--evidence sealed --what "Access logs" --officer "Duty officer" --phone +99955501234 --final`, shortDeliver},
	workflow.Withdraw:    {`--handling destroy --text "The suspect has surrendered."`, shortWithdraw},
	workflow.Close:       {`--outcome executed`, shortClose},
}

// A speech is what is said in words, and their language.
type speech struct{ in, text string }

func (s *speech) language(c *cobra.Command) {
	c.Flags().StringVar(&s.in, "in", "en", "language of the words, such as fr")
}

func (s *speech) flags(c *cobra.Command, use string) {
	s.language(c)
	c.Flags().StringVar(&s.text, "text", "", use)
}

// says returns words as an authentic text.
func (s *speech) says(text string) convention.Text {
	return convention.Text{Lang: s.in, Text: text, Authentic: true}
}

// may returns the text, or nil where there is none.
func (s *speech) may() *convention.Text {
	if s.text == "" {
		return nil
	}
	text := s.says(s.text)
	return &text
}

// A date is a flag for a time with its offset.
type date struct{ convention.Time }

func (d *date) String() string {
	if d.IsZero() {
		return ""
	}
	return d.Format(time.RFC3339)
}

func (d *date) Set(s string) error {
	t, err := time.Parse(time.RFC3339, s)
	if err != nil {
		return usage("a time is written like 2026-12-01T12:00:00Z, with its offset")
	}
	d.Time = convention.At(t)
	return nil
}

func (d *date) Type() string { return "time" }

// numbered splits "2=words" into its number and its words.
func numbered(s string) (int64, string, error) {
	left, right, ok := strings.Cut(s, "=")
	n, err := strconv.ParseInt(left, 10, 64)
	if !ok || err != nil || strings.TrimSpace(right) == "" {
		return 0, "", usage("%q must be a number, an equals sign, and words", s)
	}
	return n, right, nil
}

func shortAcknowledge(c *cobra.Command) func(desk.Case) (convention.Body, error) {
	var s speech
	var expected date
	b := convention.Acknowledgement{Head: convention.HeadOf("acknowledgement"), Contact: convention.Contact{Role: "officer"}}
	var next string
	s.flags(c, "remarks")
	f := c.Flags()
	f.StringVar(&b.Reference, "reference", "", "own reference of the request")
	f.StringVar(&b.Unit, "unit", "", "unit in charge")
	f.StringVar(&b.Officer, "officer", "", "officer in charge")
	f.StringVar(&b.Contact.Phone, "phone", "", "telephone of the unit")
	f.StringVar(&b.Contact.Email, "email", "", "e-mail address of the unit")
	f.StringVar(&next, "next-step", "", "what will be done next")
	f.Var(&expected, "expected", "when the next step is expected to be done")
	return func(desk.Case) (convention.Body, error) {
		b.Contact.Name = b.Unit
		if b.Officer != "" {
			b.Contact.Name = b.Officer
		}
		b.NextStep, b.Remarks, b.Expected = s.says(next), s.may(), expected.Time
		return &b, nil
	}
}

func shortAsk(c *cobra.Command) func(desk.Case) (convention.Body, error) {
	var s speech
	var questions []string
	var by date
	s.language(c)
	c.Flags().StringArrayVar(&questions, "question", nil, "a question; execution waits for its answer (may be repeated)")
	c.Flags().Var(&by, "reply-by", "when the answer is needed")
	return func(desk.Case) (convention.Body, error) {
		b := &convention.Question{Head: convention.HeadOf("question"), ReplyBy: by.Time}
		for i, q := range questions {
			b.Questions = append(b.Questions, convention.QuestionItem{Number: int64(i) + 1, Text: s.says(q), Necessary: true})
		}
		return b, nil
	}
}

func shortAnswer(c *cobra.Command) func(desk.Case) (convention.Body, error) {
	var s speech
	var answers []string
	s.language(c)
	c.Flags().StringArrayVar(&answers, "answer", nil, "number of the question and the answer, as 1=WORDS (may be repeated)")
	return func(desk.Case) (convention.Body, error) {
		b := &convention.Answers{Head: convention.HeadOf("answers")}
		for _, a := range answers {
			n, words, err := numbered(a)
			if err != nil {
				return nil, err
			}
			b.Answers = append(b.Answers, convention.AnswerItem{Number: n, Text: s.says(words)})
		}
		return b, nil
	}
}

func shortEnquire(c *cobra.Command) func(desk.Case) (convention.Body, error) {
	var s speech
	s.flags(c, "what is asked")
	return func(desk.Case) (convention.Body, error) {
		return &convention.StatusEnquiry{Head: convention.HeadOf("status-enquiry"), Question: s.says(s.text)}, nil
	}
}

func shortReport(c *cobra.Command) func(desk.Case) (convention.Body, error) {
	var s speech
	var expected date
	b := convention.StatusReport{Head: convention.HeadOf("status-report")}
	s.flags(c, "how it stands, in words")
	c.Flags().StringVar(&b.State, "status", "", "received, under-review, consultation, in-execution, postponed or executed")
	c.Flags().Var(&expected, "expected", "when it is expected to be done")
	return func(desk.Case) (convention.Body, error) {
		b.Text, b.Expected = s.may(), expected.Time
		return &b, nil
	}
}

func shortConsult(c *cobra.Command) func(desk.Case) (convention.Body, error) {
	var s speech
	var by date
	b := convention.Consultation{Head: convention.HeadOf("consultation")}
	s.flags(c, "what is to be talked about")
	c.Flags().StringVar(&b.Topic, "topic", "", "row of the list consultation-topic")
	c.Flags().StringSliceVar(&b.Grounds, "ground", nil, "row of the list refusal-ground that is contemplated (may be repeated)")
	measureFlag(c, &b.Measures)
	c.Flags().Var(&by, "reply-by", "when the reply is needed")
	return func(desk.Case) (convention.Body, error) {
		b.Text, b.ReplyBy = s.says(s.text), by.Time
		return &b, nil
	}
}

func shortOffer(c *cobra.Command) func(desk.Case) (convention.Body, error) {
	var s speech
	var conditions []string
	var by date
	s.language(c)
	c.Flags().StringArrayVar(&conditions, "condition", nil, "row of the list condition-type and the condition, as use=WORDS (may be repeated)")
	c.Flags().Var(&by, "reply-by", "when the reply is needed")
	return func(desk.Case) (convention.Body, error) {
		b := &convention.ConditionOffer{Head: convention.HeadOf("condition-offer"), ReplyBy: by.Time}
		for i, x := range conditions {
			kind, words, ok := strings.Cut(x, "=")
			if !ok {
				return nil, usage("%q must be a row of the list condition-type, an equals sign, and words", x)
			}
			b.Conditions = append(b.Conditions, convention.Condition{Number: int64(i) + 1, Type: kind, Text: s.says(words)})
		}
		return b, nil
	}
}

func shortRespond(c *cobra.Command) func(desk.Case) (convention.Body, error) {
	var s speech
	var all bool
	var accept []int64
	var decline []string
	s.language(c)
	c.Flags().BoolVar(&all, "accept-all", false, "accept every condition that was offered")
	c.Flags().Int64SliceVar(&accept, "accept", nil, "number of a condition to accept (may be repeated)")
	c.Flags().StringArrayVar(&decline, "decline", nil, "number of a condition and the reason to decline it, as 2=WORDS (may be repeated)")
	return func(known desk.Case) (convention.Body, error) {
		b := &convention.ConditionAnswer{Head: convention.HeadOf("condition-answer")}
		if all && (len(accept) > 0 || len(decline) > 0) {
			return nil, usage("--accept-all excludes --accept and --decline")
		}
		for _, x := range known.Conditions {
			if all && !x.Binding {
				accept = append(accept, x.Number)
			}
		}
		for _, n := range accept {
			b.Answers = append(b.Answers, convention.ConditionAnswerItem{Number: n, Accepted: true})
		}
		for _, d := range decline {
			n, words, err := numbered(d)
			if err != nil {
				return nil, err
			}
			reason := s.says(words)
			b.Answers = append(b.Answers, convention.ConditionAnswerItem{Number: n, Reason: &reason})
		}
		return b, nil
	}
}

func shortDecide(c *cobra.Command) func(desk.Case) (convention.Body, error) {
	var s speech
	var item convention.DecisionItem
	var measures []int64
	var review date
	s.flags(c, "the reasons, which a refusal, a part and a postponement need")
	f := c.Flags()
	f.StringVar(&item.Outcome, "outcome", "", "accepted, partly, refused or postponed")
	f.StringSliceVar(&item.Grounds, "ground", nil, "row of the list refusal-ground (may be repeated)")
	f.StringVar(&item.Postponement, "postponement", "", "row of the list postponement-ground")
	f.StringVar(&item.Consultation, "consultation", "", "digest of the consultation that went before")
	f.Var(&review, "review", "when a postponement is looked at again")
	measureFlag(c, &measures)
	return func(known desk.Case) (convention.Body, error) {
		b := &convention.Decision{Head: convention.HeadOf("decision")}
		item.Reasons, item.Review = s.may(), review.Time
		for _, n := range measures {
			if !slices.ContainsFunc(known.Measures, func(m desk.Measure) bool { return m.Number == n }) {
				return nil, usage("the request has no measure %d", n)
			}
		}
		for _, m := range known.Measures {
			if m.Ended || len(measures) > 0 && !slices.Contains(measures, m.Number) {
				continue
			}
			item.Measure, item.Type = m.Number, m.Type
			b.Items = append(b.Items, item)
		}
		return b, nil
	}
}

func shortDeliver(c *cobra.Command) func(desk.Case) (convention.Body, error) {
	var s speech
	var results []string
	b := convention.Delivery{Head: convention.HeadOf("delivery"), Executing: convention.Contact{Role: "officer"}}
	s.flags(c, "the reasons, which all results but executed need")
	f := c.Flags()
	f.StringArrayVar(&results, "result", nil, "number of a measure and its result, as 1=executed; left out, all are executed (may be repeated)")
	f.StringVar(&b.Executing.Name, "officer", "", "who answers for what is delivered")
	f.StringVar(&b.Executing.Phone, "phone", "", "telephone of the officer")
	return func(known desk.Case) (convention.Body, error) {
		of := map[int64]string{}
		for _, r := range results {
			n, result, err := numbered(r)
			if err != nil {
				return nil, err
			}
			of[n] = result
		}
		for _, m := range known.Measures {
			result := of[m.Number]
			if result == "" && len(of) == 0 && !m.Ended {
				result = "executed"
			}
			if result != "" {
				b.Results = append(b.Results, convention.DeliveryResult{Measure: m.Number, Type: m.Type, Result: result, Reasons: s.may()})
			}
		}
		return &b, nil
	}
}

func shortWithdraw(c *cobra.Command) func(desk.Case) (convention.Body, error) {
	var s speech
	b := convention.Withdrawal{Head: convention.HeadOf("withdrawal")}
	s.flags(c, "the reason")
	c.Flags().StringVar(&b.Handling, "handling", "", "row of the list withdrawal-handling: what becomes of what was done")
	measureFlag(c, &b.Measures)
	return func(desk.Case) (convention.Body, error) {
		b.Reason = s.may()
		return &b, nil
	}
}

func shortClose(c *cobra.Command) func(desk.Case) (convention.Body, error) {
	var s speech
	b := convention.Closure{Head: convention.HeadOf("closure")}
	s.flags(c, "last words")
	c.Flags().StringVar(&b.Outcome, "outcome", "", "row of the list closure-outcome")
	return func(desk.Case) (convention.Body, error) {
		b.Text = s.may()
		return &b, nil
	}
}

// measureFlag adds the flag that limits an act to some measures.
func measureFlag(c *cobra.Command, measures *[]int64) {
	c.Flags().Int64SliceVar(measures, "measure", nil, "number of a measure; left out, all of the request (may be repeated)")
}
