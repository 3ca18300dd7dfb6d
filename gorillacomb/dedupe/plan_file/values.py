"""Values in the lines of a plan's file. Each function raises PlanError, or KeyError without one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gorillacomb.dedupe.not_brought import BringRule, NotBrought
from gorillacomb.json_paths import path_from_json


class PlanError(ValueError):
    """An invalid line."""


def path_in(document: Mapping[str, Any], name: str = "path") -> bytes:
    """Parse an absolute path; refuse one with components that could mislead."""
    path = path_from_json(document, name)
    parts = path.split(b"/")[1:]
    if not path.startswith(b"/") or b"\0" in path:
        raise PlanError(f"{name} is not an absolute path")
    if any(part in (b"", b".", b"..") for part in parts):
        raise PlanError(f"{name} is not a plain path")
    return path


def inner_path_in(document: Mapping[str, Any]) -> bytes:
    """Parse a path that stays below what it is relative to."""
    path = path_from_json(document)
    if b"\0" in path or any(part in (b"", b".", b"..") for part in path.split(b"/")):
        raise PlanError("an item is not a plain relative path")
    return path


def text_in(document: Mapping[str, Any], name: str) -> str:
    """Parse a text."""
    value = document[name]
    if not isinstance(value, str):
        raise PlanError(f"{name} is not a text")
    return value


def number_in(document: Mapping[str, Any], name: str) -> int:
    """Parse a number of bytes or files."""
    value = document[name]
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < 1 << 63:
        raise PlanError(f"{name} is not a number of bytes or files")
    return value


def texts_in(document: Mapping[str, Any], name: str) -> list[str]:
    """Parse a list of texts."""
    value = document[name]
    if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
        raise PlanError(f"{name} is not a list of texts")
    return value


def objects_in(document: Mapping[str, Any], name: str) -> list[dict[str, Any]]:
    """Parse a list of objects."""
    value = document[name]
    if not isinstance(value, list) or not all(isinstance(each, dict) for each in value):
        raise PlanError(f"{name} is not a list of objects")
    return value


def not_brought_in(document: Mapping[str, Any]) -> NotBrought:
    """Parse why an item is on the shelf."""
    rule = BringRule(text_in(document, "rule"))
    return NotBrought(rule, text_in(document, "cause"), number_in(document, "files"))
