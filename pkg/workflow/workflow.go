// Package workflow runs the two workflows of a case from tables in
// schemas/workflows: the procedure, which the broker enforces (protocol section
// 4), and the substance of each measure, which the two sides derive from the
// content that only they can read.
//
// It is one engine, and knows no act, stage or state itself. The stages of the
// procedure are ordered: what an act does does not depend on where it happens,
// and stages only rise; therefore two sides that have seen the same messages
// agree on the stage, in whatever order the messages reached them. The states of
// a measure go back and forth; there, all follow the order of the log.
package workflow

// An Actor is a party to a case, by its role in law. The role is fixed for the
// life of the case, whoever sends.
type Actor string

const (
	// Requesting is the authority that sent the first message of the case.
	Requesting Actor = "requesting"
	// Requested is the authority that it was sent to.
	Requested Actor = "requested"
	// Law is no party: events by it happen when the law or a date says so.
	Law Actor = "law"
)

// A Stage is how far a case has come.
type Stage string

// The stages of the procedure, in rank order.
const (
	// StageNone is the stage of a case that does not exist yet.
	StageNone         Stage = ""
	StageOpen         Stage = "open"
	StageDelivered    Stage = "delivered"
	StageAcknowledged Stage = "acknowledged"
	StageDecided      Stage = "decided"
	StageAnswered     Stage = "answered"
	StageWithdrawn    Stage = "withdrawn"
	StageClosed       Stage = "closed"
)

// An Act is what a message does.
type Act string

// The acts of the procedure.
const (
	// Request opens a case by asking for assistance.
	Request Act = "request"
	// Inform opens a case by giving information that nobody asked for.
	Inform Act = "inform"
	// Acknowledge says that an authority has taken charge.
	Acknowledge Act = "acknowledge"
	// Ask puts questions that must be answered before execution.
	Ask Act = "ask"
	// Answer answers them.
	Answer Act = "answer"
	// Enquire asks how the request stands.
	Enquire Act = "enquire"
	// Report says how it stands.
	Report Act = "report"
	// Consult opens or continues a consultation.
	Consult Act = "consult"
	// Offer offers conditions.
	Offer Act = "offer"
	// Respond accepts or declines conditions.
	Respond Act = "respond"
	// Decide accepts, refuses or postpones measures.
	Decide Act = "decide"
	// Deliver hands over results.
	Deliver Act = "deliver"
	// Confirm says whether what was handed over arrived intact.
	Confirm Act = "confirm"
	// Notify tells the other side something, at any time.
	Notify Act = "notify"
	// Withdraw takes a request back.
	Withdraw Act = "withdraw"
	// Close ends the case.
	Close Act = "close"
	// Delivered is not the act of a message: it is the event that a delivery
	// receipt of the requested authority was logged.
	Delivered Act = "delivered"
)

// A Lane is the speed of a case. That of its first message is that of the case.
type Lane string

// The lanes.
const (
	Emergency Lane = "emergency"
	Urgent    Lane = "urgent"
	Routine   Lane = "routine"
)

// A State is all that the procedure remembers of a case. The zero State is that
// of a case which does not exist yet. States are comparable.
type State struct {
	Stage Stage
	// Opening is the act of the first message.
	Opening Act
	// Lane is the lane of the first message.
	Lane Lane
	// Handed says that the requested authority has delivered something.
	Handed bool
	// Consulted says that there was a consultation, in a workflow of substance.
	Consulted bool
}

// An Event is an act at its place in the log, with what must be known to judge
// it.
type Event struct {
	Act   Act
	Actor Actor
	// Lane is the lane that the message states.
	Lane Lane
	// Final marks the last delivery of a case.
	Final bool
	// Idle says that the requesting authority has been silent for a year.
	Idle bool
	// Facts are what else holds of the event, by the names that the tables of
	// substance use, such as limited-ground.
	Facts []string
}
