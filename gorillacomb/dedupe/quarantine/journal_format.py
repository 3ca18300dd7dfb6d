"""Write and read a run's journal, ``journal.jsonl``: a header, then one JSON line per event."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any, Self

from gorillacomb import clock
from gorillacomb.dedupe.model import BRING, DROP, SHELVE
from gorillacomb.dedupe.quarantine.journal_copies import copy_document, parse_copy
from gorillacomb.dedupe.quarantine.journal_entries import (
    COPY_SLOT,
    DONE,
    HELD,
    INTENT,
    PURGING,
    REPAIR,
    STUCK,
    CopyRecord,
    JournalContents,
    MovedItem,
    RepairContents,
    ReturnedItem,
    StepRecord,
)
from gorillacomb.dedupe.quarantine.journal_values import (
    kept_copy_in,
    kept_document,
    relative_path_in,
    time_document,
    time_if_known,
    time_in,
)
from gorillacomb.dedupe.quarantine.run_folders import JOURNAL, PURGE_MARK
from gorillacomb.errors import UntrustedInput
from gorillacomb.fs import mutations
from gorillacomb.fs.bounded_read import open_regular
from gorillacomb.fs.darwin import system
from gorillacomb.fs.paths import join, path_text
from gorillacomb.json_paths import has_path, path_from_json, path_to_json

VERSION = 1
_APPEND = os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW
_WHOLE = (INTENT, DONE, STUCK)
"""Events whose lines describe their step completely; the others only name it."""


class JournalWriter:
    """A journal that is open for writing."""

    def __init__(self, file: int, recorded: JournalContents) -> None:
        """``file`` is open for appending; use `begin` or `resume`."""
        self.recorded = recorded
        self._torn = recorded.torn
        self._file = file

    @classmethod
    def begin(cls, folder: int, recorded: JournalContents) -> Self:
        """Begin a journal in the open folder of a run. Raises OSError.

        A run whose journal has no complete header did nothing.
        """
        recorded.boot, recorded.uptime_ns = system.boot_id(), clock.since_boot_ns()
        file = os.open(JOURNAL, _APPEND | os.O_CREAT | os.O_EXCL, 0o600, dir_fd=folder)
        try:
            mutations.append_durably(file, json.dumps(_header(recorded)).encode() + b"\n")
            mutations.fsync(folder)
        except BaseException:
            os.close(file)
            raise
        return cls(file, recorded)

    @classmethod
    def resume(cls, folder: int, recorded: JournalContents) -> Self:
        """Continue a journal that was read. Raises OSError."""
        return cls(os.open(JOURNAL, _APPEND, dir_fd=folder), recorded)

    def note(self, records: Iterable[StepRecord | CopyRecord]) -> None:
        """Write records and sync them to disk."""
        records = list(records)
        if not records:
            return
        documents = (
            copy_document(each) if isinstance(each, CopyRecord) else _document(each)
            for each in records
        )
        lines = [json.dumps(each).encode() + b"\n" for each in documents]
        # A full disk may have left half a line there: the next one must not continue it.
        lines.insert(0, b"\n" * self._torn)
        self._torn = True
        mutations.append_durably(self._file, b"".join(lines))
        self._torn = False
        for each in records:
            if isinstance(each, CopyRecord):
                self.recorded.add_copy(each)
            else:
                self.recorded.add(each)

    @property
    def bytes_on_disk(self) -> int:
        """Its size on disk, in bytes."""
        return os.fstat(self._file).st_blocks * 512

    def close(self) -> None:
        if self._file >= 0:
            os.close(self._file)
            self._file = -1


def _header(recorded: JournalContents) -> dict[str, Any]:
    return {
        "version": VERSION,
        "run": recorded.run,
        "plan": recorded.plan,
        "action": recorded.action,
        **path_to_json(recorded.base, "base"),
        "started_ns": str(recorded.started_ns),
        "noise": [path_to_json(name) for name in sorted(recorded.noise)],
        "boot_id": recorded.boot,
        "uptime_ns": str(recorded.uptime_ns),
    }


def _document(record: StepRecord) -> dict[str, Any]:
    found: dict[str, Any] = {
        "step": record.step,
        "event": record.state,
        "time_ns": str(record.when_ns),
    }
    if record.cause is not None:
        found["cause"] = record.cause
    if record.state not in _WHOLE:
        return found
    found |= {
        "kind": record.kind,
        "files": record.files,
        "bytes": record.size,
        "moves": [_move_document(each) for each in record.moves],
    }
    if record.back:
        # What was removed as a whole is known by the moves that are no longer in this line.
        items = [each for each in record.back if each.keep is None]
        found["back"] = [_returned_document(each) for each in items]
    if record.emptied:
        found["emptied"] = True
    if record.is_member:
        found["member"] = True
    for name, paths in (
        ("left", record.left),
        ("regenerable", record.regenerable),
        ("repositories", record.repositories),
    ):
        if paths:
            found[name] = list(map(path_to_json, paths))
    if record.in_history:
        found["in_history"] = [
            {**path_to_json(path), "object": oid.decode()} for path, oid in record.in_history
        ]
    if record.proof:
        found["proof"] = {str(holder): files for holder, files in record.proof}
    if record.nested:
        found["nested"] = [
            {**path_to_json(path), **kept_document(keep)} for path, keep in record.nested
        ]
    if record.kept_in:
        found["kept_in"] = [
            {**kept_document(keep), "files": files} for keep, files in record.kept_in
        ]
    if record.system_files:
        found["system_files"] = record.system_files
    return found


def _returned_document(item: ReturnedItem) -> dict[str, Any]:
    found: dict[str, Any] = path_to_json(item.path)
    if item.when_ns is not None:
        found["time_ns"] = str(item.when_ns)
    if item.made:
        found["made"] = item.made
    if item.cause is not None:
        found["cause"] = item.cause
    return found


def _move_document(move: MovedItem) -> dict[str, Any]:
    found: dict[str, Any] = {
        **path_to_json(move.path),
        "slot": move.slot.decode(),
        **kept_document(move.keep),
        "inode": move.inode,
        "mtime_ns": str(move.mtime_ns),
    }
    found |= time_document("parent_mtime_ns", move.parent_mtime_ns)
    found |= time_document("parent_after_ns", move.parent_after_ns)
    if move.put is not None:
        found |= {"put": move.put, "put_inode": move.put_inode}
        if move.put_text:
            found |= path_to_json(move.put_text, "put_text")
    if move.contents is not None:
        found["good"] = move.contents.good.hex()
        found["damaged"] = move.contents.damaged.hex()
        found["size"] = str(move.contents.size)
    return found


NO_JOURNAL = (
    ValueError,
    KeyError,
    TypeError,
    AttributeError,
    OverflowError,
    RecursionError,
)
"""The errors that malformed values cause."""


def read_journal(folder: int, where: bytes) -> JournalContents:
    """Read the journal in the open folder of a run; ``where`` is its path, for messages.

    An incomplete last line is ignored. Raises Untrusted for an invalid journal, OSError.
    """
    # Unlimited: it is as long as the run was, and without it nothing could be put back.
    with open(open_regular(JOURNAL, folder=folder), "rb") as file:
        lines = file.read().split(b"\n")
    torn = bool(lines.pop())
    try:
        if not lines:
            raise ValueError("it has no header")
        recorded = parse_journal_header(json.loads(lines[0]))
        recorded.torn = torn
        for line in lines[1:]:
            try:
                document = json.loads(line)
            except (ValueError, RecursionError):
                continue  # a torn line, after which another run continued
            _play(recorded, document)
        _add_marked(folder, recorded)
    except NO_JOURNAL as error:
        raise UntrustedInput(
            f"{path_text(join(where, JOURNAL))} is not a valid journal: {error}.",
            "The files beside it can be moved back by hand.",
        ) from error
    return recorded


def parse_journal_header(document: dict[str, Any]) -> JournalContents:
    """Parse the first line of a journal. Raises one of NO_JOURNAL."""
    if document.get("version") != VERSION:
        raise ValueError(f"its version is {document.get('version')!r}, not {VERSION}")
    return JournalContents(
        str(document["run"]),
        str(document["plan"]),
        str(document["action"]),
        path_from_json(document, "base"),
        int(document["started_ns"]),
        frozenset(path_from_json(each) for each in document["noise"]),
        str(document.get("boot_id", "")),
        int(document.get("uptime_ns", 0)),
    )


def _play(recorded: JournalContents, document: dict[str, Any]) -> None:
    step, state = str(document["step"]), str(document["event"])
    if document.get("kind") in (SHELVE, BRING, DROP):
        recorded.add_copy(parse_copy(document))
        return
    old = recorded.steps.get(step)
    if state in _WHOLE:
        record = StepRecord(
            step,
            state,
            str(document["kind"]),
            int(document["files"]),
            int(document["bytes"]),
            tuple(_read_moves(document["moves"])),
            tuple(
                (relative_path_in(each), kept_copy_in(each)) for each in document.get("nested", ())
            ),
            document.get("cause"),
            int(document["time_ns"]),
            tuple(_returned(each) for each in document.get("back", ())),
            emptied=bool(document.get("emptied")),
            kept_in=tuple(
                (kept_copy_in(each), int(each["files"])) for each in document.get("kept_in", ())
            ),
            system_files=int(document.get("system_files", 0)),
            is_member=bool(document.get("member")),
            left=tuple(map(relative_path_in, document.get("left", ()))),
            regenerable=tuple(map(relative_path_in, document.get("regenerable", ()))),
            repositories=tuple(map(relative_path_in, document.get("repositories", ()))),
            in_history=tuple(
                (relative_path_in(each), str(each["object"]).encode())
                for each in document.get("in_history", ())
            ),
            proof=tuple(
                (str(holder), int(files)) for holder, files in document.get("proof", {}).items()
            ),
        )
        repaired = [each.contents is not None for each in record.moves]
        if any(repaired) if recorded.action != REPAIR else repaired != [True]:
            raise ValueError("a step is not what its run does")
        recorded.add(record)
    elif old is not None:
        cause, when_ns = document.get("cause"), int(document["time_ns"])
        recorded.add(replace(old, state=state, cause=cause, when_ns=when_ns, back=()))


def _add_marked(folder: int, recorded: JournalContents) -> None:
    """Add the steps whose deletion is only recorded by a mark. Raises OSError."""
    names = map(os.fsencode, os.listdir(folder))
    marked = {name.removeprefix(PURGE_MARK) for name in names if name.startswith(PURGE_MARK)}
    for record in recorded.steps.values() if marked else ():
        if record.state in HELD and any(move.slot in marked for move in record.moves):
            recorded.add(replace(record, state=PURGING, cause=None, back=()))


def _returned(document: dict[str, Any]) -> ReturnedItem:
    when_ns = document.get("time_ns")
    return ReturnedItem(
        relative_path_in(document),
        None if when_ns is None else int(when_ns),
        int(document.get("made", 0)),
        document.get("cause"),
    )


def _read_moves(documents: Iterable[dict[str, Any]]) -> Iterator[MovedItem]:
    if not documents:
        raise ValueError("a step moved nothing")
    for each in documents:
        slot = str(each["slot"]).encode()
        if not slot or {47, 0} & set(slot) or _is_ours(slot):
            raise ValueError(f"{slot!r} is not the name of a slot")
        yield MovedItem(
            relative_path_in(each),
            slot,
            kept_copy_in(each),
            int(each["inode"]),
            time_in(each["mtime_ns"]),
            time_if_known(each, "parent_mtime_ns"),
            time_if_known(each, "parent_after_ns"),
            each.get("put"),
            int(each.get("put_inode", 0)),
            path_from_json(each, "put_text") if has_path(each, "put_text") else b"",
            _contents(each) if "good" in each else None,
        )


def _is_ours(name: bytes) -> bool:
    return name in (b".", b"..", JOURNAL) or name.startswith((PURGE_MARK, COPY_SLOT))


def _contents(document: dict[str, Any]) -> RepairContents:
    good, damaged = (bytes.fromhex(document[name]) for name in ("good", "damaged"))
    if len(good) != 32 or len(damaged) != 32 or good == damaged:
        raise ValueError("a repair does not distinguish the good content from the damaged one")
    return RepairContents(good, damaged, int(document["size"]))
