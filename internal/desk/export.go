package desk

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/entraide/entraide/internal/store"
	"github.com/entraide/entraide/pkg/message"
	"github.com/entraide/entraide/pkg/pgp"
	"github.com/entraide/entraide/pkg/problem"
	"github.com/entraide/entraide/pkg/strictjson"
	"github.com/entraide/entraide/pkg/wire"
)

// Files of an exported message.
const (
	// WireFile is the message as it travelled.
	WireFile = "message.mla.json"
	// ReceiptFile is its log receipt.
	ReceiptFile = "receipt.tlog-proof"
	// DirectoryFile holds the directory statements that verification needs.
	DirectoryFile = "directory.json"
)

// Export writes a message to a new directory: as it travelled and in parts,
// with its log receipt, the directory of its time, and both certificates, so
// that anybody can check it with stock tools. It is an entry of the desk's own
// log.
func (d *Desk) Export(ctx context.Context, id, dir string) error {
	var l store.Letter
	var published []store.Published
	err := d.db.Read(ctx, func(r store.DeskReader) (err error) {
		if l, err = r.Letter(ctx, id); err != nil {
			return err
		}
		if l.Verdict == store.VerdictErased {
			return refuseErased(ctx, r, l.Case)
		}
		published, err = r.Published(ctx, -1)
		return err
	})
	if errors.Is(err, store.ErrNotFound) {
		return problem.New(problem.NotFound, "id", "This desk has no such message.")
	}
	if err != nil {
		return err
	}
	files, err := d.exported(l, published)
	if err != nil {
		return err
	}
	if err := os.Mkdir(dir, 0o700); err != nil {
		return fmt.Errorf("exporting: %w", err)
	}
	for name, content := range files {
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o600); err != nil {
			return fmt.Errorf("exporting: %w", err)
		}
	}
	return d.db.Write(ctx, func(w store.DeskWriter) error { return d.record(ctx, w, "message exported", id) })
}

// exported makes the files of an exported message.
func (d *Desk) exported(l store.Letter, published []store.Published) (map[string][]byte, error) {
	m, err := message.Parse(l.Sealed)
	if err != nil {
		return nil, err
	}
	statements := wire.Statements{Items: []wire.Statement{}}
	for _, p := range published {
		if p.Index < l.Index {
			statements.Items = append(statements.Items, statementOf(p))
		}
	}
	directory, err := strictjson.Marshal(statements)
	if err != nil {
		return nil, err
	}
	then := d.Directory().AsOf(l.Index)
	files := map[string][]byte{
		WireFile: l.Sealed, ReceiptFile: l.Receipt, DirectoryFile: directory,
		"header.json": []byte(m.HeaderText), "header.json.sig": m.Signature, "payload.pgp": m.Payload,
	}
	for name, id := range map[string]string{"sender.pgp": l.From, "recipient.pgp": l.To} {
		authority, err := then.Authority(id)
		if err != nil {
			return nil, err
		}
		if c, ok := authority.Certificates[pgp.Suite(l.Suite)]; ok {
			files[name] = c.Bytes()
		}
	}
	files["README.txt"] = []byte(fmt.Sprintf(readme, l.ID, l.From, l.To, l.Suite, l.Digest, l.Index, WireFile))
	return files, nil
}

// readme tells how to check an exported message by hand.
const readme = `Message %s
from %s to %s, suite %s
message digest %s
entry %d of the broker's log

message.mla.json     the message as it travelled
header.json          its header: exactly the signed bytes
header.json.sig      the sender's detached OpenPGP signature over them
payload.pgp          the sealed payload, an OpenPGP message
receipt.tlog-proof   the broker's receipt: proof that the message is in its log
directory.json       the directory statements of its time, each with its receipt
sender.pgp           the sender's certificate
recipient.pgp        the recipient's certificate

All at once, offline, with the broker.json that you were given by the broker's
operator:

  entraide verify %s --broker broker.json

By hand, for the suite classic-4:

  sha256sum header.json                                # the message digest
  jq -r .payload.sha256 header.json; sha256sum payload.pgp   # must agree
  gpg --import sender.pgp
  gpg --verify header.json.sig header.json
  gpg --decrypt payload.pgp > payload.json             # with the recipient's key
  jq -r .payload.commitment header.json; sha256sum payload.json   # must agree
  jq -j .core header.json | sha256sum; jq -r .core_sha256 payload.json   # must agree

gpg does not compare the recipients inside the signature with those of the
header; look at "to" in the core.
`
