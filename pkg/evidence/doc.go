// Package evidence seals files of any size, says what they are and where they
// come from, and opens them again (protocol section 5).
//
// A file becomes one OpenPGP message, encrypted to the two parties of a case,
// and is cut into parts named by their digests. [Seal] makes them; the header of
// the message that speaks of them names the digest of the list of parts, its
// payload size and digest of the file. [Open] checks every part before it uses
// it, and names the one that is wrong.
//
//	Seal ── parts/<sha256>… ── manifest.sha256 ── sealed.json
//
// Many files with their folders become one file first: a [Package], which says
// of each file what it is and of all how they were acquired, in the terms of
// ISO/IEC 27037. Packed, it is a bag (RFC 8493) in a tar archive, so that stock
// tools unpack and check it.
//
// By hand, in the directory of the parts:
//
//	sha256sum -c manifest.sha256
//	cut -c67- manifest.sha256 | xargs cat | gpg -d > FILE
//
// Everything is done in constant memory, whatever the size of the files.
package evidence
