"""A scanned folder, something to drop, and what must hold afterwards."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path
from typing import Any

from tests.support.run import Argument, Ran, run
from tests.support.trees import Tree, make_tree

OURS = ".gorillacomb"
KNOWN: Tree = {"photos": {"one": "a" * 900, "two": "b" * 900}, "odd": {b"\xff": "c" * 900}}
DROPPED: Tree = {
    "same": "a" * 900,
    "deep": {"er": {"other": "b" * 900, "new": "n" * 900, "again": "n" * 900}},
    b"new \xff": "m" * 70_000,
    "empty": "",
    ".DS_Store": "noise",
}


class Bench:
    """A folder ``root`` that is scanned, and a folder ``in`` to drop."""

    def __init__(
        self, folder: Path, vault: Path, known: Tree | None = None, dropped: Tree | None = None
    ) -> None:
        self.root, self.dropped, self.vault = folder / "root", folder / "in", vault
        make_tree(self.root, KNOWN if known is None else known)
        make_tree(self.dropped, DROPPED if dropped is None else dropped)
        assert self.run("scan", self.root).code == 0

    def run(self, *arguments: Argument) -> Ran:
        return run(*arguments, vault=self.vault)

    def drop(self, *paths: Path, into: Path | None = None, code: int | None = None) -> Any:
        words: list[Argument] = [] if into is None else ["--into", into]
        ran = self.run("drop", "--json", *words, "--", *(paths or (self.dropped,)))
        assert code is None or ran.code == code, ran
        return json.loads(ran.stdout)

    @property
    def runs(self) -> list[str]:
        """The runs in the quarantine, the latest last."""
        return sorted(each.name for each in self.root.glob(f"{OURS}/quarantine/*"))

    def undo(self, code: int = 0) -> Ran:
        ran = self.run("dedupe", "--undo", self.runs[-1])
        assert ran.code == code, ran
        return ran

    def leftovers(self) -> list[Path]:
        """What is in the folders of runs beside their journals."""
        usual = ("journal.jsonl", ".purging-when-the-disk-is-full")
        found = self.root.glob(f"{OURS}/quarantine/*/*")
        return [each for each in found if each.name not in usual]


def contents(top: Path) -> dict[str, bytes]:
    """The content of every file below a folder, by relative path; none of ours."""
    found = {}
    for folder, folders, names in os.walk(top):
        folders[:] = [each for each in folders if each != OURS]
        for name in names:
            path = os.path.join(folder, name)
            found[os.path.relpath(path, top)] = Path(path).read_bytes()
    return found


def everything(top: Path) -> set[str]:
    """Every path below a folder, without ours."""
    found = set()
    for folder, folders, names in os.walk(top):
        folders[:] = [each for each in folders if each != OURS]
        found |= {os.path.relpath(os.path.join(folder, each), top) for each in (*folders, *names)}
    return found


def digest_of(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
