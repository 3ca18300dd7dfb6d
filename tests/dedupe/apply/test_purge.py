"""Emptying quarantines: one that fails holds up no other, and the figures are true."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from gorillacomb.dedupe.apply.locks import locked_roots
from gorillacomb.errors import RefusedForSafety
from gorillacomb.fs import mutations
from tests.dedupe.acting import Ground, live, slots, step
from tests.dedupe.plans import Bench, on_disk
from tests.dedupe.power import path_of
from tests.support.trees import Tree, make_tree

NAMES = [f"f{number}" for number in range(4)]
FILES: Tree = {name: f"file {name}; " * 900 for name in NAMES}


def two_drives(top: Path) -> tuple[Ground, Path, Path]:
    """Two roots with a run in the quarantine of each."""
    drives = [make_tree(top / name, {"x": FILES, "keep": FILES}) for name in ("one", "two")]
    field = Ground(live(*drives))
    for number, drive in enumerate(drives):
        assert field.apply(step("s1", drive / "x", drive / "keep"), uid=str(number) * 32).done
    return field, drives[0], drives[1]


def test_only_the_drive_that_it_works_on_is_locked(tmp_path: Path) -> None:
    field, one, two = two_drives(tmp_path)
    with locked_roots([os.fsencode(two)]):
        outcomes = field.purge()
    assert not slots(one)
    assert slots(two)
    assert [len(each.done) for each in outcomes] == [1, 0]
    assert "Another run is changing files" in outcomes[1].failed[0].cause


def test_where_nothing_could_be_begun_that_is_refused(tmp_path: Path) -> None:
    field, one, two = two_drives(tmp_path)
    with (
        locked_roots([os.fsencode(one), os.fsencode(two)]),
        pytest.raises(RefusedForSafety, match="Another run is changing files"),
    ):
        field.purge()


def test_a_drive_that_cannot_be_written_to_holds_up_no_other(
    tmp_path: Path, vault: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    drives = []
    for name in ("one", "two"):
        files: Tree = {file: f"{file} of {name}; " * 900 for file in NAMES}
        drives.append(make_tree(tmp_path / name, {"x": files, "keep": files}))
    bench = Bench(tmp_path, vault)
    bench.scan(*drives)
    for drive in drives:
        assert bench.dedupe("--apply", bench.plan("--within", drive).file) == 0
    really = mutations.append_durably

    def fail(descriptor: int, data: bytes) -> None:
        if os.path.realpath(path_of(descriptor)).startswith(bytes(drives[0])):
            raise OSError(30, "Read-only file system")
        really(descriptor, data)

    with monkeypatch.context() as patch:
        patch.setattr(mutations, "append_durably", fail)
        code, document = bench.dedupe_json("--empty-quarantine", "--yes")
        assert (code, document["done"]) == (3, 1)
        [failed] = document["failed"] + document["skipped"]
        assert failed["cause"] == "read-only file system"
        assert str(drives[0]) in failed["path"]
        assert not slots(drives[1])
        assert bench.dedupe("--empty-quarantine", "--yes") == 3
        assert "half done" not in bench.printed
    assert bench.dedupe_json("--empty-quarantine", "--yes")[1]["done"] == 1


def test_what_was_freed_is_counted_where_a_file_cannot_be_deleted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    top = make_tree(tmp_path, {"x": FILES, "keep": FILES})
    size = on_disk(top / "x")
    field = Ground(live(top))
    field.apply(step("s1", top / "x", top / "keep"))
    really = mutations.remove

    def refuse(folder: int, name: bytes) -> None:
        if name == b"f2":
            raise PermissionError(1, "Operation not permitted")
        really(folder, name)

    with monkeypatch.context() as patch:
        patch.setattr(mutations, "remove", refuse)
        [first] = field.purge()
    left = sum(on_disk(path) for path in slots(top))
    assert 0 < left < size
    assert (first.done, first.bytes_freed) == ([], size - left)
    assert [each.cause for each in first.skipped] == ["operation not permitted"]
    [second] = field.purge()
    assert (len(second.done), second.bytes_freed) == (1, left)
    assert not slots(top)
