package web

import (
	"encoding/json"
	"fmt"
	"html/template"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"github.com/entraide/entraide/internal/desk"
	"github.com/entraide/entraide/internal/desk/account"
	"github.com/entraide/entraide/internal/locale"
	"github.com/entraide/entraide/internal/page"
	"github.com/entraide/entraide/pkg/convention"
)

// press is what a browser sends from the fields of a form.
func press(fields []inputView, form url.Values) {
	for _, v := range fields {
		press(v.Fields, form)
		press(v.Items, form)
		press(v.More, form)
		if v.Items != nil || v.Many && (v.Form == convention.FormGroup || v.Form == convention.FormText || v.Form == convention.FormMoment) {
			form.Set(v.At("count"), fmt.Sprint(v.Count()))
			continue
		}
		switch {
		case v.Form == convention.FormGroup:
		case v.Form == convention.FormText:
			form.Set(v.ID+"/text", v.Value)
		case v.Form == convention.FormFlag:
			form.Add("/#shown", v.ID)
			if v.On {
				form.Set(v.ID, "1")
			}
		case v.Boxes():
			form.Add("/#shown", v.ID)
			pressOptions(v.ID, v.Options, form)
		case len(v.Options) > 0:
			if !v.Radios() {
				form.Set(v.ID, "")
			}
			pressOptions(v.ID, v.Options, form)
		default:
			form.Set(v.ID, v.Value)
			if v.Form == convention.FormMoment {
				pressOptions(v.At("zone"), v.Zones, form)
			}
		}
	}
}

// pressOptions sends what is chosen.
func pressOptions(name string, options []option, form url.Values) {
	for _, o := range options {
		if o.Chosen {
			if form.Get(name) == "" {
				form.Del(name)
			}
			form.Add(name, o.Value)
		}
	}
}

// TestFormsLoseNothing makes the form of every body of the test data and takes it
// back as a browser would send it: the body is what it was.
func TestFormsLoseNothing(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("../../../testdata/bodies/*.json")
	if err != nil || len(files) < 20 {
		t.Fatalf("%d bodies, %v", len(files), err)
	}
	l, err := locale.For("en")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var body map[string]any
		if err := json.Unmarshal(data, &body); err != nil {
			t.Fatal(err)
		}
		c := &Call{Request: httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/", nil), L: l, User: account.User{Zone: "Asia/Ho_Chi_Minh"}}
		shape, ok := convention.ShapeOf(scalar(body["kind"]))
		if !ok {
			t.Fatalf("%s has no shape", file)
		}
		k := &maker{c: c, errors: map[string]string{}, lang: "en", refer: map[string][]page.Choice{}}
		asked, more := k.fields(shape, body, "", nil)
		form := url.Values{}
		press(asked, form)
		press(more, form)
		got := newReader(c, form, "en").object(shape, "", body)
		if want := plain(body); !reflect.DeepEqual(plain(got), want) {
			t.Errorf("%s came back as\n%v\nand was\n%v", filepath.Base(file), plain(got), want)
		}
		fresh := newReader(c, form, "en").object(shape, "", map[string]any{"kind": body["kind"], "version": body["version"]})
		if !reflect.DeepEqual(plain(fresh), plain(body)) {
			t.Errorf("%s written anew is\n%v\nand was\n%v", filepath.Base(file), plain(fresh), plain(body))
		}
	}
}

// plain is a body in one spelling.
func plain(body map[string]any) string {
	data, err := json.MarshalIndent(body, "", " ")
	if err != nil {
		return err.Error()
	}
	return string(data)
}

// begin begins a draft and returns its address.
func (o *officer) begin(form url.Values) string {
	o.h.t.Helper()
	got := o.post("/drafts/new", form)
	at := regexp.MustCompile(`^/drafts/[0-9a-f]{32}`).FindString(got.Header().Get("Location"))
	if got.Code != http.StatusSeeOther || at == "" {
		o.h.t.Fatalf("beginning a draft: %d %s\n%s", got.Code, got.Body, o.h.log.String())
	}
	return at
}

// version is the version that a page was made from.
func version(t *testing.T, page string) string {
	t.Helper()
	m := regexp.MustCompile(`name="version" value="(\d+)"`).FindStringSubmatch(page)
	if m == nil {
		t.Fatalf("the page has no version:\n%s", page)
	}
	return m[1]
}

// preservation begins a request for preservation, as somebody who chose it.
var preservation = url.Values{"kind": {"T01"}, "urgency": {"E1_URGENT_VOLATILE"}, "to": {"QN.24-7"}}

