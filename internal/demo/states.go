package demo

import "github.com/entraide/entraide/internal/desk"

// A state is a fictitious State of the demonstration. Its code is one that ISO
// 3166-1 leaves to users; its names come from the sample cases.
type state struct {
	code      string
	names     map[string]string
	languages map[string][]string // by lane
	zone      string
	central   map[string]string // names of the central authority
	contact   map[string]string // names of the 24/7 contact point
}

// states are the seven States of the sample cases.
var states = []state{
	{
		code: "QM", zone: "Africa/Cairo",
		names: map[string]string{"ar": "جمهورية ميريديا", "en": "Republic of Meridia"},
		languages: map[string][]string{
			"emergency": {"ar", "fr", "en"}, "urgent": {"ar", "fr", "en"}, "routine": {"ar", "fr"},
		},
		central: map[string]string{"ar": "وزارة العدل – مديرية التعاون القضائي", "en": "Ministry of Justice, Judicial Cooperation"},
		contact: map[string]string{"ar": "نقطة الاتصال الوطنية", "en": "National Contact Point"},
	},
	{
		code: "QN", zone: "Europe/Oslo",
		names:     map[string]string{"en": "Federation of Northmark"},
		languages: map[string][]string{"emergency": {"en"}, "urgent": {"en"}, "routine": {"en"}},
		central:   map[string]string{"en": "Northmark Department of Justice, MLA Office"},
		contact:   map[string]string{"en": "Northmark Cyber Desk"},
	},
	{
		code: "QP", zone: "Africa/Dakar",
		names:     map[string]string{"fr": "République de la Palmeraie", "en": "Republic of Palmeraie"},
		languages: map[string][]string{"emergency": {"fr", "en"}, "urgent": {"fr", "en"}, "routine": {"fr", "en"}},
		central:   map[string]string{"fr": "Ministère de la Justice, Bureau de l’entraide"},
		contact:   map[string]string{"fr": "Cellule 24/7"},
	},
	{
		code: "QR", zone: "Asia/Shanghai",
		names:     map[string]string{"zh-Hans": "瑞海共和国", "en": "Republic of Ruihai"},
		languages: map[string][]string{"emergency": {"zh-Hans", "en"}, "urgent": {"zh-Hans", "en"}, "routine": {"zh-Hans", "en"}},
		central:   map[string]string{"zh-Hans": "瑞海司法部司法协助司"},
		contact:   map[string]string{"zh-Hans": "网络犯罪联络点"},
	},
	{
		code: "QS", zone: "Asia/Ho_Chi_Minh",
		names:     map[string]string{"vi": "Cộng hòa Hải Sơn", "en": "Republic of Hai Son"},
		languages: map[string][]string{"emergency": {"vi", "en"}, "urgent": {"vi", "en"}, "routine": {"vi", "en"}},
		central:   map[string]string{"vi": "Viện Công tố Trung ương – Vụ Hợp tác quốc tế"},
		contact:   map[string]string{"vi": "Đầu mối 24/7"},
	},
	{
		code: "QT", zone: "America/Bogota",
		names:     map[string]string{"es": "República de Tierra Clara", "en": "Republic of Tierra Clara"},
		languages: map[string][]string{"emergency": {"es", "en"}, "urgent": {"es", "en"}, "routine": {"es", "en"}},
		central:   map[string]string{"es": "Fiscalía General, Unidad de Cooperación"},
		contact:   map[string]string{"es": "Punto de contacto 24/7"},
	},
	{
		code: "QV", zone: "Asia/Almaty",
		names:     map[string]string{"ru": "Республика Верхоречье", "en": "Republic of Verkhorechye"},
		languages: map[string][]string{"emergency": {"ru", "en"}, "urgent": {"ru", "en"}, "routine": {"ru", "en"}},
		central:   map[string]string{"ru": "Генеральная прокуратура, Управление правовой помощи"},
		contact:   map[string]string{"ru": "Контактный пункт 24/7"},
	},
}

// authorities returns the two authorities that every State enrols.
func (s state) authorities() []desk.AuthorityOptions {
	return []desk.AuthorityOptions{
		{Label: "24-7", Roles: []string{"24-7"}, Names: s.contact, Languages: s.languages, Hours: "24/7", TimeZone: s.zone},
		{Label: "mla", Roles: []string{"central"}, Names: s.central, Languages: s.languages, Hours: "Mon-Fri 08:00-17:00", TimeZone: s.zone},
	}
}
