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
from itertools import zip_longest
from pathlib import Path
from typing import Any

from gorillacomb.dedupe.model import (
    BRING,
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
from gorillacomb.dedupe.plan_file.values import (
    PlanError,
    inner_path_in,
    not_brought_in,
    number_in,
    objects_in,
    path_in,
    text_in,
    texts_in,
)
from gorillacomb.errors import UntrustedInput
from gorillacomb.fs.bounded_read import is_standard_input
from gorillacomb.fs.paths import path_prefixes
from gorillacomb.json_paths import path_to_json

VERSION = 1
COLLAPSE_VERSION = 2
"""Of a plan that makes one tree of several copies; versions without such steps refuse it."""
_LONGEST_LINE = 16 << 20
"""Bytes."""
_UID = re.compile(r"[0-9a-f]{32}")
_OBJECT = re.compile(rb"[0-9a-f]{40}")
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
        "kind": BRING if copy.is_brought else SHELVE,
        **path_to_json(copy.target),
        **path_to_json(copy.source, "source"),
        **({} if copy.is_brought else {"items": list(_item_documents(copy))}),
        "files": copy.files,
        "bytes": copy.size,
    }


def _item_documents(copy: CopyStep) -> Iterator[dict[str, Any]]:
    for item, why in zip_longest(copy.items, copy.not_brought):
        reason = {"rule": str(why.rule), "cause": why.cause, "files": why.files} if why else {}
        yield {**path_to_json(item), **reason}


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
    for name, paths in (("regenerable", step.regenerable), ("repositories", step.repositories)):
        if paths:
            found[name] = list(map(path_to_json, paths))
    if step.in_history:
        found["in_history"] = [
            {**path_to_json(path), "object": oid.decode()} for path, oid in step.in_history
        ]
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


_ENCODER = json.JSONEncoder(ensure_ascii=False)


def _dump(document: Mapping[str, Any]) -> bytes:
    # A user's pattern may contain bytes that are not UTF-8; JSON reads that escape back unchanged.
    return _ENCODER.encode(document).encode("utf-8", "backslashreplace") + b"\n"


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
    except PlanError as error:
        shown = "Standard input" if stdin else path
        raise UntrustedInput(
            f"{shown} is not a valid plan: {error}.",
            "Remove that line, or write a new plan: gorillacomb dedupe --plan -o FILE",
        ) from error


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
            raise PlanError(f"line {number} is longer than {_LONGEST_LINE >> 20} MiB")
        try:
            document = json.loads(
                line, object_pairs_hook=_without_repeats, parse_constant=_no_constant
            )
            if not isinstance(document, dict):
                raise PlanError("it is not an object")
            if plan is None:
                plan, version = _header(document), document["version"]
                continue
            if version == COLLAPSE_VERSION and document.get("kind") in (SHELVE, BRING):
                copy = _copy(document)
                if copy.id in copies:
                    raise PlanError(f"copy {copy.id!r} appears twice")
                copies[copy.id] = copy
                continue
            step = _step(document, version)
        except UnicodeDecodeError:
            raise PlanError(f"line {number}: it is not UTF-8") from None
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            what = f"it lacks {error}" if isinstance(error, KeyError) else str(error)
            raise PlanError(f"line {number}: {what}") from error
        if step.kind == EMPTY and plan.options.action is not DedupeAction.QUARANTINE:
            raise PlanError(f"line {number}: empty folders can only be quarantined")
        if step.id in steps:
            raise PlanError(f"line {number}: step {step.id!r} appears twice")
        steps[step.id] = step
    if plan is None:
        raise PlanError("it is empty")
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
        raise PlanError("a key appears twice")
    return found


def _no_constant(name: str) -> None:
    raise PlanError(f"{name} is not a number")


def _header(document: Mapping[str, Any]) -> Plan:
    version = document.get("version")
    if version not in (VERSION, COLLAPSE_VERSION) or isinstance(version, bool):
        known = f"{VERSION} or {COLLAPSE_VERSION}"
        raise PlanError(f"it is not a plan of version {known}, but begins with {version!r}")
    uid = text_in(document, "plan")
    if not _UID.fullmatch(uid):
        raise PlanError("its plan is not 32 hex digits")
    across = document["across_volumes"]
    if not isinstance(across, bool):
        raise PlanError("across_volumes is neither true nor false")
    options = PlanOptions(
        DedupeAction(text_in(document, "action")),
        tuple(texts_in(document, "protect")),
        tuple(path_in(each) for each in objects_in(document, "retire")),
        tuple(path_in(each) for each in objects_in(document, "not_a_project")),
        across,
    )
    left_alone = tuple(
        SkippedCopy(
            path_in(each),
            SafetyRule(text_in(each, "rule")),
            text_in(each, "cause"),
            number_in(each, "files"),
            number_in(each, "bytes"),
        )
        for each in objects_in(document, "left_alone")
    )
    made = int(text_in(document, "made_ns"))
    return Plan(uid, made, options, (), left_alone, tuple(texts_in(document, "notes")))


