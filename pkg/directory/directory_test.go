package directory_test

import (
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/entraide/entraide/internal/testkit/states"
	"github.com/entraide/entraide/pkg/directory"
	"github.com/entraide/entraide/pkg/pgp"
	"github.com/entraide/entraide/pkg/problem"
)

// wantProblem checks the code and field of an error; an empty code means nil.
func wantProblem(t *testing.T, err error, code problem.Code, field string) {
	t.Helper()
	if code == "" {
		if err != nil {
			t.Fatalf("err = %v, want nil", err)
		}
		return
	}
	p, ok := errors.AsType[*problem.Error](err)
	if !ok {
		t.Fatalf("err = %v, want a problem %s", err, code)
	}
	if p.Code != code || p.Field != field {
		t.Fatalf("problem %s in %q (%v), want %s in %q", p.Code, p.Field, err, code, field)
	}
}

func TestWorld(t *testing.T) {
	t.Parallel()
	for _, suite := range states.Suites() {
		t.Run(string(suite), func(t *testing.T) {
			t.Parallel()
			w := states.New(t, suite)
			a, err := w.Directory.Check("QM.24-7", w.Now)
			wantProblem(t, err, "", "")
			if a.Party != "QM" || a.Standing != directory.Active || a.Certificates[suite].Fingerprint() != w.Keys["QM.24-7"].Fingerprint() {
				t.Errorf("QM.24-7 is %+v", a)
			}
			got, err := w.Directory.Suite("QM.24-7", "QN.mla", w.Now)
			wantProblem(t, err, "", "")
			if got != suite {
				t.Errorf("Suite = %s, want %s", got, suite)
			}
			var ids []string
			for _, a := range w.Directory.Authorities() {
				ids = append(ids, a.Statement.ID)
			}
			if diff := cmp.Diff([]string{"QM.24-7", "QM.mla", "QN.24-7", "QN.mla", "QP.24-7", "QR.24-7"}, ids); diff != "" {
				t.Errorf("Authorities (-want +got):\n%s", diff)
			}
			if parties := w.Directory.Parties(); len(parties) != 4 || parties[0].Code != "QM" || parties[0].Standing != directory.Active {
				t.Errorf("Parties = %v", parties)
			}
			d, ok := w.Directory.Depositary()
			if !ok || d.Certificate.Fingerprint() != w.Directory.Anchor() || d.Transport != states.Transport("depositary") {
				t.Errorf("Depositary = %+v, %v", d, ok)
			}
		})
	}
}

func TestLookups(t *testing.T) {
	t.Parallel()
	w := states.New(t, pgp.Modern6)
	d := w.Directory
	_, err := d.Authority("QT.24-7")
	wantProblem(t, err, problem.UnknownAuthority, "")
	_, err = d.Authority("QM") // a party is no authority
	wantProblem(t, err, problem.UnknownAuthority, "")
	_, err = d.Party("QM.24-7")
	wantProblem(t, err, problem.UnknownAuthority, "")
	_, err = d.Suite("QM.24-7", "QT.24-7", w.Now)
	wantProblem(t, err, problem.UnknownAuthority, "")
	_, err = d.Suite("QT.24-7", "QM.24-7", w.Now)
	wantProblem(t, err, problem.UnknownAuthority, "")
	if found := d.ByTransport(states.Transport("QN.mla")); len(found) != 1 || found[0].Statement.ID != "QN.mla" {
		t.Errorf("ByTransport = %v", found)
	}
	if found := append(d.ByTransport(""), d.ByTransport("00")...); len(found) != 0 {
		t.Errorf("ByTransport of no key = %v", found)
	}
	last := d.Records()[d.Size()-1]
	if r, ok := d.Find(last.Digest); !ok || r.Subject != "QR.24-7" || r.Signer != "QR" || r.Index != d.Size()-1 {
		t.Errorf("Find = %+v, %v", r, ok)
	}
	if _, ok := d.Find(""); ok {
		t.Error("Find finds nothing's digest")
	}
}

