package desk

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/entraide/entraide/internal/durable"
	"github.com/entraide/entraide/internal/store"
	"github.com/entraide/entraide/pkg/convention"
	"github.com/entraide/entraide/pkg/evidence"
	"github.com/entraide/entraide/pkg/message"
	"github.com/entraide/entraide/pkg/problem"
)

// itemsFile lists what is to be sealed, in the directory that is sealed into.
const itemsFile = "items.json"

// AddItem notes a file or folder, with a custody record of its own, for the
// package that is sealed into a directory. It returns all that are noted.
func AddItem(dir, path string, custody evidence.Custody) ([]evidence.Item, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return nil, err
	}
	if _, err := os.Lstat(path); err != nil {
		return nil, err
	}
	items, err := Items(dir)
	if err != nil {
		return nil, err
	}
	items = append(items, evidence.Item{Path: path, Custody: &custody})
	data, err := json.MarshalIndent(items, "", "  ")
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	return items, durable.Replace(filepath.Join(dir, itemsFile), data, 0o600)
}

// Items returns what AddItem has noted.
func Items(dir string) (items []evidence.Item, err error) {
	data, err := os.ReadFile(filepath.Join(dir, itemsFile))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	if err := json.Unmarshal(data, &items); err != nil {
		return nil, fmt.Errorf("%s is damaged; remove it and add the items again: %w", filepath.Join(dir, itemsFile), err)
	}
	return items, nil
}

// ListPackage describes sealed evidence as a delivery lists it: the number-th
// package, which came of a measure.
func ListPackage(dir string, number, measure int64, description convention.Text) (convention.Package, error) {
	p, sealed, file, err := Sealed(dir, int(number))
	if err != nil {
		return convention.Package{}, err
	}
	at, err := time.Parse(time.RFC3339, p.Custody.AcquiredAt)
	if err != nil {
		return convention.Package{}, problem.New(problem.InvalidValue, "acquired_at", "The package does not say when it was acquired: seal it again with --acquired-at.")
	}
	return convention.Package{
		Number: number, Measure: measure, Description: description,
		Origin: p.Custody.Origin, AcquiredAt: convention.At(at), Method: p.Custody.Method,
		MediaType: file.MediaType, Size: sealed.PlainBytes, SHA256: sealed.PlainSHA256, Custody: custodyEvents(p, at, description.Lang),
	}, nil
}

// custodyEvents is the chain of custody as a delivery tells it, in a language.
func custodyEvents(p *evidence.Package, acquired time.Time, lang string) []convention.CustodyEvent {
	how := strings.TrimSpace(strings.Join([]string{p.Custody.Method, p.Custody.Tool, p.Custody.ToolVersion}, " "))
	events := []convention.CustodyEvent{{At: convention.At(acquired), By: p.Custody.AcquiredBy, Event: how, Code: "acquired"}}
	for _, t := range p.Custody.Transfers {
		if at, err := time.Parse(time.RFC3339, t.At); err == nil {
			events = append(events, convention.CustodyEvent{
				At: convention.At(at), By: t.From, Code: "transferred",
				Event: strings.TrimSpace(fmt.Sprintf("to %s %s %s", t.To, t.Courier, strings.Join(t.Seals, " "))),
			})
		}
	}
	if at, err := time.Parse(time.RFC3339, p.Created); err == nil {
		sealed := "packed and sealed"
		if label := convention.Label("custody-event", "sealed", lang); label != "" && lang != "en" {
			sealed = label
		}
		events = append(events, convention.CustodyEvent{At: convention.At(at), By: p.Custody.AcquiredBy, Event: sealed, Code: "sealed"})
	}
	return events
}

// OnMedium says of a package that a physical medium carries it: the directory of
// sealed evidence, copied there.
func OnMedium(p *convention.Package, dir string, m convention.Medium) error {
	sealed, err := evidence.ReadSealed(dir)
	if err != nil {
		return err
	}
	_, _, file, err := Sealed(dir, int(p.Number))
	if err != nil {
		return err
	}
	m.Manifest, m.SealedBytes, m.Restricted = sealed.SHA256(), sealed.Bytes, file.Restricted
	p.Medium = &m
	return nil
}

// ListAttachment describes sealed evidence, a package of one file, as a request
// lists it: the number-th attachment, a document of a kind.
func ListAttachment(dir string, number int64, a convention.Attachment) (convention.Attachment, error) {
	p, _, _, err := Sealed(dir, int(number))
	if err != nil {
		return a, err
	}
	if len(p.Files) != 1 {
		return a, problem.Newf(problem.InvalidValue, "attachments", "%s holds %d files; an attachment is one: seal each into a directory of its own.", dir, len(p.Files))
	}
	f := p.Files[0]
	a.Number, a.Name, a.MediaType, a.Size, a.SHA256 = number, f.Path, f.MediaType, f.Bytes, f.SHA256
	return a, nil
}

// A PackageLine is a package that was delivered in a case or goes with a request, or
// waits to.
type PackageLine struct {
	Message     string `json:"message"`
	Number      int64  `json:"number"`               // of the package in its delivery, or of the attachment
	Attachment  bool   `json:"attachment,omitempty"` // of a request: one file
	Incoming    bool   `json:"incoming"`
	Description string `json:"description"`
	Bytes       int64  `json:"bytes"`
	SHA256      string `json:"sha256"`
	Medium      string `json:"medium,omitempty"` // what carries it, if not the broker
	// State is waiting, uploaded or sent; or for what was received: not fetched, ok,
	// mismatch, unreadable or missing.
	State string `json:"state"`
}

