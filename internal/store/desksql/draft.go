package desksql

import (
	"context"
	"database/sql"
	"errors"

	"github.com/entraide/entraide/internal/store"
)

const draftColumns = `id, case_id, act, sender, recipient, lane, final, title, evidence, state, version, created_by,
	submitted_by, changed_by, changed_by_name, changed_at_unix, message_id`

func scanDraft(r *sql.Rows, d *store.Draft) error {
	return r.Scan(&d.ID, &d.Case, &d.Act, &d.From, &d.To, &d.Lane, &d.Final, &d.Title, &d.Evidence, &d.State, &d.Version, &d.CreatedBy,
		&d.SubmittedBy, &d.ChangedBy, &d.ChangedByName, &d.ChangedAt, &d.Message)
}

// Draft implements [store.DraftReader].
func (v *Reader) Draft(ctx context.Context, id string) (store.Draft, error) {
	return store.One(list(ctx, v, "a draft", scanDraft, `SELECT `+draftColumns+` FROM draft WHERE id = ?1`, id))
}

// Drafts implements [store.DraftReader].
func (v *Reader) Drafts(ctx context.Context, state, caseID string, limit int) ([]store.Draft, error) {
	return list(ctx, v, "drafts", scanDraft, `SELECT `+draftColumns+` FROM draft
		WHERE (?1 = '' OR state = ?1) AND (?2 = '' OR case_id = ?2) ORDER BY changed_at_unix DESC, id LIMIT ?3`, state, caseID, limit)
}

// draftsOf selects the drafts of a case, with that which opened it.
const draftsOf = `SELECT id FROM draft WHERE case_id = ?1 OR message_id IN (SELECT id FROM letter WHERE case_id = ?1)`

// DraftsOf implements [store.DraftReader].
func (v *Reader) DraftsOf(ctx context.Context, caseID string) ([]string, error) {
	return list(ctx, v, "drafts", func(r *sql.Rows, id *string) error { return r.Scan(id) }, draftsOf+` ORDER BY id`, caseID)
}

// DraftVersions implements [store.DraftReader].
func (v *Reader) DraftVersions(ctx context.Context, id string) ([]store.DraftVersion, error) {
	return list(ctx, v, "the versions of a draft", func(r *sql.Rows, d *store.DraftVersion) error {
		return r.Scan(&d.Draft, &d.Version, &d.Officer, &d.OfficerName, &d.At, &d.Kept)
	}, `SELECT draft_id, version, officer, officer_name, at_unix, kept FROM draft_version WHERE draft_id = ?1 ORDER BY version DESC`, id)
}

// DraftVersion implements [store.DraftReader].
func (v *Reader) DraftVersion(ctx context.Context, id string, version int64) (store.DraftVersion, error) {
	return store.One(list(ctx, v, "a version of a draft", func(r *sql.Rows, d *store.DraftVersion) error {
		return r.Scan(&d.Draft, &d.Version, &d.Officer, &d.OfficerName, &d.At, &d.Kept, &d.Body)
	}, `SELECT draft_id, version, officer, officer_name, at_unix, kept, body FROM draft_version WHERE draft_id = ?1 AND version = ?2`, id, version))
}

// DraftEvents implements [store.DraftReader].
func (v *Reader) DraftEvents(ctx context.Context, id string) ([]store.DraftEvent, error) {
	return list(ctx, v, "the events of a draft", func(r *sql.Rows, e *store.DraftEvent) error {
		return r.Scan(&e.Draft, &e.Version, &e.Officer, &e.OfficerName, &e.What, &e.Comment, &e.At)
	}, `SELECT draft_id, version, officer, officer_name, what, comment, at_unix FROM draft_event WHERE draft_id = ?1 ORDER BY id`, id)
}

const releaseColumns = `message_id, draft_id, version, digest, submitted_by, released_by, emergency, at_unix,
	countersigned_by, countersigned_at_unix, comment`

func scanRelease(r *sql.Rows, x *store.Release) error {
	return r.Scan(&x.Message, &x.Draft, &x.Version, &x.Digest, &x.SubmittedBy, &x.ReleasedBy, &x.Emergency, &x.At,
		&x.CountersignedBy, &x.CountersignedAt, &x.Comment)
}

// Release implements [store.DraftReader].
func (v *Reader) Release(ctx context.Context, messageID string) (store.Release, error) {
	return store.One(list(ctx, v, "a release", scanRelease, `SELECT `+releaseColumns+` FROM release WHERE message_id = ?1`, messageID))
}

// EmergencyReleases implements [store.DraftReader].
func (v *Reader) EmergencyReleases(ctx context.Context, all bool) ([]store.Release, error) {
	return list(ctx, v, "releases", scanRelease, `SELECT `+releaseColumns+` FROM release
		WHERE emergency = 1 AND (?1 = 1 OR countersigned_by = '') ORDER BY at_unix, message_id`, all)
}

