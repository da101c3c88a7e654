// Command generate writes the files that follow from the code and its tables:
// the JSON Schema of every kind of content, and the page on workflows. It is run
// by "go generate ./...".
package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/entraide/entraide/pkg/casework"
	"github.com/entraide/entraide/pkg/convention"
	"github.com/entraide/entraide/pkg/workflow"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: generate ROOT, the top of the repository")
		os.Exit(2)
	}
	err := errors.Join(writeSchemas(filepath.Join(os.Args[1], "schemas")), writeWorkflows(filepath.Join(os.Args[1], "docs", "workflows.md")))
	if err != nil {
		fmt.Fprintln(os.Stderr, "generate:", err)
		os.Exit(1)
	}
}

// writeSchemas writes the schema of every kind of content.
func writeSchemas(dir string) error {
	for _, k := range convention.Kinds() {
		schema, err := convention.Schema(k.Kind)
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(dir, k.File), schema, 0o644); err != nil { //nolint:gosec // the path is that of the repository
			return fmt.Errorf("writing a schema: %w", err)
		}
	}
	return nil
}

// preface begins the page on workflows.
const preface = `# Workflows

This page is written from the tables in schemas/workflows; change those.

Every measure of a request follows one of these workflows. Both sides derive its
state from the signed messages of the case in the order of the log. A message
that does not fit its place, as where two crossed, is kept and changes nothing.
Of several rows that fit, the first counts. A row without an end changes nothing.
The last column is a row of the code list rule, which says where the law is.
`

// writeWorkflows writes the page on workflows.
func writeWorkflows(path string) error {
	var page bytes.Buffer
	page.WriteString(preface)
	for _, name := range workflow.Names() {
		t, _ := workflow.Substance(name)
		fmt.Fprintf(&page, "\n## %s\n\n%s. Measures: %s.\n", name, t.Title("en"), strings.Join(casework.Follows(name), ", "))
		fmt.Fprintf(&page, "\n```mermaid\n%s```\n\n", t.Mermaid())
		page.WriteString("| event | by | from | to | when | law |\n|---|---|---|---|---|---|\n")
		for _, r := range t.Rules() {
			fmt.Fprintf(&page, "| `%s` | %s | %s | %s | %s | %s |\n", r.Act, casework.Words(r.By, ", "), casework.Words(r.From, ", "), r.To, casework.Words(r.When, ", "), r.Law)
		}
	}
	if err := os.WriteFile(path, page.Bytes(), 0o644); err != nil { //nolint:gosec // the path is that of the repository
		return fmt.Errorf("writing the page on workflows: %w", err)
	}
	return nil
}
