package demo

import (
	"maps"

	"github.com/entraide/entraide/internal/desk"
	"github.com/entraide/entraide/pkg/directory"
)

// A state is a fictitious State of the demonstration. Its code is one that ISO
// 3166-1 leaves to users; its names come from the sample cases.
type state struct {
	code      string
	names     map[string]string
	languages map[string][]string // by lane
	zone      string
	central   map[string]string   // names of the central authority
	contact   map[string]string   // names of the 24/7 contact point
	positions map[string][]string // what sets its law apart: rows of the list stance
}

// states are the seven States of the sample cases.
var states = []state{
	{
		code: "QM", zone: "Africa/Cairo",
		names: map[string]string{"ar": "جمهورية ميريديا", "en": "Republic of Meridia"},
		languages: map[string][]string{
			"emergency": {"ar", "fr", "en"}, "urgent": {"ar", "fr", "en"}, "routine": {"ar", "fr"},
		},
		central:   map[string]string{"ar": "وزارة العدل – مديرية التعاون القضائي", "en": "Ministry of Justice, Judicial Cooperation"},
		contact:   map[string]string{"ar": "نقطة الاتصال الوطنية", "en": "National Contact Point"},
		positions: map[string][]string{"dual-criminality-none": {}},
	},
	{
		code: "QN", zone: "Europe/Oslo",
		names:     map[string]string{"en": "Federation of Northmark"},
		languages: map[string][]string{"emergency": {"en"}, "urgent": {"en"}, "routine": {"en"}},
		central:   map[string]string{"en": "Northmark Department of Justice, MLA Office"},
		contact:   map[string]string{"en": "Northmark Cyber Desk"},
		positions: map[string][]string{"dual-criminality-none": {}, "user-notification-law": {}},
	},
	{
		code: "QP", zone: "Africa/Dakar",
		names:     map[string]string{"fr": "République de la Palmeraie", "en": "Republic of Palmeraie"},
		languages: map[string][]string{"emergency": {"fr", "en"}, "urgent": {"fr", "en"}, "routine": {"fr", "en"}},
		central:   map[string]string{"fr": "Ministère de la Justice, Bureau de l’entraide"},
		contact:   map[string]string{"fr": "Cellule 24/7"},
		positions: map[string][]string{"dual-criminality-none": {}, "privilege-filter": {}},
	},
	{
		code: "QR", zone: "Asia/Shanghai",
		names:     map[string]string{"zh-Hans": "瑞海共和国", "en": "Republic of Ruihai"},
		languages: map[string][]string{"emergency": {"zh-Hans", "en"}, "urgent": {"zh-Hans", "en"}, "routine": {"zh-Hans", "en"}},
		central:   map[string]string{"zh-Hans": "瑞海司法部司法协助司"},
		contact:   map[string]string{"zh-Hans": "网络犯罪联络点"},
		positions: map[string][]string{"dual-criminality-coercive": {}, "requires-assurances": {"T08", "T09", "T12", "T13", "T14", "T18"}},
	},
	{
		code: "QS", zone: "Asia/Ho_Chi_Minh",
		names:     map[string]string{"vi": "Cộng hòa Hải Sơn", "en": "Republic of Hai Son"},
		languages: map[string][]string{"emergency": {"vi", "en"}, "urgent": {"vi", "en"}, "routine": {"vi", "en"}},
		central:   map[string]string{"vi": "Viện Công tố Trung ương – Vụ Hợp tác quốc tế"},
		contact:   map[string]string{"vi": "Đầu mối 24/7"},
		positions: map[string][]string{"dual-criminality-none": {}},
	},
	{
		code: "QT", zone: "America/Bogota",
		names:     map[string]string{"es": "República de Tierra Clara", "en": "Republic of Tierra Clara"},
		languages: map[string][]string{"emergency": {"es", "en"}, "urgent": {"es", "en"}, "routine": {"es", "en"}},
		central:   map[string]string{"es": "Fiscalía General, Unidad de Cooperación"},
		contact:   map[string]string{"es": "Punto de contacto 24/7"},
		positions: map[string][]string{"dual-criminality-none": {}, "requires-diplomatic-channel": {"T18", "T19"}},
	},
	{
		code: "QV", zone: "Asia/Almaty",
		names:     map[string]string{"ru": "Республика Верхоречье", "en": "Republic of Verkhorechye"},
		languages: map[string][]string{"emergency": {"ru", "en"}, "urgent": {"ru", "en"}, "routine": {"ru", "en"}},
		central:   map[string]string{"ru": "Генеральная прокуратура, Управление правовой помощи"},
		contact:   map[string]string{"ru": "Контактный пункт 24/7"},
		positions: map[string][]string{"dual-criminality-none": {}, "reservation-preservation": {}},
	},
}

// authorities returns the two authorities that every State enrols.
func (s state) authorities() []desk.AuthorityOptions {
	return []desk.AuthorityOptions{
		{Label: "24-7", Roles: []string{"24-7"}, Names: s.contact, Languages: s.languages, Hours: "24/7", TimeZone: s.zone, Stance: s.stance()},
		{Label: "mla", Roles: []string{"central"}, Names: s.central, Languages: s.languages, Hours: "Mon-Fri 08:00-17:00", TimeZone: s.zone, Stance: s.stance()},
	}
}

// treaties are in force between all States of the demonstration.
var treaties = []string{"UNCC", "UNTOC", "UNCAC"}

// serviceLeadDays is how long before the date of appearance a document must
// arrive in each of them.
const serviceLeadDays = 30

// stance is what the State says of its law: what sets it apart, and what all
// States of the demonstration have in common.
func (s state) stance() directory.Stance {
	common := map[string][]string{"accepts-electronic": {}, "accepts-oral": {}, "extradition-treaty-basis": {}, "confiscation-treaty-basis": {}}
	maps.Copy(common, s.positions)
	stance := directory.Stance{
		Positions: common, Treaties: map[string][]string{}, ServiceLeadDays: serviceLeadDays, Notes: map[string]string{},
	}
	for _, other := range states {
		if other.code != s.code {
			stance.Treaties[other.code] = treaties
		}
	}
	return stance
}
