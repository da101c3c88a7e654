// Package schemas holds the contract that other implementations build to, as
// files: the table of the procedure, the JSON Schemas of the content types, the
// code lists with the provisions they rest on, and sample cases. Programs read
// the same files that people do.
package schemas

import (
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// FS holds the files below this directory: workflows/*.json, codes/*.json,
// bodies/*.json and cases/*/*.json.
//
//go:embed workflows codes bodies cases fields.json
var FS embed.FS

// Steps returns the names of the bodies of a sample case such as "case1", in
// the order of the case; none for a case that does not exist.
func Steps(sample string) []string {
	files, err := fs.Glob(FS, path.Join("cases", sample, "*.json"))
	if err != nil {
		return nil
	}
	for i, f := range files {
		files[i] = strings.TrimSuffix(path.Base(f), ".json")
	}
	return files
}

// place is a place in a sample body that is to be filled: {{name}} by a value,
// {{name+60d}} and {{name-4h}} by a value that is a time, moved by days or
// hours.
var place = regexp.MustCompile(`\{\{([a-z_]+)(?:([+-][0-9]{1,4})([dh]))?\}\}`)

// Sample returns the body of a step of a sample case with its places filled.
// Times among the values are RFC 3339 in UTC. The cases use:
//
//	now                 the time of the message
//	preservation_case   the identifier of the case in which data were preserved
//	preserved_until     the time until which they were preserved
//	delivery_digest     the digest of the message that delivered
//
// A place without a value is an error; a value without a place is not.
func Sample(sample, step string, values map[string]string) (json.RawMessage, error) {
	text, err := FS.ReadFile(path.Join("cases", sample, step+".json"))
	if err != nil {
		return nil, fmt.Errorf("schemas: reading sample: %w", err)
	}
	var failure error
	filled := place.ReplaceAllStringFunc(string(text), func(found string) string {
		parts := place.FindStringSubmatch(found)
		value, err := move(values[parts[1]], parts[2], parts[3])
		if err != nil && failure == nil {
			failure = fmt.Errorf("schemas: filling %s in %s/%s: %w", found, sample, step, err)
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
