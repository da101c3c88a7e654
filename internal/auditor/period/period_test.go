package period_test

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"html/template"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/entraide/entraide/internal/auditor"
	"github.com/entraide/entraide/internal/auditor/period"
	"github.com/entraide/entraide/internal/locale"
	"github.com/entraide/entraide/pkg/pgp"
)

var now = time.Date(2026, 4, 1, 9, 0, 0, 0, time.UTC)

// hostile is a text that is no part of a page.
const hostile = `=cmd|' /C calc'!A0<script>alert(1)</script> & "x`

// sample is a report with something of everything, and with values from somebody who
// would rather write the page, or a formula, than be shown on it.
func sample(remarks bool) auditor.PeriodReport {
	took := int64(93784)
	figure := auditor.Figure{
		Requesting: "QM", Requested: "QN", Lane: "urgent", Cases: 1234, Messages: 7, Stages: map[string]int64{"open": 2, "closed": 1}, Overdue: 1,
		Acknowledged: 2, AcknowledgedP50: &took, AcknowledgedP90: &took, Answered: 0,
	}
	lane := figure
	lane.Requesting, lane.Requested = "", ""
	r := auditor.PeriodReport{
		Typ: auditor.TypPeriod, Origin: "broker.example/log", From: "2026-03-01", To: "2026-03-31", Scope: "QM",
		Ground: auditor.Ground{
			Note: "broker.example/log\n17\nroot=\n\n— broker.example/log sig=\n", Size: 17, Root: strings.Repeat("ab", 32),
			Witnesses: []auditor.Attested{{Name: "witness.example/qz", At: "2026-04-01T08:00:00Z"}}, Witnessed: true,
		},
		Method: auditor.Method{Known: 16, Erased: 1, Tolerance: 300, Grace: 3600, Remarks: remarks},
		Days:   []auditor.DayFigure{{Day: "2026-03-02", Lane: "urgent", Messages: 7, Opened: 3}}, Lanes: []auditor.Figure{lane}, Pairs: []auditor.Figure{figure},
		Overdue:    []auditor.Overdue{{Requesting: "QM", Requested: "QN", Clock: "delivery", Count: 2}, {Requesting: "QM", Requested: "QN", Clock: "answer", Count: 1}},
		Rejections: []auditor.Count{{Name: "bad-signature", Count: 3}}, Entries: []auditor.Count{{Name: "message", Count: 7}},
		Statements: []auditor.StatementEntry{{Index: 1, Time: "2026-03-02T09:00:00Z", Subject: "QM.mla", Number: 2, Signer: "QM", Digest: strings.Repeat("cd", 32), Typ: "entraide/authority/1", Changes: []string{"certificates.pq-6", "hours"}, Key: true}},
		Counts:     []auditor.CodeCount{{Code: "stage-differs", Grave: true, Count: 1}},
		Findings:   []auditor.PeriodFinding{{Key: "stage-differs-3", Code: "stage-differs", Grave: true, Index: 3, Time: "2026-03-02T09:00:00Z", Who: "broker", Text: hostile}},
	}
	if remarks {
		r.Findings[0].State = "explained"
		r.Own = &auditor.Own{
			Findings: []auditor.Finding{{Key: "fork-0123", Code: "fork", Grave: true, Index: -1, Who: "broker", Text: hostile, Found: "2026-03-02T09:00:00Z", State: "open"}},
			Remarks:  []auditor.Remark{{Number: 1, Finding: "stage-differs-3", State: "explained", Comment: hostile, By: hostile, At: "2026-03-03T09:00:00Z", Hash: "00"}},
			Last:     "00", Looks: 4,
		}
	}
	return r
}

// TestPage says everything in every language, and nothing that is in a report becomes
// part of the page but as text.
func TestPage(t *testing.T) {
	t.Parallel()
	missed := locale.Missed()
	for _, r := range []auditor.PeriodReport{sample(true), sample(false), {Typ: auditor.TypPeriod, Scope: "all"}, {Scope: "files"}} {
		page, err := period.Render(r, period.HTML)
		if err != nil {
			t.Fatal(err)
		}
		text := string(page)
		for _, l := range locale.Languages() {
			if !strings.Contains(text, fmt.Sprintf(`<article id="%s" lang="%s" dir="%s">`, l.Tag, l.Tag, l.Dir)) {
				t.Errorf("there is no article in %s", l.Tag)
			}
		}
		for name, never := range map[string]string{
			"a sentence that is missing": `⟦`, "a script": `(?i)<script`, "a handler": `(?i)\son[a-z]+=`, "a resource": `(?i)(\ssrc|srcset|url\(|@import|<link|<iframe|<object|<form)`,
			"an address": `(?i)https?:`, "a template's refusal": `ZgotmplZ`, "a code without words": `>(open|closed|answer)<`,
		} {
			if found := regexp.MustCompile(never).FindString(text); found != "" {
				t.Errorf("%s: %q", name, found)
			}
		}
	}
	if now := locale.Missed(); now != missed {
		t.Errorf("%d sentences were missing", now-missed)
	}
	// What was kept without its facts is shown in English, and as such.
	page, err := period.Render(sample(true), period.HTML, "fr")
	if want := `lang="en">` + template.HTMLEscapeString(hostile); err != nil || strings.Count(string(page), want) != 2 {
		t.Errorf("%q is not shown twice as English, %v", want, err)
	}
	page, err = period.Render(sample(false), period.HTML, "ar")
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`<html lang="ar" dir="rtl">`, "1d 2h3m4s", "broker.example/log\n17\n", "--from 2026-03-01 --to 2026-03-31"} {
		if !strings.Contains(string(page), want) {
			t.Errorf("the page lacks %q", want)
		}
	}
}

