package evidence

import (
	"bufio"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"path"
	"reflect"
)

// caseContext gives the prefixes of CASE and UCO 1.4.
var caseContext = object{
	"kb":                 "https://entraide.example/kb/",
	"case-investigation": "https://ontology.caseontology.org/case/investigation/",
	"uco-action":         "https://ontology.unifiedcyberontology.org/uco/action/",
	"uco-core":           "https://ontology.unifiedcyberontology.org/uco/core/",
	"uco-identity":       "https://ontology.unifiedcyberontology.org/uco/identity/",
	"uco-location":       "https://ontology.unifiedcyberontology.org/uco/location/",
	"uco-observable":     "https://ontology.unifiedcyberontology.org/uco/observable/",
	"uco-tool":           "https://ontology.unifiedcyberontology.org/uco/tool/",
	"uco-types":          "https://ontology.unifiedcyberontology.org/uco/types/",
	"xsd":                "http://www.w3.org/2001/XMLSchema#",
}

// object is a node of JSON-LD.
type object = map[string]any

// WriteCASE writes what the package is in JSON-LD, in the terms of CASE and UCO
// 1.4 (caseontology.org): each file with its digest, and how and by whom each was
// acquired and passed on. The same package gives the same bytes.
//
// The error wraps ErrManifest, or is that of out.
func (p *Package) WriteCASE(out io.Writer) error {
	text, err := p.Text()
	if err != nil {
		return err
	}
	w := &caseWriter{out: bufio.NewWriter(out), seed: sha256.Sum256(text), written: map[string]bool{}}
	w.raw(`{"@context":`)
	w.encode(caseContext)
	w.raw(`,"@graph":[`)
	w.investigation(p)
	w.raw("\n]}\n")
	if w.err == nil {
		w.err = w.out.Flush()
	}
	if w.err != nil {
		return fmt.Errorf("evidence: writing CASE: %w", w.err)
	}
	return nil
}

// A caseWriter writes nodes one after the other.
type caseWriter struct {
	out     *bufio.Writer
	seed    [32]byte
	written map[string]bool // nodes that several others refer to
	begun   bool
	err     error
}

func (w *caseWriter) raw(s string) {
	if w.err == nil {
		_, w.err = w.out.WriteString(s)
	}
}

func (w *caseWriter) encode(v any) {
	data, err := json.Marshal(v)
	if w.err == nil {
		w.err = err
	}
	w.raw(string(data))
}

// node writes a node.
func (w *caseWriter) node(n object) {
	if w.begun {
		w.raw(",")
	}
	w.begun = true
	w.raw("\n")
	w.encode(n)
}

// id names a node of a kind: by a UUID (RFC 9562 section 5.8) that follows from
// the package and a key.
func (w *caseWriter) id(kind, key string) string {
	h := sha256.New()
	h.Write(w.seed[:])
	_ = binary.Write(h, binary.BigEndian, uint64(len(kind))) // a hash takes everything
	_, _ = io.WriteString(h, kind+key)
	u := h.Sum(nil)[:16]
	u[6], u[8] = u[6]&0x0f|0x80, u[8]&0x3f|0x80
	x := hex.EncodeToString(u)
	return fmt.Sprintf("kb:%s-%s-%s-%s-%s-%s", kind, x[:8], x[8:12], x[12:16], x[16:20], x[20:])
}

// ref refers to a node.
func ref(id string) object { return object{"@id": id} }

// typed is a value of a type of XML Schema.
func typed(kind, value string) object { return object{"@type": "xsd:" + kind, "@value": value} }

// investigation writes all nodes.
func (w *caseWriter) investigation(p *Package) {
	groups := p.byCustody()
	var about []object
	for i, g := range groups {
		record := w.record(p, g, i)
		about = append(about, ref(record))
		for _, f := range g.files {
			about = append(about, ref(w.id("file", f.Path)))
		}
	}
	w.node(object{
		"@id": w.id("investigation", ""), "@type": "case-investigation:Investigation",
		"uco-core:name": "Evidence " + p.Custody.Identifier, "uco-core:object": about,
	})
	for _, f := range p.Files {
		w.file(f)
	}
}

// A group is files that have one custody record.
type group struct {
	custody Custody
	files   []File
}

// byCustody puts files with the same record together, in the order of the first.
func (p *Package) byCustody() (groups []group) {
	for _, f := range p.Files {
		custody, found := p.CustodyOf(f), false
		for i := range groups {
			if reflect.DeepEqual(groups[i].custody, custody) {
				groups[i].files, found = append(groups[i].files, f), true
				break
			}
		}
		if !found {
			groups = append(groups, group{custody, []File{f}})
		}
	}
	return groups
}

