// Package entraide holds the sample cases of testdata/cases as they are: the
// bodies of their messages, and who sends which to whom. The demonstration plays
// them, and other implementations may.
package entraide

import (
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"path"
	"regexp"
	"strconv"
	"strings"
	"time"
)

//go:embed testdata/cases
var files embed.FS

// Samples are the numbers of the sample cases.
var Samples = []int{1, 2, 3, 4, 5, 6}

// A Play is a sample case.
type Play struct {
	Title string     `json:"title"`
	Steps []PlayStep `json:"steps"`
}

// A PlayStep is one message of a sample case.
type PlayStep struct {
	// Body is the name of the file with the content, without its ending.
	Body string `json:"body"`
	// Thread is the name of the case of the exchange it belongs to; a sample
	// may run over several.
	Thread string `json:"thread"`
	// From and To are authorities.
	From  string `json:"from"`
	To    string `json:"to"`
	Act   string `json:"act"`
	Final bool   `json:"final"`
	// Lane is that of the first message of a thread.
	Lane string `json:"lane"`
	// Says tells what happens, in English, for people.
	Says string `json:"says"`
}

// Sample returns a sample case.
func Sample(number int) (Play, error) {
	var p Play
	data, err := files.ReadFile(path.Join(dir(number), "play.json"))
	if err != nil {
		return p, fmt.Errorf("there is no sample case %d", number)
	}
	return p, json.Unmarshal(data, &p)
}

func dir(number int) string { return "testdata/cases/case" + strconv.Itoa(number) }

// place is a place in a sample body that is to be filled: {{now}}, {{time:STEP}},
// {{digest:STEP}} and {{case:THREAD}}; times may be moved by days or hours, as in
// {{now+60d}}.
var place = regexp.MustCompile(`\{\{([a-z]+(?::[a-z0-9-]+)?)(?:([+-][0-9]{1,4})([dh]))?\}\}`)

// SampleBody returns the content of a step of a sample case with its places
// filled. The values are named as the places are; times are RFC 3339 in UTC. A
// place without a value is an error.
func SampleBody(number int, step string, values map[string]string) (json.RawMessage, error) {
	text, err := files.ReadFile(path.Join(dir(number), step+".json"))
	if err != nil {
		return nil, fmt.Errorf("sample case %d has no step %s", number, step)
	}
	var failure error
	filled := place.ReplaceAllStringFunc(string(text), func(found string) string {
		parts := place.FindStringSubmatch(found)
		value, err := move(values[parts[1]], parts[2], parts[3])
		if err != nil && failure == nil {
			failure = fmt.Errorf("filling %s in step %s of sample case %d: %w", found, step, number, err)
		}
		return value
	})
	if failure != nil {
		return nil, failure
	}
	return json.RawMessage(filled), nil
}

// move returns the value, moved by a number of days or hours if one is given.
// What it returns needs no escaping in JSON.
func move(value, by, unit string) (string, error) {
	if value == "" || strings.ContainsAny(value, "\"\\\n") {
		return "", errors.New("there is no usable value")
	}
	if by == "" {
		return value, nil
	}
	t, err := time.Parse(time.RFC3339, value)
	if err != nil {
		return "", errors.New("the value is not a time")
	}
	n, err := strconv.Atoi(by)
	if err != nil {
		return "", err
	}
	step := time.Hour
	if unit == "d" {
		step = 24 * time.Hour
	}
	return t.UTC().Add(time.Duration(n) * step).Format(time.RFC3339), nil
}
