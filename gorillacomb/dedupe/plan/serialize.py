"""A plan as a file: JSON Lines, the header first, then one step per line.

Lines may be removed by hand. The input is not trusted: every value is checked here, and what a step
would do is checked again when it is applied.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import nullcontext
from pathlib import Path
from typing import Any

from gorillacomb.dedupe.model import (
    EMPTY,
    LEAVE,
    SHELVE,
    CopyStep,
    DedupeAction,
    FreeGoal,
    KeptPlace,
    Plan,
    PlanOptions,
    PlanStep,
    RemovalPair,
    SafetyRule,
    SkippedCopy,
)
from gorillacomb.errors import UntrustedInput
from gorillacomb.fs.bounded_read import is_standard_input
from gorillacomb.fs.paths import path_prefixes
from gorillacomb.json_paths import path_from_json, path_to_json

VERSION = 1
COLLAPSE_VERSION = 2
"""Of a plan that makes one tree of several copies; versions without such steps refuse it."""
_LONGEST_LINE = 16 << 20
"""Bytes."""
_UID = re.compile(r"[0-9a-f]{32}")
_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")


def plan_lines(plan: Plan) -> Iterator[bytes]:
    """Yield the lines of a plan's file."""
    yield _dump(plan_header(plan))
    yield from (_dump(copy_document(copy)) for copy in plan.copies)
    yield from (_dump(plan_document(step)) for step in plan.steps)


def plan_header(plan: Plan) -> dict[str, Any]:
    """Return the header of a plan, its first line."""
    options = plan.options
    return {
        "version": COLLAPSE_VERSION if is_collapse(plan) else VERSION,
        "plan": plan.uid,
        "made_ns": str(plan.made_ns),
        "action": str(options.action),
        "steps": len(plan.steps),
        "bytes_set_aside": plan.bytes_set_aside,
        **known_bytes("bytes_freed", plan.bytes_freed, plan.unknown),
        "protect": list(options.protect),
        "retire": [path_to_json(each) for each in options.retire],
        "not_a_project": [path_to_json(each) for each in options.not_a_project],
        "across_volumes": options.across_volumes,
        "notes": list(plan.notes),
        **_free_document(plan.free),
        "left_alone": [
            {
                **path_to_json(each.path),
                "rule": str(each.rule),
                "cause": each.cause,
                "files": each.files,
                "bytes": each.size,
            }
            for each in plan.left_alone
        ],
    }


def is_collapse(plan: Plan) -> bool:
    """Return whether a plan makes one tree of several copies."""
    return bool(plan.copies) or any(step.is_member for step in plan.steps)


def copy_document(copy: CopyStep) -> dict[str, Any]:
    """Return the line of what is copied."""
    return {
        "id": copy.id,
        "kind": SHELVE,
        **path_to_json(copy.target),
        **path_to_json(copy.source, "source"),
        "items": [path_to_json(each) for each in copy.items],
        "files": copy.files,
        "bytes": copy.size,
    }


def _free_document(goal: FreeGoal | None) -> dict[str, Any]:
    if goal is None:
        return {}
    return {
        "free": {
            "wanted_bytes": goal.wanted,
            "freed_bytes_at_least": goal.freed,
            "reached": goal.is_reached,
            "omitted_steps": goal.omitted_steps,
            "omitted_bytes": goal.omitted_size,
        }
    }


def plan_document(step: PlanStep) -> dict[str, Any]:
    """Return the line of a step."""
    found: dict[str, Any] = {
        "id": step.id,
        "kind": LEAVE if step.is_member else step.kind,
        **path_to_json(step.path),
        **(path_to_json(step.keep, "keep") if step.kind != EMPTY else {"folders": step.folders}),
        "files": step.files,
        **known_bytes("bytes", step.size, step.unknown),
        "reasons": list(step.reasons),
    }
    if step.regenerable:
        found["regenerable"] = list(map(path_to_json, step.regenerable))
    for name, pairs in (("nested", step.nested), ("sidecars", step.sidecars)):
        if pairs:
            found[name] = [
                {**path_to_json(each.path), **path_to_json(each.keep, "keep")} for each in pairs
            ]
    if step.kept_in:
        found["kept_in"] = kept_place_documents(step.kept_in)
    return found


def kept_place_documents(places: Iterable[KeptPlace]) -> list[dict[str, Any]]:
    """Return where files are kept as JSON objects."""
    return [{**path_to_json(each.path), "files": each.files} for each in places]


def fits_a_line(step: PlanStep) -> bool:
    """Return whether `read_plan` accepts the line of a step."""
    return len(_dump(plan_document(step))) <= _LONGEST_LINE


