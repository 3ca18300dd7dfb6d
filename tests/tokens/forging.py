"""Makes tokens byte by byte, with any header, claims and signature: as an attacker would."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
import time
from functools import cache
from typing import Any

from gorillacomb.tokens.jwk import RsaJwk
from gorillacomb.vaultmesh.keys.keys import RsaSigningKey, generate_rsa

ORIGIN = "gorillacomb/" + "0a" * 16
AUDIENCE = ORIGIN + "/api"


@cache
def a_key(number: int = 0, bits: int = 2048) -> RsaSigningKey:
    """One of some keys, made once."""
    return generate_rsa(bits)


def jwk_of(key: RsaSigningKey) -> RsaJwk:
    return RsaJwk.of_numbers(*key.numbers)


def claims(origin: str = ORIGIN, /, **changes: Any) -> dict[str, Any]:
    """Claims that are valid now; a change to ``...`` leaves one out."""
    now = int(time.time())
    usual = {
        "iss": origin,
        "aud": f"{origin}/api",
        "sub": "script",
        "client_id": "script",
        "iat": now,
        "nbf": now,
        "exp": now + 900,
        "jti": secrets.token_hex(16),
        "scope": "read:index",
    }
    return {name: value for name, value in {**usual, **changes}.items() if value is not ...}


def header(kid: str, /, **changes: Any) -> dict[str, Any]:
    usual = {"alg": "PS256", "kid": kid, "typ": "at+jwt"}
    return {name: value for name, value in {**usual, **changes}.items() if value is not ...}


def encoded(value: Any) -> str:
    """An object, or a text that is to be JSON, in base64url."""
    data = value if isinstance(value, bytes) else json.dumps(value).encode()
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def signed(key: RsaSigningKey, head: Any, body: Any) -> str:
    """A token with a valid PS256 signature, whatever it says."""
    text = f"{encoded(head)}.{encoded(body)}"
    return f"{text}.{encoded(key.sign(text.encode()))}"


def with_hmac(secret: bytes, head: Any, body: Any) -> str:
    text = f"{encoded(head)}.{encoded(body)}"
    return f"{text}.{encoded(hmac.new(secret, text.encode(), hashlib.sha256).digest())}"