// TestOneDeskForTwoAuthorities: a desk may speak for several authorities of
// its party.
func TestOneDeskForTwoAuthorities(t *testing.T) {
	t.Parallel()
	w := states.New(t, pgp.Modern6)
	s := w.AuthorityStatement(t, "QM.mla")
	s.Transport = states.Transport("QM.24-7")
	w.Publish(t, w.Parties["QM"], s)
	if found := w.Directory.ByTransport(s.Transport); len(found) != 2 {
		t.Errorf("ByTransport finds %d authorities, want 2", len(found))
	}
	if found := w.Directory.ByTransport(states.Transport("QM.mla")); len(found) != 0 {
		t.Error("ByTransport finds an authority by a key it has given up")
	}
	s = w.AuthorityStatement(t, "QM.mla")
	s.Transport = ""
	w.Publish(t, w.Parties["QM"], s)
	if found := w.Directory.ByTransport(""); len(found) != 0 {
		t.Error("ByTransport finds an authority without a desk")
	}
}

func TestSuite(t *testing.T) {
	t.Parallel()
	w := states.New(t, pgp.Classic4)
	publish := func(id string, suites ...pgp.Suite) {
		s, _ := w.WithSuites(t, id, suites...)
		w.Publish(t, w.Parties[s.Signer], s)
	}
	publish("QM.24-7", pgp.Classic4, pgp.Modern6, pgp.PQ6)
	publish("QN.24-7", pgp.Classic4, pgp.PQ6)
	publish("QP.24-7", pgp.Modern6)
	publish("QR.24-7", pgp.Classic4)
	for _, tt := range []struct {
		from, to string
		want     pgp.Suite
		code     problem.Code
	}{
		{"QM.24-7", "QN.24-7", pgp.PQ6, ""},
		{"QN.24-7", "QM.24-7", pgp.PQ6, ""},
		{"QM.24-7", "QP.24-7", pgp.Modern6, ""},
		{"QM.24-7", "QR.24-7", pgp.Classic4, ""},
		{"QP.24-7", "QR.24-7", "", problem.WrongSuite},
	} {
		got, err := w.Directory.Suite(tt.from, tt.to, w.Now)
		wantProblem(t, err, tt.code, "")
		if got != tt.want {
			t.Errorf("Suite(%s, %s) = %s, want %s", tt.from, tt.to, got, tt.want)
		}
	}
}

// TestSuiteOfValidCertificates: a certificate that has expired does not count.
func TestSuiteOfValidCertificates(t *testing.T) {
	t.Parallel()
	w := states.New(t, pgp.Classic4)
	for _, id := range []string{"QM.24-7", "QN.24-7"} {
		short, err := pgp.Generate(pgp.PQ6, states.UserID(id), w.Now.Add(-time.Hour), 48*time.Hour)
		if err != nil {
			t.Fatal(err)
		}
		s := w.AuthorityStatement(t, id)
		c, err := w.Parties[s.Signer].Certify(short.Certificate(), w.Now, 0)
		if err != nil {
			t.Fatal(err)
		}
		s.Certificates[pgp.PQ6] = c.Bytes()
		if id == "QN.24-7" {
			delete(s.Certificates, pgp.Classic4)
		}
		w.Publish(t, w.Parties[s.Signer], s)
	}
	got, err := w.Directory.Suite("QM.24-7", "QN.24-7", w.Now)
	wantProblem(t, err, "", "")
	if got != pgp.PQ6 {
		t.Errorf("Suite = %s, want pq-6", got)
	}
	_, err = w.Directory.Suite("QM.24-7", "QN.24-7", w.Now.AddDate(0, 0, 3))
	wantProblem(t, err, problem.ExpiredAuthority, "")
}

func TestCheck(t *testing.T) {
	t.Parallel()
	w := states.New(t, pgp.Modern6)
	s := w.AuthorityStatement(t, "QM.24-7")
	s.ValidFrom, s.ValidUntil = directory.At(w.Now), directory.At(w.Now.AddDate(0, 1, 0))
	w.Publish(t, w.Parties["QM"], s)
	for _, tt := range []struct {
		name string
		at   time.Time
		code problem.Code
	}{
		{"first second", s.ValidFrom.Time, ""},
		{"second before", s.ValidFrom.Add(-time.Second), problem.ExpiredAuthority},
		{"last second", s.ValidUntil.Add(-time.Second), ""},
		{"end", s.ValidUntil.Time, problem.ExpiredAuthority},
	} {
		_, err := w.Directory.Check("QM.24-7", tt.at)
		wantProblem(t, err, tt.code, "")
	}
	_, err := w.Directory.Check("QT.24-7", w.Now)
	wantProblem(t, err, problem.UnknownAuthority, "")
}

