package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/entraide/entraide/internal/desk"
	"github.com/entraide/entraide/internal/desk/office"
)

func (a *app) messageCommand() *cobra.Command {
	verify := a.verifyCommand()
	verify.Short = "Verify an exported message offline"
	verify.Example = "  entraide message verify m/message.mla.json --broker broker.json"
	return group("message", "Look at messages", a.messageList(), a.messageExport(), verify, a.messageOpen())
}

func (a *app) messageList() *cobra.Command {
	return &cobra.Command{
		Use:     "list",
		Short:   "List all messages with the verdict on each",
		Example: "  entraide message list --home desk --json",
		Args:    noArgs,
		RunE: a.onDesk(func(ctx context.Context, d *desk.Desk, _ []string) error {
			messages, err := d.Messages(ctx)
			if err != nil {
				return err
			}
			return a.print(messages, func(w io.Writer) {
				if len(messages) == 0 {
					fmt.Fprintln(w, "No messages yet.")
					return
				}
				var rows []string
				for _, m := range messages {
					rows = append(rows, row(m.Index, m.ID, m.From, m.To, m.Act, m.Verdict, orDash(m.Summary+m.Note)))
				}
				table(w, "ENTRY\tMESSAGE\tFROM\tTO\tACT\tVERDICT\tABOUT", rows)
			})
		}),
	}
}

func (a *app) messageExport() *cobra.Command {
	var dir string
	c := &cobra.Command{
		Use:   "export ID",
		Short: "Write a message with its receipt and proofs to a new directory",
		Long: `Write a message as it travelled and in parts, with its log receipt, the directory
of its time and both certificates, to a new directory. Its README.txt says how
to check everything with stock tools. Nothing in it is decrypted. The check code of
a request is printed, and is not among the files.`,
		Example: "  entraide message export 1b2c… --dir m --home desk",
		Args:    exactly("ID"),
		RunE: a.onDesk(func(ctx context.Context, d *desk.Desk, args []string) error {
			if err := d.Export(ctx, args[0], dir); err != nil {
				return err
			}
			m, err := d.Message(ctx, args[0])
			if err != nil {
				return err
			}
			return a.print(map[string]string{"id": m.ID, "dir": dir, "reference": m.Reference, "check_code": m.CheckCode}, func(w io.Writer) {
				fmt.Fprintf(w, "Wrote message %s to %s\n", m.ID, dir)
				printCheckCode(w, "", m)
			})
		}),
	}
	c.Flags().StringVar(&dir, "dir", "", "directory to make")
	required(c, "dir")
	return c
}

func (a *app) messageOpen() *cobra.Command {
	c := &cobra.Command{
		Use:   "open ID",
		Short: "Print the content of a message",
		Long: `Print the content of a message as JSON. The first time an officer opens a
message that was received, its sender is told so by a signed receipt.`,
		Example: "  entraide message open 1b2c… --home desk",
		Args:    exactly("ID"),
	}
	return a.asOfficerOn(c, func(ctx context.Context, d *desk.Desk, by desk.Officer, args []string) error {
		open := d.Body // as whoever holds the home and its keys
		if c.Flags().Changed("as") {
			open = func(ctx context.Context, id string) ([]byte, error) { return office.New(d).Open(ctx, by, id) }
		}
		body, err := open(ctx, args[0])
		if err != nil {
			return err
		}
		var out bytes.Buffer
		if err := json.Indent(&out, body, "", "  "); err != nil {
			return err
		}
		_, err = fmt.Fprintln(plainly{a.out}, out.String())
		return err
	})
}
