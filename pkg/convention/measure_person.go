package convention

// A CustodyTransfer asks to bring a person who is in custody for a time (T17).
type CustodyTransfer struct {
	Subject int64  `json:"subject" validate:"min=1,max=200"`
	Purpose string `json:"purpose" validate:"required,oneof=identification testimony assistance"`
	From    Time   `json:"from" validate:"required"`
	// ReturnBy is when the person is to be back.
	ReturnBy Time `json:"return_by" validate:"required,after=From"`
	// Consent is free and informed; it may have to be obtained still.
	Consent    string `json:"consent" validate:"required,oneof=given to-be-obtained"`
	ConsentDoc int64  `json:"consent_document,omitzero" validate:"needs=Consent given,omitempty,min=1,max=200"`
	Custody    Text   `json:"custody"`
	// Immunity and Credit are undertakings: no prosecution for earlier acts, and
	// the time counts as served.
	Immunity  bool  `json:"immunity" validate:"undertaken"`
	Credit    bool  `json:"credit" validate:"undertaken"`
	Transport *Text `json:"transport,omitempty"`
	Medical   *Text `json:"medical,omitempty"`
	Sentence  *Text `json:"sentence,omitempty"`
}

// An Appearance asks a person to come of their own will (T18).
type Appearance struct {
	Subject  int64  `json:"subject" validate:"min=1,max=200"`
	At       Moment `json:"at" validate:"required"`
	Place    string `json:"place" validate:"required,max=1000,plain"`
	Capacity string `json:"capacity" validate:"required,code=person-status"`
	// SafeConduct is the text by which the person is protected.
	SafeConduct Text `json:"safe_conduct"`
	Expenses    Text `json:"expenses"`
	// NoPenalty is the undertaking that staying away has no consequences.
	NoPenalty bool `json:"no_penalty" validate:"undertaken"`
}

// An Extradition asks to surrender a person (T20).
type Extradition struct {
	Subject     int64  `json:"subject" validate:"min=1,max=200"`
	Whereabouts Text   `json:"whereabouts"`
	For         string `json:"for" validate:"required,oneof=prosecution sentence"`
	// Warrant is the enforceable judgment or the warrant of arrest.
	Warrant Authorisation `json:"warrant"`
	// Law is the text of the offences and penalties.
	Law        Text `json:"law"`
	Limitation Text `json:"limitation"`
	// Remaining is how much of the sentence remains.
	Remaining *Text `json:"remaining,omitempty" validate:"needs=For sentence"`
	Evidence  *Text `json:"evidence,omitempty"`
	Absentia  *Text `json:"absentia,omitempty"`
	Trial     *Text `json:"trial,omitempty"`
	Handover  *Text `json:"handover,omitempty"`
	// Concurrent says how the request ranks among those of other States.
	Concurrent *Text `json:"concurrent,omitempty"`
	// Arrest is the case of the provisional arrest, if there was one.
	Arrest string `json:"arrest,omitempty" validate:"omitempty,id"`
}

// A ProvisionalArrest asks to arrest a person whose extradition will be sought
// (T21).
type ProvisionalArrest struct {
	Subject int64         `json:"subject" validate:"min=1,max=200"`
	Warrant Authorisation `json:"warrant"`
	// ExtraditionIntended is the statement that a request will follow.
	ExtraditionIntended bool   `json:"extradition_intended" validate:"undertaken"`
	FileBy              Time   `json:"file_by,omitzero"`
	Notice              string `json:"notice,omitempty" validate:"max=100,plain"`
	Reason              *Text  `json:"reason,omitempty"`
}

// A ProceedingsTransfer asks to take over a prosecution (T22).
type ProceedingsTransfer struct {
	Subject int64 `json:"subject" validate:"min=1,max=200"`
	Reason  Text  `json:"reason"`
	// Law is that of the offence in both States.
	Law Text `json:"law"`
	// File are the numbers of the attachments that are the file or its index.
	File            []int64 `json:"file" validate:"required,min=1,max=200,unique,dive,min=1,max=200"`
	Evidence        Text    `json:"evidence"`
	Measures        Text    `json:"measures"`
	Victims         Text    `json:"victims"`
	Limitation      Text    `json:"limitation"`
	DoubleJeopardy  Text    `json:"double_jeopardy"`
	CourtsCompetent *Text   `json:"courts_competent,omitempty"`
}

// A SentencedTransfer asks to transfer a sentenced person (T23).
type SentencedTransfer struct {
	Subject   int64         `json:"subject" validate:"min=1,max=200"`
	Agreement string        `json:"agreement" validate:"required,max=300,plain"`
	Judgment  Authorisation `json:"judgment"`
	Law       Text          `json:"law"`
	Sentence  Text          `json:"sentence"`
	Started   Time          `json:"started" validate:"required"`
	// ServedDays includes remissions.
	ServedDays int64  `json:"served_days" validate:"min=0,max=100000"`
	Ends       Time   `json:"ends,omitzero" validate:"after=Started"`
	Consent    string `json:"consent" validate:"required,oneof=person representative"`
	ConsentDoc int64  `json:"consent_document" validate:"min=1,max=200"`
	// Mode is how the sentence is to be enforced.
	Mode    string `json:"mode,omitempty" validate:"omitempty,oneof=continuation conversion"`
	Reports *Text  `json:"reports,omitempty"`
}