// Packages returns the packages of a case, in the order of their deliveries, those
// that wait to be sent at the end.
func (d *Desk) Packages(ctx context.Context, caseID string) ([]PackageLine, error) {
	lines := []PackageLine{}
	err := d.db.Read(ctx, func(r store.DeskReader) error {
		letters, err := r.Letters(ctx, caseID)
		if err != nil {
			return err
		}
		for _, l := range letters {
			verdicts, err := r.Verdicts(ctx, l.ID)
			if err != nil {
				return err
			}
			body, _ := convention.ParseBody(l.Body) // what is not authentic has none
			if q, ok := body.(*convention.Request); ok && len(q.Attachments) > 0 {
				if l, err = r.Letter(ctx, l.ID); err != nil { // with its header, which says what travels
					return err
				}
			}
			of := delivered(l, body, verdicts)
			if pending, err := pendingConditions(ctx, r, l); err != nil {
				return err
			} else if len(pending) > 0 {
				for i := range of {
					of[i].Description = "" // content, which nobody reads before they are accepted
				}
			}
			lines = append(lines, of...)
		}
		orders, err := r.Orders(ctx, store.OrderWaiting)
		if err != nil {
			return err
		}
		for _, o := range orders {
			if o.Case != caseID {
				continue
			}
			a, err := evidenceOf(o)
			if err != nil {
				return err
			}
			state := "waiting"
			if a.Uploaded {
				state = "uploaded"
			}
			body, _ := convention.ParseBody(o.Body) // checked when it was sent
			lines = append(lines, listed(o.ID, body, len(a.Files), func(int64) string { return state })...)
		}
		return nil
	})
	if err == nil && len(lines) == 0 {
		if _, err := d.Case(ctx, caseID); err != nil {
			return nil, err
		}
	}
	return lines, err
}

// delivered are the packages of a message with a body; of a request those that its
// header names.
func delivered(l store.Letter, body convention.Body, verdicts []store.Verdict) []PackageLine {
	files := 0
	if m, err := message.Parse(l.Sealed); err == nil {
		files = len(m.Header.Evidence)
	}
	lines := listed(l.ID, body, files, func(number int64) string {
		if !l.Incoming {
			return "sent"
		}
		i := slices.IndexFunc(verdicts, func(v store.Verdict) bool { return v.Number == number })
		if i < 0 {
			return "not fetched"
		}
		return verdicts[i].Result
	})
	for i := range lines {
		lines[i].Incoming = l.Incoming
	}
	return lines
}

// listed are the packages that a body lists: those of a delivery, or the attachments
// of a request that carries so many files.
func listed(id string, body convention.Body, files int, state func(number int64) string) (lines []PackageLine) {
	switch b := body.(type) {
	case *convention.Delivery:
		for _, p := range b.Packages {
			line := PackageLine{Message: id, Number: p.Number, Description: p.Description.Text, Bytes: p.Size, SHA256: p.SHA256, State: state(p.Number)}
			if p.Medium != nil {
				line.Medium = p.Medium.Description
			}
			lines = append(lines, line)
		}
	case *convention.Request:
		for _, a := range b.Attachments[:min(files, len(b.Attachments))] {
			lines = append(lines, PackageLine{
				Message: id, Number: a.Number, Attachment: true, Description: a.Name, Bytes: a.Size, SHA256: a.SHA256, State: state(a.Number),
			})
		}
	}
	return lines
}

// EvidenceReceipt makes the receipt of evidence for a delivery, of what was found
// when its packages were fetched. Those that were not fetched are a *problem.Error.
func (d *Desk) EvidenceReceipt(ctx context.Context, caseID, message string) (*convention.ReceiptOfEvidence, error) {
	var letter store.Letter
	var verdicts []store.Verdict
	err := d.db.Read(ctx, func(r store.DeskReader) (err error) {
		if letter, err = r.Letter(ctx, message); err != nil {
			return err
		}
		verdicts, err = r.Verdicts(ctx, message)
		return err
	})
	if errors.Is(err, store.ErrNotFound) || err == nil && letter.Case != caseID {
		return nil, problem.New(problem.NotFound, "delivery", "The case has no such message.")
	}
	if err != nil {
		return nil, err
	}
	body, err := convention.ParseBody(letter.Body)
	delivery, ok := body.(*convention.Delivery)
	if err != nil || !ok || len(delivery.Packages) == 0 {
		return nil, problem.New(problem.InvalidValue, "delivery", "The message delivers no package.")
	}
	b := &convention.ReceiptOfEvidence{
		Head: convention.HeadOf("receipt-of-evidence"), Delivery: letter.Digest, Received: convention.At(time.Unix(letter.AcceptedAt, 0).UTC()),
	}
	for _, p := range delivery.Packages {
		i := slices.IndexFunc(verdicts, func(v store.Verdict) bool { return v.Number == p.Number })
		if i < 0 {
			return nil, problem.Newf(problem.InvalidValue, "packages", "Package %d has not been fetched: `entraide evidence fetch %s`.", p.Number, message)
		}
		item := convention.PackageItem{Number: p.Number, Result: verdicts[i].Result, SHA256: verdicts[i].SHA256}
		if item.Result != resultOK {
			item.Note = &convention.Text{Lang: "en", Text: "Found when it was opened on " + unixTime(verdicts[i].At) + ".", Authentic: true}
		}
		b.Packages = append(b.Packages, item)
	}
	return b, nil
}

// unixTime writes a time for people who may be anywhere.
func unixTime(at int64) string { return time.Unix(at, 0).UTC().Format(time.RFC3339) }
