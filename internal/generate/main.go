// Command generate writes the files that follow from the code: the JSON Schema
// of every kind of content. It is run by "go generate ./...".
package main

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/entraide/entraide/pkg/convention"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: generate ROOT, the top of the repository")
		os.Exit(2)
	}
	if err := writeSchemas(filepath.Join(os.Args[1], "schemas")); err != nil {
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
		if err := os.WriteFile(filepath.Join(dir, k.File), schema, 0o644); err != nil {
			return fmt.Errorf("writing a schema: %w", err)
		}
	}
	return nil
}
