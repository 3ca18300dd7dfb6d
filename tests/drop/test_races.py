"""Others write at the same time, or put something else there: nothing of theirs is lost."""

from __future__ import annotations

import errno
import json
import os
import shutil
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from gorillacomb.api.drop.drop import DropResult, drop
from gorillacomb.api.facade.vault import OpenVault
from gorillacomb.drop import keep
from gorillacomb.errors import GorillaCombError, RefusedForSafety
from gorillacomb.fs import mutations
from gorillacomb.vault.vault import Vault
from tests.drop.bench import OURS, Bench, contents, everything
from tests.support.disks import Disks
from tests.support.mounts import bind, remount, tmpfs
from tests.support.run import refused, run
from tests.support.trees import Tree, make_tree

FILES: Tree = {"a": "a" * 500, "b": {"c": "c" * 500}}


@pytest.fixture
def bench(tmp_path: Path, vault: Path) -> Bench:
    return Bench(tmp_path, vault, {"x": "x" * 99}, FILES)


def kept(bench: Bench) -> DropResult:
    return drop(Vault(bench.vault), bench.dropped, into=bench.root)


def before(
    monkeypatch: pytest.MonkeyPatch, name: str, number: int, what: Callable[[], object]
) -> None:
    """Do something right before the n-th change of one kind."""
    function = getattr(mutations, name)
    left = number

    def call(*arguments: Any, **options: Any) -> Any:
        nonlocal left
        left -= 1
        if left == 0:
            what()
        return function(*arguments, **options)

    monkeypatch.setattr(mutations, name, call)


def elsewhere(bench: Bench) -> Path:
    return make_tree(bench.root.parent / "elsewhere", {"theirs": "t" * 99})


@pytest.mark.parametrize("what", ["link", "file", "link to nothing"])
def test_something_else_is_called_omnidrop(bench: Bench, what: str) -> None:
    outside = elsewhere(bench)
    place = bench.root / "Omnidrop"
    if what == "file":
        place.write_bytes(b"mine")
    else:
        place.symlink_to(outside if what == "link" else "nowhere")
    ran = bench.run("drop", bench.dropped, "--into", bench.root)
    refused(ran, 5, "Omnidrop")
    assert contents(outside) == {"theirs": b"t" * 99}
    assert bench.leftovers() == []


