// Package directory is the directory of Entraide: who may speak for a State,
// with which certificates, in which languages, and since when (protocol
// section 7).
//
// The directory is nothing but signed statements in the order of the log. Each
// reader applies them itself and believes none that does not lead to the trust
// anchor: the fingerprint of the depositary's certificate, which is compared
// once, over another channel. The broker that serves the statements can
// withhold them, which the log shows, and forge none.
//
// A [Directory] is a value: [Directory.Apply] returns a new one and leaves the
// old one as it was, so that a message is judged for ever by the directory of
// its place in the log ([Directory.AsOf]).
package directory
