// Package schemas holds the contract that other implementations build to, as
// files: the tables of the workflows, the JSON Schemas of the content types, the
// code lists, the catalogue of members with the provisions they rest on, and the
// words in which fingerprints are read aloud.
// Programs read the same files that people do.
package schemas

import "embed"

// FS holds the files below this directory: workflows/*.json, codes/*.json,
// bodies/*.json, statements/*.json, fields.json and words.json.
//
//go:embed workflows codes bodies statements fields.json words.json
var FS embed.FS
