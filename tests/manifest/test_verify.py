"""Verify: every difference between a tree and its manifest, and nothing read outside of it."""

from __future__ import annotations

import dataclasses
import os
import shutil
import socket
import stat
import tempfile
import unicodedata
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gorillacomb.errors import RootVanished, UsageError
from gorillacomb.fs import openat
from gorillacomb.fs.lease import is_open_for_writing
from gorillacomb.manifest import tree, worker
from gorillacomb.manifest.model import Manifest, ManifestEntry
from gorillacomb.manifest.parse import parse_manifest
from gorillacomb.manifest.serialize import to_json
from gorillacomb.manifest.verify import RenamedPath, VerificationReport, verify
from gorillacomb.model import SECOND
from tests.manifest.samples import NOW, file, made
from tests.support.audit import listening
from tests.support.disks import Disks
from tests.support.trees import Link, Tree, make_tree

TREE: Tree = {
    "package.json": "{}",
    "client": {"app.tsx": "app", "copy.tsx": "app", "logo": "logo" * 5000},
    "server": {"index.ts": "serve", b"odd \xff\n": "odd", "empty": ""},
    "assets": {"none": {}, "also none": {}},
    "latest": Link("client/app.tsx"),
    "away": Link("/etc/passwd"),
    "folder": Link("server"),
}
COUNT = 12


@pytest.fixture
def top(tmp_path: Path) -> Path:
    return make_tree(tmp_path / "tree", TREE)


@pytest.fixture
def manifest(top: Path) -> Manifest:
    return made(top)


def check(manifest: Manifest, top: Path, **options: Any) -> VerificationReport:
    options.setdefault("workers", 0)
    return verify(parse_manifest(to_json(manifest)), os.fsencode(top), **options)


def found(result: VerificationReport) -> dict[str, Any]:
    """What was found, without what was not."""
    lists: dict[str, Any] = {
        name: [each.path for each in getattr(result, name)]
        for name in (*result.kinds(), "extra", "unproven")
        if name != "renamed"
    }
    lists["renamed"] = [(each.origin, each.path) for each in result.renamed]
    return {name: paths for name, paths in lists.items() if paths}


def rewrite(path: Path, content: bytes, keep_time: bool = False) -> None:
    facts = path.stat()
    path.write_bytes(content)
    times = (facts.st_atime_ns, facts.st_mtime_ns + (0 if keep_time else 10**9))
    os.utime(path, ns=times)


@pytest.mark.parametrize("workers", [0, 2])
@pytest.mark.parametrize("both", [False, True])
def test_nothing_changed(top: Path, manifest: Manifest, workers: int, both: bool) -> None:
    result = check(manifest, top, workers=workers, both=both)
    assert found(result) == {}
    assert (result.ok, result.differs, result.incomplete) == (COUNT, False, False)


def test_times_alone_are_no_difference(top: Path, manifest: Manifest) -> None:
    for path in top.rglob("*"):
        os.utime(path, (1, 1), follow_symlinks=False)
    assert found(check(manifest, top)) == {}


def test_a_changed_file(top: Path, manifest: Manifest) -> None:
    rewrite(top / "client/app.tsx", b"apt")
    rewrite(top / "package.json", b"{ }")
    result = check(manifest, top)
    assert found(result) == {"changed": [b"client/app.tsx", b"package.json"]}
    assert [each.cause for each in result.changed] == [
        "its content is another one",
        "3 bytes, was 2",
    ]
    assert result.ok == COUNT - 2


def test_a_damaged_file(top: Path, manifest: Manifest) -> None:
    rewrite(top / "client/app.tsx", b"apt", keep_time=True)
    rewrite(top / "package.json", b"{ }", keep_time=True)  # of another size: not rot
    assert found(check(manifest, top)) == {
        "damaged": [b"client/app.tsx"],
        "changed": [b"package.json"],
    }


def test_content_of_a_file_that_was_read_young_is_edited(top: Path) -> None:
    """A mapped page may have been stored to since, without any time's showing it."""
    path = top / "client/app.tsx"
    os.utime(path, ns=(NOW - 59 * SECOND, NOW - 59 * SECOND))
    manifest = made(top)
    rewrite(path, b"apt", keep_time=True)
    result = check(manifest, top)
    assert found(result) == {"changed": [b"client/app.tsx"]}
    assert "just before" in result.changed[0].cause


