package convention

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"sync"

	"github.com/entraide/entraide/pkg/strictjson"
	"github.com/entraide/entraide/schemas"
)

// Languages are the languages of the interface, in which every label exists:
// the six of the United Nations and Vietnamese, as BCP 47 tags.
var Languages = []string{"ar", "en", "es", "fr", "ru", "vi", "zh-Hans"}

// maxListBytes bounds the file of a code list.
const maxListBytes = 512 << 10

// A Code is a row of a code list: a value that has a meaning in law, with the
// provision it rests on.
type Code struct {
	Code string
	// Labels are short names by language.
	Labels map[string]string
	// Provision is the place in the Convention; empty where practice is the
	// source.
	Provision string
	// Verified says that the provision was checked against an authentic text.
	Verified bool
	Source   string
	// flags are the other members of the row.
	flags map[string]any
}

// Label returns the label in the given language, or the English one where lang
// is not one of Languages.
func (c Code) Label(lang string) string {
	if label, ok := c.Labels[lang]; ok {
		return label
	}
	return c.Labels["en"]
}

// Has reports whether the row has a flag: the name of a member that is true, a
// number above zero or a text; or "member:value" for a member that is a list
// and has the value. Such flags say, for example, that a ground needs a
// consultation, or what must be given with a code.
func (c Code) Has(flag string) bool {
	member, value, inList := cut(flag)
	switch v := c.flags[member].(type) {
	case bool:
		return v
	case float64:
		return v > 0
	case string:
		return v != ""
	case []any:
		return inList && slices.Contains(v, any(value))
	}
	return false
}

// Number returns a number of the row, such as "min_days"; 0 where there is none.
func (c Code) Number(member string) int64 {
	n, _ := c.flags[member].(float64)
	return int64(n)
}

// Numbers returns the numbers of the row under one name, such as "warn_days".
func (c Code) Numbers(member string) []int64 {
	values, _ := c.flags[member].([]any)
	var out []int64
	for _, v := range values {
		n, _ := v.(float64)
		out = append(out, int64(n))
	}
	return out
}

// Text returns a text of the row, such as "lane"; "" where there is none.
func (c Code) Text(member string) string {
	s, _ := c.flags[member].(string)
	return s
}

// Map returns texts of the row by name, such as the "citations" of a rule in
// other treaties; nil where there are none.
func (c Code) Map(member string) map[string]string {
	values, ok := c.flags[member].(map[string]any)
	if !ok {
		return nil
	}
	out := map[string]string{}
	for name, v := range values {
		out[name], _ = v.(string)
	}
	return out
}

// A List is a code list.
type List struct {
	// Name is that of the file.
	Name string
	// Titles are by language.
	Titles map[string]string
	Codes  []Code
}

// Title returns the title in the given language, or the English one where lang
// is not one of Languages.
func (l List) Title(lang string) string {
	if title, ok := l.Titles[lang]; ok {
		return title
	}
	return l.Titles["en"]
}

// The names of the code lists that rules depend on.
const (
	listMeasure         = "measure-type"
	listGround          = "refusal-ground"
	listUrgency         = "urgency-class"
	listConfidentiality = "confidentiality"
	listOffence         = "offence"
	listFinding         = "finding"
)

// lists reads all code lists once.
var lists = sync.OnceValues(func() (map[string]List, error) {
	names, err := fs.Glob(schemas.FS, "codes/*.json")
	if err != nil {
		return nil, err
	}
	out := map[string]List{}
	for _, name := range names {
		data, err := schemas.FS.ReadFile(name)
		if err != nil {
			return nil, err
		}
		list, err := parseList(data)
		if err != nil {
			return nil, fmt.Errorf("convention: reading %s: %w", name, err)
		}
		if "codes/"+list.Name+".json" != name {
			return nil, errors.New("convention: " + name + " is not the list it is called")
		}
		out[list.Name] = list
	}
	return out, nil
})

// parseList reads the file of a code list.
func parseList(data []byte) (List, error) {
	var file struct {
		List    string            `json:"list"`
		Version int64             `json:"version"`
		Titles  map[string]string `json:"titles"`
		Codes   []map[string]any  `json:"codes"`
	}
	if err := strictjson.Unmarshal(data, maxListBytes, &file); err != nil {
		return List{}, err
	}
	list := List{Name: file.List, Titles: file.Titles}
	for i, row := range file.Codes {
		code, err := parseCode(row)
		if err != nil {
			return List{}, fmt.Errorf("row %d: %w", i, err)
		}
		list.Codes = append(list.Codes, code)
	}
	return list, nil
}

// parseCode takes a row apart.
func parseCode(row map[string]any) (Code, error) {
	labels, ok := row["labels"].(map[string]any)
	if !ok {
		return Code{}, errors.New("there are no labels")
	}
	c := Code{Labels: map[string]string{}, flags: maps.Clone(row)}
	for lang, label := range labels {
		c.Labels[lang], _ = label.(string)
	}
	if c.Code, _ = row["code"].(string); c.Code == "" {
		return Code{}, errors.New("there is no code")
	}
	c.Provision, _ = row["provision"].(string)
	c.Verified, _ = row["verified"].(bool)
	c.Source, _ = row["source"].(string)
	for _, base := range []string{"code", "labels", "provision", "verified", "source"} {
		delete(c.flags, base)
	}
	return c, nil
}

// Lists returns all code lists in the order of their names.
func Lists() []List {
	all, err := lists()
	if err != nil {
		return nil // no code is valid; a test keeps the lists readable
	}
	var out []List
	for _, name := range slices.Sorted(maps.Keys(all)) {
		out = append(out, all[name])
	}
	return out
}

// Codes returns the rows of a code list, nil if there is none of that name.
func Codes(list string) []Code {
	all, err := lists()
	if err != nil {
		return nil
	}
	return slices.Clone(all[list].Codes)
}

// CodeOf finds a row of a list.
func CodeOf(list, code string) (Code, bool) {
	all, err := lists()
	if err != nil {
		return Code{}, false
	}
	rows := all[list].Codes
	i := slices.IndexFunc(rows, func(c Code) bool { return c.Code == code })
	if i < 0 {
		return Code{}, false
	}
	return rows[i], true
}

// Label returns the name of a code in a language, or the code where it is not in
// the list.
func Label(list, code, lang string) string {
	if c, ok := CodeOf(list, code); ok {
		return c.Label(lang)
	}
	return code
}
