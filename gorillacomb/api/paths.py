"""Paths as callers give them, and the few path rules that front ends need."""

from __future__ import annotations

import os
from collections.abc import Iterable

from gorillacomb.fs.bounded_read import is_standard_input
from gorillacomb.fs.openat import owner_advice
from gorillacomb.fs.paths import (
    is_below,
    join,
    path_text,
    printable,
    printable_path,
    relative_path,
)
from gorillacomb.fs.real_path import real_path, real_path_of_entry
from gorillacomb.json_paths import has_path, path_columns, path_from_json, path_to_json

__all__ = [
    "PathInput",
    "PathsInput",
    "PatternsInput",
    "absolute_path",
    "encoded_paths",
    "has_path",
    "is_below",
    "is_standard_input",
    "join",
    "listed_patterns",
    "owner_advice",
    "path_columns",
    "path_from_json",
    "path_text",
    "path_to_json",
    "printable",
    "printable_path",
    "real_path",
    "relative_path",
]

PathInput = str | bytes | os.PathLike[str] | os.PathLike[bytes]
"""The types that the API accepts as a path."""
PathsInput = PathInput | Iterable[PathInput]
"""What it takes for paths: one, or several."""
PatternsInput = str | Iterable[str]
"""What it takes for patterns: one, or several."""


def encoded_paths(paths: PathsInput) -> list[bytes]:
    """Return one path, or several, as a list of bytes. A text is one path, not its letters."""
    named = [paths] if isinstance(paths, str | bytes | os.PathLike) else paths
    return [os.fsencode(path) for path in named]


def listed_patterns(patterns: PatternsInput) -> list[str]:
    """Return one pattern, or several, as a list. A text is one pattern, not its letters."""
    return [patterns] if isinstance(patterns, str) else list(patterns)


def absolute_path(path: PathInput) -> bytes:
    """Return a path as the index has it: absolute, links in its folders resolved, its name kept."""
    return real_path_of_entry(os.fsencode(path))
