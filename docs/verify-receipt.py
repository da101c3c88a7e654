#!/usr/bin/env python3
"""Verify a receipt of Entraide with nothing but Python and openssl.

usage: verify-receipt.py RECEIPT LOGKEY [WITNESSKEY...]

RECEIPT is a file (c2sp.org/tlog-proof), LOGKEY the log_key of broker.json, and
a WITNESSKEY the third word of a "witness" line of its policy. The program
prints the entry that the log vouches for, and which witnesses saw the tree and
when. It exits with 0 if everything holds, and with 1 if anything does not.

It is written apart from Entraide, as a second opinion.
"""
import base64
import hashlib
import os
import subprocess
import sys
import tempfile

ED25519 = bytes.fromhex("302a300506032b6570032100")  # SubjectPublicKeyInfo before the key


def sha256(*parts):
    return hashlib.sha256(b"".join(parts)).digest()


def verifies(key, message, signature):
    """Ask openssl whether an Ed25519 signature is good."""
    with tempfile.TemporaryDirectory() as directory:
        def file(name, content):
            path = os.path.join(directory, name)
            with open(path, "wb") as f:
                f.write(content)
            return path
        return subprocess.run(
            ["openssl", "pkeyutl", "-verify", "-rawin", "-pubin", "-keyform", "DER", "-inkey", file("key", ED25519 + key),
             "-in", file("message", message), "-sigfile", file("signature", signature)],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode == 0


def signature_of(vkey, lines, kind):
    """Return the key, and what it signed with among the lines; None if nothing."""
    name, _, rest = vkey.partition("+")
    key = base64.b64decode(rest.partition("+")[2], validate=True)
    assert key[0] == kind and len(key) == 33, "the key is of another kind"
    identifier = sha256(name.encode() + b"\n", key)[:4]
    for line in lines:
        dash, signer, data = line.split(" ")
        data = base64.b64decode(data, validate=True)
        if dash == "\u2014" and signer == name and data[:4] == identifier:
            return key[1:], data[4:]
    return key[1:], None


def root_of(leaf, index, size, path):
    """Hash a leaf up to the root of the tree (RFC 9162, section 2.1.3.2)."""
    assert 0 <= index < size, "the tree has no such entry"
    node, last = leaf, size - 1
    for step in path:
        assert last > 0, "the proof is too long"
        if index & 1 or index == last:
            node = sha256(b"\x01", step, node)
            while not index & 1 and index:
                index, last = index >> 1, last >> 1
        else:
            node = sha256(b"\x01", node, step)
        index, last = index >> 1, last >> 1
    assert last == 0, "the proof is too short"
    return node


def main(receipt, log_key, *witness_keys):
    with open(receipt, encoding="utf-8", newline="") as f:
        head, text, signatures = f.read().split("\n\n")
    header, extra, index, *path = head.split("\n")
    assert header == "c2sp.org/tlog-proof@v1", "not a receipt"
    extra = base64.b64decode(extra.removeprefix("extra "), validate=True)
    salt, body = extra[:32], extra[32:]
    text += "\n"
    origin, size, root = text.splitlines()

    leaf = b"\x01" + sha256(b"entraide/leaf/1\0", salt, body)
    computed = root_of(sha256(b"\0", leaf), int(index.removeprefix("index ")), int(size), [base64.b64decode(p) for p in path])
    assert computed == base64.b64decode(root), "the entry is not in the tree"

    lines = signatures.splitlines()
    assert log_key.partition("+")[0] == origin, "the key is of another log"
    key, signature = signature_of(log_key, lines, 1)
    assert signature and verifies(key, text.encode(), signature), "the log has not signed the tree"
    print(body.decode())
    print(f"{index} of {size} in {origin}")
    for witness in witness_keys:
        key, signature = signature_of(witness, lines, 4)
        assert signature, f"not cosigned by {witness}"
        time = int.from_bytes(signature[:8], "big")
        message = f"cosignature/v1\ntime {time}\n{text}".encode()
        assert verifies(key, message, signature[8:]), f"the cosignature of {witness} is bad"
        print(f"seen by {witness.partition('+')[0]} at {time}")


if __name__ == "__main__":
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    try:
        main(*sys.argv[1:])
    except (AssertionError, ValueError) as e:
        sys.exit(f"REFUSED: {e}")
