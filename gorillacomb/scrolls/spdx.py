"""Licences: SPDX expressions, and which of the licences in them are known.

https://spdx.github.io/spdx-spec/v3.0.1/annexes/spdx-license-expressions/
"""

from __future__ import annotations

from collections.abc import Collection
from functools import cache
from typing import Any

from gorillacomb.errors import UsageError, near_names
from gorillacomb.scrolls.statement import LICENSE_REF, LONGEST_EXPRESSION

INSTALL = "Install it: pip install 'gorillacomb[mesh]'"


def normalized_expression(text: str) -> str:
    """Return an expression with its licences in the spelling of SPDX.

    Raises UsageError for one that does not parse, or has a licence that neither SPDX knows nor its
    name marks as one's own; also if the library that knows them is not installed.
    """
    return _known_parts(text)[1]


def _known_parts(text: str) -> tuple[list[str], str]:
    """Return what `_parsed` does. Raises UsageError also for a licence that is not known."""
    symbols, normalized = _parsed(text)
    unknown = [each for each in symbols if not _is_listed(each) and not _is_own(each)]
    if unknown:
        near = near_names(unknown[0], _known(), 3)
        raise UsageError(
            f"The licence {unknown[0][:80]!r} is not known.",
            f"Did you mean {', '.join(near)}?"
            if near
            else "See https://spdx.org/licenses. One of your own is named LicenseRef-NAME.",
        )
    return symbols, normalized


def license_problem(text: str, known_texts: Collection[str]) -> str | None:
    """Return which licence of an expression is not known, in words; None if all are.

    ``known_texts`` are the names of licences of one's own whose texts are signed by digest.
    """
    try:
        symbols, _ = _known_parts(text)
    except UsageError as error:
        return error.message
    for each in symbols:
        if _is_own(each) and each not in known_texts:
            return f"The text of {each} is not signed with it."
    return None


def own_licenses(text: str) -> set[str]:
    """Return the licences of an expression that are one's own. Raises as the first function."""
    symbols, _ = _parsed(text)
    return {each for each in symbols if _is_own(each)}


def _is_own(name: str) -> bool:
    """Return whether a name is that of a licence of one's own, whatever lists of others have."""
    return LICENSE_REF.fullmatch(name) is not None


def _is_listed(name: str) -> bool:
    return not name.startswith(("LicenseRef-", "DocumentRef-")) and name in _known()


def _parsed(text: str) -> tuple[list[str], str]:
    """Return the names in an expression, and it in normal form. Raises UsageError."""
    if not 0 < len(text) <= LONGEST_EXPRESSION or not text.isascii() or not text.isprintable():
        raise UsageError("The licence is not an SPDX expression.", "Name one, such as Apache-2.0.")
    licensing = _licensing()
    try:
        tree = licensing.parse(text, strict=True)
        if tree is None:
            raise ValueError("it is empty")
        symbols = [each.key for each in licensing.license_symbols(tree, unique=True)]
        return symbols, str(tree)
    except Exception as error:  # the library raises what its parts do, also for `MIT AND`
        cause = " ".join(str(error).split())[:200].rstrip(".")
        raise UsageError(
            f"The licence {text[:80]!r} is not an SPDX expression: {cause}.",
            "Such as: Apache-2.0, or MIT OR (GPL-2.0-only AND LicenseRef-Ours)",
        ) from error


@cache
def _licensing() -> Any:
    try:
        from license_expression import get_spdx_licensing
    except ImportError as error:
        raise UsageError(
            "The list of licences is an extra that is not installed.", INSTALL
        ) from error
    return get_spdx_licensing()


@cache
def _known() -> frozenset[str]:
    return frozenset(key for key in _licensing().known_symbols if not key.startswith("LicenseRef-"))