// TestTable is safe to open in a spreadsheet, and has as many cells in every line.
func TestTable(t *testing.T) {
	t.Parallel()
	table, err := period.Render(sample(true), period.CSV)
	if err != nil {
		t.Fatal(err)
	}
	lines, err := csv.NewReader(bytes.NewReader(table)).ReadAll()
	if err != nil || len(lines) < 40 {
		t.Fatalf("%d lines, %v", len(lines), err)
	}
	for _, line := range lines {
		for _, cell := range line {
			if cell != "" && strings.ContainsRune("=+-@\t\r\n|%", rune(cell[0])) {
				t.Errorf("a formula: %q", cell)
			}
		}
	}
	if !strings.Contains(string(table), "cases,,urgent,QM,QN,acknowledged median,93784,") {
		t.Errorf("%s", table)
	}
}

// written writes a signed report into a directory.
func written(t *testing.T, key *pgp.Key, r auditor.PeriodReport, tags ...string) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "report")
	files, err := period.Files(r, period.Formats(), tags, key, now)
	if err != nil {
		t.Fatal(err)
	}
	if err := period.Write(dir, files); err != nil {
		t.Fatal(err)
	}
	return dir
}

// TestSigned makes a key, signs a report with it, and changes one file after the
// other.
func TestSigned(t *testing.T) {
	t.Parallel()
	home, passphrase := t.TempDir(), []byte("correct horse")
	if _, err := period.OpenKey(home, passphrase); !errors.Is(err, period.ErrNoKey) {
		t.Errorf("before there is a key: %v", err)
	}
	made, err := period.MakeKey(home, "Court of Audit of QZ", passphrase, now.AddDate(0, 0, -1))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := period.MakeKey(home, "another", passphrase, now); !errors.Is(err, period.ErrKeyExists) {
		t.Errorf("a second key: %v", err)
	}
	if _, err := period.OpenKey(home, []byte("wrong")); !errors.Is(err, pgp.ErrPassphrase) {
		t.Errorf("a wrong passphrase: %v", err)
	}
	key, err := period.OpenKey(home, passphrase)
	if err != nil || key.Fingerprint() != made.Fingerprint() {
		t.Fatalf("%v", err)
	}
	for _, dir := range []string{written(t, key, sample(true)), written(t, key, sample(false), "fr")} {
		c, err := period.Check(dir, nil)
		if err != nil || c.Signer != key.Fingerprint() || c.Name != "Court of Audit of QZ" || c.Signed != "2026-04-01T09:00:00Z" || !slices.Equal(c.Files, []string{"report.json", "report.csv", "report.html"}) {
			t.Errorf("%+v, %v", c, err)
		}
	}
	if c, err := period.Check(written(t, nil, sample(false)), nil); err != nil || c.Signer != "" {
		t.Errorf("unsigned: %+v, %v", c, err)
	}
	other, err := pgp.Generate(pgp.Classic4, "Somebody", now.AddDate(0, 0, -1), 0)
	if err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(dir string) (*pgp.Certificate, error){
		"another key": func(string) (*pgp.Certificate, error) { return other.Certificate(), nil },
		"an altered figure": func(dir string) (*pgp.Certificate, error) {
			return nil, replaced(dir, "report.json", `"messages": 7`, `"messages": 8`)
		},
		"an altered page":  func(dir string) (*pgp.Certificate, error) { return nil, replaced(dir, "report.html", "QN", "QO") },
		"an altered table": func(dir string) (*pgp.Certificate, error) { return nil, replaced(dir, "report.csv", "93784", "3") },
		"another spelling": func(dir string) (*pgp.Certificate, error) { return nil, replaced(dir, "report.json", "  ", " ") },
		"no signature": func(dir string) (*pgp.Certificate, error) {
			return nil, os.Remove(filepath.Join(dir, "report.csv.sig"))
		},
		"no certificate": func(dir string) (*pgp.Certificate, error) { return nil, os.Remove(filepath.Join(dir, "auditor.pgp")) },
		"another's signature": func(dir string) (*pgp.Certificate, error) {
			return nil, os.Rename(filepath.Join(dir, "report.csv.sig"), filepath.Join(dir, "report.html.sig"))
		},
	} {
		dir := written(t, key, sample(false))
		by, err := change(dir)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := period.Check(dir, by); err == nil {
			t.Errorf("%s: nothing is said", name)
		}
	}
}

// replaced changes a text in a file.
func replaced(dir, file, from, to string) error {
	path := filepath.Join(dir, file)
	data, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	if !bytes.Contains(data, []byte(from)) {
		return fmt.Errorf("%s has no %q", file, from)
	}
	return os.WriteFile(path, bytes.Replace(data, []byte(from), []byte(to), 1), 0o600)
}

// FuzzParse: what is a report is written back as it was.
func FuzzParse(f *testing.F) {
	for _, remarks := range []bool{false, true} {
		text, err := period.Render(sample(remarks), period.JSON)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		r, err := period.Parse(text)
		if err != nil {
			return
		}
		if again, err := period.Render(r, period.JSON); err != nil || !bytes.Equal(again, text) {
			t.Errorf("%q is written back as %q, %v", text, again, err)
		}
	})
}
