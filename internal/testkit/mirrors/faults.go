package mirrors

import (
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/entraide/entraide/internal/auditor"
	"github.com/entraide/entraide/pkg/translog"
)

// Late is how many acknowledgements [Story.Plant] makes late.
const Late = 10

// Plant plants into a story, which is not in order yet, what an auditor can find in
// entries, each fault in a case of its own, and ten late acknowledgements; all of
// it some time before the end of the story. It puts the story in order.
func (s *Story) Plant(end time.Time) *Story {
	at := end.Add(-48 * time.Hour)
	s.late(at)
	// Each fault is of a pair that has no other case.
	request := func(pair, name string) (opener string) {
		opener = ID("opens" + name)
		s.add(Message(at, opener, ID(name), "request", "urgent", "QY", pair, "open"), Receipt(at.Add(time.Minute), opener, pair))
		return opener
	}
	request("XQ", "left-out")
	s.add(Message(at.Add(2*time.Minute), ID("second"), ID("left-out"), "acknowledge", "urgent", "XQ", "QY", "acknowledged"))
	s.add(Message(at.Add(3*time.Minute), ID("third"), ID("left-out"), "deliver", "urgent", "XQ", "QY", "answered"))
	request("XR", "reordered")
	s.add(Message(at.Add(2*time.Minute), ID("twice"), ID("reordered"), "acknowledge", "urgent", "XR", "QY", "acknowledged"))
	s.add(Message(at.Add(3*time.Minute), ID("again"), ID("reordered"), "deliver", "urgent", "XR", "QY", "answered"))
	s.add(Receipt(at.Add(4*time.Minute), ID("nothing"), "XS"))
	s.add(Message(at, ID("by-another"), ID("mismatch"), "request", "urgent", "QY", "XT", "open"), Receipt(at.Add(time.Minute), ID("by-another"), "XA"))
	request("XU", "act")
	s.add(Message(at.Add(2*time.Minute), ID("out-of-place"), ID("act"), "decide", "urgent", "XU", "QY", "acknowledged"))
	request("XV", "stage")
	s.add(Message(at.Add(2*time.Minute), ID("claims"), ID("stage"), "acknowledge", "urgent", "XV", "QY", "decided"))
	request("XW", "deadline-wrong")
	s.add(Message(at.Add(2*time.Minute), ID("in-time"), ID("deadline-wrong"), "acknowledge", "urgent", "XW", "QY", "acknowledged"))
	s.add(Deadline(at.Add(5*time.Hour), at.Add(4*time.Hour), ID("deadline-wrong"), "acknowledgement", "QY", "XW"))
	s.add(translog.Entry{Kind: translog.KindRejection, Time: when(at.Add(6 * time.Minute)), Rejection: &translog.RejectionFact{Code: "sequence-gap", By: "XX.mla"}})
	s.Order()
	for i, e := range s.Entries {
		switch {
		case e.Message != nil && e.Message.ID == ID("third"):
			e.Message.Seq++
		case e.Message != nil && e.Message.ID == ID("again"):
			e.Message.Seq--
		case e.Rejection != nil && e.Rejection.Code == "sequence-gap":
			s.Withheld[i] = true
		case e.Receipt != nil && e.Receipt.Message == ID("nothing"):
			s.dateBack(i)
		}
	}
	s.add(translog.Entry{Kind: translog.KindConfiguration, Time: when(end.Add(3 * time.Hour)), Configuration: &translog.ConfigurationFact{What: "settings", Detail: "dated ahead"}})
	return s
}

// dateBack dates a refusal after a place an hour back.
func (s *Story) dateBack(from int) {
	for _, e := range s.Entries[from+1:] {
		if e.Rejection != nil && e.Rejection.Code != "sequence-gap" {
			t, err := time.Parse(time.RFC3339, e.Time)
			if err == nil {
				e.Rejection.Code, e.Rejection.Digest = "wrong-digest", e.Time
				s.redate(e, t.Add(-time.Hour))
			}
			return
		}
	}
}

// redate gives an entry, known by its refusal, another time.
func (s *Story) redate(e translog.Entry, to time.Time) {
	for i := range s.Entries {
		if s.Entries[i].Rejection == e.Rejection {
			s.Entries[i].Time = when(to)
		}
	}
}

// late tells of ten acknowledgements that came after their deadline had passed,
// and of an eleventh whose deadline nobody noted.
func (s *Story) late(at time.Time) {
	for i := range Late + 1 {
		begun, caseID := at.Add(time.Duration(i)*time.Minute), ID(fmt.Sprintf("1a7e%02d", i))
		opener := ID(fmt.Sprintf("0be2%02d", i))
		s.add(Message(begun, opener, caseID, "request", "urgent", "QZ", "XZ", "open"), Receipt(begun.Add(time.Minute), opener, "XZ"))
		if i < Late {
			s.add(Deadline(begun.Add(4*time.Hour+time.Minute), begun.Add(4*time.Hour), caseID, "acknowledgement", "QZ", "XZ"))
		}
		s.add(Message(begun.Add(time.Duration(10+i)*time.Hour), ID(fmt.Sprintf("ac4d%02d", i)), caseID, "acknowledge", "urgent", "XZ", "QZ", "acknowledged"))
	}
}

// Tamper shows the mirror what convicts the public log, one thing after the other:
// another history, a shorter log, a missing file, an altered entry, and a receipt
// of what the log does not hold. The log is as it was afterwards.
func (m *Mirror) Tamper(now time.Time) {
	m.t.Helper()
	size := m.Size()
	wrong := func(publish func() *Mirror) {
		m.t.Helper()
		f := publish()
		if err := f.Look(now); err == nil {
			m.t.Fatal("a log that was tampered with is followed")
		}
		m.must(os.RemoveAll(m.Published))
	}
	wrong(func() *Mirror { f := m.Fork(size-50, 60); f.Publish(f.Size(), nil); return f })
	wrong(func() *Mirror { m.must(os.RemoveAll(m.Published)); m.Publish(size-20, nil); return m })
	longer := func() *Mirror { f := m.Fork(size, 600); f.Publish(f.Size(), nil); return f }
	last := translog.Path{Entries: true, N: size/translog.TileWidth + 1, Width: translog.TileWidth}.String()
	wrong(func() *Mirror { f := longer(); m.must(os.Remove(filepath.Join(m.Published, last))); return f })
	wrong(func() *Mirror {
		f, path := longer(), filepath.Join(m.Published, last)
		data, err := os.ReadFile(path)
		m.must(err)
		data[40] ^= 1
		m.must(os.WriteFile(path, data, 0o600)) //nolint:gosec // in a directory of the test
		return f
	})
	m.Restore()
	if err := m.Add(m.Other(), now); err == nil {
		m.t.Fatal("a receipt of another history is taken")
	}
}

// Other is a receipt of the log's, of another history than the mirror's.
func (m *Mirror) Other() []byte {
	m.t.Helper()
	f := m.Fork(m.Size()-5, 5)
	return f.Receipt(m.Size() - 2)
}

// Receipt is the log's own receipt of an entry.
func (m *Mirror) Receipt(index int64) []byte {
	m.t.Helper()
	size := m.Size()
	path, err := translog.ProveInclusion(m.t.Context(), index, size, m.hashes)
	m.must(err)
	return translog.Receipt{Entry: m.salted[index], Index: index, Path: path, Checkpoint: m.Checkpoint(size, nil)}.Format()
}

// Codes are the kinds of findings that [Story.Plant] and [Mirror.Tamper] bring, given
// that the witnesses have been silent: all.
func Codes() []string { return auditor.FindingCodes() }
