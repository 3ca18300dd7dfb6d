"""Check the tokens that programs send to a server, and publish the keys that verify them."""

from __future__ import annotations

import time
from dataclasses import dataclass

from gorillacomb.tokens.access_token import InvalidToken, TokenClaims, verify_token
from gorillacomb.tokens.jwk import RsaJwk
from gorillacomb.tokens.key_ring import read_ring
from gorillacomb.tokens.scopes import ADMIN_KEYS, SCOPES
from gorillacomb.tokens.store import TokenStore
from gorillacomb.vault.vault import Vault
from gorillacomb.vaultmesh.ledger import ORIGIN
from gorillacomb.vaultmesh.open import read_log_id, token_key_folder

__all__ = ["ADMIN_KEYS", "SCOPES", "InvalidToken", "TokenChecker", "TokenClaims"]


@dataclass(frozen=True, slots=True)
class TokenChecker:
    """Checks tokens against a vault as it is at that moment: nothing is remembered between two.

    So what another process revokes, retires or restores counts for the next request. What is read
    is bounded: one entry of the trace, one file of keys, one row of tokens.
    """

    vault: Vault

    def check(self, token: str) -> TokenClaims:
        """Return what a token says. Raises InvalidToken if it opens nothing, VaultError."""
        if not self.vault.trace.exists():
            raise InvalidToken("This vault has made no token yet.")
        log = read_log_id(self.vault)
        ring = read_ring(token_key_folder(log))

        def active(kid: str) -> RsaJwk | None:
            key = ring.active(kid)
            return None if key is None else key.jwk

        claims = verify_token(token, ORIGIN + log, active)
        if not TokenStore(self.vault.tokens).is_valid(claims.id):
            raise InvalidToken("It was revoked, or was not made in this vault.")
        return claims

    def is_alive(self, claims: TokenClaims) -> bool:
        """Return whether a token that was valid still is. Raises VaultError."""
        if claims.expires <= time.time() or not self.vault.trace.exists():
            return False
        ring = read_ring(token_key_folder(read_log_id(self.vault)))
        return ring.active(claims.kid) is not None and TokenStore(self.vault.tokens).is_valid(
            claims.id
        )

    def published_keys(self) -> list[dict[str, str]]:
        """Return the keys of the JWK set: the active one and the next. Raises VaultError."""
        if not self.vault.trace.exists():
            return []
        return read_ring(token_key_folder(read_log_id(self.vault))).published()
