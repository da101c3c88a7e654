package convention

// A Measure is one numbered item of a request. It has the member that belongs
// to its type and none of the others.
type Measure struct {
	Number      int64  `json:"number" validate:"min=1,max=200"`
	Type        string `json:"type" validate:"required,code=measure-type.request"`
	Description Text   `json:"description"`
	// Purposes are what the law calls the purposes of assistance.
	Purposes []string `json:"purposes,omitempty" validate:"max=13,unique,dive,code=purpose"`
	// Nexus says why the measure is necessary and proportionate, and how it
	// hangs together with the facts.
	Nexus *Text `json:"nexus,omitempty"`
	// Procedure is a formality wished.
	Procedure *Procedure `json:"procedure,omitempty"`
	// Authorisation is the domestic decision on which the measure rests.
	Authorisation *Authorisation `json:"authorisation,omitempty"`
	// Officials of the requesting State wish to be present.
	Officials []Official `json:"officials,omitempty" validate:"max=50,dive"`

	Preservation          *Preservation          `json:"preservation,omitempty" validate:"needs=Type T01,only=Type T01"`
	Extension             *Extension             `json:"extension,omitempty" validate:"needs=Type T02,only=Type T02"`
	Location              *Location              `json:"location,omitempty" validate:"needs=Type T03,only=Type T03"`
	Disclosure            *DisclosureRequest     `json:"disclosure,omitempty" validate:"needs=Type T04,only=Type T04"`
	Subscriber            *Subscriber            `json:"subscriber,omitempty" validate:"needs=Type T05,only=Type T05"`
	StoredData            *StoredData            `json:"stored_data,omitempty" validate:"needs=Type T06,only=Type T06"`
	Collection            *Collection            `json:"collection,omitempty" validate:"needs=Type T07 T08,only=Type T07 T08"`
	Interception          *Interception          `json:"interception,omitempty" validate:"needs=Type T08,only=Type T08"`
	Statement             *Statement             `json:"statement,omitempty" validate:"needs=Type T09,only=Type T09"`
	Service               *Service               `json:"service,omitempty" validate:"needs=Type T10,only=Type T10"`
	Hearing               *Hearing               `json:"hearing,omitempty" validate:"needs=Type T11,only=Type T11"`
	Search                *Search                `json:"search,omitempty" validate:"needs=Type T12,only=Type T12"`
	Tracing               *Tracing               `json:"tracing,omitempty" validate:"needs=Type T13,only=Type T13"`
	Confiscation          *Confiscation          `json:"confiscation,omitempty" validate:"needs=Type T14,only=Type T14"`
	Return                *Return                `json:"return,omitempty" validate:"needs=Type T15,only=Type T15"`
	Examination           *Examination           `json:"examination,omitempty" validate:"needs=Type T16,only=Type T16"`
	CustodyTransfer       *CustodyTransfer       `json:"custody_transfer,omitempty" validate:"needs=Type T17,only=Type T17"`
	Appearance            *Appearance            `json:"appearance,omitempty" validate:"needs=Type T18,only=Type T18"`
	Extradition           *Extradition           `json:"extradition,omitempty" validate:"needs=Type T20,only=Type T20"`
	ProvisionalArrest     *ProvisionalArrest     `json:"provisional_arrest,omitempty" validate:"needs=Type T21,only=Type T21"`
	ProceedingsTransfer   *ProceedingsTransfer   `json:"proceedings_transfer,omitempty" validate:"needs=Type T22,only=Type T22"`
	SentencedTransfer     *SentencedTransfer     `json:"sentenced_transfer,omitempty" validate:"needs=Type T23,only=Type T23"`
	JointInvestigation    *JointInvestigation    `json:"joint_investigation,omitempty" validate:"needs=Type T24,only=Type T24"`
	UrgentHelp            *UrgentHelp            `json:"urgent_help,omitempty" validate:"needs=Type T25,only=Type T25"`
	LawEnforcementInquiry *LawEnforcementInquiry `json:"law_enforcement_inquiry,omitempty" validate:"needs=Type T28,only=Type T28"`
}