// record writes the provenance of a group and the actions that led to it, and
// returns its name.
func (w *caseWriter) record(p *Package, g group, index int) string {
	key := fmt.Sprint(index)
	id, c := w.id("provenance-record", key), g.custody
	var files []object
	for _, f := range g.files {
		files = append(files, ref(w.id("file", f.Path)))
	}
	record := object{"@id": id, "@type": "case-investigation:ProvenanceRecord", "uco-core:object": files}
	set(record, "case-investigation:exhibitNumber", c.Identifier)
	set(record, "uco-core:description", c.Origin)
	w.node(record)
	action := object{
		"@id": w.id("acquisition", key), "@type": "case-investigation:InvestigativeAction", "uco-core:name": "acquired",
		"uco-action:result": []object{ref(id)},
	}
	set(action, "uco-core:description", c.Method)
	w.time(action, "uco-action:startTime", c.AcquiredAt)
	w.person(action, "uco-action:performer", c.AcquiredBy)
	w.shared(action, "uco-action:location", "location", "uco-location:Location", c.Location, nil)
	extra := object{}
	set(extra, "uco-tool:version", c.ToolVersion)
	w.shared(action, "uco-action:instrument", "tool", "uco-tool:Tool", c.Tool, extra)
	w.node(action)
	for i, t := range c.Transfers {
		w.transfer(fmt.Sprintf("%d/%d", index, i), id, t)
	}
	for i, x := range c.Changes {
		change := object{
			"@id": w.id("change", fmt.Sprintf("%d/%d", index, i)), "@type": "case-investigation:InvestigativeAction",
			"uco-core:name": "changed", "uco-core:description": x.What + ": " + x.Reason, "uco-action:object": []object{ref(id)},
		}
		w.time(change, "uco-action:startTime", x.At)
		w.person(change, "uco-action:performer", x.By)
		w.node(change)
	}
	return id
}

// transfer writes that a group passed from one to another.
func (w *caseWriter) transfer(key, record string, t Transfer) {
	action := object{
		"@id": w.id("transfer", key), "@type": "case-investigation:InvestigativeAction",
		"uco-core:name": "transferred", "uco-action:object": []object{ref(record)}, "uco-action:result": []object{ref(record)},
	}
	set(action, "uco-core:description", t.Purpose)
	w.time(action, "uco-action:startTime", t.At)
	w.person(action, "uco-action:performer", t.From)
	w.person(action, "uco-action:participant", t.To)
	w.node(action)
}

// set sets a text that is known.
func set(n object, property, text string) {
	if text != "" {
		n[property] = text
	}
}

// time sets a time that is known.
func (w *caseWriter) time(n object, property, at string) {
	if at != "" {
		n[property] = typed("dateTime", at)
	}
}

// person sets who somebody is.
func (w *caseWriter) person(n object, property, name string) {
	w.shared(n, property, "identity", "uco-identity:Identity", name, nil)
}

// shared refers to a node with a name, and writes it the first time.
func (w *caseWriter) shared(n object, property, kind, class, name string, extra object) {
	if name == "" {
		return
	}
	id := w.id(kind, name+fmt.Sprint(extra))
	n[property] = ref(id)
	if w.written[id] {
		return
	}
	w.written[id] = true
	node := object{"@id": id, "@type": class, "uco-core:name": name}
	for k, v := range extra {
		node[k] = v
	}
	w.node(node)
}

// file writes a file.
func (w *caseWriter) file(f File) {
	integer := func(n int64) object { return typed("integer", fmt.Sprint(n)) }
	w.node(object{
		"@id": w.id("file", f.Path), "@type": "uco-observable:File",
		"uco-core:hasFacet": []object{
			{
				"@id": w.id("file-facet", f.Path), "@type": "uco-observable:FileFacet",
				"uco-observable:fileName": path.Base(f.Path), "uco-observable:filePath": f.Path,
				"uco-observable:sizeInBytes":  integer(f.Bytes),
				"uco-observable:modifiedTime": typed("dateTime", f.Modified),
			},
			{
				"@id": w.id("content-data-facet", f.Path), "@type": "uco-observable:ContentDataFacet",
				"uco-observable:sizeInBytes": integer(f.Bytes), "uco-observable:mimeType": f.MediaType,
				"uco-observable:hash": []object{{
					"@id": w.id("hash", f.Path), "@type": "uco-types:Hash",
					"uco-types:hashMethod": "SHA256",
					"uco-types:hashValue":  typed("hexBinary", f.SHA256),
				}},
			},
		},
	})
}
