package problem_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/entraide/entraide/pkg/problem"
	"github.com/entraide/entraide/pkg/strictjson"
)

// statuses are the only HTTP statuses that a problem may have.
var statuses = []int{400, 401, 403, 404, 405, 409, 413, 415, 422, 429, 500, 503}

// TestCatalogueIsTotal checks that every code is spelt once and has all that
// follows from a code.
func TestCatalogueIsTotal(t *testing.T) {
	t.Parallel()
	codes := problem.Codes()
	if len(codes) != 36 {
		t.Errorf("the catalogue has %d codes, want 36", len(codes))
	}
	spelling := regexp.MustCompile(`^[a-z0-9]+(-[a-z0-9]+)*$`)
	seen := map[problem.Code]bool{}
	for _, c := range codes {
		if seen[c] {
			t.Errorf("%s occurs twice", c)
		}
		seen[c] = true
		if !spelling.MatchString(string(c)) || !c.Valid() {
			t.Errorf("%q is not a code", c)
		}
		if !slices.Contains(statuses, c.Status()) {
			t.Errorf("%s: status %d", c, c.Status())
		}
		if title := c.Title(); title == "" || strings.HasSuffix(title, ".") {
			t.Errorf("%s: title %q", c, title)
		}
		if r := c.Remedy(); len(r) < 20 || strings.Count(r, ".") != 1 || !strings.HasSuffix(r, ".") {
			t.Errorf("%s: the remedy is not one sentence: %q", c, r)
		}
	}
}

// TestStatus pins the statuses, which are part of the protocol.
func TestStatus(t *testing.T) {
	t.Parallel()
	for status, codes := range map[int][]problem.Code{
		400: {problem.MalformedJSON, problem.UnknownMember, problem.DuplicateMember, problem.InvalidValue, problem.WrongType, problem.MissingRecipient},
		401: {problem.Unauthenticated}, 403: {problem.Forbidden}, 404: {problem.NotFound}, 405: {problem.MethodNotAllowed},
		409: {problem.DuplicateMessage, problem.SequenceGap, problem.MissingEvidence, problem.ActNotAllowed, problem.StatementChain},
		413: {problem.TooLarge}, 415: {problem.UnsupportedMediaType},
		422: {problem.WrongSuite, problem.UnknownAuthority, problem.SuspendedAuthority, problem.ExpiredAuthority, problem.WrongCertificate,
			problem.WrongEncryptionKey, problem.StaleTime, problem.ExpiredMessage, problem.BadSignature, problem.WrongDigest, problem.BadFraming,
			problem.StatementSigner, problem.StatementInvalid, problem.ReceiptMismatch},
		429: {problem.RateLimited}, 500: {problem.Internal}, 503: {problem.Overloaded, problem.LogUnavailable},
	} {
		for _, c := range codes {
			if c.Status() != status {
				t.Errorf("%s: status %d, want %d", c, c.Status(), status)
			}
		}
	}
	if c := problem.Code("no-such-code"); c.Valid() || c.Status() != 500 || c.Title() == "" || c.Remedy() == "" {
		t.Error("an unknown code is not treated as internal")
	}
}

// TestKindsAreCodes checks that every kind of a strictjson error is a code, so
// that callers may convert one into the other.
func TestKindsAreCodes(t *testing.T) {
	t.Parallel()
	for _, k := range []strictjson.Kind{strictjson.TooLarge, strictjson.Syntax, strictjson.Duplicate, strictjson.Unknown, strictjson.Value} {
		if !problem.Code(k).Valid() {
			t.Errorf("%s is not a problem code", k)
		}
	}
}

func TestCodeOf(t *testing.T) {
	t.Parallel()
	refusal := problem.New(problem.SequenceGap, "core.seq", "The next number is 4.")
	for _, tt := range []struct {
		name string
		err  error
		want problem.Code
	}{
		{"nil", nil, ""},
		{"refusal", refusal, problem.SequenceGap},
		{"wrapped refusal", fmt.Errorf("submitting: %w", refusal), problem.SequenceGap},
		{"outage", errors.New("dial tcp 192.0.2.1: refused"), problem.Internal},
	} {
		if got := problem.CodeOf(tt.err); got != tt.want {
			t.Errorf("%s: CodeOf = %q, want %q", tt.name, got, tt.want)
		}
	}
}

// TestDocumentRoundTrip sends every code through JSON and back.
func TestDocumentRoundTrip(t *testing.T) {
	t.Parallel()
	for _, c := range problem.Codes() {
		sent := problem.Newf(c, "core.after/0", "The message %q is unknown.", "x")
		sent.Stage, sent.Unseen = "decided", []string{"ab", "cd"}
		data, err := strictjson.Marshal(sent.Document())
		if err != nil {
			t.Fatal(err)
		}
		var doc problem.Document
		if err := strictjson.Unmarshal(data, 4096, &doc); err != nil {
			t.Fatal(err)
		}
		if doc.Type != "https://entraide.example/problems/"+string(c) || doc.Status != c.Status() || doc.Title != c.Title() || doc.Remedy != c.Remedy() {
			t.Errorf("%s: document %+v", c, doc)
		}
		if diff := cmp.Diff(sent, doc.Err()); diff != "" {
			t.Errorf("%s changes on the way (-sent +received):\n%s", c, diff)
		}
	}
}

// TestCauseStaysPrivate checks that the cause is in our log's text and not in
// what the caller gets.
func TestCauseStaysPrivate(t *testing.T) {
	t.Parallel()
	cause := errors.New("dsn=secret")
	e := problem.Wrap(problem.Internal, "", "Storing failed.", cause)
	if !errors.Is(e, cause) || !strings.Contains(e.Error(), "secret") {
		t.Errorf("the cause is lost: %v", e)
	}
	data, err := json.Marshal(e.Document())
	if err != nil || strings.Contains(string(data), "secret") {
		t.Errorf("the cause is told: %s, %v", data, err)
	}
}

func TestUnknownCode(t *testing.T) {
	t.Parallel()
	if got := (problem.Document{Code: "from-the-future", Detail: "x"}).Err().Code; got != problem.Internal {
		t.Errorf("Err().Code = %q, want internal", got)
	}
}