def known_bytes(name: str, size: int, unknown: Iterable[str]) -> dict[str, Any]:
    """Write a number of bytes, or null with the causes if it is unknown."""
    causes = list(unknown)
    if not causes:
        return {name: size}
    return {name: None, f"{name}_at_least": size, f"{name}_unknown": causes}


def _dump(document: Mapping[str, Any]) -> bytes:
    # A user's pattern may contain bytes that are not UTF-8; JSON reads that escape back unchanged.
    text = json.dumps(document, ensure_ascii=False)
    return text.encode("utf-8", "backslashreplace") + b"\n"


def read_plan(path: Path) -> Plan:
    """Read a plan from a file; ``-`` is standard input.

    Raises UntrustedInput if it is invalid.
    """
    stdin = is_standard_input(path)
    try:
        with nullcontext(sys.stdin.buffer) if stdin else path.open("rb") as file:
            return parse_plan(iter(lambda: file.readline(_LONGEST_LINE + 1), b""))
    except OSError as error:
        raise UntrustedInput(
            f"Reading the plan {path} failed: {error.strerror}.",
            "Write one with: gorillacomb dedupe --plan -o FILE",
        ) from error
    except _PlanError as error:
        shown = "Standard input" if stdin else path
        raise UntrustedInput(
            f"{shown} is not a valid plan: {error}.",
            "Remove that line, or write a new plan: gorillacomb dedupe --plan -o FILE",
        ) from error


class _PlanError(ValueError):
    """An invalid line."""


def parse_plan(lines: Iterable[bytes]) -> Plan:
    """Parse a plan from the lines of its file. Raises ValueError."""
    plan: Plan | None = None
    version = VERSION
    steps: dict[str, PlanStep] = {}
    copies: dict[str, CopyStep] = {}
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        if len(line) > _LONGEST_LINE:
            raise _PlanError(f"line {number} is longer than {_LONGEST_LINE >> 20} MiB")
        try:
            document = json.loads(
                line, object_pairs_hook=_without_repeats, parse_constant=_no_constant
            )
            if not isinstance(document, dict):
                raise _PlanError("it is not an object")
            if plan is None:
                plan, version = _header(document), document["version"]
                continue
            if version == COLLAPSE_VERSION and document.get("kind") == SHELVE:
                copy = _copy(document)
                if copy.id in copies:
                    raise _PlanError(f"copy {copy.id!r} appears twice")
                copies[copy.id] = copy
                continue
            step = _step(document, version)
        except UnicodeDecodeError:
            raise _PlanError(f"line {number}: it is not UTF-8") from None
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            what = f"it lacks {error}" if isinstance(error, KeyError) else str(error)
            raise _PlanError(f"line {number}: {what}") from error
        if step.kind == EMPTY and plan.options.action is not DedupeAction.QUARANTINE:
            raise _PlanError(f"line {number}: empty folders can only be quarantined")
        if step.id in steps:
            raise _PlanError(f"line {number}: step {step.id!r} appears twice")
        steps[step.id] = step
    if plan is None:
        raise _PlanError("it is empty")
    return Plan(
        plan.uid,
        plan.made_ns,
        plan.options,
        tuple(steps.values()),
        plan.left_alone,
        plan.notes,
        copies=tuple(copies.values()),
    )


def _without_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise _PlanError("a key appears twice")
    return found


def _no_constant(name: str) -> None:
    raise _PlanError(f"{name} is not a number")


def _header(document: Mapping[str, Any]) -> Plan:
    version = document.get("version")
    if version not in (VERSION, COLLAPSE_VERSION) or isinstance(version, bool):
        known = f"{VERSION} or {COLLAPSE_VERSION}"
        raise _PlanError(f"it is not a plan of version {known}, but begins with {version!r}")
    uid = _text(document, "plan")
    if not _UID.fullmatch(uid):
        raise _PlanError("its plan is not 32 hex digits")
    across = document["across_volumes"]
    if not isinstance(across, bool):
        raise _PlanError("across_volumes is neither true nor false")
    options = PlanOptions(
        DedupeAction(_text(document, "action")),
        tuple(_texts(document, "protect")),
        tuple(_path(each) for each in _objects(document, "retire")),
        tuple(_path(each) for each in _objects(document, "not_a_project")),
        across,
    )
    left_alone = tuple(
        SkippedCopy(
            _path(each),
            SafetyRule(_text(each, "rule")),
            _text(each, "cause"),
            _number(each, "files"),
            _number(each, "bytes"),
        )
        for each in _objects(document, "left_alone")
    )
    made = int(_text(document, "made_ns"))
    return Plan(uid, made, options, (), left_alone, tuple(_texts(document, "notes")))


