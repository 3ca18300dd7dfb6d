"""What a token may allow: each route of the API names one of these scopes."""

from __future__ import annotations

from collections.abc import Iterable

from gorillacomb.errors import UsageError, near_names

ADMIN_KEYS = "admin:keys"
"""The one that no session of a browser has."""
SCOPES = (
    *("read:index", "read:content", "jobs:scan", "marks", "drop", "plan", "apply", "purge"),
    *("sign:scroll", "mesh", "node:publish", ADMIN_KEYS),
)
"""All of them."""


def check_scopes(given: Iterable[str]) -> tuple[str, ...]:
    """Return scopes without repetitions, in the usual order. Raises UsageError."""
    wanted = set(given)
    for name in sorted(wanted - set(SCOPES)):
        near = near_names(name, SCOPES, 1)
        hint = f"Did you mean {near[0]}?" if near else f"There are {', '.join(SCOPES)}."
        raise UsageError(f"There is no scope {name!r}.", hint)
    if not wanted:
        raise UsageError("A token needs a scope.", f"There are {', '.join(SCOPES)}.")
    return tuple(name for name in SCOPES if name in wanted)


def parse_scope(text: str) -> tuple[str, ...] | None:
    """Return the scopes of a token's claim (RFC 9068 2.2.3); None unless it is as we write it."""
    found = tuple(text.split(" "))
    known = tuple(name for name in SCOPES if name in found)
    return found if found == known and found else None
