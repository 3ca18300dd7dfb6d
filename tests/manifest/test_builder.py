"""Making a manifest: it states what is, and says what it could not state."""

from __future__ import annotations

import hashlib
import os
import shutil
import socket
import stat
from pathlib import Path
from typing import Any

import pytest
from blake3 import blake3

from gorillacomb.errors import RootVanished, UsageError
from gorillacomb.fs import openat
from gorillacomb.manifest import worker
from gorillacomb.manifest.builder import build
from gorillacomb.manifest.model import Manifest, ManifestEntry
from gorillacomb.manifest.parse import parse_manifest
from gorillacomb.manifest.serialize import to_json
from tests.manifest.samples import NOW, made
from tests.support.trees import HardLink, Link, Tree, make_tree

TREE: Tree = {
    "a": "one",
    "a-b": "",
    "a.d": {"b": "two", "hard": HardLink("a"), b"\xff": "odd", "new\nline": "x"},
    "empty": {"inner": {}, "hidden": {".gorillacomb": {"journal": "x"}}},
    "large": b"x" * (worker.LARGE + 1),
    "larger": b"0123456789" * (worker.LARGE // 4),
    "middle": b"y" * (3 << 20),
    "link": Link("a.d/b"),
    "dangling": Link("nowhere"),
    "loop": Link("."),
}


PATCHED = pytest.mark.linux("patches code of readers, which are spawned on macOS")


@pytest.fixture
def top(tmp_path: Path) -> Path:
    return make_tree(tmp_path / "tree", TREE)


def expected(top: Path) -> dict[bytes, ManifestEntry]:
    """The ten-line oracle, with hashes by the libraries alone."""
    found = {}
    for folder, folders, files in os.walk(os.fsencode(top)):
        folders[:] = [name for name in folders if name != b".gorillacomb"]
        links = [name for name in folders if os.path.islink(os.path.join(folder, name))]
        names = [*files, *links]
        if not names and not folders and folder != os.fsencode(top):
            names = [b""]
        for name in names:
            path = os.path.join(folder, name).rstrip(b"/")
            facts = os.lstat(path)
            mode, mtime = stat.S_IMODE(facts.st_mode), facts.st_mtime_ns
            place = os.path.relpath(path, os.fsencode(top))
            if stat.S_ISLNK(facts.st_mode):
                found[place] = ManifestEntry(place, "link", mode, 0, mtime, os.readlink(path))
            elif stat.S_ISDIR(facts.st_mode):
                found[place] = ManifestEntry(place, "dir", mode, 0, mtime)
            else:
                data = Path(os.fsdecode(path)).read_bytes()
                digests = blake3(data).hexdigest(), hashlib.sha256(data).hexdigest()
                found[place] = ManifestEntry(place, "file", mode, len(data), mtime, None, *digests)
    return found


@pytest.mark.parametrize("workers", [0, 1, 3])
def test_everything_is_written_down(top: Path, workers: int) -> None:
    os.chmod(top / "a", 0o4750)
    os.chmod(top / "empty/inner", 0o1777)
    manifest = made(top, workers=workers)
    assert {entry.path: entry for entry in manifest.entries} == expected(top)
    assert [entry.path for entry in manifest.entries] == sorted(expected(top))
    assert (manifest.name, manifest.created_ns) == (b"tree", NOW)
    assert (manifest.whole, manifest.left_out, manifest.checkpoint) == (True, (), None)
    assert parse_manifest(to_json(manifest)) == manifest


def test_many_files_take_many_tasks(tmp_path: Path) -> None:
    top = make_tree(
        tmp_path / "tree", {f"d{n}": {f"f{i}": f"{n} {i}" for i in range(50)} for n in range(25)}
    )
    manifest = made(top, workers=None)
    assert {entry.path: entry for entry in manifest.entries} == expected(top)


def test_the_seq_of_a_stamp_is_asked_by_path_and_content(top: Path) -> None:
    asked = {}

    def seq_of(path: bytes, digest: bytes) -> int | None:
        asked[path] = digest
        return 7 if path.endswith(b"/a") else None

    manifest = made(top, seq_of=seq_of, checkpoint="note")
    assert asked[os.fsencode(top) + b"/a"] == blake3(b"one").digest()
    assert {entry.path for entry in manifest.entries if entry.seq == 7} == {b"a"}
    assert {entry.seq for entry in manifest.entries} == {7, None}
    assert manifest.checkpoint == "note"


def test_the_root_may_be_named_through_a_link(top: Path, tmp_path: Path) -> None:
    (tmp_path / "other name").symlink_to(top)
    assert made(tmp_path / "other name") == made(top)
    assert build(os.fsencode(top) + b"/", NOW, workers=0) == made(top)


def test_a_selection(top: Path) -> None:
    chosen = [(b"middle", 5), (b"a", None), (b"a.d/\xff", 9)]
    manifest = made(top, selection=iter(chosen))
    assert [(e.path, e.seq) for e in manifest.entries] == sorted(chosen)
    assert (manifest.whole, manifest.left_out) == (False, ())
    assert parse_manifest(to_json(manifest)) == manifest


def test_a_selected_file_that_is_gone_is_lacking(top: Path) -> None:
    (top / "a").unlink()
    manifest = made(top, selection=[(b"a", 1), (b"a-b", 2), (b"link/x", 3), (b"gone/x", 4)])
    assert [entry.path for entry in manifest.entries] == [b"a-b"]
    assert [(each.path, each.kind) for each in manifest.lacks] == [
        (b"a", "gone"),
        (b"gone/x", "gone"),
        (b"link/x", "gone"),
    ]


def test_what_is_not_to_be_part_of_it(top: Path) -> None:
    (top / "manifest.json").write_text("old")
    (top / "vault").mkdir()
    (top / "vault/index.db").write_text("x")
    (top / "trace.db").write_text("x")
    own = {openat.identity_of(os.stat(top / name)) for name in ("vault", "trace.db")}
    manifest = made(top, ignored={b"manifest.json", b"manifest.json.dsse"}, own=own)
    kept = expected(top).keys() - {b"manifest.json", b"vault/index.db", b"trace.db"}
    assert {entry.path for entry in manifest.entries} == kept


def test_what_is_neither_file_nor_folder_is_left_out(top: Path) -> None:
    os.mkfifo(top / "a.d/fifo")
    (top / "odd").mkdir()
    with socket.socket(socket.AF_UNIX) as opened:
        opened.bind(os.fsencode(os.path.relpath(top / "odd/socket")))
    manifest = made(top)
    assert [(each.path, each.kind) for each in manifest.left_out] == [
        (b"a.d/fifo", "fifo"),
        (b"odd/socket", "socket"),
    ]
    assert manifest.lacks == ()
    assert b"odd" in {entry.path for entry in manifest.entries}  # a folder with nothing to deploy
    assert parse_manifest(to_json(manifest)) == manifest


@pytest.mark.parametrize("workers", [0, pytest.param(2, marks=PATCHED)])
def test_a_file_that_cannot_be_read_is_lacking(
    top: Path, monkeypatch: pytest.MonkeyPatch, workers: int
) -> None:
    real = openat.open_file

    def refusing(name: bytes, folder: int) -> int:
        if name in (b"b", b"large"):
            raise OSError(5, "Input/output error")
        return real(name, folder)

    monkeypatch.setattr(worker, "open_file", refusing)
    manifest = made(top, workers=workers)
    assert [(e.path, e.kind, e.cause) for e in manifest.lacks] == [
        (b"a.d/b", "unreadable", "input/output error"),
        (b"large", "unreadable", "input/output error"),
    ]
    assert {entry.path for entry in manifest.entries} == expected(top).keys() - {b"a.d/b", b"large"}


def test_a_folder_that_cannot_be_listed_is_lacking(
    top: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = os.scandir

    def refusing(folder: int) -> Any:
        if os.fstat(folder).st_ino == os.stat(top / "a.d").st_ino:
            raise PermissionError(13, "Permission denied")
        return real(folder)

    monkeypatch.setattr(os, "scandir", refusing)
    manifest = made(top)
    assert [(e.path, e.kind, e.cause) for e in manifest.lacks] == [
        (b"a.d", "unreadable", "permission denied")
    ]


@pytest.mark.parametrize(("times", "unstable"), [(1, False), (2, False), (3, True)])
def test_a_file_that_changes_is_read_again(
    top: Path, monkeypatch: pytest.MonkeyPatch, times: int, unstable: bool
) -> None:
    real = openat.open_file
    writes = 0

    def meanwhile(name: bytes, folder: int) -> int:
        nonlocal writes
        if name == b"a-b" and writes < times:
            writes += 1
            with open(top / "a-b", "a") as file:
                file.write("more")
        return real(name, folder)

    monkeypatch.setattr(worker, "open_file", meanwhile)
    manifest = made(top)
    assert writes == times
    if unstable:
        assert [(e.path, e.kind) for e in manifest.lacks] == [(b"a-b", "unstable")]
        assert b"a-b" not in {entry.path for entry in manifest.entries}
    else:
        assert {entry.path: entry for entry in manifest.entries} == expected(top)


def test_a_folder_that_is_exchanged_for_a_link_leads_nowhere(
    top: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between listing a folder and reading its files."""
    outside = make_tree(tmp_path / "outside", {"b": "secret", "hard": "secret"})
    real = worker.start_manifest_workers

    def exchanging(*arguments: Any) -> Any:  # the walk has met everything by now
        shutil.rmtree(top / "a.d")
        (top / "a.d").symlink_to(outside)
        return real(*arguments)

    monkeypatch.setattr("gorillacomb.manifest.builder.start_manifest_workers", exchanging)
    manifest = made(top)
    secret = hashlib.sha256(b"secret").hexdigest()
    assert all(entry.sha256 != secret for entry in manifest.entries)
    assert {(e.path, e.kind) for e in manifest.lacks} == {
        (b"a.d/b", "gone"),
        (b"a.d/hard", "gone"),
        (b"a.d/new\nline", "gone"),
        (b"a.d/\xff", "gone"),
    }


def test_a_root_that_goes_away(top: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = worker.start_manifest_workers

    def exchanging(*arguments: Any) -> Any:
        top.rename(top.with_name("away"))
        top.mkdir()
        return real(*arguments)

    monkeypatch.setattr("gorillacomb.manifest.builder.start_manifest_workers", exchanging)
    with pytest.raises(RootVanished):
        made(top)


def test_a_root_that_is_none(tmp_path: Path) -> None:
    with pytest.raises(UsageError):
        made(tmp_path / "nowhere")
    (tmp_path / "file").write_text("x")
    with pytest.raises(UsageError, match="not a folder"):
        made(tmp_path / "file")


def test_an_empty_folder(tmp_path: Path) -> None:
    manifest = made(make_tree(tmp_path / "tree", {}))
    assert manifest == Manifest(b"tree", (), NOW)
    assert parse_manifest(to_json(manifest)) == manifest


def test_deeper_than_any_path_that_can_be_opened_at_once(tmp_path: Path) -> None:
    top = make_tree(tmp_path / "tree", {})
    here = os.open(top, os.O_RDONLY)
    names = ["d" * 200] * 40
    for name in names:
        os.mkdir(name, dir_fd=here)
        below = os.open(name, os.O_RDONLY, dir_fd=here)
        os.close(here)
        here = below
    with open(os.open("leaf", os.O_WRONLY | os.O_CREAT, dir_fd=here), "w") as leaf:
        leaf.write("x")
    os.close(here)
    (entry,) = made(top).entries
    assert entry.path == "/".join([*names, "leaf"]).encode()
    assert entry.sha256 == hashlib.sha256(b"x").hexdigest()
    shutil.rmtree(top / names[0])


def test_another_file_system_is_not_entered(top: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As if `a.d` were one: a real mount needs privileges that tests do not have."""
    real = os.fstat

    class Elsewhere:
        def __init__(self, facts: os.stat_result) -> None:
            self.facts = facts

        def __getattr__(self, name: str) -> Any:
            return -1 if name == "st_dev" else getattr(self.facts, name)

    inode = os.stat(top / "a.d").st_ino

    def fstat(descriptor: int) -> Any:
        facts = real(descriptor)
        return Elsewhere(facts) if facts.st_ino == inode else facts

    monkeypatch.setattr(os, "fstat", fstat)
    manifest = made(top)
    assert [(e.path, e.kind) for e in manifest.left_out] == [(b"a.d", "mount")]
    assert manifest.lacks == ()
    assert not any(entry.path.startswith(b"a.d/") for entry in manifest.entries)