def _copy(document: Mapping[str, Any]) -> CopyStep:
    """Parse the line of what is copied."""
    copy = CopyStep(
        _text(document, "id"),
        _path(document, "source"),
        _path(document),
        tuple(_inner(each) for each in _objects(document, "items")),
        _number(document, "files"),
        _number(document, "bytes"),
    )
    _refuse_bad_id(copy.id)
    known = set(copy.items)
    if not known:
        raise _PlanError("it copies nothing")
    inner = (each for item in known for each in path_prefixes(item)[:-1])
    if len(known) < len(copy.items) or any(each in known for each in inner):
        raise _PlanError("it copies something twice")
    return copy


def _step(document: Mapping[str, Any], version: int) -> PlanStep:
    kind = _text(document, "kind")
    is_member = kind == LEAVE and version == COLLAPSE_VERSION
    if is_member:
        kind = "folder"
    if kind not in ("file", "folder", EMPTY):
        raise _PlanError(f"kind {kind!r} is neither file nor folder")
    if kind == EMPTY:
        return _empty(document)
    unknown = document["bytes"] is None
    places = _objects(document, "kept_in") if "kept_in" in document else ()
    step = PlanStep(
        _text(document, "id"),
        kind,
        _path(document),
        _path(document, "keep"),
        _number(document, "files"),
        _number(document, "bytes_at_least" if unknown else "bytes"),
        tuple(_texts(document, "reasons")),
        _pairs(document, "nested"),
        _pairs(document, "sidecars"),
        tuple(_texts(document, "bytes_unknown")) if unknown else (),
        tuple(KeptPlace(_path(each), _number(each, "files")) for each in places),
        is_member=is_member,
        regenerable=tuple(_inner(each) for each in _objects(document, "regenerable"))
        if is_member and "regenerable" in document
        else (),
    )
    _refuse_bad_id(step.id)
    if step.nested and kind == "file":
        raise _PlanError("a file has nothing nested in it")
    if step.sidecars and kind == "folder":
        raise _PlanError("a folder has no sidecars")
    return step


def _empty(document: Mapping[str, Any]) -> PlanStep:
    """Parse the step for an empty folder, which relies on nothing."""
    size, reasons = _number(document, "bytes"), tuple(_texts(document, "reasons"))
    step_id, files = _text(document, "id"), _number(document, "files")
    _refuse_bad_id(step_id)
    if size or files or {"keep", "keep_b64", "nested", "sidecars"} & document.keys():
        raise _PlanError("an empty folder has no files, and nothing is kept for it")
    folders = _number(document, "folders")
    return PlanStep(step_id, EMPTY, _path(document), b"", 0, 0, reasons, folders=folders)


def _refuse_bad_id(step_id: str) -> None:
    if not _ID.fullmatch(step_id):
        raise _PlanError(f"id {step_id[:80]!r} is not made of letters, digits, - and _")


def _pairs(document: Mapping[str, Any], name: str) -> tuple[RemovalPair, ...]:
    if name not in document:
        return ()
    return tuple(RemovalPair(_path(each), _path(each, "keep")) for each in _objects(document, name))


def _path(document: Mapping[str, Any], name: str = "path") -> bytes:
    """Parse an absolute path; refuse one with components that could mislead."""
    path = path_from_json(document, name)
    parts = path.split(b"/")[1:]
    if not path.startswith(b"/") or b"\0" in path:
        raise _PlanError(f"{name} is not an absolute path")
    if any(part in (b"", b".", b"..") for part in parts):
        raise _PlanError(f"{name} is not a plain path")
    return path


def _inner(document: Mapping[str, Any]) -> bytes:
    """Parse a path that stays below what it is relative to."""
    path = path_from_json(document)
    if b"\0" in path or any(part in (b"", b".", b"..") for part in path.split(b"/")):
        raise _PlanError("an item is not a plain relative path")
    return path


def _text(document: Mapping[str, Any], name: str) -> str:
    value = document[name]
    if not isinstance(value, str):
        raise _PlanError(f"{name} is not a text")
    return value


def _number(document: Mapping[str, Any], name: str) -> int:
    value = document[name]
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < 1 << 63:
        raise _PlanError(f"{name} is not a number of bytes or files")
    return value


def _texts(document: Mapping[str, Any], name: str) -> list[str]:
    value = document[name]
    if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
        raise _PlanError(f"{name} is not a list of texts")
    return value


def _objects(document: Mapping[str, Any], name: str) -> list[dict[str, Any]]:
    value = document[name]
    if not isinstance(value, list) or not all(isinstance(each, dict) for each in value):
        raise _PlanError(f"{name} is not a list of objects")
    return value
