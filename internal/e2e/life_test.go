package e2e_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/entraide/entraide/internal/desk"
	"github.com/entraide/entraide/pkg/directory"
	"github.com/entraide/entraide/pkg/message"
	"github.com/entraide/entraide/pkg/pgp"
	"github.com/entraide/entraide/pkg/problem"
	"github.com/entraide/entraide/pkg/workflow"
)

// quarter is how long a subkey for encryption is in use by default.
const quarter = 91 * day

// A life is three States over two years.
type life struct {
	*hub
	desks map[string]*desk.Desk
	began time.Time
	sent  []desk.Message // that were accepted
}

// TestKeyLife lives two years in a moment: subkeys are rotated eight times, a key is
// lost, one is stolen, an entry ends, a party is suspended and restored, the party's
// own key is lost, and TLS keys are renewed; messages go on throughout. In the end
// every one of them has the verdict of its time, and whatever was forbidden was
// refused with a sentence that says what to do (T58).
func TestKeyLife(t *testing.T) {
	t.Parallel()
	l := &life{hub: newHub(t), desks: map[string]*desk.Desk{}}
	for _, party := range []string{"QM", "QN", "QP"} {
		l.desks[party] = l.join(party)
	}
	for _, d := range l.desks {
		l.must(d.Sync(t.Context()))
	}
	l.began = l.now()
	policy := desk.DefaultKeyPolicy
	policy.Automatic = true
	l.must(l.desks["QM"].SetKeyPolicy(policy))

	events := []func(){
		func() {}, l.stolen, l.lost, l.suspended, l.partyLost, l.renewed, func() {}, l.ended,
	}
	used := map[string]bool{l.subkey("QM"): true}
	for _, event := range events {
		l.exchange()
		event()
		l.pass(quarter)
		l.must(l.desks["QM"].Sync(t.Context()))
		l.must(l.desks["QM"].Maintain(t.Context()))
		used[l.subkey("QM")] = true
	}
	l.exchange()
	if len(used) != len(events)+1 {
		t.Errorf("%d subkeys in %d quarters", len(used), len(events))
	}
	if n := l.verdicts(); n == 0 {
		t.Error("nobody is told of the stolen key")
	}
	l.destroyed()
}

// subkey returns the encryption subkey in use of a party's authority.
func (l *life) subkey(party string) string {
	l.t.Helper()
	a, err := l.desks[party].Directory().Authority(party + ".mla")
	l.must(err)
	subkey, err := a.Certificates[pgp.Modern6].EncryptionSubkey(l.now())
	l.must(err)
	return subkey
}

// exchange opens cases between the States and answers them.
func (l *life) exchange() {
	l.t.Helper()
	for _, pair := range [][2]string{{"QM", "QN"}, {"QP", "QM"}} {
		l.talk(pair[0], pair[1])
	}
}

// talk opens a case and answers it.
func (l *life) talk(from, to string) {
	l.t.Helper()
	request := l.order(workflow.Request, from+".mla", to+".mla", desk.Message{})
	m := l.send(l.desks[from], request)
	l.must(l.desks[to].Sync(l.t.Context()))
	answer := l.send(l.desks[to], l.order(workflow.Acknowledge, to+".mla", from+".mla", m))
	l.must(l.desks[from].Sync(l.t.Context()))
	l.sent = append(l.sent, m, answer)
}

// try sends a request and returns why it is not accepted.
func (l *life) try(from, to string) error {
	d := l.desks[from]
	id, _, err := d.Send(l.t.Context(), l.order(workflow.Request, from+".mla", to+".mla", desk.Message{}))
	if err != nil {
		return err
	}
	_, err = d.Await(l.t.Context(), id)
	return err
}

// refused checks that something was refused with a code, and prints what the user is
// told to do.
func (l *life) refused(what string, err error, code problem.Code) {
	l.t.Helper()
	p, ok := errors.AsType[*problem.Error](err)
	if !ok || p.Code != code || p.Detail == "" || p.Code.Remedy() == "" {
		l.t.Errorf("%s: %v, want %s", what, err, code)
		return
	}
	l.t.Logf("day %3.0f | %-44s | %s %s", l.now().Sub(l.began).Hours()/24, what, p.Detail, p.Code.Remedy())
}