@pytest.mark.parametrize("apart", [-61, 24 * 3600 + 61])
def test_content_of_a_file_that_was_old_is_damaged(top: Path, apart: int) -> None:
    """So is that of one with a time in the future: that time says nothing."""
    path, time_ns = top / "client/app.tsx", NOW + apart * SECOND
    os.utime(path, ns=(time_ns, time_ns))
    manifest = made(top)
    rewrite(path, b"apt", keep_time=True)
    assert found(check(manifest, top)) == {"damaged": [b"client/app.tsx"]}


def test_where_changes_may_be_hidden_content_is_suspect(
    top: Path, manifest: Manifest, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tree, "hides_changes", lambda kind: True)
    rewrite(top / "client/app.tsx", b"apt", keep_time=True)
    assert found(check(manifest, top)) == {"suspect": [b"client/app.tsx"]}


def test_content_of_a_file_that_is_written_to_is_not_judged(top: Path, manifest: Manifest) -> None:
    path = top / "client/app.tsx"
    rewrite(path, b"apt", keep_time=True)
    with open(path, "rb") as file:
        if is_open_for_writing(file.fileno()) is None:
            pytest.skip("MISSING: a file system with leases under the temporary folder")
    with open(path, "r+b"):
        result = check(manifest, top)
    assert found(result) == {"unreadable": [b"client/app.tsx"]}
    assert "in use" in result.unreadable[0].cause
    assert (result.differs, result.incomplete) == (False, True)


def test_names_in_another_unicode_form(tmp_path: Path) -> None:
    """Made on Linux, unpacked on a Mac: the names look the same, and are said to differ."""
    names: Tree = {
        "\u00e9t\u00e9": {"a": "same", "b": "was"},
        "vid\u00e9": {},
        "li\u00e9": Link("x"),
        "plain": "same",
    }
    manifest = made(make_tree(tmp_path / "one", names))
    other: Tree = {unicodedata.normalize("NFD", str(name)): names[name] for name in names}
    top = make_tree(tmp_path / "two", other)
    summer = os.fsencode(unicodedata.normalize("NFD", "\u00e9t\u00e9"))
    (top / os.fsdecode(summer) / "b").write_text("other")
    result = check(manifest, top)
    assert found(result) == {
        "changed": [summer + b"/b"],
        "renamed": [
            ("li\u00e9".encode(), b"lie\xcc\x81"),
            ("vid\u00e9".encode(), b"vide\xcc\x81"),
            ("\u00e9t\u00e9/a".encode(), summer + b"/a"),
            ("\u00e9t\u00e9/b".encode(), summer + b"/b"),
        ],
    }
    assert {each.cause for each in result.renamed} == {
        "the same name in another Unicode form: composed (NFC), then decomposed (NFD)"
    }
    assert (result.ok, result.differs) == (1, True)


def test_two_names_that_look_the_same_are_not_mixed_up(tmp_path: Path) -> None:
    names: Tree = {"\u00e9": "composed", "e\u0301": "decomposed"}
    top = make_tree(tmp_path / "tree", names)
    manifest = made(top)
    assert found(check(manifest, top)) == {}
    (top / "e\u0301").rename(top / "x")
    assert found(check(manifest, top)) == {"renamed": [(b"e\xcc\x81", b"x")]}


@pytest.mark.parametrize("kind", ["vfat", "exfat"])
def test_a_copy_on_a_drive_without_modes_and_cases(tmp_path: Path, disks: Disks, kind: str) -> None:
    drive: Tree = {"run.sh": "#!/bin/sh", "Photos": {"a": "a", "b": "b"}, "none": {}}
    top = make_tree(tmp_path / "tree", drive)
    (top / "run.sh").chmod(0o750)
    (top / "Photos/a").chmod(0o600)
    manifest = made(top)
    stick = disks.plug(kind, disks.image(kind), disks.point("stick"))
    make_tree(stick, {"run.sh": "#!/bin/sh", "PHOTOS": {"a": "a", "b": "b"}, "none": {}})
    result = check(manifest, stick)
    assert not result.modes
    assert found(result) == {
        "renamed": [(b"Photos/a", b"PHOTOS/a"), (b"Photos/b", b"PHOTOS/b")],
    }
    assert all("upper and lower case" in each.cause for each in result.renamed)
    assert result.ok == 2
    result = check(manifest, make_tree(stick / "as it was", drive))
    assert (found(result), result.ok, result.differs) == ({}, 4, False)


