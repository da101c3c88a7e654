package convention

import (
	"fmt"
	"slices"
	"strings"
)

// A Decision decides on measures.
type Decision struct {
	Head
	Items []DecisionItem `json:"items" validate:"required,min=1,max=200,unique=Measure,dive"`
	// Authority executes what was accepted.
	Authority *Authority `json:"authority,omitempty"`
	Remedies  *Text      `json:"remedies,omitempty"`
}

// A DecisionItem decides on one measure.
type DecisionItem struct {
	Measure int64 `json:"measure" validate:"min=1,max=200"`
	// Type is the measure's type, on which the possible grounds depend.
	Type    string `json:"type" validate:"required,code=measure-type"`
	Outcome string `json:"outcome" validate:"required,code=decision-outcome"`
	// Grounds are given if and only if something is refused.
	Grounds []string `json:"grounds,omitempty" validate:"needs=Outcome refused partly,only=Outcome refused partly,omitempty,max=20,unique,contains=!refusal-ground.never_alone,dive,code=refusal-ground"`
	// Postponement says which proceeding would be disturbed.
	Postponement string `json:"postponement,omitempty" validate:"needs=Outcome postponed,only=Outcome postponed,omitempty,code=postponement-ground"`
	// Reasons are given unless the measure is accepted whole.
	Reasons *Text `json:"reasons,omitempty" validate:"needs=Outcome partly refused postponed"`
	// Consultation is the digest of the message that consulted on a refusal or
	// postponement.
	Consultation string `json:"consultation,omitempty" validate:"needs=Outcome postponed,omitempty,digest"`
	// Review is when a postponed measure is looked at again.
	Review Time `json:"review,omitzero" validate:"needs=Outcome postponed,only=Outcome postponed"`
	// Until is the new end of a preservation that was extended.
	Until Time `json:"until,omitzero"`
}

func (d *Decision) summary() string {
	var items []string
	for _, i := range d.Items {
		items = append(items, fmt.Sprintf("measure %d (%s) %s%s", i.Measure, Label(listMeasure, i.Type, "en"), i.Outcome, by(" until ", i.Until)))
	}
	return "Decision: " + strings.Join(items, "; ")
}

// Preserved says that data were secured, and for how long.
type Preserved struct {
	Head
	// Reference is the requested authority's own, by which an extension names
	// the preservation.
	Reference string          `json:"reference" validate:"required,max=100,plain"`
	Items     []PreservedItem `json:"items" validate:"required,min=1,max=200,dive"`
}

// A PreservedItem is what was secured for one measure.
type PreservedItem struct {
	Measure    int64    `json:"measure" validate:"min=1,max=200"`
	Categories []string `json:"categories" validate:"required,min=1,max=10,unique,dive,code=data-category"`
	Data       Text     `json:"data"`
	// Custodian is left out where it cannot be shared.
	Custodian string `json:"custodian,omitempty" validate:"max=300,plain"`
	From      Time   `json:"from" validate:"required"`
	// Until is at least the shortest duration of the measure after From.
	Until Time `json:"until" validate:"required"`
	// Order is the domestic order's reference.
	Order        string `json:"order" validate:"required,max=100,plain"`
	UserNotified string `json:"user_notified" validate:"required,oneof=no yes required"`
	// UserNoticeOn is when the law requires the user to be notified.
	UserNoticeOn Time `json:"user_notice_on,omitzero" validate:"needs=UserNotified required,only=UserNotified required"`
}

func (p *Preserved) summary() string {
	if len(p.Items) == 0 {
		return "Data preserved (" + p.Reference + ")"
	}
	until := p.Items[0].Until
	for _, i := range p.Items {
		if i.Until.Before(until.Time) {
			until = i.Until
		}
	}
	return fmt.Sprintf("Data preserved%s (%s)", by(" until ", until), p.Reference)
}

// A TrafficDisclosure discloses enough preserved traffic data to identify a
// provider in another State and the path of a communication.
type TrafficDisclosure struct {
	Head
	Preservation  string        `json:"preservation" validate:"required,max=100,plain"`
	Communication []DataSet     `json:"communication" validate:"required,min=1,max=100,dive"`
	Provider      Provider      `json:"provider"`
	Path          []PathElement `json:"path" validate:"required,min=1,max=200,dive"`
	// Sufficiency says why this is enough to identify provider and path.
	Sufficiency Text      `json:"sufficiency"`
	Withheld    *Withheld `json:"withheld,omitempty"`
}

// A Provider is a service provider and the State in which it is.
type Provider struct {
	Name  string `json:"name" validate:"required,max=300,plain"`
	Party string `json:"party" validate:"required,party"`
}

// A PathElement is one station of a communication.
type PathElement struct {
	IP   string `json:"ip" validate:"required,ip"`
	Port int64  `json:"port,omitzero" validate:"omitempty,min=1,max=65535"`
	// ASN is the autonomous system, such as AS64500.
	ASN string `json:"asn,omitempty" validate:"omitempty,asn"`
	At  Time   `json:"at,omitzero"`
}

// Withheld says what is not disclosed, and why.
type Withheld struct {
	Ground  string `json:"ground" validate:"required,code=refusal-ground.preservation"`
	Reasons Text   `json:"reasons"`
}

func (t *TrafficDisclosure) summary() string {
	return fmt.Sprintf("Traffic data lead to %s in %s (%s)", t.Provider.Name, t.Provider.Party, t.Preservation)
}

