package evidence_test

import (
	"bytes"
	"encoding/json"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/entraide/entraide/pkg/evidence"
)

// described is a package with everything that a custody record can say.
func described(t *testing.T) *evidence.Package {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "items")
	must(0, os.Mkdir(dir, 0o700))(t)
	named("one")(t, dir)
	named("two")(t, dir)
	return must(evidence.Scan([]evidence.Item{{Path: dir}, {
		Path:    write(t, []byte("phone"), t.TempDir(), "phone.img"),
		Custody: &evidence.Custody{Identifier: "QN/2", AcquiredBy: "Laboratory", AcquiredAt: "2026-04-08T10:00:00Z", Tool: "imager"},
	}}, evidence.Collection{Created: now, Custody: evidence.Custody{
		Identifier: "QN/1", Origin: "Example Cloud SA", Location: "Data centre 3", AcquiredBy: "Cyber Desk", AcquiredAt: "2026-04-07T09:00:00Z",
		Method: "production order", Tool: "exporter", ToolVersion: "2",
		Transfers: []evidence.Transfer{{At: "2026-04-07T12:00:00Z", From: "Cyber Desk", To: "Registry", Purpose: "storage"}},
		Changes:   []evidence.Change{{At: "2026-04-07T13:00:00Z", By: "Registry", What: "converted", Reason: "format no longer read"}},
	}}))(t)
}

func caseOf(t *testing.T, p *evidence.Package) []byte {
	t.Helper()
	var out bytes.Buffer
	must(0, p.WriteCASE(&out))(t)
	return out.Bytes()
}

// TestCASE: the export names every file and event, refers to nothing that is not
// in it, and is the same every time.
func TestCASE(t *testing.T) {
	t.Parallel()
	p := described(t)
	text := caseOf(t, p)
	if !bytes.Equal(text, caseOf(t, p)) {
		t.Error("the same package is written in two ways")
	}
	var doc struct {
		Graph []map[string]any `json:"@graph"`
	}
	must(0, json.Unmarshal(text, &doc))(t)
	nodes, kinds := map[string]bool{}, map[string]int{}
	for _, n := range doc.Graph {
		nodes[n["@id"].(string)] = true
		kinds[n["@type"].(string)]++
	}
	want := map[string]int{
		"case-investigation:Investigation": 1, "case-investigation:ProvenanceRecord": 2, "case-investigation:InvestigativeAction": 4,
		"uco-observable:File": 3, "uco-identity:Identity": 3, "uco-tool:Tool": 2, "uco-location:Location": 1,
	}
	if !maps.Equal(kinds, want) {
		t.Errorf("the nodes are %v", kinds)
	}
	for _, id := range references(doc.Graph) {
		if !nodes[id] {
			t.Errorf("there is no node %s", id)
		}
	}
	for _, f := range p.Files {
		if !bytes.Contains(text, []byte(f.SHA256)) {
			t.Errorf("the digest of %s is missing", f.Path)
		}
	}
}

// references are the nodes that a value refers to, and does not define.
func references(v any) (ids []string) {
	switch v := v.(type) {
	case []map[string]any:
		for _, x := range v {
			ids = append(ids, references(x)...)
		}
	case []any:
		for _, x := range v {
			ids = append(ids, references(x)...)
		}
	case map[string]any:
		if id, ok := v["@id"].(string); ok && len(v) == 1 {
			return []string{id}
		}
		for _, key := range slices.Sorted(maps.Keys(v)) {
			ids = append(ids, references(v[key])...)
		}
	}
	return ids
}

// TestCASEExpands: a processor of JSON-LD that nobody here wrote understands every
// term, as one of CASE or UCO. The published shapes (SHACL) of both are not part
// of this test: they cannot be had here.
func TestCASEExpands(t *testing.T) {
	t.Parallel()
	modules := os.Getenv("ENTRAIDE_NODE_MODULES")
	if _, err := os.Stat(filepath.Join(modules, "jsonld")); modules == "" || err != nil {
		t.Skip("the npm package jsonld is not in the directory ENTRAIDE_NODE_MODULES")
	}
	const script = `
const jsonld = require('jsonld');
const chunks = [];
process.stdin.on('data', c => chunks.push(c)).on('end', async () => {
  const nquads = await jsonld.toRDF(JSON.parse(Buffer.concat(chunks)), {format: 'application/n-quads', safe: true});
  process.stdout.write(nquads);
});`
	cmd := exec.Command("node", "-e", script)
	cmd.Env = append(os.Environ(), "NODE_PATH="+modules)
	cmd.Stdin = bytes.NewReader(caseOf(t, described(t)))
	var errs bytes.Buffer
	cmd.Stderr = &errs
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v\n%s", err, errs.String())
	}
	statements := 0
	for line := range strings.Lines(string(out)) {
		predicate := strings.Fields(line)[1]
		known := slices.ContainsFunc([]string{
			"<https://ontology.caseontology.org/case/investigation/", "<https://ontology.unifiedcyberontology.org/uco/",
			"<http://www.w3.org/1999/02/22-rdf-syntax-ns#type>",
		}, func(ns string) bool { return strings.HasPrefix(predicate, ns) })
		if !known {
			t.Errorf("%s is no term of CASE or UCO", predicate)
		}
		statements++
	}
	if statements < 60 {
		t.Errorf("only %d statements", statements)
	}
	t.Logf("%d statements", statements)
}