def test_missing_and_extra(top: Path, manifest: Manifest) -> None:
    (top / "package.json").unlink()
    (top / "latest").unlink()
    (top / "assets/none").rmdir()
    (top / "server/new").write_text("new")
    (top / "server/link").symlink_to("nowhere")
    (top / "server/later").mkdir()
    (top / "server/more/inside").mkdir(parents=True)
    (top / "server/more/file").write_text("more")
    assert found(check(manifest, top)) == {
        "missing": [b"assets/none", b"latest", b"package.json"],
        "extra": [
            b"server/later",
            b"server/link",
            b"server/more/file",
            b"server/more/inside",
            b"server/new",
        ],
    }


def test_a_folder_that_lost_its_files_is_not_extra(top: Path, manifest: Manifest) -> None:
    shutil.rmtree(top / "client")
    gone = [b"client/app.tsx", b"client/copy.tsx", b"client/logo"]
    assert found(check(manifest, top)) == {"missing": gone}
    (top / "client").mkdir()
    assert found(check(manifest, top)) == {"missing": gone}


def test_modes(top: Path, manifest: Manifest) -> None:
    os.chmod(top / "package.json", 0o4755)
    os.chmod(top / "assets/none", 0o700)
    result = check(manifest, top)
    assert found(result) == {"mode": [b"assets/none", b"package.json"]}
    old = next(entry.mode for entry in manifest.entries if entry.path == b"package.json")
    assert result.mode[1].cause == f"4755, was {old:04o}"
    assert result.ok == COUNT - 2


def test_a_change_and_a_mode(top: Path, manifest: Manifest) -> None:
    rewrite(top / "package.json", b"[]")
    os.chmod(top / "package.json", 0o600)
    assert found(check(manifest, top)) == {"changed": [b"package.json"], "mode": [b"package.json"]}


def test_types_and_targets(top: Path, manifest: Manifest) -> None:
    (top / "package.json").unlink()
    (top / "package.json").mkdir()
    (top / "assets/none").rmdir()
    (top / "assets/none").write_text("file")
    (top / "latest").unlink()
    (top / "latest").write_text("app")
    (top / "away").unlink()
    (top / "away").symlink_to("/etc/shadow")
    (top / "client/app.tsx").rename(top / "client/real")
    (top / "client/app.tsx").symlink_to("real")
    os.unlink(top / "server/index.ts")
    os.mkfifo(top / "server/index.ts")
    result = check(manifest, top)
    assert found(result) == {
        "changed": [
            b"assets/none",
            b"away",
            b"client/app.tsx",
            b"latest",
            b"package.json",
            b"server/index.ts",
        ],
        "extra": [b"client/real"],
    }
    assert [each.cause for each in result.changed] == [
        "is a file now",
        "leads elsewhere now",
        "is a link now",
        "is a file now",
        "is a folder now",
        "is a special file now",
    ]


def test_renamed(top: Path, manifest: Manifest) -> None:
    (top / "server").rename(top / "backend")
    (top / "latest").rename(top / "newest")
    result = check(manifest, top)
    assert found(result) == {
        "renamed": [
            (b"latest", b"newest"),
            (b"server/empty", b"backend/empty"),
            (b"server/index.ts", b"backend/index.ts"),
            (b"server/odd \xff\n", b"backend/odd \xff\n"),
        ]
    }
    assert result.differs


def test_one_content_is_renamed_once(top: Path, manifest: Manifest) -> None:
    (top / "client/app.tsx").rename(top / "client/x.tsx")
    (top / "client/copy.tsx").unlink()
    assert found(check(manifest, top)) == {
        "missing": [b"client/copy.tsx"],
        "renamed": [(b"client/app.tsx", b"client/x.tsx")],
    }
    (top / "z").mkdir()
    (top / "z/copy.tsx").write_text("app")
    (top / "z/other").write_text("app")
    result = check(manifest, top)
    assert found(result)["renamed"] == [
        (b"client/app.tsx", b"client/x.tsx"),
        (b"client/copy.tsx", b"z/copy.tsx"),
    ]
    assert found(result)["extra"] == [b"z/other"]


