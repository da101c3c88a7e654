package locale

import (
	"html/template"
	"regexp"
	"strings"
)

// Isolates of the Unicode bidirectional algorithm (UAX #9).
const (
	leftToRight = '\u2066'
	firstStrong = '\u2068'
	pop         = '\u2069'
)

// Value isolates a machine value (a date in figures, an address, a reference, a
// digest) in plain text, so that it is read from left to right everywhere.
func Value(s string) string { return isolate(leftToRight, s) }

// isolate puts text between isolates, unless it stands between some already.
func isolate(kind rune, s string) string {
	if s == "" || strings.HasPrefix(s, string(leftToRight)) || strings.HasPrefix(s, string(firstStrong)) {
		return s
	}
	return string(kind) + s + string(pop)
}

// Bare returns text without isolates, for files that programs read.
func Bare(s string) string {
	return strings.NewReplacer(string(leftToRight), "", string(firstStrong), "", string(pop), "").Replace(s)
}

// V isolates a machine value in HTML.
func V(s string) template.HTML {
	return template.HTML(`<bdi dir="ltr">` + template.HTMLEscapeString(s) + `</bdi>`) //nolint:gosec // escaped
}

// machine matches what keeps its order inside what people write: dates and
// times in figures, addresses, digests, references.
var machine = regexp.MustCompile(strings.Join([]string{
	`[0-9]{4}-[0-9]{2}-[0-9]{2}(?:[T ][0-9]{2}:[0-9]{2}(?::[0-9]{2})?(?: ?(?:Z|UTC|[+-][0-9]{2}:?[0-9]{2}))?)?`,
	`[A-Za-z0-9._%+-]+@[A-Za-z0-9.-]+\.[A-Za-z]{2,}`,
	`https?://[^\s<>"]+`,
	`[0-9]{1,3}(?:\.[0-9]{1,3}){3}(?::[0-9]{1,5}|/[0-9]{1,2})?`,
	`(?:[0-9A-Fa-f]{1,4}:){2,7}[0-9A-Fa-f:]*[0-9A-Fa-f]`,
	`\b[0-9A-Fa-f]{16,}\b`,
	`\+[0-9][0-9 ()-]{5,}[0-9]`,
	`\b[A-Za-z0-9]+(?:[-/_.][A-Za-z0-9]+)*[-/_][0-9][A-Za-z0-9]*(?:[-/_.][A-Za-z0-9]+)*`,
}, "|"))

// Prose is what a person wrote, in HTML: escaped, with the machine values in it
// isolated and its lines kept.
func Prose(s string) template.HTML {
	var b strings.Builder
	for i, line := range strings.Split(strings.ReplaceAll(s, "\r\n", "\n"), "\n") {
		if i > 0 {
			b.WriteString("<br>")
		}
		at := 0
		for _, m := range machine.FindAllStringIndex(line, -1) {
			template.HTMLEscape(&b, []byte(line[at:m[0]]))
			b.WriteString(string(V(line[m[0]:m[1]])))
			at = m[1]
		}
		template.HTMLEscape(&b, []byte(line[at:]))
	}
	return template.HTML(b.String()) //nolint:gosec // escaped piece by piece
}
