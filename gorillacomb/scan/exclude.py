"""Which paths a root excludes: gitignore patterns relative to the root, matched by `pathspec`."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Sequence
from functools import lru_cache

from gorillacomb.errors import UsageError
from gorillacomb.fs.paths import is_below, relative_path
from gorillacomb.vault.settings import fixed_part, path_spellings

ExcludeMatcher = Callable[[bytes, bool], bool]
"""Takes a path relative to the root and whether it is a folder; returns whether it is excluded."""


@lru_cache(maxsize=64)
def compile_patterns(patterns: tuple[str, ...]) -> ExcludeMatcher:
    """Compile gitignore lines (later ones win, ``!`` negates). Raises UsageError."""
    # Imported on use: it costs 15 ms, which a scan without patterns does not need.
    from pathspec import GitIgnoreSpec

    try:
        spec = GitIgnoreSpec.from_lines(patterns)
    except (ValueError, re.error, OverflowError, RecursionError) as error:
        raise UsageError(
            f"not a gitignore pattern: {error}", "See `gorillacomb scan --help` on --exclude."
        ) from error

    def excluded(path: bytes, folder: bool) -> bool:
        text = os.fsdecode(path)
        return spec.match_file(text + "/" if folder else text)

    return excluded


def patterns_for_root(patterns: Sequence[str], top: bytes) -> tuple[str, ...]:
    """Add what absolute patterns mean on this machine, if in or below a root at ``top``.

    To gitignore ``/srv/data/old`` is a path below the root. A user who writes it as a setting, or
    writes ``~/old``, means the path that the shell finds, through whatever links.
    """
    found: dict[str, None] = {}
    for pattern in patterns:
        found[pattern] = None
        negated, body = ("!", pattern[1:]) if pattern.startswith("!") else ("", pattern)
        body = os.path.expanduser(body)
        if not body.startswith("/"):
            continue
        slash = "/" if body.endswith("/") else ""
        body = body.rstrip("/")
        fixed = body if os.path.lexists(body) else fixed_part(body)
        for each in path_spellings(body):
            known = os.fsencode(each[: len(each) - len(body) + len(fixed)])
            if is_below(known, top) and (known != top or fixed != body):
                inner = _escape(os.fsdecode(relative_path(known, top)))
                rest = body[len(fixed) :]
                found[f"{negated}/{inner}{rest if inner else rest.lstrip('/')}{slash}"] = None
    return tuple(found)


def patterns_for_folder(patterns: Sequence[str], folder: str) -> list[str]:
    """Rewrite a root's patterns for a root further out that contains it at ``folder``."""
    moved = []
    for pattern in patterns:
        negated, body = ("!", pattern[1:]) if pattern.startswith("!") else ("", pattern)
        if not body.strip() or body.startswith("#"):
            continue
        anchored = "/" in body.rstrip("/")
        middle = "/" if anchored else "/**/"
        moved.append(f"{negated}/{_escape(folder)}{middle}{body.lstrip('/')}")
    return moved


def _escape(text: str) -> str:
    return "".join(f"\\{char}" if char in "*?[]\\ !#" else char for char in text)
