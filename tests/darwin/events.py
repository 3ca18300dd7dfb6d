"""Events as FSEvents delivers them, told from what became of a tree: see <FSEvents.h>.

Some changes to one file are one event with the flags of each; a folder that moves is told of by
itself, and nothing in it; a change that left no trace may be told of or not. Apple promises no more
than that a folder in which something changed is named, or one around it, to be read as a whole.
"""

from __future__ import annotations

import json
import os
import random
import stat
from collections.abc import Iterable
from pathlib import Path

from gorillacomb.fs.darwin import figures

REMOVED, META, MODIFIED, IS_DIR = 0x200, 0x400, 0x1000, 0x20000
"""Flags of which the program makes nothing: ItemRemoved, ItemInodeMetaMod, ItemModified."""
_KINDS = {
    stat.S_IFDIR: IS_DIR,
    stat.S_IFREG: figures.FSEVENT_ITEM_IS_FILE,
    stat.S_IFLNK: figures.FSEVENT_ITEM_IS_SYMLINK,
}
Event = tuple[str, int, int]
"""Path, flags, inode."""
_Facts = tuple[int, int, int, int, int]
"""Inode, mode, size, mtime and ctime."""


class Kernel:
    """Tells of changes in a tree since it looked last."""

    def __init__(self, top: Path, file: Path, seed: int = 0) -> None:
        self._top, self._file = top, file
        self._dice = random.Random(seed)
        self._told: list[Event] = []
        self._seen = self._look()
        file.touch()

    def tell(self) -> list[Event]:
        """Write the events of all changes since the last call."""
        before, self._seen = self._seen, self._look()
        events = list(_events(before, self._seen))
        self._dice.shuffle(events)  # those of one batch come in no order
        self.write(events)
        return events

    def tell_late(self) -> None:
        """Write events again that were written long ago."""
        old = self._told[-10_000:]
        self.write(self._dice.sample(old, min(len(old), 20)))

    def tell_roughly(self) -> list[Event]:
        """Write one event for all changes: of the folder around them, to be read as a whole."""
        before, self._seen = self._seen, self._look()
        paths = [os.path.dirname(path) for path, _, _ in _events(before, self._seen)]
        if not paths:
            return []
        event = (os.path.commonpath(paths), figures.FSEVENT_MUST_SCAN_SUB_DIRS | IS_DIR, 0)
        self.write([event])
        return [event]

    def write(self, events: Iterable[Event]) -> None:
        self._told += events
        with self._file.open("a") as file:
            file.writelines(json.dumps(each) + "\n" for each in events)

    def _look(self) -> dict[str, _Facts]:
        found = {}
        for folder, folders, names in os.walk(self._top):
            for name in (".", *folders, *names):
                path = folder if name == "." else os.path.join(folder, name)
                facts = os.lstat(path)
                found[path] = (
                    *(facts.st_ino, facts.st_mode, facts.st_size),
                    *(facts.st_mtime_ns, facts.st_ctime_ns),
                )
        return found


def _events(before: dict[str, _Facts], after: dict[str, _Facts]) -> Iterable[Event]:
    places: dict[int, str] = {facts[0]: path for path, facts in before.items()}
    stayed = {facts[0] for path, facts in after.items() if before.get(path, (0,))[0] == facts[0]}
    for path, facts in after.items():
        kind = _KINDS.get(stat.S_IFMT(facts[1]), 0)
        old, was_at = before.get(path), places.get(facts[0])
        if old is not None and old[0] == facts[0]:
            if old != facts:
                yield path, kind | MODIFIED | META, facts[0]
            continue
        if was_at is None or facts[0] in stayed:
            above = after.get(os.path.dirname(path))
            if above is not None and above[0] not in places:
                continue  # it may have come with its folder: from elsewhere, or as its clone
            yield path, kind | figures.FSEVENT_ITEM_CREATED | MODIFIED, facts[0]
        elif not _moved_with_its_folder(path, was_at, before, after):
            yield path, kind | figures.FSEVENT_ITEM_RENAMED, facts[0]
            yield was_at, kind | figures.FSEVENT_ITEM_RENAMED, facts[0]
        elif before[was_at] != facts:
            yield path, kind | MODIFIED | META, facts[0]
    living = {facts[0] for facts in after.values()}
    for path, facts in before.items():
        if facts[0] not in living or (facts[0] in stayed and path not in after):
            yield path, _KINDS.get(stat.S_IFMT(facts[1]), 0) | REMOVED, facts[0]


def _moved_with_its_folder(
    path: str, was_at: str, before: dict[str, _Facts], after: dict[str, _Facts]
) -> bool:
    if os.path.basename(path) != os.path.basename(was_at):
        return False
    now, then = after.get(os.path.dirname(path)), before.get(os.path.dirname(was_at))
    return now is not None and then is not None and now[0] == then[0]
