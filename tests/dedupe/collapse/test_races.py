"""A collapse, its undo and its purge while others write to the drive, or run Gorilla Comb, too.

Somebody acts right before one of the changes that a run makes on the disk, whichever that is.
"""

from __future__ import annotations

import hashlib
import os
import random
import shutil
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from gorillacomb.api.dedupe.runs import RunResult
from gorillacomb.api.facade.vault import OpenVault
from gorillacomb.errors import UsageError
from gorillacomb.fs import mutations
from gorillacomb.vault.vault import Vault
from tests.dedupe import adversaries
from tests.dedupe.adversaries import Adversary
from tests.dedupe.collapse.test_oracle import contents
from tests.dedupe.drives import look
from tests.support.run import Argument, Ran, run
from tests.support.trees import Tree, make_tree

SAME: Tree = {f"f{number}": f"{number}" * 300 for number in range(6)}
TREE: Tree = {
    "App": {"package.json": "{}", "src": SAME},
    "Backup": {
        "App": {
            "package.json": "{}",
            "src": {**SAME, "f1": "edited", "new": {"a": "the new a", "b": "the new b"}},
        }
    },
}
MEMBER, KEPT, SHELF = "Backup/App", "App", "App (from copies)/Backup"
TARGETS = {
    "a file that both have": f"{MEMBER}/src/f0",
    "the kept file": f"{KEPT}/src/f0",
    "a file that is shelved": f"{MEMBER}/src/f1",
    "a file that is brought": f"{MEMBER}/src/new/a",
    "a file on the shelf": f"{SHELF}/src/f1",
    "a file in the kept tree, from the copy": f"{KEPT}/src/new/a",
}
ONLY_HERE = {f"{MEMBER}/src/f1", f"{MEMBER}/src/new/a", f"{SHELF}/src/f1", f"{KEPT}/src/new/a"}
"""What overwrites one of these in place may leave nobody with what was in it."""
CHANGES = (
    *("rename_no_replace", "make_folder", "symlink", "remove", "remove_folder"),
    *("append_durably", "create", "write_at", "set_mode", "set_mtime", "fsync"),
)


@contextmanager
def at_change(number: int, act: Callable[[], object]) -> Iterator[Counter[str]]:
    """Have somebody act right before the n-th change of the disk; count them."""
    seen = Counter[str]()

    def around(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any, **named: Any) -> Any:
            seen[name] += 1
            if seen.total() == number:
                act()
            return function(*arguments, **named)

        return call

    with pytest.MonkeyPatch.context() as patch:
        for name in CHANGES:
            patch.setattr(mutations, name, around(name, getattr(mutations, name)))
        yield seen


class Ground:
    """A drive with a tree and a copy of it, scanned, and the plan that makes one tree of them."""

    def __init__(self, folder: Path) -> None:
        self.drive, self.plan = make_tree(folder / "drive", TREE), folder / "plan"
        self.place = folder / "vault"
        self.vault = OpenVault(Vault(self.place))
        self.vault.scan(self.drive)
        self.vault.plan(collapse=["all"], bring=["all"]).save(self.plan)
        self.before = look(self.drive)

    def do(self, name: str) -> RunResult:
        if name == "apply":
            return self.vault.apply(self.plan, dry_run=False)
        return self.vault.undo() if name == "undo" else self.vault.purge(confirm=True)

    def words(self, name: str) -> Sequence[Argument]:
        if name == "apply":
            return "dedupe", "--apply", self.plan
        return ("dedupe", "--undo") if name == "undo" else ("dedupe", "--empty-quarantine", "--yes")

    def back(self) -> None:
        with suppress(UsageError):  # nothing is left to put back
            for _ in range(4):
                self.vault.undo()


def changes_of(folder: Path, name: str) -> int:
    """How many changes a command makes when nobody disturbs it."""
    ground = Ground(folder)
    if name != "apply":
        ground.do("apply")
    with at_change(0, lambda: None) as seen:
        ground.do(name)
    shutil.rmtree(folder)
    return seen.total()


def somebody_acts(folder: Path, dice: random.Random, name: str, changes: int) -> str:
    """Disturb a command in a random way; say what came of that."""
    ground = Ground(folder)
    adversary: Callable[[Path], Adversary] = dice.choice(adversaries.ALL)
    what, where = dice.choice([*TARGETS.items()])
    target, number = ground.drive / where, dice.randint(1, changes)
    story = f"{name}: {adversary.__name__}, {what}, at {number} of {changes}"
    if name != "apply":
        ground.do("apply")
    had, foes = contents(ground.drive), list[Adversary]()

    def act() -> None:
        if target.exists():
            old = hashlib.sha256(target.read_bytes()).digest()
            foes.append(adversary(target))
            foes[0]()
            if where in ONLY_HERE or name == "purge":  # as after it, when nobody else has it
                had.discard(("file", old))
            if foes[0].wrote is not None:
                had.add(("file", hashlib.sha256(foes[0].wrote).digest()))

    with at_change(number, act):
        result = ground.do(name)
    assert had <= contents(ground.drive), f"lost: {story}"
    for foe in foes:
        foe.close()
    then = dice.choice(["undo", "purge"])
    with suppress(UsageError):
        ground.do(then)
    assert had <= contents(ground.drive), f"lost by {then}: {story}"
    ground.back()
    assert had <= contents(ground.drive), f"lost by undo: {story}"
    shutil.rmtree(folder)
    is_told = result.failed or result.skipped
    return "too late" if not foes else "told" if is_told else "done"


