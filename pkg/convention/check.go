package convention

import (
	"errors"
	"math/big"
	"reflect"
	"regexp"
	"strings"
	"sync"

	"github.com/go-playground/validator/v10"
	"golang.org/x/text/language"

	"github.com/entraide/entraide/pkg/problem"
	"github.com/entraide/entraide/pkg/strictjson"
)

// plainText is text of one line, without control characters and without those
// that reorder what is shown; lines may hold tabs and line ends.
const (
	plainText = "^[^\\x00-\\x1f\\x7f-\\x9f\u202a-\u202e\u2066-\u2069]*$"
	lines     = "^[^\\x00-\\x08\\x0b-\\x1f\\x7f-\\x9f\u202d\u202e]*$"
	filename  = "^[^\\x00-\\x1f\\x7f-\\x9f\u202a-\u202e\u2066-\u2069/\\\\:*?\"<>|.][^\\x00-\\x1f\\x7f-\\x9f\u202a-\u202e\u2066-\u2069/\\\\:*?\"<>|]*$"
)

// forms are the spellings of values, by the tag that asks for them.
var forms = map[string]*regexp.Regexp{
	"party":       regexp.MustCompile(`^[A-Z][A-Z0-9]{1,15}$`),
	"authority":   regexp.MustCompile(`^[A-Z][A-Z0-9]{1,15}\.[a-z0-9-]{1,32}$`),
	"id":          regexp.MustCompile(`^[0-9a-f]{32}$`),
	"digest":      regexp.MustCompile(`^[0-9a-f]{64}$`),
	"plain":       regexp.MustCompile(plainText),
	"lines":       regexp.MustCompile(lines),
	"domain":      regexp.MustCompile(`^([a-z0-9_]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z0-9-]{2,63}$`),
	"asn":         regexp.MustCompile(`^AS[1-9][0-9]{0,9}$`),
	"mailbox":     regexp.MustCompile(`^[^\s<>@\x00-\x1f]{1,64}@[^\s<>@\x00-\x1f]{1,255}$`),
	"media":       regexp.MustCompile(`^[a-z0-9!#$&^_.+-]{1,64}/[a-z0-9!#$&^_.+-]{1,64}$`),
	"lang":        regexp.MustCompile(`^[a-z]{2,3}(-[A-Z][a-z]{3})?(-([A-Z]{2}|[0-9]{3}))?$`),
	"date":        regexp.MustCompile(`^[0-9]{4}(-(0[1-9]|1[0-2])(-(0[1-9]|[12][0-9]|3[01]))?)?$`),
	"decimal":     regexp.MustCompile(`^(0|[1-9][0-9]{0,17})(\.[0-9]{1,18})?$`),
	"currency":    regexp.MustCompile(`^[A-Z0-9]{3,10}$`),
	"pointer":     regexp.MustCompile(`^(/[a-z0-9_]{1,40}){1,16}$`),
	"reliability": regexp.MustCompile(`^[A-F][1-6]$`),
	"filename":    regexp.MustCompile(filename),
}

// identifierForms are the spellings of identifiers, by their type.
var identifierForms = map[string]*regexp.Regexp{
	"domain":        forms["domain"],
	"url":           regexp.MustCompile(`^https?://[^\s<>"\x00-\x1f\x7f]{1,480}$`),
	"email":         forms["mailbox"],
	"phone":         regexp.MustCompile(`^\+[1-9][0-9]{6,14}$`),
	"imei":          regexp.MustCompile(`^[0-9]{15}$`),
	"imsi":          regexp.MustCompile(`^[0-9]{14,15}$`),
	"mac":           regexp.MustCompile(`^([0-9A-F]{2}-){5}[0-9A-F]{2}$`),
	"asn":           forms["asn"],
	"virtual-asset": regexp.MustCompile(`^[A-Za-z0-9:._-]{8,200}$`),
	"transaction":   regexp.MustCompile(`^[A-Za-z0-9]{16,200}$`),
	"iban":          regexp.MustCompile(`^[A-Z]{2}[0-9]{2}[A-Z0-9]{11,30}$`),
	"bank-account":  regexp.MustCompile(`^[A-Z0-9][A-Z0-9 /.-]{2,49}$`),
	"bic":           regexp.MustCompile(`^[A-Z]{4}[A-Z]{2}[A-Z0-9]{2}([A-Z0-9]{3})?$`),
	"lei":           regexp.MustCompile(`^[A-Z0-9]{18}[0-9]{2}$`),
}

// checkDigits test identifiers that have some: ISO 13616 and ISO 17442 by ISO
// 7064 (97-10), the IMEI by the Luhn formula.
var checkDigits = map[string]func(string) bool{
	"iban": func(s string) bool { return mod97(s[4:] + s[:4]) },
	"lei":  mod97,
	"imei": luhn,
}

