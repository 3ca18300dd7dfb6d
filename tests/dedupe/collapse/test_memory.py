"""What was seen of one copy is forgotten before the next one is compared."""

from __future__ import annotations

import gc
from pathlib import Path

from gorillacomb.dedupe.compare.snapshot import TreeSnapshot
from tests.dedupe.collapse.test_plan import APP, Drive
from tests.support.trees import make_tree


class Counter:
    """A progress that counts what comparisons hold in memory, at each file that is compared."""

    def __init__(self) -> None:
        self.most, self.calls = 0, 0

    def stage(self, name: str, files: int | None, size: int | None) -> None: ...

    def total(self, files: int | None, size: int | None) -> None: ...

    def advance(self, files: int, size: int) -> None:
        held = sum(isinstance(each, TreeSnapshot) for each in gc.get_objects())
        self.most, self.calls = max(self.most, held), self.calls + 1

    def close(self) -> None: ...


def test_one_copy_is_held_at_a_time(tmp_path: Path) -> None:
    drive = Drive(tmp_path)
    for name in ("App (1)", "Copy of App", "App (2)"):
        make_tree(drive.top, {name: {**APP, "own": name}})
    plan = drive.plan()
    assert len(plan.steps) == 4
    counter = Counter()
    gc.collect()
    gc.disable()
    try:
        result = drive.vault.apply(plan, dry_run=False, progress=counter)
    finally:
        gc.enable()
    assert result.is_complete, result.skipped
    assert (counter.most, counter.calls > 30) == (1, True)
