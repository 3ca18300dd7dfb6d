"""Public keys of tokens as JSON Web Keys (RFC 7517), named by their thumbprints (RFC 7638)."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from jwt import PyJWK

ALGORITHM = "PS256"
"""RSASSA-PSS with SHA-256 (RFC 7518 3.5): the only one."""
LEAST_BITS = 2048
_MOST_BITS = 8192
_TEXT = re.compile(r"[A-Za-z0-9_-]{1,1366}")
KID = re.compile(r"[A-Za-z0-9_-]{43}")
"""The form of a thumbprint: SHA-256 in base64url."""


@dataclass(frozen=True, slots=True)
class RsaJwk:
    """An RSA public key."""

    n: str
    """The modulus in base64url, without padding."""
    e: str
    """The exponent likewise."""

    @classmethod
    def of_numbers(cls, n: int, e: int) -> RsaJwk:
        """Return the key with these numbers."""
        return cls(_number_text(n), _number_text(e))

    @classmethod
    def parse(cls, fields: object) -> RsaJwk:
        """Return the key of a JWK's three fields. Raises ValueError for anything else."""
        if not isinstance(fields, dict) or fields.keys() != {"kty", "n", "e"}:
            raise ValueError("a key has other fields than kty, n and e")
        texts = fields["n"], fields["e"]
        if fields["kty"] != "RSA" or not all(
            isinstance(each, str) and _TEXT.fullmatch(each) for each in texts
        ):
            raise ValueError("a key is no RSA key")
        key = cls(*texts)
        numbers = _number(key.n), _number(key.e)
        bits = numbers[0].bit_length()
        if cls.of_numbers(*numbers) != key or not LEAST_BITS <= bits <= _MOST_BITS:
            raise ValueError(f"a key has {bits} bits, or is not written as RFC 7518 says")
        if numbers[1] != 65537:
            raise ValueError("a key has an unusual exponent")
        return key

    @property
    def kid(self) -> str:
        """Its thumbprint."""
        text = json.dumps(self.fields, sort_keys=True, separators=(",", ":"))
        return _base64url(sha256(text.encode("ascii")).digest())

    @property
    def bits(self) -> int:
        """The length of its modulus."""
        return _number(self.n).bit_length()

    @property
    def fields(self) -> dict[str, str]:
        """What the thumbprint covers."""
        return {"e": self.e, "kty": "RSA", "n": self.n}

    def published(self) -> dict[str, str]:
        """Return it as in a JWK set."""
        return {**self.fields, "alg": ALGORITHM, "kid": self.kid, "use": "sig"}

    def for_verifying(self) -> PyJWK:
        """Return what verifies with it, by `ALGORITHM` alone."""
        from jwt import PyJWK

        return PyJWK(dict(self.fields), ALGORITHM)


def strict_object(data: bytes) -> Mapping[str, Any]:
    """Return a JSON object none of whose names is there twice. Raises ValueError."""
    try:
        found = json.loads(
            data, object_pairs_hook=_once, parse_constant=_refuse, parse_float=_refuse
        )
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    if not isinstance(found, dict):
        raise ValueError("it is not an object")
    return found


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name is there twice")
    return found


def _refuse(text: str) -> Any:
    raise ValueError(f"{text[:20]} is not a whole number")


def decode_base64url(text: str) -> bytes:
    """Return the bytes that a text without padding stands for. Raises ValueError."""
    data = base64.b64decode(text + "=" * (-len(text) % 4), b"-_", validate=True)
    if _base64url(data) != text:
        raise ValueError("base64url with bits that mean nothing")
    return data


def _base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode("ascii").rstrip("=")


def _number(text: str) -> int:
    return int.from_bytes(decode_base64url(text), "big")


def _number_text(number: int) -> str:
    return _base64url(number.to_bytes((number.bit_length() + 7) // 8, "big"))
