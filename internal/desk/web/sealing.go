package web

import (
	"context"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/entraide/entraide/internal/desk"
	"github.com/entraide/entraide/internal/page"
	"github.com/entraide/entraide/internal/telemetry"
	"github.com/entraide/entraide/pkg/problem"
)

// sealAtOnce is how long a form waits for its files to be sealed, before the page
// shows how far they are.
const sealAtOnce = 2 * time.Second

// A sealing is the files of a draft on their way to be sealed. It goes on when the
// officer leaves the page, and ends with the process: then the files are as they were
// brought.
type sealing struct {
	ended   chan struct{}
	percent atomic.Int64
	err     error // once it has ended
}

// sealings are those that officers have not seen the end of, by draft.
type sealings struct {
	mu  sync.Mutex
	all map[string]*sealing
}

// begin starts to seal the files of a draft, unless they are being sealed.
func (s *sealings) begin(ctx context.Context, draft string, seal func(context.Context, desk.Report) error) *sealing {
	s.mu.Lock()
	defer s.mu.Unlock()
	if under := s.all[draft]; under != nil && !under.over() {
		return under
	}
	job := &sealing{ended: make(chan struct{})}
	s.all[draft] = job
	go func() {
		defer close(job.ended)
		job.err = seal(ctx, func(p desk.Progress) { job.percent.Store(100 * p.Done / max(p.Total, 1)) })
	}()
	return job
}

// over reports whether it has ended.
func (j *sealing) over() bool {
	select {
	case <-j.ended:
		return true
	default:
		return false
	}
}

// see returns what has become of the files of a draft; nil if nothing is to be told.
// The end is told once.
func (s *sealings) see(draft string) *sealing {
	s.mu.Lock()
	defer s.mu.Unlock()
	job := s.all[draft]
	if job != nil && job.over() {
		delete(s.all, draft)
	}
	return job
}

// seal seals the files of a draft, and shows the end, or how far they are.
func (s *Server) seal(w http.ResponseWriter, c *Call, form page.Form, seal func(context.Context, desk.Report) error) error {
	draft := c.Value("draft")
	job := s.sealings.begin(context.WithoutCancel(c.Context()), draft, seal)
	select {
	case <-job.ended:
		s.sealings.see(draft)
		return s.afterSealing(w, c, form, job.err)
	case <-time.After(sealAtOnce):
	case <-c.Context().Done():
	}
	return s.redirect(w, c, "draft.files", "draft", draft)
}

// afterSealing shows what has become of files that were to be sealed.
func (s *Server) afterSealing(w http.ResponseWriter, c *Call, form page.Form, err error) error {
	if problem.CodeOf(err) == problem.InvalidValue {
		form.Fail("files", c.L.T("compose.files_first"))
		return s.showFiles(w, c, http.StatusUnprocessableEntity, form)
	}
	if err != nil {
		return s.stale(w, c, err)
	}
	return s.done(w, c, "sealed", "draft.files", "draft", c.Value("draft"))
}

// sealingIn fills in how far the files of a draft are, or why they could not be sealed.
func (s *Server) sealingIn(c *Call, v *filesView) {
	job := s.sealings.see(v.Draft.ID)
	switch {
	case job == nil:
	case !job.over():
		v.Percent, v.Waits = job.percent.Load(), true
	case job.err != nil:
		s.Log.Warn("files could not be sealed", "err", telemetry.Cause(job.err))
		v.Form.Fail("files", c.L.T("compose.seal_failed"))
	}
}
