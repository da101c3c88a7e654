package desk

import (
	"encoding/json"
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"

	"github.com/entraide/entraide/internal/store"
)

// Texts are searched by words that are spelt alike in the texts and in what is
// asked for: without case, marks and variants of letters. Chinese and Japanese,
// which do not part their words, are cut into every pair of neighbouring
// characters, so that a word of any length is a phrase of pairs.

// letters are those whose variants decomposition does not bring together: Latin
// letters with a stroke, and Arabic letters that are written for one another.
var letters = strings.NewReplacer(
	"đ", "d", "ø", "o", "ł", "l", "ħ", "h", "ı", "i", "ß", "ss", "æ", "ae", "œ", "oe", "þ", "th", "ð", "d",
	"ٱ", "ا", "ى", "ي", "ة", "ه", "ک", "ك", "ی", "ي", "ـ", "",
)

// fold spells a text without case, marks and variants of letters.
func fold(text string) string {
	var b strings.Builder
	for _, r := range norm.NFKD.String(letters.Replace(strings.ToLower(text))) {
		switch {
		case unicode.Is(unicode.Mn, r): // marks, such as those of Vietnamese and Arabic
		case r >= '٠' && r <= '٩':
			b.WriteRune(r - '٠' + '0')
		case r >= '۰' && r <= '۹':
			b.WriteRune(r - '۰' + '0')
		default:
			b.WriteRune(r)
		}
	}
	return letters.Replace(b.String()) // what decomposition has brought to light
}

// unparted reports whether a letter is of a script that does not part its words.
func unparted(r rune) bool {
	return unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Thai, unicode.Lao, unicode.Khmer, unicode.Myanmar)
}

// articles are those of Arabic, which are written with their noun, some with a
// conjunction or preposition before them.
var articles = []string{"وال", "بال", "كال", "فال", "ال", "لل"}

// bare takes the article off an Arabic noun, so that it is found with and without.
func bare(word string) string {
	for _, article := range articles {
		if rest, ok := strings.CutPrefix(word, article); ok && len([]rune(rest)) >= 3 {
			return rest
		}
	}
	return word
}

// A run is a word, or characters without a gap of a script that does not part
// its words.
type run struct {
	text     string
	unparted bool
}

// runsOf cuts a text into its runs.
func runsOf(text string) []run {
	var runs []run
	var b strings.Builder
	kind := false
	end := func() {
		if b.Len() > 0 {
			runs = append(runs, run{bare(b.String()), kind})
			b.Reset()
		}
	}
	for _, r := range fold(text) {
		if !unicode.IsLetter(r) && !unicode.IsNumber(r) && !unicode.Is(unicode.Mc, r) {
			end()
			continue
		}
		if now := unparted(r); now != kind {
			end()
			kind = now
		}
		b.WriteRune(r)
	}
	end()
	return runs
}

// spelt spells a text as it is kept for searching. The last character of a run
// that is cut into pairs is kept alone too, so that every character begins a
// word.
func spelt(text string) string {
	var all []string
	for _, r := range runsOf(text) {
		if !r.unparted {
			all = append(all, r.text)
			continue
		}
		characters := []rune(r.text)
		for i := range characters {
			all = append(all, string(characters[i:min(i+2, len(characters))]))
		}
	}
	return strings.Join(all, " ")
}

// query spells what is asked for: every part between blanks is a phrase that must
// be there; with open set, the last word of a part of letters may go on. It is empty
// where there is nothing to look for.
func query(asked string, open bool) []store.Phrase {
	var phrases []store.Phrase
	for part := range strings.FieldsSeq(asked) {
		phrases = append(phrases, phrasesOf(runsOf(part), open)...)
	}
	return phrases
}

// phrasesOf makes phrases of the runs of a part: one of its words in their order,
// and one of each run of characters.
func phrasesOf(runs []run, open bool) (phrases []store.Phrase) {
	var plain []string
	end := func() {
		if len(plain) > 0 {
			phrases = append(phrases, store.Phrase{Words: plain, Open: open && tells(plain[len(plain)-1])})
			plain = nil
		}
	}
	for _, r := range runs {
		if !r.unparted {
			plain = append(plain, r.text)
			continue
		}
		end()
		characters := []rune(r.text)
		if len(characters) == 1 {
			phrases = append(phrases, store.Phrase{Words: []string{r.text}, Open: true})
			continue
		}
		var pairs []string
		for i := range len(characters) - 1 {
			pairs = append(pairs, string(characters[i:i+2]))
		}
		phrases = append(phrases, store.Phrase{Words: pairs})
	}
	end()
	return phrases
}

// tells reports whether the beginning of a word is long enough to say something,
// and no number.
func tells(word string) bool {
	return len([]rune(word)) >= 3 && !strings.ContainsFunc(word, unicode.IsDigit)
}

// textIn collects every text of a body: all values that are texts.
func textIn(body []byte) string {
	var v any
	if json.Unmarshal(body, &v) != nil {
		return ""
	}
	var b strings.Builder
	collect(&b, v)
	return b.String()
}

func collect(b *strings.Builder, v any) {
	switch v := v.(type) {
	case string:
		b.WriteString(v)
		b.WriteByte('\n')
	case []any:
		for _, e := range v {
			collect(b, e)
		}
	case map[string]any:
		for _, e := range v {
			collect(b, e)
		}
	}
}
