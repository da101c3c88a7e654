package convention

import (
	"errors"
	"reflect"
	"regexp"
	"strings"
	"sync"

	"github.com/go-playground/validator/v10"
	"golang.org/x/text/language"

	"github.com/entraide/entraide/pkg/problem"
	"github.com/entraide/entraide/pkg/strictjson"
)

// forms are the spellings of values, by the tag that asks for them. They are
// also in schemas/bodies/common.json.
var forms = map[string]*regexp.Regexp{
	"party":     regexp.MustCompile(`^[A-Z][A-Z0-9]{1,15}$`),
	"authority": regexp.MustCompile(`^[A-Z][A-Z0-9]{1,15}\.[a-z0-9-]{1,32}$`),
	"id":        regexp.MustCompile(`^[0-9a-f]{32}$`),
	"digest":    regexp.MustCompile(`^[0-9a-f]{64}$`),
	"plain":     regexp.MustCompile(`^[^\x00-\x1f\x7f-\x9f]*$`),
	"lines":     regexp.MustCompile(`^[^\x00-\x08\x0b-\x1f\x7f-\x9f]*$`),
	"domain":    regexp.MustCompile(`^([a-z0-9_]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z0-9-]{2,63}$`),
	"asn":       regexp.MustCompile(`^AS[1-9][0-9]{0,9}$`),
	"mailbox":   regexp.MustCompile(`^[^\s<>@\x00-\x1f]{1,64}@[^\s<>@\x00-\x1f]{1,255}$`),
	"media":     regexp.MustCompile(`^[a-z0-9!#$&^_.+-]{1,64}/[a-z0-9!#$&^_.+-]{1,64}$`),
	"lang":      regexp.MustCompile(`^[a-z]{2,3}(-[A-Z][a-z]{3})?(-([A-Z]{2}|[0-9]{3}))?$`),
}

// sentences say what is wrong, by the tag that failed.
var sentences = map[string]string{
	"required":        "The member is missing or empty.",
	"empty":           "An empty member must be left out.",
	"not-here":        "The member does not belong here; leave it out.",
	"max":             "The value is longer or larger than allowed.",
	"min":             "The value is shorter or smaller than allowed.",
	"oneof":           "The value is not one of those allowed.",
	"code":            "The code is not in its list.",
	"unique":          "The list names the same thing twice.",
	"nefield":         "The two parties are the same.",
	"party":           "The value is not a party code.",
	"authority":       "The value is not the identifier of an authority.",
	"id":              "The value is not an identifier of 32 hexadecimal digits.",
	"digest":          "The value is not a SHA-256 in lower-case hexadecimal digits.",
	"plain":           "The text holds control characters or line ends.",
	"lines":           "The text holds control characters.",
	"ip":              "The value is not an IP address.",
	"domain":          "The value is not a domain name in lower case.",
	"asn":             "The value is not the number of an autonomous system, such as AS64500.",
	"mailbox":         "The value is not an e-mail address.",
	"media":           "The value is not a media type in lower case.",
	"lang":            "The value is not a language tag such as ar or zh-Hans.",
	"problem":         "The value is not a problem code.",
	"mla_intended":    "Preservation needs the statement that a request for the data will follow.",
	"order":           "The end is not after the beginning.",
	"duration":        "The period is shorter than this measure's least duration.",
	"numbered":        "The items are not numbered from 1 in their order.",
	"authentic":       "The summary of facts must be the text that binds.",
	"locator":         "At least one of ip, domain, account and object must be given.",
	"reference":       "The request must refer to the case that it extends or follows.",
	"extension":       "A request that extends another must have the status extension, and only such a request.",
	"preserving":      "A preservation cannot be refused on this ground.",
	"never-alone":     "This ground is not accepted without another.",
	"penalty":         "The maximum penalty is lower than the definition of this offence demands.",
	"refused-grounds": "Grounds are given where something is refused, and only there.",
	"package":         "The package belongs to a measure that is not among the results.",
	"spelling":        "The value is not in its one spelling.",
	"translation":     "There are two texts in one language.",
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
	var errs []error
	for tag, form := range forms {
		errs = append(errs, v.RegisterValidation(tag, func(fl validator.FieldLevel) bool {
			return form.MatchString(fl.Field().String())
		}))
	}
	errs = append(errs,
		v.RegisterValidation("lang", func(fl validator.FieldLevel) bool { return knownLanguage(fl.Field().String()) }),
		v.RegisterValidation("code", func(fl validator.FieldLevel) bool {
			_, ok := codeOf(fl.Param(), fl.Field().String())
			return ok
		}),
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

// checkRules holds a body against the tags of its type and the rules between
// its members.
func checkRules(b Body) error {
	v, err := rules()
	if err != nil {
		return problem.Wrap(problem.Internal, "", "The rules of content cannot be used.", err)
	}
	err = v.Struct(b)
	if err == nil {
		return nil
	}
	faults, ok := errors.AsType[validator.ValidationErrors](err)
	if !ok {
		return problem.Wrap(problem.Internal, "", "The rules of content cannot be used.", err)
	}
	first := faults[0]
	return invalid(pointerOf(first.Namespace()), sentenceOf(first))
}

// sentenceOf says what is wrong. A value that must be true names its own rule.
func sentenceOf(f validator.FieldError) string {
	tag := f.Tag()
	if tag == "eq" {
		tag = f.Field()
	}
	if s, ok := sentences[tag]; ok {
		return s
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

// refusal turns an error of the JSON parser into a refusal. The two spell their
// kinds alike.
func refusal(err error) error {
	if e, ok := errors.AsType[*strictjson.Error](err); ok {
		return problem.Wrap(problem.Code(e.Kind), e.Pointer, e.Detail, err)
	}
	return problem.Wrap(problem.Internal, "", "The content cannot be read.", err)
}
