"""A change under one name of a file is known under all of them, whenever it comes."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gorillacomb.manifest.verify import VerificationReport
from gorillacomb.model import ScanReport
from gorillacomb.progress import NullProgress, Progress
from gorillacomb.vault.vault import Vault
from gorillacomb.watch.debounce import ChangeQueue
from gorillacomb.watch.health import WatcherHealth
from gorillacomb.watch.options import DamageReport
from gorillacomb.watch.scan_runner import ScanRunner
from tests.support.trees import make_tree, scan
from tests.watch.daemon import rows

PLACES = [f"{folder}/{name}" for folder in "abc" for name in ("one", "other")]
KINDS = ["chmod", "write", "unlink", "link", "rename", "create", "rmtree"]
MOST_TURNS = 12
"""So many batches of folders at the most are scanned after the last change."""

Change = tuple[str, str, str]
"""Kind, and the places that it is about."""


class Nobody:
    """Listens to a watcher, and does nothing."""

    def scanned(self, report: ScanReport, folders: Sequence[bytes] | None) -> None: ...
    def damaged(self, files: Sequence[DamageReport]) -> None: ...
    def broken(self, manifest: bytes, root: bytes, found: VerificationReport) -> None: ...
    def back(self, root: bytes) -> None: ...
    def followed(self, named: bytes, root: bytes) -> None: ...
    def troubled(self, cause: str) -> None: ...
    def recovered(self, cause: str) -> None: ...


@dataclass
class Scene:
    """A tree, the scans of a watcher, and what happens between their visits to two folders."""

    aside: Path
    changes: list[Change | None]
    queue: ChangeQueue = field(default_factory=lambda: ChangeQueue(0))

    def __post_init__(self) -> None:
        self.top = make_tree(self.aside / "drive", {"a": {"one": "1"}, "b": {}, "c": {"one": "2"}})
        os.link(self.top / "a/one", self.top / "b/other")
        self.vault, self.root = self.aside / "vault", os.fsencode(self.top)
        scan(self.vault, self.top)
        self.runner = ScanRunner(
            Vault(self.vault),
            self.scan,
            Nobody(),
            WatcherHealth(),
            self.queue,
            lambda: [self.root],
            NullProgress(),
        )
        self.count = 0

    def scan(
        self,
        roots: Sequence[bytes],
        changed: tuple[bytes, ...] | None = None,
        again: tuple[tuple[int, bytes], ...] | None = None,
        progress: Progress | None = None,
    ) -> ScanReport:
        """Visit one folder after the other: whatever happens meanwhile happens between two."""
        every = changed or [each[0] for each in os.walk(self.root)]
        for path in sorted(every):
            report = scan(self.vault, self.top, changed=(path,))
            self.happen()
        return report

    def happen(self) -> None:
        """Do what is next, and tell of it as the system does: of the folder of one name."""
        if not self.changes or (change := self.changes.pop(0)) is None:
            return
        kind, *places = change
        one, other = (self.top / each for each in places)
        if kind == "create":
            one, other = other, one
        elif not one.exists():
            return
        if kind != "rmtree" and not other.parent.exists():
            other.parent.mkdir()
            self.queue.mark(self.root)
        if kind == "chmod":
            self.count += 1
            one.chmod(0o600 + self.count % 64)
        elif kind == "write":
            with one.open("a") as file:
                file.write("more")
        elif kind == "unlink" and self.is_known(one):
            one.unlink()
        elif kind == "rmtree" and all(map(self.is_known, one.parent.iterdir())):
            shutil.rmtree(one.parent)
            self.queue.mark(self.root)
        elif kind == "link" and not other.exists():
            os.link(one, other)
            one = other
        elif kind == "rename" and self.is_known(one) and self.is_known(other):
            one.rename(other)
            self.queue.mark(os.fsencode(other.parent))
        elif kind == "create" and not other.exists():
            other.write_text("new")
            one = other
        else:
            return
        self.queue.mark(os.fsencode(one.parent))

    def is_known(self, path: Path) -> bool:
        """Whether a scan met a file under this name, if there is one.

        Of one that came and went between two scans nobody knows which other names it had.
        """
        known = rows(self.vault).get(os.fsencode(path))
        return not path.exists() or (known is not None and known[4] == path.stat().st_ino)

    def settle(self) -> None:
        """Scan until nothing waits, while all that is to happen does."""
        turns = 0
        while self.changes or len(self.queue):
            if folders := self.queue.take():
                self.runner.changed([self.root], folders)
            else:
                self.happen()
            self.runner.look_again_at_links()
            turns = 0 if self.changes else turns + 1
            assert turns < MOST_TURNS, "it scans the same again and again"
        scan(self.aside / "fresh", self.top)
        assert rows(self.vault) == rows(self.aside / "fresh")


def mark(scene: Scene, folders: Iterable[str]) -> None:
    for each in folders:
        scene.queue.mark(os.fsencode(scene.top / each))


@pytest.mark.parametrize("kind", ["chmod", "write", "unlink", "link"])
@pytest.mark.parametrize("is_whole", [False, True])
def test_between_the_visits_to_two_names(tmp_path: Path, kind: str, is_whole: bool) -> None:
    """The scan met one name before the change, and the other, of which it is told, after it."""
    change: Change = (kind, "b/other", "c/other")
    scene = Scene(tmp_path, [None, change] if is_whole else [change])
    if is_whole:
        scene.runner.whole([scene.root])
    else:
        mark(scene, "ab")
    scene.settle()


def test_a_name_that_is_gone_before_it_is_met(tmp_path: Path) -> None:
    """It is in the count of links of the other name alone, for which its folder is read again."""
    scene = Scene(tmp_path, [])
    third = scene.top / "c/third"
    os.link(scene.top / "a/one", third)
    (scene.top / "a/new").write_text("it is told of this, and meets three links")
    scene.runner.changed([scene.root], (os.fsencode(scene.top / "a"),))
    mark(scene, "c")
    scene.runner.look_again_at_links()  # something waits
    third.unlink()
    mark(scene, "c")
    scene.settle()


def test_a_name_that_is_removed_with_its_folder(tmp_path: Path) -> None:
    """Nothing tells of that to the folders of its other names."""
    scene = Scene(tmp_path, [])
    shutil.rmtree(scene.top / "b")
    scene.queue.mark(scene.root)
    scene.settle()


CHANGES = st.tuples(st.sampled_from(KINDS), st.sampled_from(PLACES), st.sampled_from(PLACES))


@given(changes=st.lists(st.none() | CHANGES, max_size=30), is_whole=st.booleans())
def test_whatever_happens_between_visits(changes: list[Change | None], is_whole: bool) -> None:
    with TemporaryDirectory() as aside:
        scene = Scene(Path(aside), list(changes))
        if is_whole:
            scene.runner.whole([scene.root])
        scene.settle()
