package locale

import (
	"fmt"
	"html/template"
	"strconv"
	"strings"
	"time"

	_ "time/tzdata" // a static binary knows the zones
)

// months are the names of the months as they stand in a date; those of Arabic
// are given both ways, as the United Nations write them.
var months = map[string][12]string{
	"ar": {
		"كانون الثاني/يناير", "شباط/فبراير", "آذار/مارس", "نيسان/أبريل", "أيار/مايو", "حزيران/يونيه",
		"تموز/يوليه", "آب/أغسطس", "أيلول/سبتمبر", "تشرين الأول/أكتوبر", "تشرين الثاني/نوفمبر", "كانون الأول/ديسمبر",
	},
	"en": {
		"January", "February", "March", "April", "May", "June",
		"July", "August", "September", "October", "November", "December",
	},
	"es": {
		"enero", "febrero", "marzo", "abril", "mayo", "junio",
		"julio", "agosto", "septiembre", "octubre", "noviembre", "diciembre",
	},
	"fr": {
		"janvier", "février", "mars", "avril", "mai", "juin",
		"juillet", "août", "septembre", "octobre", "novembre", "décembre",
	},
	"ru": {
		"января", "февраля", "марта", "апреля", "мая", "июня",
		"июля", "августа", "сентября", "октября", "ноября", "декабря",
	},
}

// dates are how a day is written: day, month, year.
var dates = map[string]string{
	"ar": "%[1]d %[2]s %[3]d",
	"en": "%[1]d %[2]s %[3]d",
	"es": "%[1]d de %[2]s de %[3]d",
	"fr": "%[1]d %[2]s %[3]d",
	"ru": "%[1]d %[2]s %[3]d г.",
}

// Date returns the day of a time, in the time's own zone.
func (l *Localizer) Date(t time.Time) string {
	switch l.Tag {
	case "vi":
		return Value(t.Format("02/01/2006"))
	case "zh-Hans":
		return fmt.Sprintf("%d年%d月%d日", t.Year(), t.Month(), t.Day())
	}
	tag := l.Tag
	if _, ok := dates[tag]; !ok {
		tag = "en"
	}
	if tag == "fr" && t.Day() == 1 {
		return fmt.Sprintf("1er %s %d", months[tag][t.Month()-1], t.Year())
	}
	return fmt.Sprintf(dates[tag], t.Day(), months[tag][t.Month()-1], t.Year())
}

// DateTime returns a day and a time of that day with its distance from UTC,
// and the same in UTC: officers of two States read it.
func (l *Localizer) DateTime(t time.Time, zone *time.Location) string {
	local := t.In(zone)
	clock := Value(local.Format("15:04") + " " + offset(local))
	text := l.Date(local) + l.comma() + clock
	utc := t.UTC()
	switch {
	case local.Format("-07:00") == "+00:00":
		return text
	case local.Day() == utc.Day():
		return text + " (" + Value(utc.Format("15:04")+" UTC") + ")"
	}
	return text + " (" + Value(utc.Format("2006-01-02 15:04")+" UTC") + ")"
}

// comma stands between a day and a time of that day.
func (l *Localizer) comma() string {
	switch l.Tag {
	case "ar":
		return "، "
	case "zh-Hans":
		return " "
	}
	return ", "
}

// offset is a time's distance from UTC: UTC, UTC+3, UTC-4:30.
func offset(t time.Time) string {
	_, seconds := t.Zone()
	if seconds == 0 {
		return "UTC"
	}
	sign := "+"
	if seconds < 0 {
		sign, seconds = "-", -seconds
	}
	text := "UTC" + sign + strconv.Itoa(seconds/3600)
	if minutes := seconds / 60 % 60; minutes != 0 {
		text += fmt.Sprintf(":%02d", minutes)
	}
	return text
}

// TimeHTML is DateTime for pages, with the same time for machines.
func (l *Localizer) TimeHTML(t time.Time, zone *time.Location) template.HTML {
	return element(t.UTC().Format(time.RFC3339), l.DateTime(t, zone))
}

// DateHTML is Date for pages, with the same day for machines.
func (l *Localizer) DateHTML(t time.Time) template.HTML {
	return element(t.Format(time.DateOnly), l.Date(t))
}

func element(machine, text string) template.HTML {
	return template.HTML(`<time datetime="` + machine + `">` + template.HTMLEscapeString(text) + `</time>`) //nolint:gosec // escaped
}

// From returns how far a time is from now, roughly: in 3 hours, 2 days ago. It
// rounds towards now, so that a deadline never looks further off than it is.
func (l *Localizer) From(now, t time.Time) string {
	d := t.Sub(now)
	minutes, hours, days := int(d.Abs().Minutes()), int(d.Abs().Hours()), int(d.Abs().Hours()/24)
	switch {
	case minutes == 0:
		return l.T("common.now")
	case hours == 0 && d > 0:
		return l.T("common.in_minutes", "Count", minutes)
	case hours == 0:
		return l.T("common.ago_minutes", "Count", minutes)
	case days < 2 && d > 0:
		return l.T("common.in_hours", "Count", hours)
	case days < 2:
		return l.T("common.ago_hours", "Count", hours)
	case d > 0:
		return l.T("common.in_days", "Count", days)
	}
	return l.T("common.ago_days", "Count", days)
}

// Bytes writes a size, rounded, with its unit.
func (l *Localizer) Bytes(n int64) string {
	units := []string{"B", "kB", "MB", "GB", "TB"}
	i, rest := 0, n
	for ; rest >= 10_000 && i < len(units)-1; i++ {
		rest /= 1000
	}
	return l.Number(rest) + "\u00a0" + units[i]
}

// Number returns a whole number in figures, in groups of three from five
// figures on. The figures are the same in every language, as in references.
func (l *Localizer) Number(n int64) string {
	text := strconv.FormatInt(n, 10)
	digits := strings.TrimPrefix(text, "-")
	if len(digits) < 5 {
		return text
	}
	var b strings.Builder
	b.WriteString(strings.TrimSuffix(text, digits))
	for i, d := range digits {
		if i > 0 && (len(digits)-i)%3 == 0 {
			b.WriteString(l.groups())
		}
		b.WriteRune(d)
	}
	return b.String()
}

// groups stands between groups of three figures.
func (l *Localizer) groups() string {
	switch l.Tag {
	case "en", "zh-Hans", "ar", PseudoLong, PseudoMirrored:
		return ","
	case "vi":
		return "."
	}
	return "\u202f" // narrow and without a break
}
