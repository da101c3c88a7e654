// Package schemas holds the contract that other implementations build to, as
// files: the table of the procedure, the JSON Schemas of the content types, the
// code lists with the provisions they rest on, and sample cases. Programs read
// the same files that people do.
package schemas

import "embed"

// FS holds the files below this directory: workflows/*.json, codes/*.json and
// bodies/*.json.
//
//go:embed workflows codes
var FS embed.FS
