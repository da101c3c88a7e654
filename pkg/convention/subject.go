package convention

// A Subject is a person, an entity, an item or an account that a request is
// about. Measures refer to it by its number.
type Subject struct {
	Number int64 `json:"number" validate:"min=1,max=200"`
	// Kind says which of the four the subject is; it has the member of that
	// name.
	Kind  string   `json:"kind" validate:"required,oneof=person entity item account"`
	Roles []string `json:"roles" validate:"required,min=1,max=10,unique,dive,code=subject-role"`

	Person  *Person  `json:"person,omitempty" validate:"needs=Kind person,only=Kind person"`
	Entity  *Entity  `json:"entity,omitempty" validate:"needs=Kind entity,only=Kind entity"`
	Item    *Item    `json:"item,omitempty" validate:"needs=Kind item,only=Kind item"`
	Account *Account `json:"account,omitempty" validate:"needs=Kind account,only=Kind account"`

	// Location is where the subject is or is believed to be.
	Location string `json:"location,omitempty" validate:"max=1000,plain"`
	Note     *Text  `json:"note,omitempty"`
}

// A Name is a name as its bearer writes it, in its own script and order. It is
// not cut into given and family name unless that is known to be right.
type Name struct {
	Full string `json:"full" validate:"required,max=300,plain"`
	// Lang is the language, with its script where that is not the usual one.
	Lang string `json:"lang" validate:"required,lang"`
	// Transliteration is in Latin letters, by the scheme.
	Transliteration string `json:"transliteration,omitempty" validate:"max=300,plain"`
	Scheme          string `json:"scheme,omitempty" validate:"only=Transliteration *,omitempty,oneof=ICAO-9303 ISO-9 ISO-233 ISO-7098 national other"`
	Phonetic        string `json:"phonetic,omitempty" validate:"max=300,plain"`
	Given           string `json:"given,omitempty" validate:"max=300,plain"`
	Family          string `json:"family,omitempty" validate:"max=300,plain"`
}

// A Person is a natural person.
type Person struct {
	Name    Name   `json:"name"`
	Aliases []Name `json:"aliases,omitempty" validate:"max=50,dive"`
	// Sex is that of ISO/IEC 5218, in words.
	Sex string `json:"sex,omitempty" validate:"omitempty,oneof=male female not-known not-applicable"`
	// Born is a date, a year and month, or a year.
	Born          string             `json:"born,omitempty" validate:"omitempty,date"`
	BirthPlace    string             `json:"birth_place,omitempty" validate:"max=300,plain"`
	Nationalities []string           `json:"nationalities,omitempty" validate:"max=10,unique,dive,party"`
	Documents     []IdentityDocument `json:"documents,omitempty" validate:"max=20,dive"`
	Address       string             `json:"address,omitempty" validate:"max=1000,plain"`
	Languages     []string           `json:"languages,omitempty" validate:"max=20,unique,dive,lang"`
	Description   *Text              `json:"description,omitempty"`
	Identifiers   []Identifier       `json:"identifiers,omitempty" validate:"max=100,dive"`
}

// An IdentityDocument is a passport or the like.
type IdentityDocument struct {
	Type   string `json:"type" validate:"required,oneof=passport identity-card residence-permit seafarer driving-licence other"`
	Number string `json:"number" validate:"required,max=100,plain"`
	Issuer string `json:"issuer" validate:"required,party"`
	Until  Time   `json:"until,omitzero"`
}

// An Entity is a legal person or an organisation without personality.
type Entity struct {
	Name Name `json:"name"`
	// Registration is its number in the register of the party Country.
	Registration string       `json:"registration,omitempty" validate:"max=100,plain"`
	Country      string       `json:"country,omitempty" validate:"omitempty,party"`
	Address      string       `json:"address,omitempty" validate:"max=1000,plain"`
	Identifiers  []Identifier `json:"identifiers,omitempty" validate:"max=100,dive"`
}

