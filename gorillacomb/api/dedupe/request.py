"""Turn what is asked of a plan into its options and its scope."""

from __future__ import annotations

import os
from typing import NoReturn

from gorillacomb.api.dedupe.collapse import named_or_all, trees_to_collapse
from gorillacomb.api.paths import PathInput, PathsInput, absolute_path, encoded_paths
from gorillacomb.dedupe.model import DedupeAction, PlanOptions
from gorillacomb.dedupe.plan.scope import PlanScope
from gorillacomb.dedupe.safety.replaceable import REPLACING
from gorillacomb.errors import UsageError


def plan_request(
    *,
    action: str = DedupeAction.QUARANTINE,
    within: PathsInput = (),
    prefer: PathsInput = (),
    protect: PathsInput = (),
    keep: int = 1,
    min_size: int = 0,
    free: int | None = None,
    files: bool = True,
    folders: bool = True,
    retire: PathsInput = (),
    not_a_project: PathsInput = (),
    across_volumes: bool = False,
    empty_folders: bool = False,
    collapse: PathsInput = (),
    into: PathInput | None = None,
    bring: PathsInput = (),
) -> tuple[PlanOptions, PlanScope, list[str]]:
    """Return what is asked for, and the places to prefer. Raises UsageError."""
    if action not in set(DedupeAction):
        raise UsageError(
            f"There is no action {action!r}.", f"Choose one of {', '.join(DedupeAction)}."
        )
    _refuse_too_few("keep", keep, "copies")
    _refuse_too_few("free", free, "bytes")
    others = bool(keep > 1 or min_size or free or retire or not (files and folders))
    others = others or action != DedupeAction.QUARANTINE
    if empty_folders and (others or across_volumes):
        _refuse_with_empty_folders()
    trees = trees_to_collapse(collapse, into, bring, others or empty_folders or bool(within))
    options = PlanOptions(
        DedupeAction(action),
        tuple(map(_pattern, encoded_paths(protect))),
        tuple(map(absolute_path, encoded_paths(retire))),
        tuple(map(absolute_path, encoded_paths(not_a_project))),
        across_volumes,
    )
    folders = folders and options.action not in REPLACING
    if not files and not folders:
        kinds = f"the action {action} is for files" if options.action in REPLACING else "no folders"
        raise UsageError(
            f"The plan would be empty: files are excluded, and {kinds}.",
            "Leave out --folders-only.",
        )
    scope = PlanScope(
        tuple(map(absolute_path, encoded_paths(within))),
        keep,
        min_size,
        free,
        files=files,
        folders=folders,
        empty=empty_folders,
        collapse=trees,
        into=None if into is None else absolute_path(into),
        bring=named_or_all(bring),
    )
    return options, scope, list(map(_pattern, encoded_paths(prefer)))


def _refuse_with_empty_folders() -> NoReturn:
    raise UsageError(
        "A plan for empty folders only quarantines those, and nothing is kept for them.",
        "Use --empty-folders with --within, --protect and --not-a-project only.",
    )


def _refuse_too_few(verb: str, number: int | None, what: str) -> None:
    if number is not None and number < 1:
        raise UsageError(f"A plan cannot {verb} {number:,} {what}.", f"{verb.title()} 1 or more.")


def _pattern(path: bytes) -> str:
    """Return a path or glob, made absolute unless it begins with a star."""
    text = os.path.expanduser(os.fsdecode(path))
    if set(text) & set("*?[") and not os.path.lexists(text):
        return text if text.startswith(("/", "*")) else os.path.join(os.getcwd(), text)
    return os.fsdecode(absolute_path(text))