def test_renamed_with_another_mode(top: Path, manifest: Manifest) -> None:
    (top / "package.json").rename(top / "p.json")
    os.chmod(top / "p.json", 0o600)
    assert found(check(manifest, top)) == {
        "renamed": [(b"package.json", b"p.json")],
        "mode": [b"p.json"],
    }


def test_a_large_file_is_renamed_changed_and_damaged(tmp_path: Path) -> None:
    top = make_tree(tmp_path / "tree", {name: name * worker.LARGE for name in "abc"})
    (top / "more").write_bytes(b"x" * (worker.LARGE * 2 + 12345))
    manifest = made(top)
    for both in (False, True):
        assert found(check(manifest, top, both=both)) == {}
    (top / "a").rename(top / "d")
    with open(top / "b", "r+b") as opened:
        facts = os.fstat(opened.fileno())
        opened.seek(-1, os.SEEK_END)
        opened.write(b"x")
        opened.flush()
        os.utime(opened.fileno(), ns=(facts.st_atime_ns, facts.st_mtime_ns))
    for workers in (0, 2):
        assert found(check(manifest, top, workers=workers)) == {
            "renamed": [(b"a", b"d")],
            "damaged": [b"b"],
        }


@pytest.mark.parametrize("digest", ["blake3", "sha256"])
@pytest.mark.parametrize("size", [10, worker.LARGE])
def test_both_digests_must_match(tmp_path: Path, digest: str, size: int) -> None:
    top = make_tree(tmp_path / "tree", {"a": b"x" * size})
    manifest = made(top)
    entry = dataclasses.replace(manifest.entries[0], **{digest: "0" * 64})  # type: ignore[arg-type]
    spoiled = dataclasses.replace(manifest, entries=(entry,))
    assert found(check(spoiled, top, both=True)) == {"damaged": [b"a"]}
    only_blake3 = {} if digest == "sha256" else {"damaged": [b"a"]}
    assert found(check(spoiled, top, both=False)) == only_blake3


