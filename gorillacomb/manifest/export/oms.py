"""A signature of OpenSSF model signing (https://model-signing.io), for `model_signing verify key`.

It is a Sigstore bundle (v0.3) around a DSSE envelope, whose payload is an in-toto Statement with
the SHA-256 of every file. That tool verifies signatures of elliptic-curve keys only.

At the top of the folder it ignores ``.git``, ``.gitattributes``, ``.github`` and ``.gitignore`` by
default, so the signature says that these are not covered, and they are listed as omitted. Any other
unsigned file in the folder makes it fail: if names were omitted, or there are links, it must be
called with ``--ignore_unsigned_files``. The signature itself may be in the folder.
"""

from __future__ import annotations

import base64
import json
from hashlib import sha256

from gorillacomb.manifest.envelope import PAYLOAD_TYPE, pae
from gorillacomb.manifest.export.result import (
    ExportResult,
    no_readable_file,
    split_by_rule,
    utf8_or_none,
)
from gorillacomb.manifest.model import Manifest, ManifestEntry
from gorillacomb.manifest.serialize import STATEMENT
from gorillacomb.vaultmesh.keys.keys import EcdsaSigningKey

IGNORED = (".git", ".gitattributes", ".github", ".gitignore")
_BUNDLE = "application/vnd.dev.sigstore.bundle.v0.3+json"
_PREDICATE = "https://model_signing/signature/v1.0"


def bundle(manifest: Manifest, key: EcdsaSigningKey) -> ExportResult:
    """Return the signed bundle as JSON."""
    entries, left_out = split_by_rule(manifest.entries, _beyond_model_signing)
    payload = _json(_statement(manifest.name, entries))
    document = {
        "mediaType": _BUNDLE,
        "verificationMaterial": {
            "publicKey": {"hint": sha256(key.public_pem).hexdigest()},
            "tlogEntries": [],
        },
        "dsseEnvelope": {
            "payload": _base64(payload),
            "payloadType": PAYLOAD_TYPE,
            "signatures": [{"sig": _base64(key.sign(pae(payload))), "keyid": ""}],
        },
    }
    return ExportResult(_json(document) + b"\n", len(entries), left_out)


def _beyond_model_signing(entry: ManifestEntry) -> str | None:
    cause = no_readable_file(entry)
    if cause is not None:
        return cause
    text = utf8_or_none(entry.path)
    if text is None:
        return "a name that is not UTF-8, and JSON knows no other"
    if text.split("/")[0] in IGNORED:
        return "a file of git, which model_signing passes over"
    return None


def _statement(name: bytes, entries: list[ManifestEntry]) -> dict[str, object]:
    # model_signing sorts by path components, so that a folder's files are together.
    ordered = sorted(entries, key=lambda entry: entry.path.decode().split("/"))
    whole = sha256(b"".join(bytes.fromhex(entry.sha256 or "") for entry in ordered))
    resources = [
        {"name": entry.path.decode(), "algorithm": "sha256", "digest": entry.sha256}
        for entry in ordered
    ]
    subject = {
        "name": name.decode("utf-8", "backslashreplace"),
        "digest": {"sha256": whole.hexdigest()},
    }
    return {
        "_type": STATEMENT,
        "subject": [subject],
        "predicateType": _PREDICATE,
        "predicate": {
            "serialization": {
                "method": "files",
                "hash_type": "sha256",
                "allow_symlinks": False,
                "ignore_paths": list(IGNORED),
            },
            "resources": resources,
        },
    }


def _json(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode("utf-8")


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")