// A Procedure is a formality that the requesting State wishes, and why it needs
// it, for example so that its courts admit the evidence.
type Procedure struct {
	Text Text `json:"text"`
	Why  Text `json:"why"`
}

// A DataSet describes electronic data by what is known of them. At least one of
// the members that say where or what they are is given.
type DataSet struct {
	Category string `json:"category" validate:"required,code=data-category"`
	Provider string `json:"provider,omitempty" validate:"max=300,plain"`
	IP       string `json:"ip,omitempty" validate:"any_of=Domain Account Object Identifiers,omitempty,ip"`
	// Port goes with the IP address.
	Port        int64        `json:"port,omitzero" validate:"only=IP *,omitempty,min=1,max=65535"`
	Domain      string       `json:"domain,omitempty" validate:"omitempty,max=253,domain"`
	Account     string       `json:"account,omitempty" validate:"max=300,plain"`
	Object      string       `json:"object,omitempty" validate:"max=1000,plain"`
	Identifiers []Identifier `json:"identifiers,omitempty" validate:"max=100,dive"`
	// From and To are the period, both or neither.
	From     Time   `json:"from,omitzero" validate:"needs=To *"`
	To       Time   `json:"to,omitzero" validate:"needs=From *,after=From"`
	Relation string `json:"relation,omitempty" validate:"max=1000,plain"`
}

// A Preservation asks to keep data that exist (T01).
type Preservation struct {
	Data []DataSet `json:"data" validate:"required,min=1,max=100,dive"`
	// Relation is that of the data to the offence.
	Relation  Text `json:"relation"`
	Necessity Text `json:"necessity"`
	// MLAIntended is the statement that a request for the data will follow;
	// without it data are not preserved.
	MLAIntended   bool `json:"mla_intended" validate:"undertaken"`
	MLAIntendedBy Time `json:"mla_intended_by,omitzero"`
	// DurationDays is at least the shortest duration of the measure.
	DurationDays int64 `json:"duration_days,omitzero" validate:"omitempty,max=3650"`
}

// An Extension asks to keep preserved data for longer (T02).
type Extension struct {
	// Preservation is the requested authority's reference.
	Preservation string `json:"preservation" validate:"required,max=100,plain"`
	CurrentUntil Time   `json:"current_until" validate:"required"`
	Until        Time   `json:"until" validate:"required,after=CurrentUntil"`
	Reason       *Text  `json:"reason,omitempty"`
	// MLAState is how far the request for the data has come.
	MLAState      string `json:"mla_state,omitempty" validate:"omitempty,oneof=in-preparation sent"`
	MLAIntendedBy Time   `json:"mla_intended_by,omitzero"`
	// Unchanged confirms that the data sought are the same.
	Unchanged bool `json:"unchanged,omitzero"`
}

// A Location asks where data or their provider are (T03).
type Location struct {
	Identifiers []Identifier `json:"identifiers" validate:"required,min=1,max=100,dive"`
	Reason      Text         `json:"reason"`
}

// A DisclosureRequest reminds of the disclosure of preserved traffic data (T04).
type DisclosureRequest struct {
	Preservation  string    `json:"preservation" validate:"required,max=100,plain"`
	Communication []DataSet `json:"communication" validate:"required,min=1,max=100,dive"`
}

// A Subscriber asks who is behind an account or address (T05).
type Subscriber struct {
	Provider    string       `json:"provider,omitempty" validate:"max=300,plain"`
	Identifiers []Identifier `json:"identifiers" validate:"required,min=1,max=100,dive"`
	// Sought is the information wanted; left out, all subscriber information.
	Sought []string `json:"sought,omitempty" validate:"max=9,unique,dive,oneof=name address phone registration payment service-period contacts linked-accounts equipment"`
	// Preservation is the requested authority's reference, if the data are
	// preserved; the request then refers to that case.
	Preservation string `json:"preservation,omitempty" validate:"max=100,plain"`
	// Retention is until when the provider keeps the information.
	Retention Time  `json:"retention,omitzero"`
	Form      *Text `json:"form,omitempty"`
	// NotifyUser says that the user may be notified.
	NotifyUser bool `json:"notify_user"`
}

