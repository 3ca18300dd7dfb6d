"""Sign access tokens, and verify them: JWTs after RFC 9068, RFC 7519 and RFC 8725.

Everything that a token may vary in is fixed: one algorithm, three header fields, nine claims.
"""

from __future__ import annotations

import re
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from gorillacomb.errors import UntrustedInput
from gorillacomb.tokens.jwk import (
    ALGORITHM,
    KID,
    LEAST_BITS,
    RsaJwk,
    decode_base64url,
    strict_object,
)
from gorillacomb.tokens.scopes import parse_scope

if TYPE_CHECKING:
    from jwt.exceptions import PyJWTError

    from gorillacomb.vaultmesh.keys.keys import RsaSigningKey

TYPE = "at+jwt"
"""The media type of an access token, short (RFC 9068 2.1)."""
MOST_SECONDS = 900
MOST_BYTES = 4096
_FORM = re.compile(r"([A-Za-z0-9_-]{1,1024})\.([A-Za-z0-9_-]{1,2048})\.([A-Za-z0-9_-]{1,1366})")
_HEADER = {"alg", "kid", "typ"}
_TIMES = ("iat", "nbf", "exp")
_TEXTS = ("iss", "aud", "sub", "client_id", "jti", "scope")
_CLAIMS = (*_TEXTS, *_TIMES)
JTI = re.compile(r"[0-9a-f]{32}")
SUBJECT = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@-]{0,63}")


class InvalidToken(UntrustedInput):
    """A token that opens nothing, and why."""


@dataclass(frozen=True, slots=True)
class TokenClaims:
    """What a token says."""

    id: str
    """Its ``jti``, 32 hex digits."""
    subject: str
    """Whose it is."""
    scopes: tuple[str, ...]
    issued: int
    """Seconds since the epoch."""
    expires: int
    """Seconds since the epoch."""
    kid: str
    """The key that signed it."""


def audience_of(origin: str) -> str:
    """Return the audience of the tokens that a vault's server takes, by the origin of its log."""
    return f"{origin}/api"


def sign_token(
    key: RsaSigningKey,
    kid: str,
    origin: str,
    subject: str,
    scopes: tuple[str, ...],
    seconds: int,
) -> tuple[str, TokenClaims]:
    """Return a new token that is valid for so many seconds from now, and what it says."""
    from jwt import PyJWT

    if not 0 < seconds <= MOST_SECONDS or key.private.key_size < LEAST_BITS:
        raise ValueError("a token that no server would take")
    now = int(time.time())
    claims = TokenClaims(secrets.token_hex(16), subject, scopes, now, now + seconds, kid)
    body = {
        "iss": origin,
        "aud": audience_of(origin),
        "sub": subject,
        "client_id": subject,
        "iat": claims.issued,
        "nbf": claims.issued,
        "exp": claims.expires,
        "jti": claims.id,
        "scope": " ".join(scopes),
    }
    library = PyJWT({"enforce_minimum_key_length": True})
    token = library.encode(body, key.private, ALGORITHM, {"typ": TYPE, "kid": kid})
    return token, claims


def verify_token(token: str, origin: str, active: Callable[[str], RsaJwk | None]) -> TokenClaims:
    """Return what a token says, if it is valid now for the vault of that log.

    ``active`` returns the public key of a ``kid`` that may sign; None for any other. Raises
    InvalidToken. Whether it was revoked is another question.
    """
    from jwt import PyJWT
    from jwt.exceptions import PyJWTError

    kid = _kid_of(token)
    key = active(kid)
    if key is None:
        raise InvalidToken("It was signed by a key that is unknown here, or is not active.")
    try:
        PyJWT().decode(
            token,
            key.for_verifying(),
            [ALGORITHM],
            {
                "require": list(_CLAIMS),
                "strict_aud": True,
                "enforce_minimum_key_length": True,
            },
            audience=audience_of(origin),
            issuer=origin,
        )
        return _strict_claims(read_claims(token), kid)
    except PyJWTError as error:
        raise InvalidToken(_in_words(error)) from error


def read_claims(token: str) -> dict[str, Any]:
    """Return the claims of a token, whoever signed it. Raises InvalidToken."""
    found = _FORM.fullmatch(token) if len(token) <= MOST_BYTES else None
    if found is None:
        raise InvalidToken("It is not a token, or is too long for one.")
    try:
        return dict(strict_object(decode_base64url(found[2])))
    except ValueError as error:
        raise InvalidToken(f"Its claims cannot be read: {error}.") from error


def _in_words(error: PyJWTError) -> str:
    """Return what the library found, in a sentence."""
    from jwt import exceptions

    found: dict[type[PyJWTError], str] = {
        exceptions.ExpiredSignatureError: "It has expired.",
        exceptions.ImmatureSignatureError: "It is not valid yet.",
        exceptions.InvalidSignatureError: "Its signature is wrong.",
        exceptions.InvalidAudienceError: "It is for another server, or for several.",
        exceptions.InvalidIssuerError: "It is of another vault.",
    }
    return found.get(type(error), f"{str(error).rstrip('.')}.")


def _kid_of(token: str) -> str:
    """Return the key that a token names in its header, which may say nothing else that varies."""
    found = _FORM.fullmatch(token) if len(token) <= MOST_BYTES else None
    if found is None:
        raise InvalidToken("It is not a token, or is too long for one.")
    try:
        header = strict_object(decode_base64url(found[1]))
    except ValueError as error:
        raise InvalidToken(f"Its header cannot be read: {error}.") from error
    if header.get("alg") != ALGORITHM:
        raise InvalidToken(f"It is not signed with {ALGORITHM}.")
    if header.get("typ") != TYPE:
        raise InvalidToken(f"It is not of the type {TYPE}.")
    if header.keys() != _HEADER:
        raise InvalidToken(f"Its header has other fields than {', '.join(sorted(_HEADER))}.")
    kid = header["kid"]
    if not isinstance(kid, str) or not KID.fullmatch(kid):
        raise InvalidToken("Its kid is not a thumbprint.")
    return kid


def _strict_claims(claims: dict[str, Any], kid: str) -> TokenClaims:
    """Check what the library leaves open: types, other claims, the time between iat and exp."""
    if claims.keys() != set(_CLAIMS):
        raise InvalidToken("It has other claims than a token of this server.")
    if not all(type(claims[name]) is str for name in _TEXTS) or not all(
        type(claims[name]) is int and 0 <= claims[name] < 1 << 53 for name in _TIMES
    ):
        raise InvalidToken("A claim has the wrong type.")
    issued, start, end = (claims[name] for name in _TIMES)
    if not issued <= start < end or end - issued > MOST_SECONDS:
        raise InvalidToken(f"It is valid for longer than {MOST_SECONDS} seconds, or for no time.")
    scopes = parse_scope(claims["scope"])
    if scopes is None:
        raise InvalidToken("It names no scope, or one that is unknown.")
    if not JTI.fullmatch(claims["jti"]) or not SUBJECT.fullmatch(claims["sub"]):
        raise InvalidToken("Its jti or its sub is not of the usual form.")
    if claims["client_id"] != claims["sub"]:
        raise InvalidToken("Its client_id is not its sub.")
    return TokenClaims(claims["jti"], claims["sub"], scopes, issued, end, kid)
