"""Check a pulse: `check_pulse.py PULSE WATCHER-KEY LOG-KEY...`; imports nothing of Gorilla Comb.

Prints its statement. The pulse, the checkpoint in it and the watcher's cosignature of that must be
signed by these C2SP verifier keys.
"""

import base64
import json
import struct
import sys
from hashlib import sha256

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey


def lines_of(note: str) -> tuple[str, dict[tuple[str, bytes], bytes]]:
    at = note.rindex("\n\n") + 1
    found = {}
    for line in note[at + 1 :].splitlines():
        name, blob = line.removeprefix("\u2014 ").split(" ")
        data = base64.b64decode(blob, validate=True)
        found[name, data[:4]] = data[4:]
    return note[:at], found


def parse_key(key: str) -> tuple[str, bytes]:
    name, _, encoded = key.split("+", 2)
    return name, base64.b64decode(encoded)[1:]


def key_id(name: str, kind: bytes, public: bytes) -> bytes:
    return sha256(name.encode() + b"\n" + kind + public).digest()[:4]


path, watcher, *logs = sys.argv[1:]
with open(path, encoding="utf-8") as file:
    text, signatures = lines_of(file.read())
name, public = parse_key(watcher)
watches = Ed25519PublicKey.from_public_bytes(public)
watches.verify(signatures[name, key_id(name, b"\x01", public)], text.encode())
statement = json.loads(text)
if statement["checkpoint"] is not None:
    checkpoint, signatures = lines_of(statement["checkpoint"])
    cosignature = signatures[name, key_id(name, b"\x04", public)]
    (seconds,) = struct.unpack(">Q", cosignature[:8])
    watches.verify(cosignature[8:], f"cosignature/v1\ntime {seconds}\n{checkpoint}".encode())
    for log in logs:
        origin, public = parse_key(log)
        key = Ed25519PublicKey.from_public_bytes(public)
        key.verify(signatures[origin, key_id(origin, b"\x01", public)], checkpoint.encode())
    size, root = checkpoint.splitlines()[1:3]
    if (int(size), base64.b64decode(root).hex()) != (
        statement["ledger"]["size"],
        statement["ledger"]["root"],
    ):
        sys.exit("the statement and the checkpoint in it differ")
print(text, end="")