// says checks that an error that is no refusal of the protocol says what to do.
func (l *life) says(what string, err error, words ...string) {
	l.t.Helper()
	for _, w := range words {
		if err == nil || !strings.Contains(err.Error(), w) {
			l.t.Errorf("%s: %v, want %q in it", what, err, w)
			return
		}
	}
	l.t.Logf("day %3.0f | %-44s | %v", l.now().Sub(l.began).Hours()/24, what, err)
}

// key unlocks a key file of a party, as a thief with the passphrase would.
func (l *life) key(party, name string) *pgp.Key {
	l.t.Helper()
	locked, err := os.ReadFile(filepath.Join(l.dir, party, "keys", name+".key"))
	l.must(err)
	key, err := pgp.Unlock(locked, passphrase)
	l.must(err)
	return key
}

// stolen: QN finds that its signing subkey was in other hands.
func (l *life) stolen() {
	qn, thief := l.desks["QN"], l.key("QN", "QN.mla.modern-6")
	subkey, err := thief.Certificate().SigningSubkey(l.now())
	l.must(err)
	l.must(qn.Revoke(l.t.Context(), desk.Revocation{
		Authority: "QN.mla", Suite: pgp.Modern6, Subkey: subkey, Reason: pgp.Compromised, Since: directory.At(l.now().Add(-day)),
	}))
	dir := qn.Directory()
	from, err := dir.Authority("QN.mla")
	l.must(err)
	to, err := dir.Authority("QM.mla")
	l.must(err)
	draft := message.Draft{
		Act: workflow.Request, Lane: workflow.Urgent, From: from, To: to, Seq: 1, Directory: dir.Size(),
		Body: l.order(workflow.Request, "QN.mla", "QM.mla", desk.Message{}).Body,
	}
	draft.ID, err = message.NewID()
	l.must(err)
	draft.Case, err = message.NewID()
	l.must(err)
	forged, err := message.Seal(draft, thief, l.now())
	l.must(err)
	wire, err := forged.Wire()
	l.must(err)
	_, err = l.as("QN").Submit(l.t.Context(), wire)
	l.refused("signing with a subkey revoked as compromised", err, problem.BadSignature)
	l.says("revoking it again", qn.Revoke(l.t.Context(), desk.Revocation{
		Authority: "QN.mla", Suite: pgp.Modern6, Subkey: subkey, Reason: pgp.Retired,
	}), "revoked already")
}

// lost: the file of QP's key is gone, while a message is on its way.
func (l *life) lost() {
	qp, qm := l.desks["QP"], l.desks["QM"]
	l.must(os.Remove(filepath.Join(l.dir, "QP", "keys", "QP.mla.modern-6.key")))
	request := l.send(qm, l.order(workflow.Request, "QM.mla", "QP.mla", desk.Message{}))
	l.says("reading without the key", qp.Sync(l.t.Context()), "stays with the broker", "no such key", "entraide key replace")
	l.says("sending without the key", l.try("QP", "QM"), "no such key", "entraide key replace")
	notices, err := qp.KeyNotices()
	l.must(err)
	if !strings.Contains(fmt.Sprint(notices), "entraide key replace --authority QP.mla --suite modern-6") {
		l.t.Errorf("the desk says %v", notices)
	}
	before, err := qm.Directory().Authority("QP.mla")
	l.must(err)
	l.must(qp.Replace(l.t.Context(), desk.Replacement{Authority: "QP.mla", Suite: pgp.Modern6}))
	l.must(qp.Sync(l.t.Context())) // what waited for the lost key is refused to its sender
	l.must(qm.Sync(l.t.Context()))
	if c := qm.KeyChanges("QP.mla"); len(c) != 1 || c[0].Suite != pgp.Modern6 || c[0].Before != before.Certificates[pgp.Modern6].Fingerprint() {
		l.t.Errorf("the exchange of a key is told as %+v", c)
	}
	in, err := qm.Case(l.t.Context(), request.Case)
	l.must(err)
	last := in.Events[len(in.Events)-1]
	if last.Kind != "failure" || !last.Incoming {
		l.t.Errorf("the sender has %+v", last)
	}
	l.talk("QM", "QP")
}

