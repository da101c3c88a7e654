package states

import (
	"crypto/sha256"
	"encoding/hex"
	"testing"

	"github.com/entraide/entraide/pkg/message"
	"github.com/entraide/entraide/pkg/workflow"
)

// ID returns an identifier made from a name, the same every time.
func ID(name string) message.ID {
	sum := sha256.Sum256([]byte(name))
	return message.ID(hex.EncodeToString(sum[:16]))
}

// Draft returns a request from one authority to another, ready to be sealed
// with the sender's key of the world's suite: the first message of a case, and
// the first between the two. A name tells messages and cases apart.
func (w *World) Draft(t testing.TB, from, to, name string) message.Draft {
	t.Helper()
	return message.Draft{
		ID: ID("message " + name), Case: ID("case " + name),
		Act: workflow.Request, Lane: workflow.Urgent,
		From: w.Authority(t, from), To: w.Authority(t, to),
		Seq: 1, Directory: w.Directory.Size(), Body: Body(t, workflow.Request, from, to),
	}
}

// Seal seals a draft at the time of the world.
func (w *World) Seal(t testing.TB, d message.Draft) *message.Message {
	t.Helper()
	m, err := message.Seal(d, w.Keys[d.From.Statement.ID], w.Now)
	if err != nil {
		t.Fatalf("sealing a message: %v", err)
	}
	return m
}
