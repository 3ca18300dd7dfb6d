"""Requests of programs that carry a token (RFC 6750), in place of a session's cookie."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from gorillacomb.api.tokens.checker import InvalidToken, TokenClaims
from gorillacomb.web.problems import Problem

_BEARER = re.compile(r"bearer(?: +(.*))?", re.IGNORECASE | re.DOTALL)


@dataclass(frozen=True, slots=True)
class Bearer:
    """A program that has sent a valid token."""

    claims: TokenClaims

    @property
    def id(self) -> str:
        """The name of its token."""
        return self.claims.id

    @property
    def scopes(self) -> frozenset[str]:
        """What it may do."""
        return frozenset(self.claims.scopes)


def bearer_token(headers: Mapping[str, str]) -> str | None:
    """Return the token of a request, empty if it is not there; None if it is of another kind.

    What a proxy asked a person for, as with the scheme Basic, is none of ours.
    """
    found = _BEARER.fullmatch(headers.get("authorization", ""))
    return None if found is None else (found[1] or "").strip(" ")


def refuse_foreign_page(headers: Mapping[str, str], own: str) -> None:
    """Refuse a request that a browser says a page of another origin sent.

    No page of another site gets that far in a browser, which asks first whether it may send the
    header, and is not told so. Programs send neither of these.
    """
    site, origin = headers.get("sec-fetch-site", "none"), headers.get("origin", own)
    if site not in ("none", "same-origin") or origin != own:
        raise Problem(403, "A page of another site may not use a token.")


def refused_token(error: InvalidToken) -> Problem:
    """Return what a request with a wrong token is answered."""
    problem = Problem(
        401,
        f"The token opens nothing. {error.message}",
        "gorillacomb token create makes one, for at most 15 minutes.",
    )
    problem.headers["www-authenticate"] = 'Bearer error="invalid_token"'
    return problem


def lacks_scope(scope: str) -> Problem:
    """Return what a request with a valid token without the scope of its route is answered."""
    problem = Problem(
        403, f"The token does not allow this: it takes the scope {scope}.", scope=scope
    )
    challenge = f'Bearer error="insufficient_scope", scope="{scope}"'
    problem.headers["www-authenticate"] = challenge
    return problem
