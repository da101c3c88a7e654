package desk

import (
	"slices"
	"strings"
)

// excerptRunes is how long an excerpt is at most, in characters.
const excerptRunes = 200

// excerpt returns the line of a text that holds most of the words that were asked
// for, cut around the first of them; "" where no line holds any.
func excerpt(text, asked string) string {
	var words []string
	for part := range strings.FieldsSeq(asked) {
		if s := spelt(part); s != "" {
			words = append(words, s)
		}
	}
	lines := strings.Split(text, "\n")
	slices.Sort(lines) // the order of the members of a body says nothing
	best, most := "", 0
	for _, line := range lines {
		n, in := 0, " "+spelt(line)
		for _, w := range words {
			if strings.Contains(in, " "+w) {
				n++
			}
		}
		if n > most {
			best, most = line, n
		}
	}
	return around(best, words)
}

// around cuts a line to what stands around the first word of it that begins like
// one of those asked for.
func around(line string, asked []string) string {
	characters := []rune(line)
	if len(characters) <= excerptRunes {
		return line
	}
	at := 0
	for i, r := range characters {
		if i > 0 && r != ' ' {
			continue
		}
		rest := spelt(string(characters[i:min(i+excerptRunes/2, len(characters))]))
		if slices.ContainsFunc(asked, func(w string) bool { return strings.HasPrefix(rest, w) }) {
			at = i
			break
		}
	}
	from := max(0, at-excerptRunes/3)
	to := min(len(characters), from+excerptRunes)
	out := strings.TrimSpace(string(characters[from:to]))
	if from > 0 {
		out = "… " + out
	}
	if to < len(characters) {
		out += " …"
	}
	return out
}
