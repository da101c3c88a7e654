package report_test

import (
	"bytes"
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/entraide/entraide/internal/locale"
	"github.com/entraide/entraide/internal/report"
	"github.com/entraide/entraide/pkg/bundle"
)

// sample is a report with a reason of every code, and with values from somebody
// who would rather write the page than be shown on it.
func sample(verdict bundle.Verdict, codes ...string) bundle.Report {
	const hostile = `<script>alert(1)</script> & "x`
	r := bundle.Report{
		Verdict: verdict, Case: strings.Repeat("0f", 16), Stage: "acknowledged", Log: "broker.example/log", Size: 1234567, Made: "2026-03-02T09:00:00Z", By: hostile,
		Messages: []bundle.Line{
			{Index: 7, From: "QM.mla", To: "QN.mla", Act: "request", Digest: strings.Repeat("ab", 32), Logged: "2026-03-02T09:00:00Z", Cosigned: "2026-03-02T09:00:01Z", Witnessed: true},
			{Index: 8, From: "QN.mla", To: "QM.mla", Act: hostile, Digest: strings.Repeat("cd", 32), Logged: hostile},
			{Index: 9, From: "QN.mla", To: "QM.mla", Act: "close", Digest: strings.Repeat("ef", 32), Logged: "2026-03-02T09:00:00Z", Erased: true},
		},
	}
	for _, code := range codes {
		r.Reasons = append(r.Reasons, bundle.Reason{Code: code, Text: "detail " + hostile, Values: map[string]string{
			"count": "3", "total": "5", "index": "17", "broker": "decided", "derived": "open", "date": "2026-03-02T09:00:00Z",
			"by": "QM.mla", "officer": hostile, "basis": hostile,
		}})
	}
	return r
}

// TestEveryLanguage says every verdict and every reason in every language, and
// nothing that is in the bundle becomes part of the page but as text.
func TestEveryLanguage(t *testing.T) {
	t.Parallel()
	missed := locale.Missed()
	for _, verdict := range bundle.Verdicts() {
		var out bytes.Buffer
		if err := report.Write(&out, sample(verdict, bundle.ReasonCodes()...)); err != nil {
			t.Fatal(err)
		}
		text := out.String()
		for _, l := range locale.Languages() {
			if !strings.Contains(text, fmt.Sprintf(`<article id="%s" lang="%s" dir="%s">`, l.Tag, l.Tag, l.Dir)) {
				t.Errorf("%s: there is no article in %s", verdict, l.Tag)
			}
		}
		for name, never := range map[string]string{
			"a sentence that is missing": `⟦`, "a script": `(?i)<script`, "a handler": `(?i)\son[a-z]+=`, "a resource": `(?i)(\ssrc|srcset|url\(|@import|<link|<iframe|<object|<form)`,
			"an address": `(?i)https?:`, "a template's refusal": `ZgotmplZ`,
		} {
			if found := regexp.MustCompile(never).FindString(text); found != "" {
				t.Errorf("%s: %s: %q", verdict, name, found)
			}
		}
		if bare := regexp.MustCompile(`[^>"a-f0-9](ab){32}|<td>(ab){32}`).FindString(text); bare != "" {
			t.Errorf("%s: a digest that is not isolated: %q", verdict, bare)
		}
	}
	if now := locale.Missed(); now != missed {
		t.Errorf("%d sentences were missing", now-missed)
	}
}

// TestOneLanguage makes a page in one language, the same every time, whose
// verdict stands out.
func TestOneLanguage(t *testing.T) {
	t.Parallel()
	var first, again bytes.Buffer
	for _, out := range []*bytes.Buffer{&first, &again} {
		if err := report.Write(out, sample(bundle.Proven, bundle.ReasonProven), "ar"); err != nil {
			t.Fatal(err)
		}
	}
	if !bytes.Equal(first.Bytes(), again.Bytes()) {
		t.Error("one result makes two pages")
	}
	for _, want := range []string{`<html lang="ar" dir="rtl">`, `<section class="verdict proven">`, `مُثبَت`, `<bdi class="machine short" dir="ltr">QM.mla</bdi>`, `<time datetime="2026-03-02T09:00:00Z">`} {
		if !strings.Contains(first.String(), want) {
			t.Errorf("the page lacks %q", want)
		}
	}
	if strings.Contains(first.String(), "<nav") {
		t.Error("a page in one language offers others")
	}
	if err := report.Write(&first, bundle.Report{}, "tlh"); err == nil {
		t.Error("a page in a language that nobody speaks here")
	}
}