// StoredData asks for stored electronic data (T06).
type StoredData struct {
	// Data each have a period.
	Data []DataSet `json:"data" validate:"required,min=1,max=200,dive"`
	// Preservation is the requested authority's reference, if the data are
	// preserved; the request then refers to that case.
	Preservation string `json:"preservation,omitempty" validate:"max=100,plain"`
	Method       string `json:"method" validate:"required,code=collection-method"`
	Search       *Text  `json:"search,omitempty"`
	// Nexus is the relation of the data to the facts.
	Nexus Text `json:"nexus"`
	// Grounds are facts by the standard that the law of many States sets for
	// content, such as probable cause.
	Grounds *Text `json:"grounds,omitempty"`
	// Vulnerable says why the data may be lost or altered.
	Vulnerable *Text `json:"vulnerable,omitempty"`
	// Privileged is how material that must not be seen is kept apart.
	Privileged *Text `json:"privileged,omitempty"`
	// Hash is the digest by which files are to be named.
	Hash   string `json:"hash,omitempty" validate:"omitempty,oneof=SHA-256 SHA-512"`
	Format string `json:"format,omitempty" validate:"max=300,plain"`
}

// A Collection asks to collect data while they are transmitted (T07, T08).
type Collection struct {
	// Data are those in connection with which collection is required.
	Data []DataSet `json:"data" validate:"required,min=1,max=100,dive"`
	// Relation is that of the data to the offence.
	Relation Text `json:"relation"`
	// Owner is what is known of the owner or user, or of where the system is.
	Owner         Text         `json:"owner"`
	Justification Text         `json:"justification"`
	From          Time         `json:"from" validate:"required"`
	To            Time         `json:"to" validate:"required,after=From"`
	Duration      Text         `json:"duration"`
	Targets       []Identifier `json:"targets,omitempty" validate:"max=100,dive"`
	Technical     *Text        `json:"technical,omitempty"`
	Delivery      *Text        `json:"delivery,omitempty"`
	Start         *Text        `json:"start,omitempty"`
	Stop          *Text        `json:"stop,omitempty"`
}

// An Interception asks, with a Collection, for the content of communications
// (T08).
type Interception struct {
	// Subject is the number of the subject whose communications they are.
	Subject   int64        `json:"subject" validate:"min=1,max=200"`
	Targets   []Identifier `json:"targets" validate:"required,min=1,max=100,dive"`
	Relevance Text         `json:"relevance"`
	Mode      string       `json:"mode" validate:"required,oneof=live recorded"`
	// Decoding says whether the content is to be decoded, decrypted or written
	// down.
	Decoding     *Text `json:"decoding,omitempty"`
	Minimisation *Text `json:"minimisation,omitempty"`
	Privileged   *Text `json:"privileged,omitempty"`
	Destruction  *Text `json:"destruction,omitempty"`
}

// A Statement asks to take evidence from persons (T09).
type Statement struct {
	Subjects []int64 `json:"subjects" validate:"required,min=1,max=50,unique,dive,min=1,max=200"`
	Status   string  `json:"status" validate:"required,code=person-status"`
	Topics   []Text  `json:"topics,omitempty" validate:"max=200,dive"`
	// Documents are numbers of attachments to be shown.
	Documents   []int64  `json:"documents,omitempty" validate:"max=200,unique,dive,min=1,max=200"`
	Rights      *Text    `json:"rights,omitempty"`
	Oath        string   `json:"oath,omitempty" validate:"omitempty,oneof=oath affirmation none"`
	Record      string   `json:"record,omitempty" validate:"omitempty,oneof=written audio video"`
	Interpreter []string `json:"interpreter,omitempty" validate:"max=10,unique,dive,lang"`
	Protection  *Text    `json:"protection,omitempty"`
	// Consent says that the person has agreed.
	Consent bool `json:"consent,omitzero"`
}