// suspended: the depositary suspends QN for a while.
func (l *life) suspended() {
	ctx := l.t.Context()
	l.must(l.keeper.SetStanding(ctx, "QN", directory.Suspended, "An inquiry is under way."))
	for _, party := range []string{"QM", "QN"} {
		l.must(l.desks[party].Sync(ctx))
	}
	l.refused("writing to a suspended State", l.try("QM", "QN"), problem.SuspendedAuthority)
	l.refused("writing as a suspended State", l.try("QN", "QM"), problem.SuspendedAuthority)
	l.refused("changing keys as a suspended State", l.desks["QN"].Rotate(ctx, desk.Rotation{Authority: "QN.mla", Encryption: true}), problem.StatementSigner)
	l.must(l.keeper.SetStanding(ctx, "QN", directory.Restored, "The inquiry is closed."))
	for _, party := range []string{"QM", "QN"} {
		l.must(l.desks[party].Sync(ctx))
	}
	l.talk("QM", "QN")
}

// partyLost: the State's own key is stolen, and gone. Only the depositary replaces it.
func (l *life) partyLost() {
	ctx, qm := l.t.Context(), l.desks["QM"]
	thief := l.key("QM", "party")
	l.must(os.Remove(filepath.Join(l.dir, "QM", "keys", "party.key")))
	l.says("changing keys without the party's", qm.Rotate(ctx, desk.Rotation{Authority: "QM.mla", Signing: true}), "no such key: party", "entraide key replace-party")

	number, previous := qm.Directory().Next("QM")
	successor, err := pgp.Generate(pgp.Classic4, "QM <party@qm.example>", l.now(), 0)
	l.must(err)
	signed, err := directory.Sign(thief, directory.PartyStatement{
		Heading: directory.Heading{Typ: directory.TypParty, Subject: "QM", Number: number, Previous: previous, Issued: directory.At(l.now()), Signer: "QM"},
		Names:   map[string]string{"en": "QM"}, Certificate: successor.Certificate().Bytes(), Fingerprint: successor.Fingerprint(),
	}, l.now())
	l.must(err)
	_, err = l.as("QM").Publish(ctx, signed)
	l.refused("a successor that only the old key has signed", err, problem.StatementSigner)

	request, err := qm.RequestParty(ctx)
	l.must(err)
	l.says("admitting it as if it were new", l.keeper.Admit(ctx, request), "entraide depositary replace")
	l.must(l.keeper.Replace(ctx, request))
	l.must(qm.Sync(ctx))
	l.must(qm.Rotate(ctx, desk.Rotation{Authority: "QM.mla", Signing: true}))

	own, err := qm.Directory().Authority("QM.mla")
	l.must(err)
	next := own.Statement
	next.Number, next.Previous = qm.Directory().Next("QM.mla")
	next.Issued, next.ValidUntil = directory.At(l.now()), directory.At(l.now().Add(9999*day))
	signed, err = directory.Sign(thief, next, l.now())
	l.must(err)
	_, err = l.as("QM").Publish(ctx, signed)
	l.refused("a statement signed with the replaced key", err, problem.StatementSigner)
}

// renewed: QN has a new TLS key and loses power in the middle; the old one is then
// a stranger's. QN renews its entry, too.
func (l *life) renewed() {
	ctx, qn, before := l.t.Context(), l.desks["QN"], l.as("QN")
	l.must(qn.Renew(ctx, "QN.mla"))
	l.must(qn.RenewTransport(ctx))
	_, err := before.Inbox(ctx, "QN.mla", -1)
	l.refused("connecting with the former TLS key", err, problem.Unauthenticated)
	l.must(qn.Sync(ctx))
}

