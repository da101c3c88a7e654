package locale

import (
	"regexp"
	"strings"
)

// named matches a place in a sentence.
var named = regexp.MustCompile(`\{\{[^}]*\}\}`)

// outsidePlaces changes a sentence but for its places.
func outsidePlaces(s string, change func(string) string) string {
	var b strings.Builder
	at := 0
	for _, m := range named.FindAllStringIndex(s, -1) {
		b.WriteString(change(s[at:m[0]]))
		b.WriteString(s[m[0]:m[1]])
		at = m[1]
	}
	b.WriteString(change(s[at:]))
	return b.String()
}

var accents = strings.NewReplacer(
	"a", "á", "b", "ƀ", "c", "ç", "d", "ð", "e", "é", "f", "ƒ", "g", "ğ", "h", "ĥ", "i", "í", "k", "ķ", "l", "ŀ",
	"n", "ñ", "o", "ó", "r", "ŕ", "s", "š", "t", "ţ", "u", "ú", "w", "ŵ", "y", "ý", "z", "ž",
	"A", "Å", "C", "Ç", "D", "Ð", "E", "É", "G", "Ğ", "I", "Î", "N", "Ñ", "O", "Ö", "S", "Š", "T", "Ţ", "U", "Û", "Y", "Ý",
)

// lengthen makes a sentence four tenths longer and gives it accents: what is
// cut off, or was never a sentence of the catalogue, is seen.
func lengthen(s string) string {
	const more = "one two three four five six seven eight nine ten"
	words := strings.Fields(more)
	var b strings.Builder
	b.WriteString(outsidePlaces(s, accents.Replace))
	for i, extra := 0, len(s)*4/10; extra > 0; i++ {
		word := words[i%len(words)]
		b.WriteString(" " + word)
		extra -= len(word) + 1
	}
	return "[" + b.String() + "]"
}

// mirror makes a sentence run from right to left.
func mirror(s string) string {
	return outsidePlaces(s, func(part string) string {
		if strings.TrimSpace(part) == "" {
			return part
		}
		return "\u202e" + part + "\u202c" // right-to-left override, and its end
	})
}
