"""Paths in JSON: text under their key if valid UTF-8, otherwise base64 under ``<key>_b64``."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any


def path_to_json(path: bytes, key: str = "path") -> dict[str, str]:
    """Return the single JSON field that represents a path."""
    try:
        return {key: path.decode("utf-8")}
    except UnicodeDecodeError:
        return {f"{key}_b64": base64.b64encode(path).decode("ascii")}


def path_columns(path: bytes | None) -> tuple[str, str]:
    """Return a path as two table columns: text and base64, one of them empty.

    Both are empty for None.
    """
    if path is None:
        return "", ""
    field = path_to_json(path)
    return field.get("path", ""), field.get("path_b64", "")


def has_path(document: Mapping[str, Any], key: str = "path") -> bool:
    """Return whether an object has a path under a key, in either form."""
    return key in document or f"{key}_b64" in document


def path_from_json(document: Mapping[str, Any], key: str = "path", *, strict: bool = True) -> bytes:
    """Read the path that `path_to_json` wrote under a key. Raises only ValueError.

    A strict reader accepts only what `path_to_json` writes, so that no path has two forms. A
    lenient one prefers the text if both are present, and accepts any base64: signed documents must
    stay readable, whichever program wrote them.
    """
    key_b64 = f"{key}_b64"
    if strict and (key in document) == (key_b64 in document):
        raise ValueError(f"it needs exactly one of {key} and {key_b64}")
    text = document.get(key)
    if text is None and key_b64 in document:
        return _from_base64(document[key_b64], key, strict)
    if not isinstance(text, str):
        raise ValueError(f"its {key} is not text")
    try:
        return text.encode("utf-8")
    except UnicodeEncodeError:
        raise ValueError(f"its {key} contains half a character") from None


def _from_base64(encoded: Any, key: str, strict: bool) -> bytes:
    if not isinstance(encoded, str):
        raise ValueError(f"its {key}_b64 is not text")
    try:
        path = decode_base64(encoded) if strict else base64.b64decode(encoded, validate=True)
    except ValueError:
        raise ValueError(f"its {key}_b64 is bad base64") from None
    if strict and "path" in path_to_json(path):
        raise ValueError(f"its {key}_b64 is valid UTF-8, and must be given as {key}")
    return path


def decode_base64(text: str) -> bytes:
    """Decode standard base64 (RFC 4648, section 4), padded and with no stray bit set.

    Any other text for the same bytes raises ValueError.
    """
    data = base64.b64decode(text, validate=True)
    if base64.b64encode(data).decode("ascii") != text:
        raise ValueError("bad base64")
    return data