// Templates implements [store.DraftReader].
func (v *Reader) Templates(ctx context.Context) ([]store.Template, error) {
	return list(ctx, v, "templates", func(r *sql.Rows, t *store.Template) error {
		return r.Scan(&t.Name, &t.Kind, &t.Body, &t.Officer, &t.At)
	}, `SELECT name, kind, body, officer, at_unix FROM draft_template ORDER BY name`)
}

// Setting implements [store.DraftReader].
func (v *Reader) Setting(ctx context.Context, name string) ([]byte, error) {
	value, err := store.One(list(ctx, v, "a setting", func(r *sql.Rows, b *[]byte) error { return r.Scan(b) },
		`SELECT value FROM office_setting WHERE name = ?1`, name))
	if errors.Is(err, store.ErrNotFound) {
		return nil, nil
	}
	return value, err
}

// PutDraft implements [store.DraftWriter].
func (w *Writer) PutDraft(ctx context.Context, d store.Draft) error {
	return w.exec(ctx, "a draft", `INSERT INTO draft (`+draftColumns+`)
		VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17)
		ON CONFLICT (id) DO UPDATE SET sender = excluded.sender, recipient = excluded.recipient, lane = excluded.lane,
			final = excluded.final, title = excluded.title, evidence = excluded.evidence, state = excluded.state,
			version = excluded.version, submitted_by = excluded.submitted_by, changed_by = excluded.changed_by,
			changed_by_name = excluded.changed_by_name, changed_at_unix = excluded.changed_at_unix, message_id = excluded.message_id`,
		d.ID, d.Case, d.Act, d.From, d.To, d.Lane, d.Final, d.Title, store.Blob(d.Evidence), d.State, d.Version, d.CreatedBy,
		d.SubmittedBy, d.ChangedBy, d.ChangedByName, d.ChangedAt, d.Message)
}

// PutDraftVersion implements [store.DraftWriter].
func (w *Writer) PutDraftVersion(ctx context.Context, v store.DraftVersion) error {
	return w.exec(ctx, "a version of a draft", `INSERT INTO draft_version (draft_id, version, officer, officer_name, at_unix, kept, body)
		VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7) ON CONFLICT (draft_id, version) DO UPDATE SET kept = excluded.kept`,
		v.Draft, v.Version, v.Officer, v.OfficerName, v.At, v.Kept, store.Blob(v.Body))
}

// DeleteDraftVersion implements [store.DraftWriter].
func (w *Writer) DeleteDraftVersion(ctx context.Context, id string, version int64) error {
	return w.exec(ctx, "a version of a draft", `DELETE FROM draft_version WHERE draft_id = ?1 AND version = ?2`, id, version)
}

// PutDraftEvent implements [store.DraftWriter].
func (w *Writer) PutDraftEvent(ctx context.Context, e store.DraftEvent) error {
	return w.exec(ctx, "an event of a draft", `INSERT INTO draft_event (draft_id, version, officer, officer_name, what, comment, at_unix)
		VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)`, e.Draft, e.Version, e.Officer, e.OfficerName, e.What, e.Comment, e.At)
}

// PutRelease implements [store.DraftWriter].
func (w *Writer) PutRelease(ctx context.Context, x store.Release) error {
	return w.exec(ctx, "a release", `INSERT INTO release (`+releaseColumns+`) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)`,
		x.Message, x.Draft, x.Version, x.Digest, x.SubmittedBy, x.ReleasedBy, x.Emergency, x.At, x.CountersignedBy, x.CountersignedAt, x.Comment)
}

// Countersign implements [store.DraftWriter].
func (w *Writer) Countersign(ctx context.Context, x store.Release) error {
	n, err := w.changed(ctx, "a countersignature", `UPDATE release SET countersigned_by = ?1, countersigned_at_unix = ?2, comment = ?3
		WHERE message_id = ?4 AND emergency = 1 AND countersigned_by = ''`, x.CountersignedBy, x.CountersignedAt, x.Comment, x.Message)
	if err != nil || n != 1 {
		return errors.Join(store.ErrNotFound, err)
	}
	return nil
}

// PutTemplate implements [store.DraftWriter].
func (w *Writer) PutTemplate(ctx context.Context, t store.Template) error {
	return w.put(ctx, "a template", "draft_template", "name", "kind, body, officer, at_unix",
		t.Name, t.Kind, store.Blob(t.Body), t.Officer, t.At)
}

// DeleteTemplate implements [store.DraftWriter].
func (w *Writer) DeleteTemplate(ctx context.Context, name string) error {
	return w.exec(ctx, "a template", `DELETE FROM draft_template WHERE name = ?1`, name)
}

// PutSetting implements [store.DraftWriter].
func (w *Writer) PutSetting(ctx context.Context, name string, value []byte) error {
	return w.put(ctx, "a setting", "office_setting", "name", "value", name, store.Blob(value))
}
