"""The payload of a scroll: an in-toto Statement (v1) in canonical JSON (RFC 8785).

https://github.com/in-toto/attestation/blob/main/spec/v1/statement.md
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from gorillacomb.errors import UntrustedInput
from gorillacomb.scrolls.funding import checked_funding
from gorillacomb.scrolls.model import KINDS, Funding, ManifestRef, ScrollStatement
from gorillacomb.scrolls.moments import seconds_of
from gorillacomb.vaultmesh.jcs import canonical_json, parse_strict

STATEMENT = "https://in-toto.io/Statement/v1"
PREDICATE = "urn:gorillacomb:scroll:v1"
_ANY_PREDICATE = "urn:gorillacomb:scroll:"
SUBJECT = "manifest.json"
MOST_BYTES = 64 << 10
"""Of a payload."""
LONGEST_EXPRESSION = 2048
"""Characters."""
_LONGEST_NAME = 4096
_MOST_TEXTS = 64
_WHAT = "The scroll"
_DIGEST = re.compile(r"[0-9a-f]{64}", re.ASCII)
_NONCE = re.compile(r"[0-9a-f]{32}", re.ASCII)
_ORIGIN = re.compile(r"gorillacomb/[0-9a-f]{32}", re.ASCII)
_TIME = re.compile(r"[1-9][0-9]{0,19}", re.ASCII)
LICENSE_REF = re.compile(r"LicenseRef-[A-Za-z0-9.-]{1,120}", re.ASCII)


def to_payload(statement: ScrollStatement) -> bytes:
    """Return the bytes to sign; `parse_payload` reads them.

    Raises ValueError for what JSON cannot represent.
    """
    manifest = statement.manifest
    predicate: dict[str, Any] = {
        "created_ns": str(statement.created_ns),
        "kind": statement.kind,
        "license": {"expression": statement.license, "texts": dict(statement.license_texts)},
        "log": statement.log,
        "manifest": {"name": manifest.name, "subject": manifest.subject},
        "nonce": statement.nonce,
        "valid_until": statement.valid_until,
    }
    if statement.funding is not None:
        money = statement.funding
        predicate["funding"] = {"amount": money.amount, "currency": money.currency}
    return canonical_json(
        {
            "_type": STATEMENT,
            "predicate": predicate,
            "predicateType": PREDICATE,
            "subject": [{"digest": {"sha256": manifest.sha256}, "name": SUBJECT}],
        }
    )


def parse_payload(data: bytes) -> ScrollStatement:
    """Read a payload that came from outside. Raises UntrustedInput, which says what is wrong."""
    if len(data) > MOST_BYTES:
        raise UntrustedInput(f"{_WHAT} is refused: it is over {MOST_BYTES >> 10} KiB long.")
    value = parse_strict(data, _WHAT)
    try:
        found = _statement(value)
        if canonical_json(value) != data:
            raise ValueError("it is not in the canonical form of RFC 8785")
    except ValueError as error:
        raise UntrustedInput(f"{_WHAT} is refused: {error}.") from None
    return found


def _statement(value: Any) -> ScrollStatement:
    kind = value.get("predicateType") if isinstance(value, dict) else None
    if isinstance(kind, str) and kind != PREDICATE and kind.startswith(_ANY_PREDICATE):
        raise ValueError("it is of a later version than v1; a newer Gorilla Comb may read it")
    whole = _fields(value, "it", {"_type", "predicate", "predicateType", "subject"})
    if whole["_type"] != STATEMENT or kind != PREDICATE:
        raise ValueError("it is not an in-toto Statement about a scroll")
    fields = {"created_ns", "kind", "license", "log", "manifest", "nonce", "valid_until"}
    predicate = whole["predicate"]
    has_funding = isinstance(predicate, dict) and predicate.get("kind") == "treaty"
    predicate = _fields(
        predicate, "its predicate", fields | ({"funding"} if has_funding else set())
    )
    if predicate["kind"] not in KINDS:
        raise ValueError("its kind is neither treaty nor seal")
    until = predicate["valid_until"]
    if until is not None:
        seconds_of(_text(until, "its valid_until"))
    return ScrollStatement(
        predicate["kind"],
        _manifest(predicate["manifest"], whole["subject"]),
        *_license(predicate["license"]),
        _funding(predicate["funding"]) if has_funding else None,
        until,
        _matched(_ORIGIN, predicate["log"], "its log is not the origin of a trace"),
        int(_matched(_TIME, predicate["created_ns"], "its created_ns is not a time")),
        _matched(_NONCE, predicate["nonce"], "its nonce is not 32 hex digits"),
    )


def _manifest(value: Any, subject: Any) -> ManifestRef:
    if not isinstance(subject, list) or len(subject) != 1:
        raise ValueError("it does not have exactly one subject")
    named = _fields(subject[0], "its subject", {"name", "digest"})
    if named["name"] != SUBJECT:
        raise ValueError(f"its subject is not {SUBJECT}")
    digest = _fields(named["digest"], "its subject's digest", {"sha256"})
    manifest = _fields(value, "its manifest", {"name", "subject"})
    name = _text(manifest["name"], "its manifest's name", _LONGEST_NAME)
    bad = "its manifest's {} is not 64 hex digits"
    return ManifestRef(
        name,
        _matched(_DIGEST, manifest["subject"], bad.format("subject")),
        _matched(_DIGEST, digest["sha256"], bad.format("sha256")),
    )


def _license(value: Any) -> tuple[str, Mapping[str, str]]:
    found = _fields(value, "its license", {"expression", "texts"})
    texts = found["texts"]
    if not isinstance(texts, dict) or len(texts) > _MOST_TEXTS:
        raise ValueError("the texts of its license are not an object, or too many")
    return (
        _text(found["expression"], "its license's expression", LONGEST_EXPRESSION),
        checked_texts(texts),
    )


def checked_texts(texts: Mapping[str, Any]) -> dict[str, str]:
    """Return the digests of licence texts by name. Raises ValueError, which says what is wrong."""
    for name, digest in texts.items():
        _matched(LICENSE_REF, name, f"{name[:40]!r} is not the name of a licence of one's own")
        _matched(_DIGEST, digest, f"the text of {name[:40]} is not a SHA-256 in hex")
    return dict(texts)


def _funding(value: Any) -> Funding:
    money = _fields(value, "its funding", {"amount", "currency"})
    return checked_funding(money["amount"], money["currency"])


def _fields(value: Any, what: str, names: set[str]) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise ValueError(f"{what} is not a JSON object")
    lacking, unknown = sorted(names - value.keys()), sorted(value.keys() - names)
    if lacking:
        raise ValueError(f"{what} has no {lacking[0]!r}")
    if unknown:
        raise ValueError(f"{what} has an unknown key {unknown[0][:40]!r}")
    return value


def _text(value: Any, what: str, longest: int = 64) -> str:
    if not isinstance(value, str) or not 0 < len(value) <= longest:
        raise ValueError(f"{what} is not a text, or too long")
    return value


def _matched(pattern: re.Pattern[str], value: Any, error: str) -> str:
    if not isinstance(value, str) or pattern.fullmatch(value) is None:
        raise ValueError(error)
    return value
