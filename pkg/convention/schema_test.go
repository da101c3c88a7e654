package convention_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/entraide/entraide"
	"github.com/entraide/entraide/pkg/convention"
	"github.com/entraide/entraide/schemas"
)

// base is where the schemas say they are.
const base = "https://entraide.example/schemas/"

// compile returns the schemas of all kinds.
func compile(t *testing.T) map[string]*jsonschema.Schema {
	t.Helper()
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	files, err := fs.Glob(schemas.FS, "bodies/*.json")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range files {
		data, err := schemas.FS.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(data))
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if err := c.AddResource(base+name, doc); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
	}
	out := map[string]*jsonschema.Schema{}
	for _, name := range files {
		s, err := c.Compile(base + name)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		out[strings.TrimSuffix(filepath.Base(name), ".json")] = s
	}
	return out
}

// conforms reports whether a document satisfies the schema of its kind.
func conforms(t *testing.T, all map[string]*jsonschema.Schema, doc []byte) error {
	t.Helper()
	value, err := jsonschema.UnmarshalJSON(bytes.NewReader(doc))
	if err != nil {
		t.Fatalf("%s: %v", doc, err)
	}
	kind := ""
	if object, ok := value.(map[string]any); ok {
		kind, _ = object["kind"].(string)
	}
	s, ok := all[kind]
	if !ok || kind == "common" {
		return fs.ErrNotExist
	}
	return s.Validate(value)
}

// corpus returns good documents by name: those of testdata/bodies, every message
// of the sample cases, and for every kind and type of measure one document with
// everything that may be in it and one with what must be.
func corpus(t *testing.T) map[string][]byte {
	t.Helper()
	files, err := filepath.Glob("../../testdata/bodies/*.json")
	if err != nil || len(files) == 0 {
		t.Fatalf("no documents in testdata/bodies: %v", err)
	}
	out := map[string][]byte{}
	for _, f := range files {
		data, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		out[strings.TrimSuffix(filepath.Base(f), ".json")] = data
	}
	for _, number := range entraide.Samples {
		play, err := entraide.Sample(number)
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range play.Steps {
			if out[fmt.Sprintf("case %d %s", number, s.Body)], err = entraide.SampleBody(number, s.Body, fill(play)); err != nil {
				t.Fatal(err)
			}
		}
	}
	maps.Copy(out, examples(t))
	return out
}

// examples are the documents made from the types.
func examples(t *testing.T) map[string][]byte {
	t.Helper()
	var names []string
	for _, k := range convention.Kinds() {
		if k.Kind != "request" {
			names = append(names, k.Kind)
		}
	}
	for _, c := range convention.Codes("measure-type") {
		if c.Has("request") {
			names = append(names, c.Code)
		}
	}
	out := map[string][]byte{}
	for _, name := range names {
		for size, full := range map[string]bool{"full": true, "small": false} {
			data, err := convention.Marshal(convention.Made(name, full))
			if err != nil {
				t.Errorf("%s %s: %v", name, size, err)
				continue
			}
			out[name+" "+size] = data
		}
	}
	return out
}

// tree reads a document as a value that can be changed.
func tree(t *testing.T, doc []byte) any {
	t.Helper()
	dec := json.NewDecoder(bytes.NewReader(doc))
	dec.UseNumber()
	var v any
	if err := dec.Decode(&v); err != nil {
		t.Fatal(err)
	}
	return v
}

// text writes a value as a document.
func text(t *testing.T, v any) []byte {
	t.Helper()
	data, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// schemaFile returns the text of a schema.
func schemaFile(t *testing.T, name string) []byte {
	t.Helper()
	data, err := schemas.FS.ReadFile("bodies/" + name + ".json")
	if err != nil {
		t.Fatal(err)
	}
	return data
}