// TestPersistence: a directory that was handed out never changes, and two may
// grow out of one.
func TestPersistence(t *testing.T) {
	t.Parallel()
	w := states.New(t, pgp.Modern6)
	before := w.Directory
	w.SetStanding(t, "QM.24-7", "QM", directory.Suspended)
	one := w.Directory
	w.Directory = before
	w.SetStanding(t, "QN.24-7", "QN", directory.Revoked)
	other := w.Directory
	for _, tt := range []struct {
		d      *directory.Directory
		qm, qn string
	}{
		{before, directory.Active, directory.Active},
		{one, directory.Suspended, directory.Active},
		{other, directory.Active, directory.Revoked},
		{one.AsOf(before.Size()), directory.Active, directory.Active},
	} {
		for id, want := range map[string]string{"QM.24-7": tt.qm, "QN.24-7": tt.qn} {
			if a, err := tt.d.Authority(id); err != nil || a.Standing != want {
				t.Errorf("%s is %s, want %s", id, a.Standing, want)
			}
		}
	}
	if one.Records()[before.Size()].Subject != "QM.24-7" || other.Records()[before.Size()].Subject != "QN.24-7" {
		t.Error("the two directories share a record that only one of them has")
	}
}

func TestAsOf(t *testing.T) {
	t.Parallel()
	w := states.New(t, pgp.Modern6)
	begun := w.Directory.Size()
	// The log holds other entries in between.
	signed, err := directory.Sign(w.Parties["QM"], w.AuthorityStatement(t, "QM.24-7"), w.Now)
	if err != nil {
		t.Fatal(err)
	}
	d, err := w.Directory.Apply(signed, 1000)
	wantProblem(t, err, "", "")
	for _, tt := range []struct{ size, wantSize, wantHistory int64 }{
		{0, 0, 0},
		{2, 2, 0}, // the depositary and QM
		{3, 3, 1},
		{begun, begun, 1},
		{1000, begun, 1},
		{1001, 1001, 2},
		{5000, 1001, 2},
	} {
		then := d.AsOf(tt.size)
		if then.Size() != tt.wantSize || int64(len(then.History("QM.24-7"))) != tt.wantHistory {
			t.Errorf("AsOf(%d) has size %d and %d statements about QM.24-7, want %d and %d",
				tt.size, then.Size(), len(then.History("QM.24-7")), tt.wantSize, tt.wantHistory)
		}
		if _, err := then.Authority("QM.24-7"); (err == nil) != (tt.wantHistory > 0) {
			t.Errorf("AsOf(%d).Authority = %v", tt.size, err)
		}
	}
	for i, r := range d.History("QM.24-7") {
		if r.Number != int64(i+1) || r.Signer != "QM" || r.Fingerprint != w.Parties["QM"].Fingerprint() {
			t.Errorf("record %d is %+v", i, r)
		}
	}
	if number, previous := d.Next("QM.24-7"); number != 3 || previous != signed.Digest() {
		t.Errorf("Next = %d, %s", number, previous)
	}
}

// TestConcurrentReaders is for the race detector: readers on values that
// others grow out of.
func TestConcurrentReaders(t *testing.T) {
	t.Parallel()
	w := states.New(t, pgp.Modern6)
	var all sync.WaitGroup
	for range 4 {
		own := *w
		all.Go(func() {
			own.SetStanding(t, "QM.24-7", "QM", directory.Suspended)
		})
		all.Go(func() {
			w.Directory.Authorities()
			w.Directory.AsOf(5).Parties()
			if _, err := w.Directory.Suite("QM.24-7", "QN.24-7", w.Now); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
}
