"""Make access tokens of a vault's server, list and revoke them."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from gorillacomb.api.documents.access.tokens import (
    NewTokenDocument,
    RevokedDocument,
    TokenDocument,
    TokensDocument,
)
from gorillacomb.api.tokens.keys import TokenKeyFacts, ring_with_keys
from gorillacomb.errors import UntrustedInput, UsageError
from gorillacomb.tokens.access_token import (
    JTI,
    MOST_SECONDS,
    SUBJECT,
    TokenClaims,
    audience_of,
    read_claims,
    sign_token,
)
from gorillacomb.tokens.key_ring import delete_unused, read_ring, ring_held
from gorillacomb.tokens.scopes import SCOPES, check_scopes
from gorillacomb.tokens.store import TokenStore
from gorillacomb.vault.vault import Vault
from gorillacomb.vaultmesh.ledger import ORIGIN
from gorillacomb.vaultmesh.open import read_log_id, token_key_folder

__all__ = [
    "MOST_SECONDS",
    "SCOPES",
    "NewToken",
    "TokenFacts",
    "create_token",
    "list_tokens",
    "revoke_token",
    "tokens_document",
]


@dataclass(frozen=True, slots=True)
class TokenFacts:
    """A token that was made and has not expired, without the token itself."""

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
    is_revoked: bool
    """Whether it opens nothing any more, or its key was retired."""

    def to_dict(self) -> TokenDocument:
        """Return the document of an item of ``token list --json``."""
        return {
            "jti": self.id,
            "subject": self.subject,
            "scopes": list(self.scopes),
            "issued": self.issued,
            "expires": self.expires,
            "kid": self.kid,
            "revoked": self.is_revoked,
        }


@dataclass(frozen=True, slots=True)
class NewToken:
    """A token that was just made."""

    facts: TokenFacts
    issuer: str
    audience: str
    token: str = field(repr=False)

    def to_dict(self) -> NewTokenDocument:
        """Return the document of ``token create --json``."""
        return {
            **self.facts.to_dict(),
            "issuer": self.issuer,
            "audience": self.audience,
            "token": self.token,
        }


def create_token(
    vault: Vault,
    scopes: Iterable[str],
    *,
    seconds: int = MOST_SECONDS,
    subject: str = "script",
    made: Callable[[TokenKeyFacts], object] | None = None,
) -> NewToken:
    """Make a token that a server of this vault takes, whether it runs now or not.

    ``made`` is called with the key that signs, if there was none yet. Raises UsageError,
    VaultError, KeyMissing.
    """
    _check_library()
    wanted = check_scopes(scopes)
    if not 0 < seconds <= MOST_SECONDS:
        raise UsageError(
            f"A token is valid for at most {MOST_SECONDS // 60} minutes.",
            "A program that runs for longer makes a new one when it needs it.",
        )
    if not SUBJECT.fullmatch(subject):
        raise UsageError(
            f"{subject[:80]!r} is not a subject: letters, digits and . _ @ -, at most 64.",
            "For example: backup-script",
        )
    log, folder = ring_with_keys(vault, made)
    with ring_held(folder, shared=True):  # its key is not retired before the token is kept
        ring = read_ring(folder)
        key = ring.active()
        delete_unused(ring)  # of a switch that was killed
        if key is None:
            raise UsageError("The keys are being switched.", "Run the same command again.")
        token, claims = sign_token(
            ring.private(key.kid), key.kid, ORIGIN + log, subject, wanted, seconds
        )
        TokenStore(vault.tokens).add(claims)
    return NewToken(_facts(claims, False), ORIGIN + log, audience_of(ORIGIN + log), token)


def list_tokens(vault: Vault) -> list[TokenFacts]:
    """Return the tokens that have not expired, the latest first; those of a retired key as revoked.

    Raises VaultError, KeyMissing.
    """
    vault.check()
    kept = TokenStore(vault.tokens).all()
    if not kept or not vault.trace.exists():
        return []
    ring = read_ring(token_key_folder(read_log_id(vault)))
    return [
        _facts(each.claims, each.is_revoked or ring.active(each.claims.kid) is None)
        for each in kept
    ]


def tokens_document(tokens: Iterable[TokenFacts]) -> TokensDocument:
    """Return the document of ``token list --json``."""
    return {"items": [each.to_dict() for each in tokens]}


def revoke_token(vault: Vault, token: str) -> RevokedDocument:
    """Let a token open nothing any more, by its ``jti`` or itself; return its ``jti``.

    A running server refuses it from its next request on. Raises UsageError, VaultError.
    """
    vault.check()
    given = token.strip()
    if "." in given:
        try:
            given = str(read_claims(given).get("jti"))
        except UntrustedInput as error:
            raise UsageError(
                f"Revoking the token failed: {error.message}", "Give its jti instead."
            ) from error
    if not JTI.fullmatch(given):
        raise UsageError(
            f"{given[:80]!r} is not the jti of a token: 32 hex digits.",
            "gorillacomb token list shows it.",
        )
    if not TokenStore(vault.tokens).revoke(given):
        raise UsageError(
            f"There is no token {given} of this vault, or it expired a while ago.",
            "A token that is not listed by `gorillacomb token list` opens nothing.",
        )
    return {"jti": given}


def _facts(claims: TokenClaims, is_revoked: bool) -> TokenFacts:
    return TokenFacts(
        claims.id,
        claims.subject,
        claims.scopes,
        claims.issued,
        claims.expires,
        claims.kid,
        is_revoked,
    )


def _check_library() -> None:
    if importlib.util.find_spec("jwt") is None:
        raise UsageError(
            "Making tokens takes an extra that is not installed.",
            "Install it: pip install 'gorillacomb[web]'",
        )
