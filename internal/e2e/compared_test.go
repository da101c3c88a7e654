package e2e_test

import (
	"testing"

	"github.com/entraide/entraide/internal/desk"
	"github.com/entraide/entraide/pkg/pgp"
	"github.com/entraide/entraide/pkg/problem"
)

// TestCompared has two officers compare a certificate with its owner, and finds it
// exchanged afterwards.
func TestCompared(t *testing.T) {
	t.Parallel()
	h := newHub(t)
	qm, qn := h.pair()
	check := func(want string) desk.KeyCheck {
		t.Helper()
		all, err := qm.KeyChecks(t.Context(), "QN.mla")
		must(t, err)
		for _, k := range all {
			if k.Suite == pgp.Modern6 {
				if k.State != want {
					t.Fatalf("the certificate is %s, want %s", k.State, want)
				}
				return k
			}
		}
		t.Fatal("there is no certificate")
		return desk.KeyCheck{}
	}
	v := desk.Verified{Authority: "QN.mla", Suite: pgp.Modern6, Fingerprint: check(desk.KeyUnverified).Fingerprint, How: "phone", Counterpart: "Ms Lindqvist"}
	wrong, mute, other := v, v, v
	wrong.How, mute.Counterpart, other.Fingerprint = "by pigeon", " ", "00"
	for code, x := range map[problem.Code][]desk.Verified{problem.InvalidValue: {wrong, mute}, problem.WrongCertificate: {other}} {
		for _, v := range x {
			if err := qm.RecordVerified(t.Context(), ana, v); problem.CodeOf(err) != code {
				t.Errorf("%+v: %v, want %s", v, err, code)
			}
		}
	}
	if err := qm.RecordVerified(t.Context(), desk.Officer{ID: "aud", Roles: []desk.Role{desk.NationalAuditor}}, v); problem.CodeOf(err) != problem.Forbidden {
		t.Errorf("an auditor compares: %v", err)
	}
	must(t, qm.RecordVerified(t.Context(), ana, v))
	waits := check(desk.KeyWaiting).Waits
	if err := qm.SecondVerified(t.Context(), ana, "QN.mla", waits.ID); problem.CodeOf(err) != problem.Forbidden {
		t.Errorf("the first officer is the second: %v", err)
	}
	if err := qm.SecondVerified(t.Context(), bo, "QN.mla", waits.ID+1); problem.CodeOf(err) != problem.NotFound {
		t.Errorf("what does not wait is compared: %v", err)
	}
	must(t, qm.SecondVerified(t.Context(), bo, "QN.mla", waits.ID))
	if last := check(desk.KeyVerified).Last; last.ByName != ana.Name || last.Second != bo.Name || last.SecondAt.IsZero() {
		t.Errorf("it was compared by %+v", last)
	}
	whoDid(t, qm, "bo certificate compared, second officer")
	must(t, qn.Replace(t.Context(), desk.Replacement{Authority: "QN.mla", Suite: pgp.Modern6}))
	must(t, qm.Sync(t.Context()))
	if now := check(desk.KeyReplaced); now.Fingerprint == v.Fingerprint || now.Last.Fingerprint != v.Fingerprint {
		t.Errorf("after the exchange: %+v", now)
	}
	if err := qm.RecordVerified(t.Context(), ana, v); problem.CodeOf(err) != problem.WrongCertificate {
		t.Errorf("the former certificate is compared: %v", err)
	}
}
