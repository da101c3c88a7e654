package convention

// A Tracing asks to identify, trace, freeze or seize proceeds (T13).
type Tracing struct {
	// Actions are those requested.
	Actions Text `json:"actions"`
	// Freeze says that assets are to be frozen, not only found.
	Freeze   bool           `json:"freeze"`
	Order    *Authorisation `json:"order,omitempty"`
	Accounts []Identifier   `json:"accounts,omitempty" validate:"max=200,dive"`
	// Owners are numbers of subjects.
	Owners  []int64 `json:"owners,omitempty" validate:"max=50,unique,dive,min=1,max=200"`
	Maximum *Amount `json:"maximum,omitempty"`
	// Link is that of the assets to the offence.
	Link *Text `json:"link,omitempty"`
	// ConfiscationBy is when a decision on confiscation is expected.
	ConfiscationBy Time  `json:"confiscation_by,omitzero"`
	FreezeUntil    Time  `json:"freeze_until,omitzero" validate:"only=Freeze true"`
	ThirdParties   *Text `json:"third_parties,omitempty"`
}

// A Confiscation asks to confiscate property (T14).
type Confiscation struct {
	// Route is whether the requested State obtains an order of its own or
	// enforces the one of the requesting State.
	Route    string     `json:"route" validate:"required,oneof=own-order foreign-order"`
	Property []Property `json:"property" validate:"required,min=1,max=100,dive"`
	// Facts suffice to seek an order.
	Facts Text `json:"facts"`
	// Order, Extent, Notice and Final are needed to enforce a foreign order:
	// its copy, how far it is to be enforced, how third parties in good faith
	// were notified and due process kept, and that it can no longer be appealed.
	Order  *Authorisation `json:"order,omitempty" validate:"needs=Route foreign-order"`
	Extent *Text          `json:"extent,omitempty" validate:"needs=Route foreign-order"`
	Notice *Text          `json:"notice,omitempty" validate:"needs=Route foreign-order"`
	Final  bool           `json:"final,omitzero" validate:"needs=Route foreign-order"`

	Outstanding *Amount `json:"outstanding,omitempty"`
	Elsewhere   *Text   `json:"elsewhere,omitempty"`
	Victims     *Text   `json:"victims,omitempty"`
	// ReturnSought says that the property is claimed for victims or owners.
	ReturnSought bool  `json:"return_sought"`
	Sharing      *Text `json:"sharing,omitempty"`
	Costs        *Text `json:"costs,omitempty"`
}

// A Property is what is to be confiscated.
type Property struct {
	Description Text         `json:"description"`
	Location    string       `json:"location,omitempty" validate:"max=1000,plain"`
	Value       *Amount      `json:"value,omitempty"`
	Identifiers []Identifier `json:"identifiers,omitempty" validate:"max=100,dive"`
}

// A Return asks to return or dispose of confiscated property (T15).
type Return struct {
	// Asset is the reference of the confiscated property.
	Asset    string `json:"asset" validate:"required,max=100,plain"`
	Claimant string `json:"claimant" validate:"required,max=300,plain"`
	Basis    string `json:"basis" validate:"required,oneof=victim-compensation prior-ownership"`
	Proof    Text   `json:"proof"`
	// Account is that of the State to which money is to go.
	Account  Identifier `json:"account"`
	Expenses Text       `json:"expenses"`
}

// An Examination asks to examine things, for an expert's opinion, or for
// records (T16).
type Examination struct {
	Object   Text   `json:"object"`
	Location string `json:"location,omitempty" validate:"max=1000,plain"`
	// Question is put to the expert.
	Question *Text `json:"question,omitempty"`
	// Records says in which form records are wanted.
	Records  string `json:"records,omitempty" validate:"omitempty,oneof=certified-copy original"`
	ReturnBy Time   `json:"return_by,omitzero" validate:"needs=Records original,only=Records original"`
}

// A JointInvestigation proposes a joint investigative body (T24).
type JointInvestigation struct {
	Purpose Text `json:"purpose"`
	From    Time `json:"from" validate:"required"`
	To      Time `json:"to" validate:"required,after=From"`
	// Parties are all that take part; each pair runs a case of its own.
	Parties      []string `json:"parties" validate:"required,min=2,max=20,unique,dive,party"`
	Composition  []Member `json:"composition" validate:"required,min=2,max=100,dive"`
	Territory    *Text    `json:"territory,omitempty"`
	Powers       *Text    `json:"powers,omitempty"`
	Law          *Text    `json:"law,omitempty"`
	Evidence     *Text    `json:"evidence,omitempty"`
	Information  *Text    `json:"information,omitempty"`
	Languages    []string `json:"languages,omitempty" validate:"max=10,unique,dive,lang"`
	Costs        *Text    `json:"costs,omitempty"`
	Liability    *Text    `json:"liability,omitempty"`
	Prolongation *Text    `json:"prolongation,omitempty"`
	Evaluation   *Text    `json:"evaluation,omitempty"`
	Dissolution  *Text    `json:"dissolution,omitempty"`
}

// A Member is a member of a joint investigative body.
type Member struct {
	Party    string `json:"party" validate:"required,party"`
	Name     string `json:"name" validate:"required,max=300,plain"`
	Function string `json:"function" validate:"required,max=300,plain"`
	Leader   bool   `json:"leader,omitzero"`
	Seconded bool   `json:"seconded,omitzero"`
}

// An UrgentHelp asks the contact point of the network for help at once (T25).
type UrgentHelp struct {
	Help   string `json:"help" validate:"required,code=urgent-help"`
	Sought Text   `json:"sought"`
	// Immediate is why it cannot wait.
	Immediate Text `json:"immediate"`
	// AtRisk is who is in danger, and why the danger is significant and
	// imminent.
	AtRisk      *Text        `json:"at_risk,omitempty" validate:"needs=Help urgent-help.emergency"`
	Identifiers []Identifier `json:"identifiers,omitempty" validate:"max=100,dive"`
	Done        *Text        `json:"done,omitempty"`
	// Oral is the record of a request that was first made by word of mouth, and
	// that this document confirms.
	Oral     *OralRecord `json:"oral,omitempty"`
	FollowUp *Text       `json:"follow_up,omitempty"`
	// FollowUpBy is when a formal request is to follow.
	FollowUpBy Time `json:"follow_up_by,omitzero"`
	// Handling is how far the answer may be used.
	Handling   string `json:"handling,omitempty" validate:"omitempty,code=handling-code"`
	ReplyHours int64  `json:"reply_hours,omitzero" validate:"omitempty,min=1,max=720"`
}

// An OralRecord is the record of a call.
type OralRecord struct {
	At     Moment `json:"at" validate:"required"`
	Caller string `json:"caller" validate:"required,max=300,plain"`
	Called string `json:"called" validate:"required,max=300,plain"`
	Words  Text   `json:"words"`
	// CallBack is when the caller was called back at the number in the
	// directory.
	CallBack Moment `json:"call_back,omitzero"`
	Number   string `json:"number,omitempty" validate:"only=CallBack *,max=40,plain"`
}

// A LawEnforcementInquiry asks another police service (T28).
type LawEnforcementInquiry struct {
	Question    Text         `json:"question"`
	Handling    string       `json:"handling" validate:"required,code=handling-code"`
	Identifiers []Identifier `json:"identifiers,omitempty" validate:"max=100,dive"`
}
