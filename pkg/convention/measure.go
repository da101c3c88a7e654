package convention

// A Measure is one numbered item of a request. It has the member that belongs
// to its type and none of the others.
type Measure struct {
	Number      int64  `json:"number" validate:"min=1,max=50"`
	Type        string `json:"type" validate:"required,code=measure-type"`
	Description Text   `json:"description"`

	// Preservation belongs to T01, Extension to T02, Disclosure to T04 and
	// StoredData to T06.
	Preservation *Preservation      `json:"preservation,omitempty"`
	Extension    *Extension         `json:"extension,omitempty"`
	Disclosure   *DisclosureRequest `json:"disclosure,omitempty"`
	StoredData   *StoredData        `json:"stored_data,omitempty"`
}

// A detail is a member that belongs to one type of measure.
type detail struct {
	measure, member string
	given           bool
}

// details returns the members of which a measure has one.
func (m *Measure) details() []detail {
	return []detail{
		{"T01", "preservation", m.Preservation != nil},
		{"T02", "extension", m.Extension != nil},
		{"T04", "disclosure", m.Disclosure != nil},
		{"T06", "stored_data", m.StoredData != nil},
	}
}

// A DataSet describes electronic data by what is known of them. At least one of
// ip, domain, account and object says where or what they are.
type DataSet struct {
	Category string `json:"category" validate:"required,code=data-category"`
	Provider string `json:"provider,omitempty" validate:"max=300,plain"`
	IP       string `json:"ip,omitempty" validate:"omitempty,ip"`
	// Port goes with the IP address.
	Port    int64  `json:"port,omitzero" validate:"omitempty,min=1,max=65535"`
	Domain  string `json:"domain,omitempty" validate:"omitempty,max=253,domain"`
	Account string `json:"account,omitempty" validate:"max=300,plain"`
	Object  string `json:"object,omitempty" validate:"max=1000,plain"`
	// From and To are the period, both or neither.
	From     Time   `json:"from,omitzero"`
	To       Time   `json:"to,omitzero"`
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
	MLAIntended   bool  `json:"mla_intended" validate:"eq=true"`
	MLAIntendedBy Time  `json:"mla_intended_by,omitzero"`
	DurationDays  int64 `json:"duration_days,omitzero" validate:"omitempty,max=3650"`
}

// An Extension asks to keep preserved data for longer (T02).
type Extension struct {
	// Preservation is the requested authority's reference.
	Preservation string `json:"preservation" validate:"required,max=100,plain"`
	CurrentUntil Time   `json:"current_until" validate:"required"`
	Until        Time   `json:"until" validate:"required"`
	Reason       *Text  `json:"reason,omitempty"`
	// MLAState is how far the request for the data has come.
	MLAState      string `json:"mla_state,omitempty" validate:"omitempty,oneof=in-preparation sent"`
	MLAIntendedBy Time   `json:"mla_intended_by,omitzero"`
}

// A DisclosureRequest reminds of the disclosure of preserved traffic data (T04).
type DisclosureRequest struct {
	Preservation  string    `json:"preservation" validate:"required,max=100,plain"`
	Communication []DataSet `json:"communication" validate:"required,min=1,max=100,dive"`
}

// StoredData asks for stored electronic data (T06).
type StoredData struct {
	// Data each have a period.
	Data []DataSet `json:"data" validate:"required,min=1,max=100,dive"`
	// Preservation is the requested authority's reference, if the data are
	// preserved; the request then refers to that case.
	Preservation string `json:"preservation,omitempty" validate:"max=100,plain"`
	Method       string `json:"method" validate:"required,oneof=search copy seizure image"`
	Search       *Text  `json:"search,omitempty"`
	// Nexus is the relation of the data to the facts.
	Nexus Text `json:"nexus"`
	// Procedure is a formality wished, and why.
	Procedure *Text `json:"procedure,omitempty"`
	// Hash is the digest by which files are to be named.
	Hash   string `json:"hash,omitempty" validate:"omitempty,oneof=SHA-256 SHA-512"`
	Format string `json:"format,omitempty" validate:"max=300,plain"`
}
