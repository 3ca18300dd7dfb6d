"""The time left of a scan: by the files of the last one, else by what was listed so far."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings

import gorillacomb
from gorillacomb.progress import CallbackProgress, NullProgress, ProgressEvent
from gorillacomb.scan.options import ScanOptions
from gorillacomb.scan.scanner import scan
from gorillacomb.vault.vault import Vault
from tests.folders.forests import forests
from tests.support.memory import in_memory
from tests.support.run import on_terminal, run
from tests.support.trees import Tree, make_tree, settle

WALK = "Combing"


class Meter(NullProgress):
    """Notes what it is told of the walk: files done, and how many are expected."""

    def __init__(self) -> None:
        self.seen: list[tuple[int, int | None]] = []
        self._stage, self._done, self._total = "", 0, None  # type: tuple[str, int, int | None]

    def stage(self, name: str, files: int | None, size: int | None) -> None:
        self._stage, self._done = name, 0
        self.total(files, size)
        self.advance(0, 0)

    def total(self, files: int | None, size: int | None) -> None:
        self._total = files

    def advance(self, files: int, size: int) -> None:
        self._done += files
        if self._stage == WALK:
            self.seen.append((self._done, self._total))


def walked(vault: Path, *tops: Path, budget: int = 20, **options: object) -> Meter:
    meter = Meter()
    scan(
        Vault(vault),
        [bytes(top) for top in tops],
        ScanOptions(workers=0, budget=budget, **options),  # type: ignore[arg-type]
        meter,
    )
    return meter


def regular(deep: int, wide: int, files: int) -> Tree:
    inner: Tree = {f"f{number}": f"{deep} {number}" for number in range(files)}
    if deep:
        inner = {**inner, **{f"d{at}": regular(deep - 1, wide, files) for at in range(wide)}}
    return inner


def test_a_first_scan_judges_by_what_it_listed(tmp_path: Path, vault: Path) -> None:
    top = make_tree(tmp_path / "top", regular(3, 5, 4))
    files = 4 * (1 + 5 + 25 + 125)
    seen = walked(vault, top).seen
    assert seen[0] == (0, None), "before anything is listed, nothing is said"
    assert seen[-1] == (files, files)
    later = [total for done, total in seen if done >= files // 5]
    assert len(later) > 10
    assert all(total is not None and files / 2 <= total <= files * 2 for total in later)


def test_the_next_scan_goes_by_the_last_one(tmp_path: Path, vault: Path) -> None:
    top = make_tree(tmp_path / "top", regular(2, 4, 4))
    files = 4 * (1 + 4 + 16)
    walked(vault, top)
    assert {total for _, total in walked(vault, top).seen} == {files}
    make_tree(top, {"more": {str(number): "x" for number in range(10)}})
    grown = walked(vault, top).seen
    assert grown[0] == (0, files) and grown[-1] == (files + 10, files + 10)
    assert all(total is not None and total >= done for done, total in grown)


def test_a_scan_of_a_part_or_of_a_new_root_beside_a_known_one(tmp_path: Path, vault: Path) -> None:
    top, other = (
        make_tree(tmp_path / "top", regular(2, 4, 4)),
        make_tree(tmp_path / "other", {"a": "1"}),
    )
    walked(vault, top)
    assert walked(vault, top / "d1").seen[-1] == (20, 20)
    assert walked(vault, top, other).seen[-1] == (85, 85)
    listed = walked(vault, top, file_list=(bytes(top / "f0"),)).seen
    assert {total for _, total in listed} == {None}


def test_a_huge_folder_in_parts(tmp_path: Path, vault: Path) -> None:
    top = make_tree(
        tmp_path / "top", {"huge": {str(number): "" for number in range(9000)}, "a": {}}
    )
    seen = walked(vault, top).seen
    assert seen[-1] == (9000, 9000)
    assert any(total is not None and 0 < done < 9000 for done, total in seen)


@settings(max_examples=settings().max_examples // 3)
@given(forests())
def test_any_forest_ends_where_it_was_expected_to(tree: Tree) -> None:
    with tempfile.TemporaryDirectory() as name, in_memory() as memory:
        top = make_tree(Path(name).resolve() / "top", tree)
        for _ in range(2):
            seen = walked(memory / "vault", top, budget=2).seen
            assert seen[-1][0] == seen[-1][1]
            assert all(total is None or total >= done for done, total in seen)


@pytest.mark.parametrize(
    ("files", "size", "done", "expected"),
    [
        ((10, None), None, (5, 100), 10.0),
        ((10, 1000), None, (5, 100), 90.0),
        ((None, None), None, (5, 100), None),
        ((10, None), None, (0, 0), None),
    ],
)
def test_seconds_left(
    files: tuple[int | None, int | None],
    size: None,
    done: tuple[int, int],
    expected: float | None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """At the speed so far: by bytes where their total is known, else by files."""
    told: list[ProgressEvent] = []
    clock = iter([100.0, 100.0, 100.0, 110.0, 110.0, 110.0])
    monkeypatch.setattr("time.monotonic", lambda: next(clock))
    progress = CallbackProgress(told.append, interval=0)
    progress.stage("stage", *files)
    progress.advance(*done)
    monkeypatch.undo()
    assert told[-1].seconds_left == expected
    assert told[0].seconds_left is None


def test_an_event_says_what_is_left(tmp_path: Path, vault: Path) -> None:
    top = make_tree(tmp_path / "top", regular(2, 4, 4))
    settle(top)
    events: list[gorillacomb.ProgressEvent] = []
    with gorillacomb.open_vault(vault) as opened:
        opened.scan(top, workers=0)
        opened.scan(top, workers=0, progress=events.append)
    assert {event.total_files for event in events if event.stage == WALK} == {84}
    assert all(event.seconds_left is None or event.seconds_left >= 0 for event in events)


def test_the_bar_shows_files_and_time_left(tmp_path: Path, vault: Path) -> None:
    top = make_tree(tmp_path / "top", regular(2, 4, 4))
    settle(top)
    assert run("scan", top, vault=vault).code == 0
    ran = on_terminal("scan", top, vault=vault)
    assert ran.code == 0
    assert b"Combing, 0/84 files:   0%|" in ran.stderr
