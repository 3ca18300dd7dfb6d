"""Trees whose folders change places all the time: index and trace agree after each scan.

Faster than a watcher beside a busy tree, in one process, and the same for each seed.
"""

from __future__ import annotations

import os
import random
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from gorillacomb.errors import GorillaCombError
from gorillacomb.index import stamps
from gorillacomb.index.database import Index
from gorillacomb.progress import NullProgress
from gorillacomb.vault.vault import Vault
from tests.stamping.trace import check_agree, check_trace, events, stamping_scan
from tests.support.exchanging import exchange

NAMES = "abcd"
MOST = 40
"""So many folders, and no more are made."""


class Rearranged(NullProgress):
    """A tree that is rearranged between scans and, as the progress of one, while it is scanned."""

    def __init__(self, top: Path, seed: int) -> None:
        self.top, self.dice = top, random.Random(seed)
        self._contents = 0
        self._operations: list[tuple[Callable[[], None], int]] = [
            (self.make, 6),
            (self.write, 12),
            (self.copy, 4),
            (self.delete, 10),
            (self.move, 12),
            (self.exchange, 4),
            (self.remove, 1),
            (self.take_away, 1),
            (self.bring_back, 2),
        ]

    def work(self, operations: int) -> None:
        """Do so many operations; one that the system refuses is one, too."""
        kinds, weights = zip(*self._operations, strict=True)
        for what in self.dice.choices(kinds, weights, k=operations):
            try:
                what()
            except (OSError, shutil.Error):
                continue

    def stage(self, name: str, files: int | None, size: int | None) -> None:
        self._meanwhile()

    def advance(self, files: int, size: int) -> None:
        self._meanwhile()

    def _meanwhile(self) -> None:
        if self.dice.random() < 0.05:
            self.work(self.dice.randint(1, 3))

    def folders(self) -> list[Path]:
        """Return all folders in the tree, and itself."""
        return [Path(folder) for folder, *_ in sorted(os.walk(self.top))]

    def _folder(self) -> Path:
        return self.dice.choice(self.folders())

    def _place(self) -> Path:
        return self._folder() / self.dice.choice(NAMES)

    def _file(self) -> Path:
        walk = sorted(os.walk(self.top))
        paths = [Path(folder, name) for folder, _, names in walk for name in sorted(names)]
        return self.dice.choice(paths or [self.top / "none"])

    def make(self) -> None:
        if len(self.folders()) < MOST:
            (self._place() / self.dice.choice(NAMES)).mkdir(parents=True)

    def write(self) -> None:
        """Write a content, of which few were there before."""
        self._contents += self.dice.random() < 0.8
        self._place().with_suffix(".txt").write_text(f"content {self._contents}")

    def copy(self) -> None:
        shutil.copy2(self._file(), self._place().with_suffix(".txt"))

    def delete(self) -> None:
        self._file().unlink()

    def move(self) -> None:
        place = self._place()
        if not os.path.lexists(place):
            self._inner().rename(place)

    def exchange(self) -> None:
        exchange(os.fsencode(self._inner()), os.fsencode(self._inner()))

    def remove(self) -> None:
        shutil.rmtree(self._inner())

    def take_away(self) -> None:
        """Have a folder be outside for some time: where it held much, the root is suspect."""
        self._inner().rename(self.top.with_name("outside"))

    def bring_back(self) -> None:
        place = self._place()
        if not os.path.lexists(place):
            self.top.with_name("outside").rename(place)

    def _inner(self) -> Path:
        return self.dice.choice(self.folders()[1:] or [self.top / "none"])


def lose_stamps(vault: Path, dice: random.Random) -> None:
    """Have the next scan take the stamps from the trace, as after a crash; or the whole index."""
    if dice.random() < 0.3:
        for each in vault.glob("index.db*"):
            each.unlink()
        return
    with Index.write(Vault(vault)) as index:
        with index.atomic():
            stamps.clear_synced_log_size(index.connection)
        index.commit()


@pytest.mark.parametrize(
    ("seeds", "scans"),
    [((8, 10), 12), pytest.param(range(1000, 1060), 40, marks=pytest.mark.deep)],
)
def test_index_and_trace_agree(
    tmp_path: Path, vault: Path, seeds: Sequence[int], scans: int
) -> None:
    for seed in seeds:
        top = tmp_path / str(seed) / "drive"
        top.mkdir(parents=True)
        campaign(top, vault.with_name(f"vault {seed}"), seed, scans)


def campaign(top: Path, vault: Path, seed: int, scans: int) -> None:
    tree, dice = Rearranged(top, seed), random.Random(seed + 1)
    tree.work(100)
    stamping_scan(vault, top)
    for _ in range(scans):
        tree.work(dice.randint(1, 30))
        if dice.random() < 0.05:
            lose_stamps(vault, dice)
        folders = tree.folders()
        options, place = {}, top
        kind = dice.choice(["whole", "changed", "part"])
        if kind == "changed":
            some = dice.sample(folders, dice.randint(1, len(folders)))
            options["changed"] = tuple(map(os.fsencode, some))
        elif kind == "part":
            place = dice.choice(folders)
        try:
            stamping_scan(vault, place, progress=tree, accept_loss=dice.random() < 0.2, **options)
        except GorillaCombError as error:  # it left while it was scanned
            assert place != top, error
            continue
        check_agree(vault)
    stamping_scan(vault, top, accept_loss=True)
    check_trace(vault, top)
    size = len(events(vault))
    stamping_scan(vault, top)
    assert events(vault, size) == []
