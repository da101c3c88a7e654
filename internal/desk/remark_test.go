package desk

import (
	"fmt"
	"testing"

	"github.com/entraide/entraide/pkg/problem"
)

// TestReadRemark takes apart every sentence that the desk writes.
func TestReadRemark(t *testing.T) {
	t.Parallel()
	misfit := problem.New(problem.ActNotAllowed, "core.act", "The case is closed.")
	erased := Erased{At: "2026-11-28T09:00:00Z", Officer: "A, basis: B", Basis: "article 7\nof the Act"}
	for _, r := range []struct {
		note, code string
		values     map[string]string
		problem    problem.Code
	}{
		{fmt.Sprintf(remarkMissing, 3, 7), "missing", map[string]string{"First": "3", "Last": "7"}, ""},
		{remarkMisfit + misfit.Error(), "misfit", map[string]string{"Why": misfit.Error()}, problem.ActNotAllowed},
		{fmt.Sprintf(remarkStage, "open", "closed"), "stage", map[string]string{"Broker": "open", "Here": "closed"}, ""},
		{remarkRelearned, "relearned", nil, ""},
		{erased.String(), "erased", map[string]string{"Time": erased.At}, ""},
		{remarkNoRecord, "erased_unknown", nil, ""},
		{fmt.Sprintf(remarkSigner, "2026-11-01T00:00:00Z"), "signer", map[string]string{"Time": "2026-11-01T00:00:00Z"}, ""},
		{fmt.Sprintf(remarkReader, "2026-11-01T00:00:00Z"), "reader", map[string]string{"Time": "2026-11-01T00:00:00Z"}, ""},
		{misfit.Error(), "", nil, problem.ActNotAllowed},
		{"something newer", "", nil, ""},
	} {
		got := ReadRemark(r.note)
		if got.Code != r.code || got.Problem != r.problem || got.Text != r.note {
			t.Errorf("%q is read as %+v", r.note, got)
		}
		for name, want := range r.values {
			if got.Values[name] != want {
				t.Errorf("%q: %s is %q, want %q", r.note, name, got.Values[name], want)
			}
		}
	}
}