// ended: QP lets its entry end, warned four times.
func (l *life) ended() {
	ctx, qp := l.t.Context(), l.desks["QP"]
	a, err := qp.Directory().Authority("QP.mla")
	l.must(err)
	left := a.Statement.ValidUntil.Sub(l.now())
	for _, threshold := range []int{90, 30, 7, 1, 0} {
		ahead := left - time.Duration(threshold)*day
		l.pass(ahead)
		left -= ahead
		l.must(qp.Sync(ctx))
		l.must(l.desks["QM"].Sync(ctx))
		l.must(l.desks["QM"].Maintain(ctx)) // which renews its own
		notices, err := qp.KeyNotices()
		l.must(err)
		found := false
		for _, n := range notices {
			if n.Own && strings.HasPrefix(n.What, "the entry") && n.Level == threshold {
				found = true
				l.t.Logf("day %3.0f | %-44s | %s", l.now().Sub(l.began).Hours()/24, fmt.Sprintf("%d days before the end", n.Days), n)
			}
		}
		if !found {
			l.t.Errorf("%d days before the end, the desk says %v", threshold, notices)
		}
	}
	l.refused("writing to an authority whose entry has ended", l.try("QM", "QP"), problem.ExpiredAuthority)
	l.refused("writing as an authority whose entry has ended", l.try("QP", "QM"), problem.ExpiredAuthority)
	l.must(qp.Renew(ctx, "QP.mla"))
	l.must(l.desks["QM"].Sync(ctx))
}

// verdicts checks that every message has the verdict of its time on both sides, and
// returns on how many there is a note of a stolen key.
func (l *life) verdicts() (noted int) {
	ctx := l.t.Context()
	for party, d := range l.desks {
		l.must(d.Sync(ctx))
		n, err := d.VerifyMessages(ctx)
		l.must(err)
		_, err = d.VerifyDirectory(ctx)
		l.must(err)
		_, err = d.AuditVerify(ctx)
		l.must(err)
		incidents, err := d.Incidents(ctx)
		l.must(err)
		// What the depositary did to QN is one, and what this desk did to its keys none.
		if want := map[string]int{"QN": 2}[party]; len(incidents) != want {
			l.t.Errorf("%s: %v", party, incidents)
		}
		all, err := d.Messages(ctx)
		l.must(err)
		byID := map[string]desk.Message{}
		for _, m := range all {
			byID[m.ID] = m
			if m.KeyNote != "" {
				noted++
			}
		}
		for _, m := range l.sent {
			if !strings.HasPrefix(m.From, party) && !strings.HasPrefix(m.To, party) {
				continue
			}
			if got := byID[m.ID]; got.Verdict != "authentic" || got.Digest != m.Digest {
				l.t.Errorf("%s has %+v of %s", party, got, m.ID)
			}
		}
		l.t.Logf("%s: %d messages verified, %d in the list", party, n, len(all))
	}
	return noted
}

// destroyed: QM destroys what is older than a year. What it verified stays verified.
func (l *life) destroyed() {
	ctx, qm := l.t.Context(), l.desks["QM"]
	_, err := qm.OldKeys(ctx, l.now().Add(-quarter+2*day))
	l.says("destroying keys that may be needed", err, "at least")
	plan, err := qm.OldKeys(ctx, l.now().Add(-365*day))
	l.must(err)
	if len(plan.Keys) < 3 || len(plan.Sealed) < 6 {
		l.t.Errorf("%d keys and %d messages are shown", len(plan.Keys), len(plan.Sealed))
	}
	done, err := qm.DestroyKeys(ctx, l.now().Add(-365*day))
	l.must(err)
	left, err := qm.OldKeys(ctx, l.now().Add(-365*day))
	l.must(err)
	if len(done.Keys) != len(plan.Keys) || len(left.Keys) != 0 {
		l.t.Errorf("%d of %d keys destroyed, %d left", len(done.Keys), len(plan.Keys), len(left.Keys))
	}
	if _, err := qm.Body(ctx, plan.Sealed[0].Message); err != nil {
		l.t.Errorf("the case file cannot be read any more: %v", err)
	}
	l.verdicts()
	l.talk("QM", "QN")
}
