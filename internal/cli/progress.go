package cli

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"sync"
	"time"

	"golang.org/x/term"

	"github.com/entraide/entraide/internal/desk"
)

const (
	// barEvery and eventEvery are how often a bar is drawn, and an event written.
	barEvery   = 100 * time.Millisecond
	eventEvery = time.Second
	barWidth   = 30
)

// A progress shows on standard error how far something is: a bar on a terminal,
// otherwise a JSON event on each line.
type progress struct {
	app   *app
	bar   bool
	mu    sync.Mutex
	phase string
	last  time.Time
}

// progress returns what a desk reports to, and what ends it.
func (a *app) progress() (report desk.Report, end func()) {
	f, ok := a.err.(*os.File)
	p := &progress{app: a, bar: ok && term.IsTerminal(int(f.Fd()))}
	return p.report, p.end
}

func (p *progress) report(at desk.Progress) {
	p.mu.Lock()
	defer p.mu.Unlock()
	every := eventEvery
	if p.bar {
		every = barEvery
	}
	now := p.app.now()
	if at.Phase == p.phase && at.Done != at.Total && now.Sub(p.last) < every {
		return
	}
	if p.bar && p.phase != "" && at.Phase != p.phase {
		fmt.Fprintln(p.app.err)
	}
	p.phase, p.last = at.Phase, now
	if p.bar {
		fmt.Fprint(p.app.err, "\r\x1b[K"+barOf(at))
		return
	}
	if line, err := json.Marshal(at); err == nil {
		fmt.Fprintf(p.app.err, "%s\n", line)
	}
}

// barOf draws a bar.
func barOf(at desk.Progress) string {
	if at.Total <= 0 {
		return fmt.Sprintf("%-8s %s", at.Phase, size(at.Done))
	}
	part := min(1, float64(at.Done)/float64(at.Total))
	full := int(part * barWidth)
	return fmt.Sprintf("%-8s [%s%s] %3.0f %% of %s", at.Phase, strings.Repeat("#", full), strings.Repeat(".", barWidth-full), 100*part, size(at.Total))
}

// end leaves the line of the bar.
func (p *progress) end() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.bar && p.phase != "" {
		fmt.Fprintln(p.app.err)
	}
}

// size writes a number of bytes for people.
func size(n int64) string {
	units := []string{"B", "KiB", "MiB", "GiB", "TiB"}
	value, i := float64(n), 0
	for value >= 1024 && i < len(units)-1 {
		value, i = value/1024, i+1
	}
	if i == 0 {
		return fmt.Sprintf("%d B", n)
	}
	return fmt.Sprintf("%.1f %s", value, units[i])
}