// TestCompose writes a request, part by part: what is needed is asked for, what
// is filled in stays, and every text comes back as text.
func TestCompose(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	ana := h.user("ana", desk.Drafter)
	at := ana.begin(preservation)
	page := ana.get(at + "/part/needed")
	for _, want := range []string{`name="/own_ref"`, `name="/narrative/text"`, `name="/measures/0/preservation/mla_intended"`, `name="/offences/0/code"`} {
		if !strings.Contains(page.Body.String(), want) {
			t.Errorf("the page of what is needed lacks %s", want)
		}
	}
	nasty := "<script>alert(1)</script> \"' مرحبا 你好"
	got := ana.post(at+"/part/needed", url.Values{
		"version": {version(t, page.Body.String())}, "/own_ref": {"QM-7/2026"}, "/narrative/text": {nasty}, "/narrative/lang": {"en"},
		"/offences/#count": {"1"}, "/offences/0/code": {""}, "/#do": {"next"},
	})
	if got.Code != http.StatusUnprocessableEntity || strings.Contains(got.Body.String(), `name="/own_ref"`) {
		t.Errorf("more is needed: %d; what is filled in is asked for no more", got.Code)
	}
	facts := ana.get(at + "/part/facts").Body.String()
	if !strings.Contains(facts, template.HTMLEscapeString(nasty)) || strings.Contains(facts, "<script>alert") {
		t.Error("a text does not come back as it was written")
	}
	for _, path := range []string{"", "/check", "/versions", "/part/measure-0", "/part/matter", "/part/subjects", "/part/office", "/part/more"} {
		if got := ana.get(at + path); got.Code != http.StatusOK {
			t.Errorf("%s: %d", path, got.Code)
		}
	}
	if got := ana.get(at + "/part/nothing"); got.Code != http.StatusNotFound {
		t.Errorf("a part that does not exist: %d", got.Code)
	}
	if list := ana.get("/drafts").Body.String(); !strings.Contains(list, at) {
		t.Error("the list of drafts lacks the draft")
	}
}

// TestTwoOfficers has two officers change the same draft: the second is told, and
// can save all the same.
func TestTwoOfficers(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	ana, bo := h.user("ana", desk.Drafter), h.user("bo", desk.Drafter)
	at := ana.begin(preservation)
	v := version(t, ana.get(at+"/part/matter").Body.String())
	if got := ana.post(at+"/part/matter", url.Values{"version": {v}, "/own_ref": {"of Ana"}}); got.Code >= 400 && got.Code != http.StatusUnprocessableEntity {
		t.Fatalf("%d", got.Code)
	}
	got := bo.post(at+"/part/matter", url.Values{"version": {v}, "/own_ref": {"of Bo"}})
	page := got.Body.String()
	if got.Code != http.StatusConflict || !strings.Contains(page, "of Ana") || !strings.Contains(page, "of Bo") || !strings.Contains(page, "Name of ana") {
		t.Fatalf("%d\n%s", got.Code, page)
	}
	bo.post(at+"/part/matter", url.Values{"version": {version(t, page)}, "/own_ref": {"of Bo"}})
	if now := bo.get(at + "/part/matter").Body.String(); !strings.Contains(now, "of Bo") {
		t.Error("the change of the second officer is lost")
	}
}

// TestPaste adds many identifiers at once.
func TestPaste(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	ana := h.user("ana", desk.Drafter)
	at := ana.begin(url.Values{"kind": {"T05"}, "urgency": {"R0_ROUTINE"}, "to": {"QN.24-7"}})
	v := version(t, ana.get(at+"/part/measure-0").Body.String())
	list := "/measures/0/subscriber/identifiers"
	got := ana.post(at+"/part/measure-0", url.Values{
		"version": {v}, list + "/#count": {"0"}, list + "/#paste": {"192.0.2.7\nsomebody@mail.example\r\nsite.example"}, "/#do": {"stay:" + list},
	})
	if got.Code != http.StatusSeeOther {
		t.Fatalf("%d %s", got.Code, h.log.String())
	}
	page := ana.get(at + "/part/measure-0").Body.String()
	for i, want := range []string{"192.0.2.7", "somebody@mail.example", "site.example"} {
		if !strings.Contains(page, fmt.Sprintf(`name="%s/%d/value" value="%s"`, list, i, want)) {
			t.Errorf("%s is missing", want)
		}
	}
	if !strings.Contains(page, `value="ip" selected`) || !strings.Contains(page, `value="email" selected`) {
		t.Error("the kinds were not recognised")
	}
}

// TestUploadNames refuses names that lead elsewhere or deceive (M05).
func TestUploadNames(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	ana := h.user("ana", desk.Drafter)
	at := ana.begin(preservation)
	for _, name := range []string{"../x", "a/b", "a\\b", "con", "", "a\x00b", "invoice\u202egnp.exe", ".", "x:part"} {
		query := url.Values{"name": {name}, "offset": {"0"}, "total": {"1"}}
		r := ana.form(at+"/files/chunk?"+query.Encode(), strings.NewReader("x"))
		r.Header.Set("Origin", origin)
		r.Header.Set("Sec-Fetch-Site", "same-origin")
		if got := ana.send(r); got.Code != http.StatusUnprocessableEntity {
			t.Errorf("%q: %d", name, got.Code)
		}
	}
}