// An Item is a thing.
type Item struct {
	Description Text `json:"description"`
	// Origin is the country of origin.
	Origin      string       `json:"origin,omitempty" validate:"omitempty,party"`
	Value       *Amount      `json:"value,omitempty"`
	Identifiers []Identifier `json:"identifiers,omitempty" validate:"max=100,dive"`
}

// An Account is one with a service or a bank.
type Account struct {
	Provider    string       `json:"provider" validate:"required,max=300,plain"`
	Identifiers []Identifier `json:"identifiers" validate:"required,min=1,max=100,dive"`
	// Holder is the number of the subject who holds it, if known.
	Holder int64 `json:"holder,omitzero" validate:"omitempty,min=1,max=200"`
}

// An Identifier is something by which a person, device, account or asset can be
// found.
type Identifier struct {
	Type string `json:"type" validate:"required,oneof=ip domain url email phone account imei imsi mac asn virtual-asset transaction iban bank-account bic lei other"`
	// Value is in the one spelling of its type, which identifierForms holds.
	Value string `json:"value" validate:"required,max=500,plain"`
	// Port and At go with an IP address, which says little without them: many
	// subscribers share one.
	Port int64  `json:"port,omitzero" validate:"only=Type ip,omitempty,min=1,max=65535"`
	At   Moment `json:"at,omitzero" validate:"only=Type ip"`
	// Provider holds the account; it is the bank of a bank account without an
	// international number.
	Provider string `json:"provider,omitempty" validate:"needs=Type account bank-account,max=300,plain"`
	// Chain is the network of a virtual asset.
	Chain string `json:"chain,omitempty" validate:"needs=Type virtual-asset transaction,only=Type virtual-asset transaction,max=60,plain"`
}

// An Amount is a sum of money or a quantity of a virtual asset.
type Amount struct {
	// Value is a decimal number such as "1093412.57".
	Value string `json:"value" validate:"required,decimal"`
	// Currency is a code of ISO 4217, or the usual symbol of a virtual asset.
	Currency string `json:"currency" validate:"required,currency"`
}

// An Authorisation is a decision of a court or other authority on which a
// measure rests.
type Authorisation struct {
	Type   string `json:"type" validate:"required,oneof=warrant order judgment decision"`
	Issuer string `json:"issuer" validate:"required,max=300,plain"`
	Date   Time   `json:"date" validate:"required"`
	Number string `json:"number" validate:"required,max=100,plain"`
	// Attachment is the number of the attachment that is a copy of it.
	Attachment int64 `json:"attachment,omitzero" validate:"omitempty,min=1,max=200"`
	Note       *Text `json:"note,omitempty"`
}

// An Official is a person who takes part in office.
type Official struct {
	Name     string `json:"name" validate:"required,max=300,plain"`
	Function string `json:"function" validate:"required,max=300,plain"`
	Party    string `json:"party,omitempty" validate:"omitempty,party"`
	Role     string `json:"role,omitempty" validate:"max=300,plain"`
}

// An Attachment is a document that goes with a message; its file travels as
// sealed evidence.
type Attachment struct {
	Number    int64  `json:"number" validate:"min=1,max=200"`
	Role      string `json:"role" validate:"required,code=kind-of-document"`
	Name      string `json:"name" validate:"required,max=200,filename"`
	MediaType string `json:"media_type" validate:"required,media"`
	Size      int64  `json:"size" validate:"min=1"`
	SHA256    string `json:"sha256" validate:"required,digest"`
	Lang      string `json:"lang,omitempty" validate:"omitempty,lang"`
	Certified bool   `json:"certified"`
	// TranslationOf is the number of the attachment that it translates.
	TranslationOf int64  `json:"translation_of,omitzero" validate:"omitempty,min=1,max=200"`
	Handling      string `json:"handling,omitempty" validate:"omitempty,code=handling-code"`
}