// A Service asks to serve documents (T10).
type Service struct {
	Documents []ServedDocument `json:"documents" validate:"required,min=1,max=50,dive"`
	// Addressee is the number of a subject.
	Addressee  int64  `json:"addressee" validate:"min=1,max=200"`
	Address    string `json:"address" validate:"required,max=1000,plain"`
	Proceeding Text   `json:"proceeding"`
	// Summary is in a language of the requested State.
	Summary *Text `json:"summary,omitempty"`
	// Appearance is the date on which the addressee is to appear, LeadDays how
	// long before it the document must be served.
	Appearance   Moment `json:"appearance,omitzero"`
	LeadDays     int64  `json:"lead_days,omitzero" validate:"omitempty,min=1,max=365"`
	Mode         *Text  `json:"mode,omitempty"`
	Proof        string `json:"proof,omitempty" validate:"omitempty,oneof=receipt declaration"`
	Consequences *Text  `json:"consequences,omitempty"`
	SafeConduct  *Text  `json:"safe_conduct,omitempty"`
}

// A ServedDocument is a document to be served.
type ServedDocument struct {
	Nature string `json:"nature" validate:"required,code=kind-of-document"`
	Title  string `json:"title" validate:"required,max=300,plain"`
	Lang   string `json:"lang" validate:"required,lang"`
	// Attachment and Translation are numbers of attachments.
	Attachment  int64 `json:"attachment,omitzero" validate:"omitempty,min=1,max=200"`
	Translation int64 `json:"translation,omitzero" validate:"omitempty,min=1,max=200"`
}

// A Hearing asks to hear a person by video-conference (T11).
type Hearing struct {
	// Subject is the number of the person to be heard.
	Subject int64  `json:"subject" validate:"min=1,max=200"`
	Status  string `json:"status" validate:"required,code=person-status"`
	// Consent is needed to hear a suspect.
	Consent bool `json:"consent,omitzero" validate:"needs=Status suspect"`
	// Reason is why attendance in person is not possible or desirable.
	Reason     Text       `json:"reason"`
	Authority  string     `json:"authority" validate:"required,max=300,plain"`
	Conducting []Official `json:"conducting" validate:"required,min=1,max=20,dive"`
	// Dates are proposals in order of preference.
	Dates       []Moment `json:"dates,omitempty" validate:"max=20"`
	Test        Moment   `json:"test,omitzero"`
	Platform    string   `json:"platform,omitempty" validate:"max=300,plain"`
	Interpreter []string `json:"interpreter,omitempty" validate:"max=10,unique,dive,lang"`
	Rights      *Text    `json:"rights,omitempty"`
	Oath        string   `json:"oath,omitempty" validate:"omitempty,oneof=oath affirmation none"`
	Protection  *Text    `json:"protection,omitempty"`
	Recording   *Text    `json:"recording,omitempty"`
	Questions   []Text   `json:"questions,omitempty" validate:"max=200,dive"`
	Costs       *Text    `json:"costs,omitempty"`
}

// A Search asks to search, seize or freeze (T12).
type Search struct {
	Places []Place `json:"places" validate:"required,min=1,max=50,dive"`
	// Grounds link the places to the offence.
	Grounds    Text           `json:"grounds"`
	Order      *Authorisation `json:"order,omitempty"`
	LookingFor *Text          `json:"looking_for,omitempty"`
	Forensic   *Text          `json:"forensic,omitempty"`
	Retention  *Text          `json:"retention,omitempty"`
	ThirdParty *Text          `json:"third_party,omitempty"`
	// ActionAt is the time of an action that several States coordinate.
	ActionAt Time `json:"action_at,omitzero"`
}

// A Place is where a search is to be made: premises, a device, an account.
type Place struct {
	Description Text         `json:"description"`
	Location    string       `json:"location" validate:"required,max=1000,plain"`
	Subject     int64        `json:"subject,omitzero" validate:"omitempty,min=1,max=200"`
	Identifiers []Identifier `json:"identifiers,omitempty" validate:"max=100,dive"`
}
