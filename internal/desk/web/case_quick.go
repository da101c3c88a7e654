package web

import (
	"slices"

	"github.com/entraide/entraide/pkg/workflow"
)

// caseDigits is how much of a case's id is proposed as the office's own reference.
const caseDigits = 8

// quick offers on the page of a case what can be done there: to acknowledge a request
// with what is known already, and to answer questions. Either begins a draft whose
// page of answers shows exactly what would be signed.
func (v *caseView) quick(c *Call, party string, ours func(authority string) bool) {
	can := func(act workflow.Act) bool {
		return slices.ContainsFunc(v.Actions, func(x action) bool { return x.Act == string(act) })
	}
	if v.Quick = v.Turn == "ours" && can(workflow.Acknowledge) && len(v.Case.Case) >= caseDigits; v.Quick {
		v.Form.Set("/reference", party+"-"+v.Case.Case[:caseDigits])
		v.Form.Set("/next_step/text", c.L.T("case.quick_next_text"))
	}
	v.Answer = can(workflow.Answer) && len(v.Case.Missing) > 0
	for _, m := range v.Case.Missing {
		v.Answer = v.Answer && ours(m.By)
	}
}
