package locale_test

import (
	"strings"
	"testing"
	"time"

	"github.com/entraide/entraide/internal/locale"
)

func localizer(t *testing.T, tag string) *locale.Localizer {
	t.Helper()
	l, err := locale.For(tag)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func TestNegotiate(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ header, setting, cookie, want string }{
		{"", "", "", "en"},
		{"ar-EG,ar;q=0.9,en;q=0.5", "", "", "ar"},
		{"zh-CN,zh;q=0.9", "", "", "zh-Hans"},
		{"pt-BR,fr-CA;q=0.8,en;q=0.5", "", "", "fr"},
		{"vi", "", "ru", "ru"},
		{"vi", "es", "ru", "es"},
		{"de-DE,de", "", "", "en"},
		{"fr", "tlh", "../../etc", "fr"},
		{strings.Repeat("x,", 5000), "", "", "en"},
		{"en-XA", "en-XA", "ar-XB", "en"}, // pseudo-locales are offered to nobody
	} {
		if got := locale.Negotiate(tt.header, tt.setting, tt.cookie); got != tt.want {
			t.Errorf("Negotiate(%.40q, %q, %q) = %q, want %q", tt.header, tt.setting, tt.cookie, got, tt.want)
		}
	}
}

func TestPlural(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	for _, tt := range []struct {
		tag   string
		hours int
		want  string
	}{
		{"en", 1, "in 1 hour"},
		{"en", 5, "in 5 hours"},
		{"ar", 2, "بعد ساعتين"},
		{"ar", 5, "بعد 5 ساعات"},
		{"ar", 14, "بعد 14 ساعة"},
		{"ru", 21, "через 21 час"},
		{"ru", 23, "через 23 часа"},
		{"ru", 11, "через 11 часов"},
		{"fr", -3, "il y a 3 heures"},
		{"zh-Hans", -50, "2 天前"},
		{"vi", 49, "sau 2 ngày"},
	} {
		if got := localizer(t, tt.tag).From(now, now.Add(time.Duration(tt.hours)*time.Hour)); got != tt.want {
			t.Errorf("%s: %d hours: %q, want %q", tt.tag, tt.hours, got, tt.want)
		}
	}
	if got, want := localizer(t, "fr").T("common.in_days", "Count", 1_000_000), "dans 1000000 de jours"; got != want {
		t.Errorf("French has a form for millions: %q, want %q", got, want)
	}
}

func TestDateTime(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 11, 1, 22, 30, 0, 0, time.UTC)
	paris, err := time.LoadLocation("Europe/Paris")
	if err != nil {
		t.Fatal(err)
	}
	kolkata, err := time.LoadLocation("Asia/Kolkata")
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		tag  string
		zone *time.Location
		want string
	}{
		{"en", time.UTC, "1 November 2026, \u206622:30 UTC\u2069"},
		{"en", paris, "1 November 2026, \u206623:30 UTC+1\u2069 (\u206622:30 UTC\u2069)"},
		{"fr", paris, "1er novembre 2026, \u206623:30 UTC+1\u2069 (\u206622:30 UTC\u2069)"},
		{"es", time.UTC, "1 de noviembre de 2026, \u206622:30 UTC\u2069"},
		{"ru", time.UTC, "1 ноября 2026 г., \u206622:30 UTC\u2069"},
		{"ar", time.UTC, "1 تشرين الثاني/نوفمبر 2026، \u206622:30 UTC\u2069"},
		{"vi", time.UTC, "\u206601/11/2026\u2069, \u206622:30 UTC\u2069"},
		{"zh-Hans", time.UTC, "2026年11月1日 \u206622:30 UTC\u2069"},
		{"en", kolkata, "2 November 2026, \u206604:00 UTC+5:30\u2069 (\u20662026-11-01 22:30 UTC\u2069)"},
	} {
		if got := localizer(t, tt.tag).DateTime(at, tt.zone); got != tt.want {
			t.Errorf("%s, %s: %q, want %q", tt.tag, tt.zone, got, tt.want)
		}
	}
	if got, want := string(localizer(t, "en").TimeHTML(at, time.UTC)), `<time datetime="2026-11-01T22:30:00Z">1 November 2026, `; !strings.HasPrefix(got, want) {
		t.Errorf("%q does not begin with %q", got, want)
	}
}

