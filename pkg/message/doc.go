// Package message is the sealed message of Entraide: its header, which the
// broker reads, its payload, which only the two parties can open, and the
// signatures over both (protocol section 2). It also holds the delivery and
// opening receipts.
//
// A message is checked in the order of protocol section 2.5, by the broker and
// again by the recipient's desk: [Parse], [Message.CheckParties],
// [Message.CheckTime], [Message.CheckSignature], then what depends on earlier
// messages, then [Message.CheckPayload]. Not a byte is decrypted before all of
// this has passed; [Message.Open] then checks what is inside before it
// releases any of it.
//
// What is signed is the exact text of the header, which is never written
// again: a Message keeps it.
//
// Every error of this package is a *problem.Error with a stable code and the
// member at fault, unless the documentation of a function says otherwise.
package message
