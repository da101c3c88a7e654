// Package browser drives pages in Chromium: those of two desks and a broker, and of
// an auditors' room; real TLS, real sessions, a virtual authenticator for passkeys.
// It has tests only.
//
// A scenario is a script testdata/<name>.mjs that exports
//
//	export default async function (world) { … }
//
// and uses the helpers of testdata/lib.mjs: signing in with password and code or
// with a passkey, axe, overflow, the walk by keyboard, screenshots. What it
// records with world.check becomes a subtest. To add a page to those that are
// looked at in every way, put its path into the list of pages.mjs.
//
// The tests need chromium, node, and playwright-core and axe-core in the
// directory ENTRAIDE_NODE_MODULES; go run ./internal/check installs them.
// ENTRAIDE_ARTEFACTS names a directory that keeps the screenshots.
package browser
