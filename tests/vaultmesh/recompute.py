"""Recompute chain and root of what `gorillacomb trace export DIR` wrote; imports nothing of it."""

import base64
import json
import sys
from hashlib import sha256

subtrees: list[tuple[int, bytes]] = []
prev, count = "0" * 64, 0
with open(f"{sys.argv[1]}/entries.jsonl", "rb") as entries:
    for line in entries:
        entry = line[:-1]
        fields = json.loads(entry)
        if fields["seq"] != count or fields["prev"] != prev:
            sys.exit(f"the chain is broken at entry {count}")
        found = sha256(b"\x00" + entry).digest()
        prev, width, count = found.hex(), 1, count + 1
        while subtrees and subtrees[-1][0] == width:
            found = sha256(b"\x01" + subtrees.pop()[1] + found).digest()
            width *= 2
        subtrees.append((width, found))
root = subtrees.pop()[1]
while subtrees:
    root = sha256(b"\x01" + subtrees.pop()[1] + root).digest()
with open(f"{sys.argv[1]}/checkpoint", encoding="utf-8") as checkpoint:
    origin, size, signed = checkpoint.read().split("\n")[:3]
if int(size) != count or base64.b64decode(signed) != root:
    sys.exit("these are not the entries that were signed")
print(origin, count, root.hex())