// mod97 reports whether the digits, with letters as 10 to 35, leave 1.
func mod97(s string) bool {
	var digits strings.Builder
	for _, c := range s {
		if c >= 'A' {
			digits.WriteString(big.NewInt(int64(c-'A') + 10).String())
			continue
		}
		digits.WriteRune(c)
	}
	n, ok := new(big.Int).SetString(digits.String(), 10)
	return ok && n.Mod(n, big.NewInt(97)).Int64() == 1
}

// luhn reports whether the last digit fits the others.
func luhn(s string) bool {
	sum := 0
	for i, c := range s {
		d := int(c - '0')
		if (len(s)-i)%2 == 0 {
			d *= 2
		}
		sum += d/10 + d%10
	}
	return sum%10 == 0
}

// findingOf are the findings by the tags that make them, where the names differ.
var findingOf = map[string]string{
	"needs": "required", "only": "not-here", "any_of": "locator", "nefield": "same-party", "undertaken": "statement",
	"contains": "never-alone", "after": "order", "max": "too-long", "min": "too-small", "oneof": "no-such-value", "code": "no-such-code",
}

// rules returns the validator, built once.
var rules = sync.OnceValues(func() (*validator.Validate, error) {
	v := validator.New(validator.WithRequiredStructEnabled())
	v.RegisterTagNameFunc(func(f reflect.StructField) string {
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		return name
	})
	v.RegisterCustomTypeFunc(func(v reflect.Value) any {
		t, _ := reflect.TypeAssert[Time](v)
		return t.Time
	}, Time{})
	v.RegisterCustomTypeFunc(func(v reflect.Value) any {
		m, _ := reflect.TypeAssert[Moment](v)
		return m.Time
	}, Moment{})
	errs := registerTags(v)
	for tag, form := range forms {
		errs = append(errs, v.RegisterValidation(tag, func(fl validator.FieldLevel) bool {
			return form.MatchString(fl.Field().String())
		}))
	}
	errs = append(errs,
		v.RegisterValidation("lang", func(fl validator.FieldLevel) bool { return knownLanguage(fl.Field().String()) }),
		v.RegisterValidation("problem", func(fl validator.FieldLevel) bool { return problem.Code(fl.Field().String()).Valid() }),
	)
	registerStructRules(v)
	return v, errors.Join(errs...)
})

// knownLanguage reports whether tag is well formed and names a registered
// language, script and region (BCP 47).
func knownLanguage(tag string) bool {
	if !forms["lang"].MatchString(tag) {
		return false
	}
	parsed, err := language.Parse(tag)
	return err == nil && parsed.String() == tag
}

// A fault is a finding of level error with its place.
type fault struct{ code, pointer string }

// Error implements error.
func (f fault) Error() string { return f.code + " at " + f.pointer }

// faults holds a body against the tags of its type and the rules between its
// members, and returns all that is wrong.
func faults(b Body) ([]fault, error) {
	v, err := rules()
	if err != nil {
		return nil, problem.Wrap(problem.Internal, "", "The rules of content cannot be used.", err)
	}
	err = v.Struct(b)
	if err == nil {
		return nil, nil
	}
	wrong, ok := errors.AsType[validator.ValidationErrors](err)
	if !ok {
		return nil, problem.Wrap(problem.Internal, "", "The rules of content cannot be used.", err)
	}
	var out []fault
	for _, f := range wrong {
		code, ok := findingOf[f.Tag()]
		if !ok {
			code = f.Tag()
		}
		out = append(out, fault{code: code, pointer: pointerOf(f.Namespace())})
	}
	return out, nil
}

// checkRules returns the first fault of a body as a *problem.Error.
func checkRules(b Body) error {
	wrong, err := faults(b)
	if err != nil || len(wrong) == 0 {
		return err
	}
	return refusal(wrong[0])
}

// sentence is the English sentence of a finding.
func sentence(code string) string {
	if c, ok := CodeOf(listFinding, code); ok {
		return c.Label("en")
	}
	return "The value is not allowed."
}

// pointerOf turns the validator's path, such as
// Request.measures[0].data[1].port, into a JSON pointer.
func pointerOf(namespace string) string {
	_, path, _ := strings.Cut(namespace, ".")
	path = strings.ReplaceAll(path, "]", "")
	return "/" + strings.NewReplacer(".", "/", "[", "/").Replace(path)
}

// refusal turns a fault, or an error of the JSON parser, into a refusal. The
// parser spells its kinds like the codes of problems.
func refusal(err error) error {
	if f, ok := errors.AsType[fault](err); ok {
		return problem.New(problem.InvalidValue, f.pointer, sentence(f.code))
	}
	if e, ok := errors.AsType[*strictjson.Error](err); ok {
		return problem.Wrap(problem.Code(e.Kind), e.Pointer, e.Detail, err)
	}
	return problem.Wrap(problem.Internal, "", "The content cannot be read.", err)
}