func TestNumber(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		tag  string
		n    int64
		want string
	}{
		{"en", 1234, "1234"}, {"en", 12345, "12,345"}, {"en", -1234567, "-1,234,567"},
		{"fr", 1234567, "1\u202f234\u202f567"}, {"vi", 12345, "12.345"}, {"ar", 12345, "12,345"},
	} {
		if got := localizer(t, tt.tag).Number(tt.n); got != tt.want {
			t.Errorf("%s: %q, want %q", tt.tag, got, tt.want)
		}
	}
}

func TestName(t *testing.T) {
	t.Parallel()
	names := map[string]string{"en": "Republic of Meridia", "ar": "جمهورية ميريديا", "zh": "梅里迪亚共和国"}
	for _, tt := range []struct{ tag, name, of string }{
		{"ar", names["ar"], "ar"}, {"zh-Hans", names["zh"], "zh"}, {"ru", names["en"], "en"},
	} {
		if name, of := localizer(t, tt.tag).Name(names, "QM"); name != tt.name || of != tt.of {
			t.Errorf("%s: %q in %q, want %q in %q", tt.tag, name, of, tt.name, tt.of)
		}
	}
	if name, of := localizer(t, "ru").Name(nil, "QM"); name != "QM" || of != "" {
		t.Errorf("without names: %q in %q", name, of)
	}
	if name, of := localizer(t, "ru").Name(map[string]string{"vi": "b", "es": "a"}, "QM"); name != "a" || of != "es" {
		t.Errorf("in other languages: %q in %q", name, of)
	}
}

func TestProse(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"في 2026-11-01 00:00 UTC من":      `في <bdi dir="ltr">2026-11-01 00:00 UTC</bdi> من`,
		"من 192.0.2.17:443 إلى":           `من <bdi dir="ltr">192.0.2.17:443</bdi> إلى`,
		"2001:db8::7, a.b@mail.example":   `<bdi dir="ltr">2001:db8::7</bdi>, <bdi dir="ltr">a.b@mail.example</bdi>`,
		"ملف NCD-26/1187 و":               `ملف <bdi dir="ltr">NCD-26/1187</bdi> و`,
		"<script>alert(1)</script>\nb":    `&lt;script&gt;alert(1)&lt;/script&gt;<br>b`,
		`"><img src=x>@mail.example`:      `&#34;&gt;&lt;img src=x&gt;@mail.example`,
		"plain words, and a short 12 one": `plain words, and a short 12 one`,
	} {
		if got := string(locale.Prose(in)); got != want {
			t.Errorf("%q:\n got %q\nwant %q", in, got, want)
		}
	}
}

func TestValue(t *testing.T) {
	t.Parallel()
	if got := locale.Value("QM-7"); got != "\u2066QM-7\u2069" || locale.Value(got) != got || locale.Bare(got) != "QM-7" {
		t.Errorf("%q", got)
	}
	if got := string(locale.V(`"<b>`)); got != `<bdi dir="ltr">&#34;&lt;b&gt;</bdi>` {
		t.Errorf("%q", got)
	}
}

// TestMissing does not run beside others: it looks at the counter.
func TestMissing(t *testing.T) {
	l := localizer(t, "vi")
	before := locale.Missed()
	for i, ask := range []func() string{
		func() string { return l.T("common.no_such_sentence") },
		func() string { return l.T("common.in_days") }, // without its number
		func() string { return l.T("common.in_days", "Count") },
		func() string { return l.T("common.in_days", 1, 2) },
	} {
		if got := ask(); !strings.HasPrefix(got, "⟦common.") {
			t.Errorf("%d: %q, want the key", i, got)
		}
		if got := locale.Missed() - before; got != int64(i)+1 {
			t.Errorf("%d: missed %d", i, got)
		}
	}
	if _, err := locale.For("tlh"); err == nil {
		t.Error("a language that is not spoken has a localizer")
	}
}

func TestPseudo(t *testing.T) {
	t.Parallel()
	long := localizer(t, locale.PseudoLong).T("common.in_days", "Count", 5)
	if !strings.Contains(long, "5") || strings.Contains(long, "days") || len([]rune(long)) < 13 {
		t.Errorf("%q", long)
	}
	mirrored := localizer(t, locale.PseudoMirrored)
	if got := mirrored.T("common.in_days", "Count", 5); !strings.Contains(got, "\u202ein \u202c5") || mirrored.Dir != "rtl" {
		t.Errorf("%q, %s", got, mirrored.Dir)
	}
}