def test_what_cannot_be_read(
    top: Path, manifest: Manifest, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = openat.open_file

    def refusing(name: bytes, folder: int) -> int:
        if name == b"app.tsx":
            raise PermissionError(13, "Permission denied")
        return real(name, folder)

    monkeypatch.setattr(worker, "open_file", refusing)
    result = check(manifest, top)
    assert found(result) == {"unreadable": [b"client/app.tsx"]}
    assert result.unreadable[0].cause == "permission denied"
    assert (result.differs, result.incomplete) == (False, True)


def test_a_file_that_is_written_all_the_time(
    top: Path, manifest: Manifest, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = openat.open_file

    def meanwhile(name: bytes, folder: int) -> int:
        if name == b"app.tsx":
            (top / "client/app.tsx").write_bytes(b"app")
        return real(name, folder)

    monkeypatch.setattr(worker, "open_file", meanwhile)
    result = check(manifest, top)
    assert found(result) == {"unreadable": [b"client/app.tsx"]}
    assert result.unreadable[0].cause == "changed each time it was read"


def test_our_own_files_are_neither_extra_nor_opened(top: Path, manifest: Manifest) -> None:
    (top / ".gorillacomb").mkdir()
    (top / ".gorillacomb/journal.jsonl").write_text("x")
    (top / "server/.gorillacomb").mkdir()
    (top / "index.db").write_text("x")
    (top / "vault").mkdir()
    (top / "vault/lock").write_text("x")
    facts = [os.stat(top / name) for name in ("index.db", "vault", "package.json")]
    own = frozenset((each.st_dev, each.st_ino) for each in facts)
    result = check(manifest, top, own=own)
    assert found(result) == {"unreadable": [b"package.json"]}
    assert result.unreadable[0].cause == "belongs to Gorilla Comb"


def test_the_manifest_itself_is_not_extra(top: Path, manifest: Manifest) -> None:
    (top / "manifest.json").write_text("x")
    (top / "sub").mkdir()
    (top / "sub/manifest.json").write_text("x")
    result = check(manifest, top, ignored={b"manifest.json", b"manifest.json.dsse"})
    assert found(result) == {"extra": [b"sub/manifest.json"]}


def test_odd_things(top: Path) -> None:
    os.mkfifo(top / "fifo")
    manifest = made(top)
    assert [(each.path, each.kind) for each in manifest.left_out] == [(b"fifo", "fifo")]
    assert found(check(manifest, top)) == {}
    os.mkfifo(top / "client/fifo")
    with socket.socket(socket.AF_UNIX) as opened:
        opened.bind(os.fsencode(os.path.relpath(top / "socket")))
    result = check(manifest, top)
    assert found(result) == {"extra": [b"client/fifo", b"socket"]}
    assert [each.cause for each in result.extra] == ["a FIFO", "a socket"]


def test_a_selection_says_nothing_of_the_rest(top: Path) -> None:
    manifest = made(top, selection=[(b"package.json", 5), (b"client/logo", None)])
    assert not manifest.whole
    result = check(manifest, top)
    assert (result.ok, result.differs) == (2, False)
    assert len(result.extra) == COUNT - 2
    (top / "package.json").rename(top / "p.json")
    result = check(manifest, top)
    assert result.renamed == (RenamedPath(b"package.json", b"p.json"),)
    assert result.differs


def test_what_the_manifest_lacks_is_unproven(top: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refusing(name: bytes, folder: int) -> int:
        raise OSError(5, "Input/output error")

    with monkeypatch.context() as patched:
        patched.setattr(worker, "open_file", refusing)
        manifest = made(top)
    assert len(manifest.lacks) == 7
    result = check(manifest, top)
    assert list(found(result)) == ["unproven"]
    assert (result.differs, result.incomplete) == (False, True)


def test_a_root_that_is_none(tmp_path: Path) -> None:
    manifest = Manifest(b"x", (file(b"a"),), NOW)
    with pytest.raises(UsageError):
        check(manifest, tmp_path / "nowhere")
    (tmp_path / "file").write_text("x")
    with pytest.raises(UsageError, match="not a folder"):
        check(manifest, tmp_path / "file")


@pytest.mark.parametrize("workers", [0, 2])
def test_a_root_that_is_exchanged(
    top: Path, manifest: Manifest, monkeypatch: pytest.MonkeyPatch, workers: int
) -> None:
    real = worker.start_manifest_workers

    def exchanging(*arguments: Any) -> Any:
        workers = real(*arguments)
        top.rename(top.with_name("away"))
        make_tree(top, {"package.json": "{}"})
        return workers

    monkeypatch.setattr(worker, "start_manifest_workers", exchanging)
    with pytest.raises(RootVanished):
        check(manifest, top, workers=workers)


# What is opened.


@pytest.fixture
def opened() -> Iterator[list[tuple[object, int]]]:
    """All that this process opens or lists: what, and the flags (-1 for a listing)."""
    found: list[tuple[object, int]] = []

    def hear(event: str, arguments: tuple[Any, ...]) -> None:
        if event == "open":
            found.append((arguments[0], arguments[2]))
        elif event in ("os.listdir", "os.scandir"):
            found.append((arguments[0], -1))

    with listening(hear):
        yield found


every_open = pytest.mark.linux("counts every open, also those of the made-up macOS itself")


def inside(opened: list[tuple[object, int]], top: Path) -> None:
    """Everything was opened step by step, by one name at a time, without following links."""
    assert opened
    root = os.path.realpath(os.fsencode(top))
    for what, flags in opened:
        if what in (root, "/proc/self/mountinfo"):
            continue
        if flags == -1:
            assert isinstance(what, int), what  # an open folder
            continue
        assert isinstance(what, bytes), what
        assert b"/" not in what and what not in (b".", b".."), what
        assert flags & os.O_NOFOLLOW, what


@every_open
def test_a_path_through_a_link_is_not_followed(
    tmp_path: Path, opened: list[tuple[object, int]]
) -> None:
    outside = make_tree(tmp_path / "outside", {"a": "secret", "deep": {"b": "secret"}})
    top = make_tree(tmp_path / "tree", {"real": {"a": "secret", "deep": {"b": "secret"}}})
    manifest = made(top)
    shutil.rmtree(top / "real")
    (top / "real").symlink_to(outside)
    opened.clear()
    result = check(manifest, top)
    assert found(result) == {"missing": [b"real/a", b"real/deep/b"], "extra": [b"real"]}
    assert "link" in result.missing[0].cause
    inside(opened, top)
    (top / "real").unlink()
    (top / "real").mkdir()
    (top / "real/a").symlink_to(outside / "a")
    (top / "real/deep").symlink_to("../../outside/deep")
    opened.clear()
    assert found(check(manifest, top)) == {
        "changed": [b"real/a"],
        "missing": [b"real/deep/b"],
        "extra": [b"real/deep"],
    }
    inside(opened, top)


@every_open
def test_nothing_odd_is_opened(top: Path, opened: list[tuple[object, int]]) -> None:
    manifest = made(top)
    os.unlink(top / "client/app.tsx")
    os.mkfifo(top / "client/app.tsx")
    os.mkfifo(top / "client/new")
    opened.clear()
    check(manifest, top)
    inside(opened, top)
    assert {b"new", b"app.tsx", b"latest", b"away", b"folder"}.isdisjoint(
        what for what, _ in opened
    )


@every_open
@pytest.mark.parametrize(
    "path", [b"a/b", b"l/passwd", b"l/../l/passwd/x", b"x" * 300, b"d/" * 3000 + b"x"]
)
def test_hostile_entries_reach_nothing(
    tmp_path: Path, path: bytes, opened: list[tuple[object, int]]
) -> None:
    top = make_tree(tmp_path / "tree", {"l": Link("/etc"), "a": "file"})
    manifest = Manifest(b"x", (file(path), file(b"zz")), NOW)
    opened.clear()
    result = verify(manifest, os.fsencode(top), workers=0)
    assert {path, b"zz"} == {each.path for each in result.missing}
    if b".." not in path:  # which parse_manifest refuses
        inside(opened, top)


# Any change is reported: against an oracle that knows nothing but os.walk.

_NAMES = st.sampled_from(["a", "b", "c", "d-e", "\udcff", "new\nline"])
_CONTENTS = st.sampled_from(["", "x", "y", "xx", "long"]).map(
    lambda word: word.encode() * (400_000 if word == "long" else 1)
)
_TREES = st.recursive(
    st.dictionaries(_NAMES, _CONTENTS | st.sampled_from([Link("a"), Link("../b")]), max_size=3),
    lambda inner: st.dictionaries(
        _NAMES, _CONTENTS | st.sampled_from([Link("a")]) | inner, max_size=4
    ),
    max_leaves=8,
)


def survey(top: Path) -> dict[bytes, tuple[Any, ...]]:
    """Everything under a folder: kind, mode and content by path."""
    seen: dict[bytes, tuple[Any, ...]] = {}
    start = os.fsencode(top)
    for folder, folders, files in os.walk(start):
        for name in [*folders, *files]:
            path = os.path.join(folder, name)
            facts = os.lstat(path)
            if stat.S_ISLNK(facts.st_mode):
                value: tuple[Any, ...] = ("link", os.readlink(path))
            elif stat.S_ISREG(facts.st_mode):
                content = Path(os.fsdecode(path)).read_bytes()
                value = ("file", stat.S_IMODE(facts.st_mode), content)
            elif os.listdir(path):
                continue
            else:
                value = ("dir", stat.S_IMODE(facts.st_mode))
            seen[os.path.relpath(path, start)] = value
    return seen


def _change(data: st.DataObject, top: Path) -> None:
    """One change somewhere in the tree."""
    start = os.fsencode(top)
    everything = [
        os.path.join(folder, name)
        for folder, folders, files in os.walk(start)
        for name in [*folders, *files]
    ]
    folders = [start, *(p for p in everything if os.path.isdir(p) and not os.path.islink(p))]
    new = os.path.join(data.draw(st.sampled_from(folders)), os.fsencode(data.draw(_NAMES)))
    what = data.draw(st.sampled_from(["add", "mkdir", "link", "edit", "chmod", "remove", "move"]))
    if what in ("add", "mkdir", "link"):
        if not os.path.lexists(new):
            if what == "add":
                Path(os.fsdecode(new)).write_bytes(data.draw(_CONTENTS))
            elif what == "mkdir":
                os.mkdir(new)
            else:
                os.symlink(b"c", new)
        return
    if not everything:
        return
    path = data.draw(st.sampled_from(everything))
    if what == "edit" and os.path.isfile(path) and not os.path.islink(path):
        facts = os.stat(path)
        Path(os.fsdecode(path)).write_bytes(data.draw(_CONTENTS))
        if data.draw(st.booleans()):
            os.utime(path, ns=(facts.st_atime_ns, facts.st_mtime_ns))
    elif what == "chmod" and not os.path.islink(path):
        os.chmod(path, data.draw(st.sampled_from([0o700, 0o755, 0o777])))
    elif what == "remove":
        if os.path.isdir(path) and not os.path.islink(path):
            shutil.rmtree(path)
        else:
            os.unlink(path)
    elif what == "move" and not os.path.lexists(new) and not new.startswith(path + b"/"):
        os.rename(path, new)


@given(tree=_TREES, data=st.data())
def test_any_change_is_reported(tree: Any, data: st.DataObject) -> None:
    with tempfile.TemporaryDirectory() as folder:
        top = make_tree(Path(folder) / "tree", tree)
        manifest = made(top)
        before = survey(top)
        assert {entry.path for entry in manifest.entries} == set(before)
        for _ in range(data.draw(st.integers(0, 4))):
            _change(data, top)
        after = survey(top)
        result = check(manifest, top)
        _compare(before, after, manifest, result)


def _compare(
    before: dict[bytes, tuple[Any, ...]],
    after: dict[bytes, tuple[Any, ...]],
    manifest: Manifest,
    result: VerificationReport,
) -> None:
    seen = found(result)
    pairs = dict(seen.get("renamed", []))
    assert set(seen.get("missing", [])) | set(pairs) == _missing(before, after)
    assert set(seen.get("extra", [])) | set(pairs.values()) == _extra(before, after)
    for origin, path in pairs.items():
        assert (before[origin][0], before[origin][-1]) == (after[path][0], after[path][-1])
    both = before.keys() & after.keys()
    changed = {p for p in both if (before[p][0], before[p][-1]) != (after[p][0], after[p][-1])}
    changed = {p for p in changed if (before[p][0], after[p][0]) != ("dir", "dir")}
    changed |= {p for p in before.keys() - after.keys() if _is_folder_in(p, after)} - _folders(
        before
    )
    assert set(seen.get("changed", [])) | set(seen.get("damaged", [])) == changed
    assert "unreadable" not in seen
    ok = {p for p in both if before[p] == after[p]} | {
        p for p in before if before[p][0] == "dir" and _is_folder_in(p, after)
    }
    modes = set(seen.get("mode", []))
    assert result.ok == len(ok - modes)
    assert {p for p in both if p not in changed and before[p] != after[p]} <= modes
    assert result.differs == (before != after and bool(seen))
    # A folder that is no longer empty differs by what is in it.
    assert bool(seen) == (before != after)


def _is_folder_in(path: bytes, seen: dict[bytes, tuple[Any, ...]]) -> bool:
    return any(each.startswith(path + b"/") for each in seen)


def _folders(seen: dict[bytes, tuple[Any, ...]]) -> set[bytes]:
    return {path for path, value in seen.items() if value[0] == "dir"}


def _missing(before: dict[bytes, Any], after: dict[bytes, Any]) -> set[bytes]:
    return {p for p in before.keys() - after.keys() if not _is_folder_in(p, after)}


def _extra(before: dict[bytes, Any], after: dict[bytes, Any]) -> set[bytes]:
    """A folder that was emptied is no extra: what was in it is missing."""
    return {
        p
        for p in after.keys() - before.keys()
        if not (after[p][0] == "dir" and _is_folder_in(p, before))
    }


def test_entries_of_links_have_no_mode_to_differ_in(tmp_path: Path) -> None:
    top = make_tree(tmp_path / "tree", {"l": Link("x")})
    manifest = Manifest(b"tree", (ManifestEntry(b"l", "link", 0o755, target=b"x"),), NOW)
    assert found(check(manifest, top)) == {}