@pytest.mark.parametrize("times", [6, pytest.param(400, marks=pytest.mark.deep)])
@pytest.mark.parametrize("name", ["apply", "undo", "purge"])
def test_nothing_is_lost_whoever_acts(tmp_path: Path, name: str, times: int) -> None:
    changes = changes_of(tmp_path / "undisturbed", name)
    ended = Counter(
        somebody_acts(tmp_path / f"{seed}", random.Random(f"{name} {seed}"), name, changes)
        for seed in range(times)
    )
    print(f"{name}: {dict(ended)}")
    assert ended["told"] + ended["done"], ended


@pytest.mark.parametrize("side", ["member", "shelf", "kept"])
def test_a_writer_that_opens_a_file_between_the_check_and_the_move(
    tmp_path: Path, side: str
) -> None:
    """It is noticed after the move, and the copy is put back; what it writes then is not lost."""
    ground = Ground(tmp_path)
    paths = {"member": f"{MEMBER}/src/f0", "shelf": f"{SHELF}/src/f1", "kept": f"{KEPT}/src/f0"}
    target, files = ground.drive / paths[side], list[int]()
    move = mutations.rename_no_replace

    def moved(folder: int, name: bytes, to: int, new: bytes) -> None:
        if new == b"leave-1":
            files.append(os.open(target, os.O_RDWR))
            os.pwrite(files[0], b"!", 0)
        move(folder, name, to, new)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(mutations, "rename_no_replace", moved)
        result = ground.vault.apply(ground.plan, dry_run=False)
    assert files and not result.done and result.skipped
    os.pwrite(files[0], b"?", 0)
    os.close(files[0])
    assert (ground.drive / f"{MEMBER}/src/f1").read_text() == "edited"
    assert target.read_bytes()[:1] == b"?"
    # What was copied for it is gone again, but for a copy that was written to.
    assert (ground.drive / SHELF).exists() == (side == "shelf")
    assert not (ground.drive / KEPT / "src/new").exists()


def second_program(ground: Ground, words: Sequence[Argument], empty: Path, ran: list[Ran]) -> None:
    """Run a command that is to change nothing; what names a folder needs no vault."""
    seen = look(ground.drive)
    vault = empty / "no vault" if words[-1] == ground.drive else ground.place
    ran.append(run(*words, vault=vault))
    assert look(ground.drive) == seen, ran


@pytest.mark.parametrize("points", [1, pytest.param(40, marks=pytest.mark.deep)])
@pytest.mark.parametrize("other", ["apply", "undo", "purge"])
@pytest.mark.parametrize("name", ["apply", "undo", "purge"])
def test_two_programs_at_once(tmp_path: Path, name: str, other: str, points: int) -> None:
    """The second one is refused, wherever the first one is; with a vault of its own as well."""
    changes = changes_of(tmp_path / "undisturbed", name)
    for at in range(points):
        ground = Ground(tmp_path / f"{at}")
        if name != "apply":
            ground.do("apply")
        had = contents(ground.drive)
        words = [*ground.words(other)]
        if other == "undo" and at % 2 == 0:  # by its folder, as on a computer that has no vault
            words.append(ground.drive)
        refused = list[Ran]()
        disturb = partial(second_program, ground, words, tmp_path, refused)
        with at_change(1 + at * changes // points + changes // points // 2, disturb):
            result = ground.do(name)
        assert result.is_complete, (name, other, at, result)
        [ran] = refused
        assert ran.code not in (0, 3) and not ran.stdout, ran
        assert had <= contents(ground.drive)
        ground.back()
        if name != "purge":
            assert look(ground.drive) == ground.before
        shutil.rmtree(ground.drive.parent)


@pytest.mark.parametrize("where", [SHELF, "App (from copies)", f"{KEPT}/src/new"])
def test_what_appears_before_an_undo_puts_something_back_is_not_replaced(
    tmp_path: Path, where: str
) -> None:
    """A copy that is taken back, and differs then, finds its place taken: it waits, and is told."""
    ground = Ground(tmp_path)
    ground.do("apply")
    place, taken = ground.drive / where, ground.drive / (SHELF if "from" in where else where)
    move = mutations.rename_no_replace
    writers = list[int]()

    def moved(folder: int, name: bytes, to: int, new: bytes) -> None:
        move(folder, name, to, new)
        if new.startswith(b".copy-") and not writers and not taken.exists():
            aside = next(ground.drive.glob(f".gorillacomb/quarantine/*/{new.decode()}"))
            inside = next(each for each in sorted(aside.rglob("*")) if each.is_file())
            writers.append(os.open(inside, os.O_RDWR))
            os.pwrite(writers[0], b"!", 0)
            if place.is_dir():
                place.rmdir()
            place.write_text("someone else's")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(mutations, "rename_no_replace", moved)
        undone = ground.vault.undo()
    assert writers and undone.failed
    os.close(writers[0])
    assert place.read_text() == "someone else's"
    assert (ground.drive / MEMBER / "src/f1").read_text() == "edited"
    place.unlink()
    ground.back()
    # Someone else wrote to the folders there, which keep the time of that.
    others = (".", KEPT, f"{KEPT}/src")
    left = look(ground.drive)
    assert {path: left[path] for path in ground.before if path not in others} == {
        path: each for path, each in ground.before.items() if path not in others
    }