def test_a_link_takes_the_place_of_omnidrop(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    outside = elsewhere(bench)

    def swap() -> None:
        (bench.root / "Omnidrop").rename(bench.root / "away")
        (bench.root / "Omnidrop").symlink_to(outside)

    before(monkeypatch, "rename_no_replace", 1, swap)
    result = kept(bench)
    assert result.kept is not None
    assert contents(outside) == {"theirs": b"t" * 99}
    found = contents(bench.root)
    assert len(result.kept.kept) + len(result.kept.problems) == 2
    assert sum(name.startswith("away") for name in found) == len(result.kept.kept)
    assert bench.leftovers() == []


def test_the_folder_of_the_day_appears_meanwhile(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    day = time.strftime("%Y-%m-%d")
    make_tree(bench.root, {"Omnidrop": {}})
    before(
        monkeypatch,
        "make_folder",
        4,
        lambda: make_tree(bench.root / "Omnidrop", {day: {"mine": "m"}}),
    )
    result = kept(bench)
    assert result.kept is not None and len(result.kept.kept) == 2
    found = contents(bench.root / "Omnidrop")
    assert found.pop(f"{day}/mine", b"m") == b"m"
    assert len(found) == 2


def test_a_file_appears_at_a_place(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    def appear() -> None:
        [top] = (bench.root / "Omnidrop").iterdir()
        make_tree(top, {"in": {"a": "theirs"}})

    before(monkeypatch, "rename_no_replace", 1, appear)
    result = kept(bench)
    assert result.kept is not None
    assert [(each.path, each.cause) for each in result.kept.problems] == [
        (b"in/a", "exists already")
    ]
    assert sorted(contents(bench.root / "Omnidrop").values()) == [b"c" * 500, b"theirs"]
    assert bench.leftovers() == []
    ran = bench.run("dedupe", "--undo", bench.runs[-1])
    assert ran.code == 0, ran
    assert list(contents(bench.root / "Omnidrop").values()) == [b"theirs"]


def test_a_file_that_changes_between_reading_and_keeping(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    before(monkeypatch, "create", 2, lambda: (bench.dropped / "a").write_bytes(b"edited"))
    result = kept(bench)
    assert result.kept is not None
    assert [each.path for each in result.kept.problems] == [b"in/a"]
    assert list(contents(bench.root / "Omnidrop").values()) == [b"c" * 500]


def test_a_file_that_grows_while_it_is_read(bench: Bench, tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_bytes(b"line\n" * 1000)
    stop = threading.Event()

    def write() -> None:
        with open(path, "ab", buffering=0) as file:
            while not stop.is_set():
                file.write(b"line\n" * 100)

    writer = threading.Thread(target=write)
    writer.start()
    try:
        found = bench.drop(path, into=bench.root)
    finally:
        stop.set()
        writer.join()
    for data in contents(bench.root / "Omnidrop").values() if found["kept"] else ():
        assert path.read_bytes().startswith(data)
    assert found["left_out"] or found["kept"]["failed"] or found["kept"]["files"] == 1


def test_the_root_is_replaced_meanwhile(bench: Bench) -> None:
    """As where a drive is pulled: nothing is written to what is there then."""
    patch = pytest.MonkeyPatch()

    def swap() -> None:
        bench.root.rename(bench.root.with_name("gone"))
        make_tree(bench.root, {"another drive": "d"})

    before(patch, "rename_no_replace", 1, swap)
    try:
        result = kept(bench)
    except GorillaCombError as error:
        assert "Traceback" not in str(error)
    else:
        # What was on its way went to the drive that it was meant for.
        assert result.kept is not None and len(result.kept.kept) <= 1
    assert everything(bench.root) == {"another drive"}
    shutil.rmtree(bench.root)
    bench.root.with_name("gone").rename(bench.root)
    patch.undo()
    assert kept(bench).is_complete
    assert sorted(contents(bench.root / "Omnidrop").values()) == [b"a" * 500, b"c" * 500]
    assert bench.leftovers() == []


def test_a_drive_that_fails(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    before(monkeypatch, "rename_no_replace", 1, fail)
    result = kept(bench)
    assert result.kept is not None
    assert not result.is_complete and "input/output" in result.kept.problems[0].cause
    assert bench.leftovers() == []


def test_a_root_that_cannot_be_written_to(tmp_path: Path, vault: Path) -> None:
    with tmpfs(tmp_path / "root", "1m") as disk:
        bench = Bench(tmp_path, vault, {"x": "x"}, FILES)
        remount(disk, "ro")
        ran = bench.run("drop", bench.dropped, "--into", bench.root)
        assert ran.code in (3, 5), ran
        assert "read-only" in ran.err and len(ran.err.splitlines()) == 2
        remount(disk, "rw")
        assert everything(bench.root) == {"x"}


def test_two_at_once(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """The second one, also of another vault, waits for no lock of the first: it is refused."""
    other = Vault(bench.vault.with_name("other"))
    OpenVault(other).scan(bench.root)
    said: list[BaseException] = []

    def second() -> None:
        try:
            drop(other, bench.dropped, into=bench.root)
        except RefusedForSafety as refusal:
            said.append(refusal)

    before(monkeypatch, "create", 2, second)
    result = kept(bench)
    assert result.is_complete and len(said) == 1
    assert len(contents(bench.root / "Omnidrop")) == 2


@pytest.mark.parametrize("there", ["link", "folder", "fifo", "edited"])
def test_undo_meets_something_else(bench: Bench, there: str) -> None:
    top = Path(bench.drop(into=bench.root)["kept"]["folder"]["path"])
    path, outside = top / "in/a", elsewhere(bench)
    path.unlink()
    if there == "link":
        path.symlink_to(outside / "theirs")
    elif there == "folder":
        make_tree(path, {"f": "f"})
    elif there == "fifo":
        os.mkfifo(path)
    else:
        path.write_bytes(b"b" * 500)
    ran = bench.undo(code=3)
    assert "was changed since" in ran.out
    assert os.path.lexists(path) and not (top / "in/b").exists()
    assert contents(outside) == {"theirs": b"t" * 99}


def test_undo_through_a_link_in_place_of_a_folder(bench: Bench) -> None:
    """The same file stands outside: it must not go."""
    top = Path(bench.drop(into=bench.root)["kept"]["folder"]["path"])
    outside = bench.root.parent / "outside"
    (top / "in").rename(outside)
    (top / "in").symlink_to(outside)
    bench.undo(code=3)
    assert contents(outside) == {"a": b"a" * 500, "b/c": b"c" * 500}


def test_undo_by_the_folder_of_the_run_without_a_vault(bench: Bench) -> None:
    bench.drop(into=bench.root)
    run_folder = bench.root / OURS / "quarantine" / bench.runs[-1]
    ran = run("dedupe", "--undo", run_folder, vault=bench.vault.with_name("none"))
    assert ran.code == 0, ran
    assert everything(bench.root) == {"x"}


def test_a_forged_journal_removes_nothing_elsewhere(bench: Bench) -> None:
    """Somebody else made the drive: a run of its own names files outside Omnidrop."""
    bench.drop(into=bench.root)
    journal = bench.root / OURS / "quarantine" / bench.runs[-1] / "journal.jsonl"
    lines = [json.loads(line) for line in journal.read_bytes().splitlines()]
    (bench.root / "mine").write_bytes(b"a" * 500)
    for path, top in (
        ("mine", "."),
        ("mine", "mine"),
        ("../mine", "Omnidrop/x"),
        ("mine/a", "mine"),
    ):
        forged = [{**line, "path": path, "top": top} if "slot" in line else line for line in lines]
        journal.write_text("".join(json.dumps(each) + "\n" for each in forged))
        ran = bench.run("dedupe", "--undo", bench.runs[-1])
        assert ran.code != 0
        assert (bench.root / "mine").read_bytes() == b"a" * 500


def test_a_drop_through_another_mount(bench: Bench, tmp_path: Path) -> None:
    """What is dropped is in the root, seen through another path: it is no copy of itself."""
    (tmp_path / "view").mkdir()
    with bind(bench.root, tmp_path / "view"):
        found = bench.drop(tmp_path / "view")
        assert found["have"]["files"] == 0


@pytest.mark.parametrize(
    "name", [b"\xff\xfe", b"n" * 255, b"-rf", b"a\nb", b"a'b\"$(x)", b" .", b"~"]
)
def test_odd_names_of_local_files(tmp_path: Path, vault: Path, name: bytes) -> None:
    bench = Bench(
        tmp_path, vault, {"x": "x"}, {name: "odd" * 99, b"d" + name[1:]: {name: "e" * 99}}
    )
    found = bench.drop(into=bench.root, code=0)
    assert found["kept"]["files"] == 2
    assert bench.run("drop", bench.dropped).code == 0
    bench.undo()
    assert everything(bench.root) == {"x"}


def test_very_long_paths(tmp_path: Path, vault: Path) -> None:
    bench = Bench(tmp_path, vault, {"x": "x"}, {"f": "f" * 99})
    folder = os.open(bench.dropped, os.O_RDONLY)
    for _ in range(30):
        os.mkdir("d" * 200, dir_fd=folder)
        inner = os.open("d" * 200, os.O_RDONLY, dir_fd=folder)
        os.close(folder)
        folder = inner
    os.close(os.open("deep", os.O_CREAT | os.O_WRONLY, dir_fd=folder))
    file = os.open("deep", os.O_WRONLY, dir_fd=folder)
    os.write(file, b"deep" * 99)
    os.close(file)
    os.close(folder)
    found = bench.drop(into=bench.root, code=3)
    assert found["kept"]["files"] == 1
    assert "path of" in found["kept"]["failed"][0]["cause"]


def test_a_file_system_that_cannot_move_a_file_without_risk(
    tmp_path: Path, vault: Path, disks: Disks
) -> None:
    """The exFAT driver in user space neither links nor renames without replacing."""
    stick = disks.plug("exfat", disks.image("exfat"), disks.point("root"))
    bench = Bench(tmp_path, vault, {"x": "x" * 99}, {"A": "one" * 99, "q?": "2" * 99})
    found = bench.drop(into=stick, code=3)
    causes = {each["path"]: each["cause"] for each in found["kept"]["failed"]}
    assert "Windows" in causes["in/q?"] and "without risk" in causes["in/A"]
    assert found["kept"]["folder"] is None
    assert everything(stick) == {"x"}
    assert bench.leftovers() == []


def test_names_that_differ_by_case_on_a_volume_that_ignores_it(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As far as it can be made up: the second one exists already."""
    make_tree(bench.dropped, {"A": "another" * 99})
    rename = mutations.rename_no_replace

    def folding(source: int, name: bytes, target: int, new_name: bytes) -> None:
        rename(source, name, target, new_name.lower())

    monkeypatch.setattr(mutations, "rename_no_replace", folding)
    result = kept(bench)
    assert result.kept is not None
    assert [each.cause for each in result.kept.problems] == ["exists already"]
    assert len(contents(bench.root / "Omnidrop")) == 2


def test_where_files_cannot_be_renamed_without_risk(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """There a file is linked to its new name, then unlinked."""
    monkeypatch.setattr(mutations, "_rename", lambda *given: errno.EINVAL)
    assert kept(bench).is_complete
    assert sorted(contents(bench.root / "Omnidrop").values()) == [b"a" * 500, b"c" * 500]
    OpenVault(Vault(bench.vault)).undo(bench.runs[-1])
    assert everything(bench.root) == {"x"}


def test_no_batch_is_larger_than_it_may_be(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keep, "_BATCH", 1)
    assert kept(bench).is_complete
    assert len(contents(bench.root / "Omnidrop")) == 2