// A Delivery hands over results per measure.
type Delivery struct {
	Head
	// Final says that nothing more will come.
	Final    bool             `json:"final"`
	Results  []DeliveryResult `json:"results" validate:"required,min=1,max=200,unique=Measure,dive"`
	Packages []Package        `json:"packages,omitempty" validate:"max=200,numbered,dive"`
	// Executing answers for the authenticity of what is delivered.
	Executing Contact `json:"executing"`
	// Procedures says which formalities were kept, or why not.
	Procedures   *Text       `json:"procedures,omitempty"`
	Conditions   []Condition `json:"conditions,omitempty" validate:"max=50,numbered,dive"`
	UserNotified string      `json:"user_notified,omitempty" validate:"omitempty,oneof=no yes required"`
	Costs        *Text       `json:"costs,omitempty"`
	Remedies     *Text       `json:"remedies,omitempty"`
	Returns      *Text       `json:"returns,omitempty"`
	// Certificate is the certificate of authenticity.
	Certificate  *Text        `json:"certificate,omitempty"`
	Translations *Text        `json:"translations,omitempty"`
	Attachments  []Attachment `json:"attachments,omitempty" validate:"max=200,numbered,dive"`
}

// A DeliveryResult is what came of one measure.
type DeliveryResult struct {
	Measure int64  `json:"measure" validate:"min=1,max=200"`
	Type    string `json:"type" validate:"required,code=measure-type"`
	Result  string `json:"result" validate:"required,code=delivery-result"`
	// Reasons are given unless the measure was executed whole.
	Reasons *Text `json:"reasons,omitempty" validate:"needs=Result partly not-executed refused postponed"`
	// Grounds are those of what was refused.
	Grounds     []string `json:"grounds,omitempty" validate:"needs=Result refused,omitempty,max=20,unique,contains=!refusal-ground.never_alone,dive,code=refusal-ground"`
	Outstanding *Text    `json:"outstanding,omitempty" validate:"needs=Result partly"`
	Expected    Time     `json:"expected,omitzero"`
}

// A Package is an item of evidence. Its file travels as sealed evidence.
type Package struct {
	// Number counts from 1 in their order.
	Number      int64  `json:"number" validate:"min=1,max=200"`
	Measure     int64  `json:"measure" validate:"min=1,max=200"`
	Description Text   `json:"description"`
	Origin      string `json:"origin" validate:"required,max=300,plain"`
	AcquiredAt  Time   `json:"acquired_at" validate:"required"`
	Method      string `json:"method" validate:"required,max=300,plain"`
	MediaType   string `json:"media_type" validate:"required,media"`
	Size        int64  `json:"size" validate:"min=1"`
	SHA256      string `json:"sha256" validate:"required,digest"`
	// Custody is in order of time.
	Custody []CustodyEvent `json:"custody" validate:"required,min=1,max=100,dive"`
	// Medium is what carries the sealed evidence, if not the broker.
	Medium *Medium `json:"medium,omitempty"`
}

// A Medium is a physical medium that carries a package, sealed as evidence is.
type Medium struct {
	Description string `json:"description" validate:"required,max=300,plain"` // what it is, with its serial number
	Courier     string `json:"courier" validate:"required,max=300,plain"`
	// Seals are the numbers on its bag or box.
	Seals []string `json:"seals" validate:"required,min=1,max=100,unique,dive,required,max=100,plain"`
	// Manifest is the digest of the list of parts on it, and SealedBytes their
	// size together.
	Manifest    string `json:"manifest" validate:"required,digest"`
	SealedBytes int64  `json:"sealed_bytes" validate:"min=1"`
	// Restricted is material that needs a permission of its own to be seen.
	Restricted bool `json:"restricted,omitzero"`
}

// Describes reports whether a package is a file of that size and digest.
func (d *Delivery) Describes(size int64, sha256 string) bool {
	return slices.ContainsFunc(d.Packages, func(p Package) bool { return p.Size == size && p.SHA256 == sha256 })
}

// A CustodyEvent is one step of the chain of custody.
type CustodyEvent struct {
	At    Time   `json:"at" validate:"required"`
	By    string `json:"by" validate:"required,max=300,plain"`
	Event string `json:"event" validate:"required,max=300,plain"`
	// Code is the step in the terms of ISO/IEC 27037.
	Code string `json:"code,omitempty" validate:"omitempty,code=custody-event"`
}

func (d *Delivery) summary() string {
	which := "Part of the results"
	if d.Final {
		which = "Final results"
	}
	return fmt.Sprintf("%s: %s in %s", which, count(len(d.Results), "measure"), count(len(d.Packages), "package"))
}

// A ReceiptOfEvidence says whether what was delivered arrived intact.
type ReceiptOfEvidence struct {
	Head
	// Delivery is the digest of the message that delivered.
	Delivery string        `json:"delivery" validate:"required,digest"`
	Received Time          `json:"received" validate:"required"`
	Packages []PackageItem `json:"packages" validate:"required,min=1,max=200,unique=Number,dive"`
}

// A PackageItem is the finding on one package. What is not ok is explained.
type PackageItem struct {
	Number int64  `json:"number" validate:"min=1,max=200"`
	Result string `json:"result" validate:"required,oneof=ok mismatch unreadable missing"`
	SHA256 string `json:"sha256,omitempty" validate:"omitempty,digest"`
	Note   *Text  `json:"note,omitempty" validate:"needs=Result mismatch unreadable missing"`
}

func (r *ReceiptOfEvidence) summary() string {
	ok := 0
	for _, p := range r.Packages {
		if p.Result == "ok" {
			ok++
		}
	}
	return fmt.Sprintf("%d of %s arrived intact", ok, count(len(r.Packages), "package"))
}