def _copy(document: Mapping[str, Any]) -> CopyStep:
    """Parse the line of what is copied."""
    items = () if document["kind"] == BRING else objects_in(document, "items")
    copy = CopyStep(
        text_in(document, "id"),
        path_in(document, "source"),
        path_in(document),
        tuple(map(inner_path_in, items)),
        number_in(document, "files"),
        number_in(document, "bytes"),
        tuple(not_brought_in(each) for each in items if "rule" in each),
    )
    if len(copy.not_brought) not in (0, len(copy.items)):
        raise PlanError("it does not say of each item why it is not brought")
    _refuse_bad_id(copy.id)
    known = set(copy.items)
    if not known and document["kind"] == SHELVE:
        raise PlanError("it copies nothing")
    inner = (each for item in known for each in path_prefixes(item)[:-1])
    if len(known) < len(copy.items) or any(each in known for each in inner):
        raise PlanError("it copies something twice")
    return copy


def _step(document: Mapping[str, Any], version: int) -> PlanStep:
    kind = text_in(document, "kind")
    is_member = kind == LEAVE and version == COLLAPSE_VERSION
    if is_member:
        kind = "folder"
    if kind not in ("file", "folder", EMPTY):
        raise PlanError(f"kind {kind!r} is neither file nor folder")
    if kind == EMPTY:
        return _empty(document)
    unknown = document["bytes"] is None
    places = objects_in(document, "kept_in") if "kept_in" in document else ()
    step = PlanStep(
        text_in(document, "id"),
        kind,
        path_in(document),
        path_in(document, "keep"),
        number_in(document, "files"),
        number_in(document, "bytes_at_least" if unknown else "bytes"),
        tuple(texts_in(document, "reasons")),
        _pairs(document, "nested"),
        _pairs(document, "sidecars"),
        tuple(texts_in(document, "bytes_unknown")) if unknown else (),
        tuple(KeptPlace(path_in(each), number_in(each, "files")) for each in places),
        is_member=is_member,
        regenerable=_inner_paths(document, "regenerable") if is_member else (),
        repositories=_inner_paths(document, "repositories") if is_member else (),
        in_history=_versions(document) if is_member else (),
    )
    _refuse_bad_id(step.id)
    if step.nested and kind == "file":
        raise PlanError("a file has nothing nested in it")
    if step.sidecars and kind == "folder":
        raise PlanError("a folder has no sidecars")
    return step


def _inner_paths(document: Mapping[str, Any], name: str) -> tuple[bytes, ...]:
    return tuple(map(inner_path_in, objects_in(document, name))) if name in document else ()


def _versions(document: Mapping[str, Any]) -> tuple[tuple[bytes, bytes], ...]:
    """Parse the files that the history of a repository contains."""
    found = objects_in(document, "in_history") if "in_history" in document else ()
    versions = tuple((inner_path_in(each), text_in(each, "object").encode()) for each in found)
    if not all(_OBJECT.fullmatch(oid) for _, oid in versions):
        raise PlanError("an object is not 40 hex digits")
    return versions


def _empty(document: Mapping[str, Any]) -> PlanStep:
    """Parse the step for an empty folder, which relies on nothing."""
    size, reasons = number_in(document, "bytes"), tuple(texts_in(document, "reasons"))
    step_id, files = text_in(document, "id"), number_in(document, "files")
    _refuse_bad_id(step_id)
    if size or files or {"keep", "keep_b64", "nested", "sidecars"} & document.keys():
        raise PlanError("an empty folder has no files, and nothing is kept for it")
    folders = number_in(document, "folders")
    return PlanStep(step_id, EMPTY, path_in(document), b"", 0, 0, reasons, folders=folders)


def _refuse_bad_id(step_id: str) -> None:
    if not _ID.fullmatch(step_id):
        raise PlanError(f"id {step_id[:80]!r} is not made of letters, digits, - and _")


def _pairs(document: Mapping[str, Any], name: str) -> tuple[RemovalPair, ...]:
    if name not in document:
        return ()
    found = objects_in(document, name)
    return tuple(RemovalPair(path_in(each), path_in(each, "keep")) for each in found)
