"""What a list of plans says about each, without reading all of it."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from gorillacomb.api.dedupe.answered_plan import DECIDED
from gorillacomb.api.dedupe.review import ReviewAnswer
from gorillacomb.dedupe.model import BRING, SHELVE
from gorillacomb.dedupe.plan_file.serialize import COLLAPSE_VERSION
from gorillacomb.dedupe.review.answers import answers_path
from gorillacomb.dedupe.review.answers_file import FileInUse, read_appended
from gorillacomb.errors import UntrustedInput
from gorillacomb.fs.openat import os_error_text
from gorillacomb.json_paths import path_from_json
from gorillacomb.vault.vault import Vault, vault_state_folder

__all__ = ["PlanSummary", "summarize_plans"]

_MOST_READ = 32 << 20
"""Bytes of a plan that are read: its header, and lines up to its first step."""


@dataclass(frozen=True, slots=True)
class PlanSummary:
    """What is known of a plan that is kept, at a glance."""

    digest: str
    made_ns: int
    action: str
    steps: int
    size: int
    """Bytes on disk of what it removes."""
    is_collapse: bool
    first: bytes | None
    """The path of its first step, the largest; None if that is far down in the file."""
    answered: int | None
    """Steps that were decided; None while someone answers on a terminal."""


def summarize_plans(vault: Vault, digests: Sequence[str]) -> list[PlanSummary]:
    """Return what is known of some plans that are kept. Raises UntrustedInput for a damaged one."""
    folder = vault_state_folder(vault, "plans")
    return [_summary(folder / f"{digest}.jsonl", digest) for digest in digests]


def _summary(file: Path, digest: str) -> PlanSummary:
    try:
        with open(file, "rb") as opened:
            header = json.loads(opened.readline(_MOST_READ))
            first = _first_step(opened)
        return PlanSummary(
            digest,
            int(header["made_ns"]),
            str(header["action"]),
            int(header["steps"]),
            int(header["bytes_set_aside"])
            + int(header.get("bytes_freed_at_least") or header["bytes_freed"] or 0),
            header["version"] == COLLAPSE_VERSION,
            None if first is None else path_from_json(first),
            _answered(file),
        )
    except OSError as error:
        raise UntrustedInput(f"Reading {file} failed: {os_error_text(error)}.") from error
    except (ValueError, KeyError, TypeError) as error:
        raise UntrustedInput(f"The plan {file} is damaged.", "Remove it.") from error


def _first_step(file: BinaryIO) -> dict[str, Any] | None:
    left = _MOST_READ
    while left > 0 and (line := file.readline(left)):
        left -= len(line)
        found: dict[str, Any] = json.loads(line)
        if found.get("kind") not in (SHELVE, BRING):
            return found
    return None


def _answered(file: Path) -> int | None:
    """Count the steps that were decided, as the lines beside a plan say."""
    try:
        data = read_appended(os.fsencode(answers_path(file))) or b""
    except FileInUse:
        return None
    given: dict[str, list[str]] = {}
    for line in data[: data.rfind(b"\n") + 1].splitlines()[1:]:
        found = json.loads(line)
        said = given.setdefault(str(found["step"]), [])
        if found["answer"] != ReviewAnswer.UNDO:
            said.append(str(found["answer"]))
        elif said:
            said.pop()
    return sum(bool(said) and said[-1] in DECIDED for said in given.values())
