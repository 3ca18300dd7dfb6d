"""The documents of `gorillacomb token` with ``--json``."""

from __future__ import annotations

from typing import Literal, NotRequired, TypedDict


class TokenDocument(TypedDict):
    """A token that has not expired, without the token itself."""

    jti: str
    """Its name, 32 hex digits, by which it is revoked."""
    subject: str
    """Whose it is."""
    scopes: list[str]
    """What it allows."""
    issued: int
    """Seconds since the epoch."""
    expires: int
    """Seconds since the epoch."""
    kid: str
    """The key that signed it."""
    revoked: bool
    """Whether it opens nothing any more: it was revoked, or its key was retired."""


class NewTokenDocument(TokenDocument):
    """A token that was just made."""

    token: NotRequired[str]
    """The token; missing if it was written to a file."""
    issuer: str
    """The log of the vault: only its server takes the token."""
    audience: str


class TokensDocument(TypedDict):
    """The tokens that have not expired, the latest first."""

    items: list[TokenDocument]


class RevokedDocument(TypedDict):
    """A token that opens nothing any more."""

    jti: str


class TokenKeyDocument(TypedDict):
    """A key that signs tokens, will do so, or did."""

    kid: str
    """The thumbprint of its public key (RFC 7638)."""
    step: Literal["next", "active", "retired"]
    bits: int
    """The length of its modulus."""


class TokenKeysDocument(TypedDict):
    """The keys of a vault's tokens: the active one, the next one, and retired ones."""

    keys: list[TokenKeyDocument]
