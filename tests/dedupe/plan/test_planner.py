"""What a plan holds, what it leaves alone and by which rule: each rule with a control beside it."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import subprocess
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings

from gorillacomb.scan import read_file, worker
from tests.dedupe.plans import Bench, Planned, on_disk, planned
from tests.folders.forests import forests, look
from tests.support.disks import Disks
from tests.support.homes import config_folder
from tests.support.mounts import of_linux, tmpfs
from tests.support.trees import HardLink, Link, Tree, make_tree


def text(letter: str, size: int = 5000) -> bytes:
    """A content of its own for each letter."""
    return letter.encode() * size


ONE, TWO, THREE, OWN, ALSO_OWN = (text(each) for each in "123oO")
PLAIN: Tree = {"f": ONE, "g": TWO, "h": THREE}
APP: Tree = {"package.json": "{}", "a.js": ONE, "b.js": TWO}
RESTIC: Tree = {
    "config": "c",
    "data": {"aa": {"pack": ONE}},
    "index": {"i": TWO},
    "keys": {"k": THREE},
    "snapshots": {"s": text("4")},
}
BORG: Tree = {"README": "r", "config": "c", "data": {"0": {"1": ONE}}, "index.1": TWO}


@pytest.fixture
def bench(tmp_path: Path, vault: Path) -> Bench:
    return Bench(tmp_path / "drive", vault)


@pytest.fixture
def sharing(disks: Disks, vault: Path) -> Bench:
    """On a file system whose files can share blocks."""
    point = disks.plug("btrfs", disks.image("btrfs"), disks.point("mnt"))
    return Bench(point / "drive", vault)


@dataclass(frozen=True)
class Case:
    """A tree with something that a rule protects, and one that is like it where that goes."""

    tree: Tree
    left: set[tuple[str, str, int]]
    """Path, rule and files of what the header tells of."""
    cause: str
    goes: frozenset[str] = frozenset()
    """What goes all the same."""
    options: tuple[str, ...] = ()
    control: Tree | None = None
    """Without one, only the options of the control differ."""
    control_options: tuple[str, ...] = ()
    control_goes: frozenset[str] = frozenset()


def these(*paths: str) -> frozenset[str]:
    return frozenset(paths)


CASES = {
    "a project is not repeated by what stands in it": Case(
        {"app": {**APP, "c": {"x": THREE}, "d": {"x": THREE}}},
        {("app", "structural", 1)},
        "project (package.json): nothing is taken out of it",
        control={"app": {"c": {"x": THREE}, "d": {"x": THREE}}},
        control_goes=these("app/d"),
    ),
    "out of a project nothing goes, though all of it stands elsewhere": Case(
        {"app": {**APP, "own": OWN}, "other": {"pyproject.toml": "", "x": ONE, "y": ALSO_OWN}},
        {("app", "project", 1)},
        "project (package.json): nothing is taken out of it",
        options=("--prefer", "@/other"),
        control={"app": {"a.js": ONE, "own": OWN}, "other": {"x": ONE, "y": ALSO_OWN}},
        control_options=("--prefer", "@/other"),
        control_goes=these("app/a.js"),
    ),
    "a project that drifted": Case(
        {"app": APP, "Copy of app": {**APP, "own": OWN}},
        {("Copy of app", "unique", 3)},
        "has files or links of its own",
        control={"app": APP, "Copy of app": APP},
        control_goes=these("Copy of app"),
    ),
    "a nested project that programs put there": Case(
        {
            "app": APP,
            "other": {"pyproject.toml": "", "main.py": OWN, "node_modules": {"app": APP}},
        },
        {("other", "project", 3)},
        "project (pyproject.toml): nothing is taken out of it",
        options=("--prefer", "@/app"),
        control={"app": APP, "other": {"pyproject.toml": "", "main.py": OWN, "Copy": {"app": APP}}},
        control_options=("--prefer", "@/app"),
        control_goes=these("other/Copy/app"),
    ),
    "a nested project whose twin is nested too": Case(
        {
            "one": {"go.mod": "1", **{name: text(name) for name in "uvwx"}, "app": APP},
            "two": {"go.mod": "2", **{name: text(name) for name in "klmn"}, "app": APP},
        },
        {("two", "project", 3)},
        "project (go.mod): nothing is taken out of it",
        options=("--prefer", "@/one"),
        control={"one": APP, "two": {"go.mod": "2", "y": ALSO_OWN, "app": APP}},
        control_options=("--prefer", "@/one"),
        control_goes=these("two/app"),
    ),
    "what programs made": Case(
        {"node_modules": {"a": {"LICENSE": ONE}, "b": {"LICENSE": ONE}}, "own": OWN},
        {("node_modules/b", "structural", 1)},
        "is part of node_modules",
        options=("--prefer", "@/node_modules/a"),
        control={"modules": {"a": {"LICENSE": ONE}, "b": {"LICENSE": ONE}}, "own": OWN},
        control_options=("--prefer", "@/modules/a"),
        control_goes=these("modules/b"),
    ),
    "version control": Case(
        {"r": {".hg": {"store": {"aa": ONE}}, "f": OWN}, "b": {"aa": ONE, "own": ALSO_OWN}},
        {("r", "repository", 1)},
        "belongs to .hg",
        control={"r": {"hg": {"store": {"aa": ONE}}, "f": OWN}, "b": {"aa": ONE, "o": ALSO_OWN}},
        options=("--prefer", "@/b"),
        control_options=("--prefer", "@/b"),
        control_goes=these("r/hg/store"),
    ),
    "a photo library": Case(
        {"Pictures.photoslibrary": {"originals": {"1.heic": ONE}, "db": OWN}, "1.heic": ONE},
        {("Pictures.photoslibrary", "bundle", 1)},
        "is part of Pictures.photoslibrary",
        options=("--protect", "@/1.heic"),
        control={"Pictures": {"originals": {"1.heic": ONE}, "db": OWN}, "1.heic": ONE},
        control_options=("--protect", "@/1.heic"),
        control_goes=these("Pictures/originals/1.heic"),
    ),
    "part of a photo library is no copy of it": Case(
        {
            "P.photoslibrary": {"originals": {"1.heic": ONE, "2.heic": TWO}, "db": {"d": THREE}},
            "Copy of P.photoslibrary": {"originals": {"1.heic": ONE, "2.heic": TWO}},
        },
        {("Copy of P.photoslibrary", "bundle", 2)},
        "is part of Copy of P.photoslibrary",
        control={
            "P.photoslibrary": {"originals": {"1.heic": ONE, "2.heic": TWO}},
            "Copy of P.photoslibrary": {"originals": {"1.heic": ONE, "2.heic": TWO}},
        },
        control_goes=these("Copy of P.photoslibrary"),
    ),
    "a catalog of Lightroom": Case(
        {"a": {"L.lrcat": ONE, "own": OWN}, "Copy of a": {"L.lrcat": ONE, "own": ALSO_OWN}},
        {("Copy of a", "bundle", 1)},
        "is a catalog that belongs to the folders beside it",
        control={"a": {"L.raf": ONE, "own": OWN}, "Copy of a": {"L.raf": ONE, "own": ALSO_OWN}},
        control_goes=these("Copy of a/L.raf"),
    ),
    "a repository of restic": Case(
        {"restic": RESTIC, "Copy of restic": {**RESTIC, "config": "d"}},
        {("Copy of restic", "bundle", 4)},
        "is part of Copy of restic",
        control={"restic": RESTIC, "Copy of restic": RESTIC},
        control_goes=these("Copy of restic"),
    ),
    "a repository of borg": Case(
        {"borg": BORG, "Copy of borg": {**BORG, "config": "d"}},
        {("Copy of borg", "bundle", 3)},
        "is part of Copy of borg",
        control={"borg": BORG, "Copy of borg": BORG},
        control_goes=these("Copy of borg"),
    ),
    "a path that the user protects": Case(
        {"a": PLAIN, "Copy of a": PLAIN},
        {("Copy of a", "protected", 3)},
        "is protected by @/Copy of a",
        options=("--protect", "@/Copy of a"),
        control_goes=these("Copy of a"),
    ),
    "a path inside of what would go": Case(
        {"a": PLAIN, "Copy of a": PLAIN},
        {("Copy of a", "protected", 1)},
        "holds @/Copy of a/f, which is protected",
        goes=these("Copy of a/g", "Copy of a/h"),
        options=("--protect", "@/Copy of a/f"),
        control_goes=these("Copy of a"),
    ),
    "a glob": Case(
        {"a": PLAIN, "Copy of a": PLAIN},
        {("Copy of a", "protected", 3)},
        "is protected by */Copy of *",
        options=("--protect", "*/Copy of *"),
        control_goes=these("Copy of a"),
    ),
    "a glob that something inside matches": Case(
        {"a": {**PLAIN, "x.key": "k"}, "Copy of a": {**PLAIN, "x.key": "k"}},
        {("Copy of a", "protected", 1)},
        "is protected by *.key",
        goes=these("Copy of a/f", "Copy of a/g", "Copy of a/h"),
        options=("--protect", "*.key"),
        control_goes=these("Copy of a"),
    ),
    "what a link leads to": Case(
        {"a": PLAIN, "Copy of a": PLAIN, "link": Link("Copy of a")},
        {("Copy of a", "linked", 3)},
        "is where @/link leads to",
        control={"a": PLAIN, "Copy of a": PLAIN, "link": Link("a")},
        control_goes=these("Copy of a"),
    ),
    "what a link leads to, and all that drifted in it": Case(
        {"a": PLAIN, "Copy of a": {**PLAIN, "own": OWN}, "link": Link("Copy of a")},
        {("Copy of a", "linked", 3)},
        "is where @/link leads to",
        control={"a": PLAIN, "Copy of a": {**PLAIN, "own": OWN}, "link": Link("a")},
        control_goes=these("Copy of a/f", "Copy of a/g", "Copy of a/h"),
    ),
    "a folder into which a link leads": Case(
        {"a": {"s": PLAIN}, "Copy of a": {"s": PLAIN}, "link": Link("Copy of a/s/g")},
        {("Copy of a", "linked", 1)},
        "holds what @/link leads to",
        goes=these("Copy of a/s/f", "Copy of a/s/h"),
        control={
            "a": {"s": {**PLAIN, "link": Link("g")}},
            "Copy of a": {"s": {**PLAIN, "link": Link("g")}},
        },
        control_goes=these("Copy of a"),
    ),
    "a file to which a link leads": Case(
        {"a": {"f": ONE, "o": OWN}, "b": {"f": ONE, "p": ALSO_OWN}, "link": Link("b/f")},
        {("b/f", "linked", 1)},
        "is where @/link leads to",
        options=("--prefer", "@/a"),
        control={"a": {"f": ONE, "o": OWN}, "b": {"f": ONE, "p": ALSO_OWN}, "link": Link("a/f")},
        control_options=("--prefer", "@/a"),
        control_goes=these("b/f"),
    ),
    "a picture whose settings differ": Case(
        {
            "a": {"i.jpg": ONE, "i.xmp": "x", "o": OWN},
            "Copy of a": {"i.jpg": ONE, "i.xmp": "y", "o": ALSO_OWN},
        },
        {("Copy of a", "sidecar", 1)},
        "has files that belong to it and would stay",
        control={
            "a": {"i.jpg": ONE, "i.xmp": "x", "o": OWN},
            "Copy of a": {"i.jpg": ONE, "i.xmp": "x", "o": ALSO_OWN},
        },
        control_goes=these("Copy of a/i.jpg"),
    ),
    "settings whose picture stands elsewhere": Case(
        {
            "a": {"i.jpg": ONE, "o": OWN},
            "b": {"i.xmp": TWO, "p": ALSO_OWN},
            "Copy of a": {"i.jpg": ONE, "i.xmp": TWO, "q": text("q")},
        },
        {("Copy of a", "sidecar", 2)},
        "has files that belong to it and would stay",
        control={
            "a": {"i.jpg": ONE, "i.xmp": TWO, "o": OWN},
            "Copy of a": {"i.jpg": ONE, "i.xmp": TWO, "q": text("q")},
        },
        control_goes=these("Copy of a/i.jpg"),
    ),
    "a file that points to a document in the cloud": Case(
        {"a": {"d.gdoc": ONE, "o": OWN}, "Copy of a": {"d.gdoc": ONE, "o": ALSO_OWN}},
        {("Copy of a", "pointer", 1)},
        "only points to a document in the cloud",
        control={"a": {"d.doc": ONE, "o": OWN}, "Copy of a": {"d.doc": ONE, "o": ALSO_OWN}},
        control_goes=these("Copy of a/d.doc"),
    ),
    "a folder with one in it": Case(
        {"a": {"s": {**PLAIN, "d.GSheet": "{}"}}, "Copy of a": {"s": {**PLAIN, "d.GSheet": "{}"}}},
        {("Copy of a", "pointer", 1)},
        "holds d.GSheet, which only points to a document in the cloud",
        goes=these("Copy of a/s/f", "Copy of a/s/g", "Copy of a/s/h"),
        control={"a": {"s": {**PLAIN, "d": "{}"}}, "Copy of a": {"s": {**PLAIN, "d": "{}"}}},
        control_goes=these("Copy of a"),
    ),
    "what was thrown away": Case(
        {"a": {"f": ONE, "o": OWN}, ".Trash": {"f": ONE, "p": ALSO_OWN}},
        {(".Trash", "trash", 1)},
        "stands in .Trash",
        control={"a": {"f": ONE, "o": OWN}, "Trash 2": {"f": ONE, "p": ALSO_OWN}},
        options=("--prefer", "@/a"),
        control_options=("--prefer", "@/a"),
        control_goes=these("Trash 2/f"),
    ),
    "what else stands only in a trash": Case(
        {".Trash": {"f": ONE, "o": OWN}, "a": {"f": ONE, "p": ALSO_OWN}},
        {(".Trash", "trash", 1)},
        "stands in .Trash",
        options=("--prefer", "@/.Trash"),
        control={"Bin": {"f": ONE, "o": OWN}, "a": {"f": ONE, "p": ALSO_OWN}},
        control_options=("--prefer", "@/Bin"),
        control_goes=these("a/f"),
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_what_a_rule_leaves_alone(bench: Bench, name: str) -> None:
    case, top = CASES[name], str(bench.folder)
    plan = planned(bench, case.tree, *case.options)
    assert plan.left == case.left
    assert set(plan.goes) == case.goes
    causes = {it["cause"] for it in plan.header["left_alone"]}
    assert case.cause.replace("@", top) in causes
    for it in plan.header["left_alone"]:
        assert 0 < it["bytes"] <= on_disk(Path(it["path"]))

    bench = Bench(bench.folder.with_name("control"), bench.vault.with_name("control"))
    control = planned(bench, case.control or case.tree, *case.control_options)
    assert set(control.goes) == case.control_goes
    assert not control.left or case.control_options, control.left


def test_protection_from_the_settings(bench: Bench, own_home: Path) -> None:
    config = config_folder(own_home) / "config.toml"
    config.parent.mkdir(parents=True)
    config.write_text(f'protect = ["{bench.folder}/Copy of a"]\n')
    plan = planned(bench, {"a": PLAIN, "Copy of a": PLAIN})
    assert (plan.goes, plan.left) == ({}, {("Copy of a", "protected", 3)})
    config.unlink()
    assert bench.plan().goes == {"Copy of a": "a"}


@pytest.mark.parametrize("name", ["Downloads", ""])
def test_a_loose_marker_makes_no_project_of_downloads_or_a_root(bench: Bench, name: str) -> None:
    loose: Tree = {"package.json": "{}", "f": ONE, "o": OWN}
    tree: Tree = {"b": {"f": ONE, "p": ALSO_OWN}, **({name: loose} if name else loose)}
    plan = planned(bench, tree, "--prefer", "@/b")
    assert plan.goes == {f"{name}/f".lstrip("/"): "b/f"}
    assert not plan.left

    app = Bench(bench.folder.with_name("control"), bench.vault.with_name("control"))
    plan = planned(app, {"b": {"f": ONE, "p": ALSO_OWN}, "app": loose}, "--prefer", "@/b")
    assert plan.goes == {}
    assert plan.left == {("app", "unique", 1)}


def test_a_home_stays_and_so_does_what_is_around_it(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_tree(bench.folder, {name: {"in": PLAIN} for name in ("a", "Copy of a", "Backup")})
    bench.scan(bench.folder)
    monkeypatch.setenv("HOME", str(bench.folder / "Copy of a" / "in"))
    plan = bench.plan("--folders-only")
    assert plan.goes == {"Backup": "a"}
    assert plan.left == {("Copy of a", "own", 3)}


def test_a_scanned_folder_stays(bench: Bench, tmp_path: Path) -> None:
    make_tree(tmp_path, {"one": PLAIN, "two": PLAIN})
    bench.scan(tmp_path / "one", tmp_path / "two")
    plan = bench.plan("--folders-only", "--prefer", tmp_path / "one", top=tmp_path)
    assert plan.goes == {}
    assert plan.left == {("two", "own", 3)}


def test_what_a_disk_is_mounted_in_stays(bench: Bench) -> None:
    make_tree(bench.folder, {"a": {"s": PLAIN, "m": {}}, "Copy of a": {"s": PLAIN, "m": {}}})
    with tmpfs(bench.folder / "Copy of a" / "m", "1m"):
        bench.scan(bench.folder)
        plan = bench.plan()
        assert "Copy of a" not in plan.goes
        assert "Copy of a/s" in plan.goes


def test_other_volumes_are_backups(bench: Bench, tmp_path: Path) -> None:
    with tmpfs(tmp_path / "one", "1m") as one, tmpfs(tmp_path / "two", "1m") as two:
        for disk in (one, two):
            make_tree(disk, {"a": PLAIN, "b": {"f": text("f"), disk.name: text(disk.name[0])}})
        bench.scan(one, two)
        plan = bench.plan("--prefer", one, top=tmp_path)
        assert plan.goes == {}
        assert {rule for _, rule, _ in plan.left} == {"other volume"}
        across = bench.plan("--prefer", one, "--across-volumes", top=tmp_path)
        assert across.goes == {"two/a": "one/a", "two/b/f": "one/b/f"}
        assert across.header["notes"] == [
            f"The only copy for some steps will be on the drive of {one}."
        ]
        assert bench.dedupe("--apply", across.file) == 0, bench.printed
        assert not (two / "a").exists()
        assert (one / "a").exists()


@of_linux
def test_what_is_not_plugged_in_keeps_its_copies(bench: Bench, tmp_path: Path) -> None:
    make_tree(bench.folder, {"b": {**PLAIN, "p": OWN}})
    with tmpfs(tmp_path / "stick", "1m") as stick:
        make_tree(stick, {"a": PLAIN})
        bench.scan(bench.folder, stick)
        there = bench.plan("--across-volumes", "--prefer", stick)
        assert there.steps
    away = bench.plan("--across-volumes", "--prefer", stick, top=tmp_path)
    assert not away.steps
    assert "offline" in {rule for _, rule, _ in away.left}


def test_placeholders_keep_the_folder_that_they_are_in(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    cloudy = 4_321
    for module in (read_file, worker):
        monkeypatch.setattr(module, "HAS_PLACEHOLDERS", True)
    monkeypatch.setattr(read_file, "is_placeholder", lambda facts: facts.st_size == cloudy)
    plan = planned(
        bench,
        {"a": {**PLAIN, "x": text("x", cloudy)}, "Copy of a": {**PLAIN, "x": text("x", cloudy)}},
    )
    assert "Copy of a" not in plan.goes
    assert "Copy of a/x" not in plan.goes
    assert ("Copy of a", "placeholder") in {(path, rule) for path, rule, _ in plan.left}


def test_what_was_not_read_keeps_its_folder(bench: Bench) -> None:
    tree: Tree = {name: {**PLAIN, "x.tmp": "x"} for name in ("a", "Copy of a")}
    make_tree(bench.folder, tree)
    bench.scan(bench.folder, options=("--exclude", "*.tmp"))
    plan = bench.plan()
    assert "Copy of a" not in plan.goes
    assert {(path, rule) for path, rule, _ in plan.left} == {("Copy of a", "incomplete")}

    whole = Bench(bench.folder.with_name("control"), bench.vault.with_name("control"))
    assert planned(whole, tree).goes == {"Copy of a": "a"}


def git(folder: Path, *arguments: str) -> None:
    done = subprocess.run(
        ["git", "-c", "user.name=t", "-c", "user.email=t@t", "-C", str(folder), *arguments],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr


def a_repository(folder: Path) -> Path:
    make_tree(folder, {"f": ONE, "s": {"g": TWO}})
    git(folder, "init", "-q")
    git(folder, "add", ".")
    git(folder, "commit", "-q", "-m", "first")
    return folder


@pytest.mark.skipif(shutil.which("git") is None, reason="MISSING: git")
def test_the_index_of_git_counts_by_its_entries(bench: Bench) -> None:
    first = a_repository(bench.folder / "a")
    copy = bench.folder / "Copy of a"
    shutil.copytree(first, copy)
    (copy / "f").touch()
    git(copy, "update-index", "--refresh")
    assert (copy / ".git" / "index").read_bytes() != (first / ".git" / "index").read_bytes()
    bench.scan(bench.folder)
    plan = bench.plan()
    assert plan.goes == {"Copy of a": "a"}
    assert bench.dedupe("--apply", plan.file, "--dry-run") == 0, bench.printed

    other = Bench(bench.folder.with_name("control"), bench.vault.with_name("control"))
    first = a_repository(other.folder / "a")
    copy = other.folder / "Copy of a"
    shutil.copytree(first, copy)
    git(copy, "rm", "-q", "--cached", "f")
    other.scan(other.folder)
    assert other.plan().goes == {}


@pytest.mark.skipif(shutil.which("git") is None, reason="MISSING: git")
@pytest.mark.parametrize("tracked", [True, False])
def test_a_nested_project_that_the_outer_repository_tracks_stays(
    bench: Bench, tracked: bool
) -> None:
    make_tree(bench.folder, {"app": APP, "outer": {"own": OWN, "vendor": {"app": APP}}})
    outer = bench.folder / "outer"
    git(outer, "init", "-q")
    git(outer, "add", "." if tracked else "own")
    bench.scan(bench.folder)
    plan = bench.plan("--prefer", bench.folder / "app")
    if tracked:
        assert plan.goes == {}
        assert ("outer", "project", 3) in plan.left
    else:
        assert plan.goes == {"outer/vendor/app": "app"}


FOUR: Tree = dict.fromkeys("abcd", PLAIN)
DRIFTED: Tree = {name: {"f": ONE, name: text(name)} for name in "abcd"}


@pytest.mark.parametrize("tree", [FOUR, DRIFTED], ids=["folders", "files"])
@pytest.mark.parametrize("keep", [1, 2, 3, 4])
def test_so_many_copies_stay(bench: Bench, tree: Tree, keep: int) -> None:
    plan = planned(bench, tree, "--keep", str(keep))
    assert len(plan.steps) == 4 - keep
    assert not {step["path"] for step in plan.steps} & {step["keep"] for step in plan.steps}


@dataclass(frozen=True)
class Asked:
    """Options and what goes with them of one tree."""

    options: tuple[str, ...]
    goes: Mapping[str, str]


LITTLE = "2" * 9
MIXED: Tree = {
    "a": PLAIN,
    "Copy of a": PLAIN,
    "b": {"x": text("x"), "i": LITTLE, "p": OWN},
    "Copy of b": {"x": text("x"), "i": LITTLE, "q": ALSO_OWN},
}
ASKED = {
    "nothing": Asked((), {"Copy of a": "a", "Copy of b/x": "b/x", "Copy of b/i": "b/i"}),
    "within": Asked(("--within", "@/Copy of b"), {"Copy of b/x": "b/x", "Copy of b/i": "b/i"}),
    "prefer": Asked(
        ("--prefer", "@/Copy of *"),
        {"a": "Copy of a", "b/x": "Copy of b/x", "b/i": "Copy of b/i"},
    ),
    "protect": Asked(("--protect", "@/Copy of a"), {"Copy of b/x": "b/x", "Copy of b/i": "b/i"}),
    "min-size": Asked(("--min-size", "5000"), {"Copy of a": "a", "Copy of b/x": "b/x"}),
    "folders-only": Asked(("--folders-only",), {"Copy of a": "a"}),
    "files-only": Asked(
        ("--files-only",),
        {
            **{f"Copy of a/{name}": f"a/{name}" for name in "fgh"},
            "Copy of b/x": "b/x",
            "Copy of b/i": "b/i",
        },
    ),
}


@pytest.mark.parametrize("name", ASKED)
def test_options(bench: Bench, name: str) -> None:
    plan = planned(bench, MIXED, *ASKED[name].options)
    assert plan.goes == ASKED[name].goes
    code, done = bench.dedupe_json("--apply", plan.file, "--dry-run")
    assert (code, done["done"]) == (0, len(plan.steps))


ACTIONS = ["quarantine", "hardlink", "symlink", "delete", "reflink"]


@pytest.mark.parametrize("action", ACTIONS)
def test_actions_and_what_they_free(request: pytest.FixtureRequest, action: str) -> None:
    bench = request.getfixturevalue("sharing" if action == "reflink" else "bench")
    plan = planned(
        bench, {"a": {"f": ONE, "o": OWN}, "b": {"f": ONE, "p": ALSO_OWN}}, "--action", action
    )
    (step,) = plan.steps
    assert plan.header["action"] == action
    aside, freed = plan.header["bytes_set_aside"], plan.header["bytes_freed"]
    assert aside + freed == step["bytes"] == on_disk(Path(step["path"]))
    assert (freed == 0) == (action in ("quarantine", "hardlink", "symlink"))


def test_retiring_a_project_and_calling_a_folder_no_project(bench: Bench) -> None:
    tree: Tree = {"app": APP, "Copy of app": {**APP, "own": OWN}}
    assert planned(bench, tree).goes == {}
    wanted = {f"Copy of app/{name}": f"app/{name}" for name in ("package.json", "a.js", "b.js")}
    retired = bench.plan("--retire", bench.folder / "Copy of app")
    assert retired.goes == wanted
    assert retired.header["retire"] == [{"path": str(bench.folder / "Copy of app")}]
    loose = bench.plan("--not-a-project", bench.folder / "Copy of app")
    assert loose.goes == wanted
    for plan in (retired, loose):
        assert bench.dedupe("--apply", plan.file, "--dry-run") == 0


@pytest.mark.parametrize(
    "more",
    [{"empty": {}}, {"link": Link("f")}, {"empty file": ""}],
    ids=["empty folder", "link", "empty file"],
)
def test_what_has_no_bytes_needs_a_counterpart_too(bench: Bench, more: Tree) -> None:
    plan = planned(bench, {"a": PLAIN, "Copy of a": {**PLAIN, **more}}, "--folders-only")
    assert plan.goes in ({}, {"a": "Copy of a"})
    both = Bench(bench.folder.with_name("control"), bench.vault.with_name("control"))
    plan = planned(both, {"a": {**PLAIN, **more}, "Copy of a": {**PLAIN, **more}})
    assert plan.goes == {"Copy of a": "a"}


@pytest.mark.parametrize(
    ("around", "goes"),
    [
        pytest.param({}, {"Downloads/p": "py/p"}, id="nowhere"),
        pytest.param({"lib": {"x": text("x")}}, {}, id="somewhere"),
    ],
)
def test_a_link_out_of_a_folder_tells_something_where_it_leads_somewhere(
    bench: Bench, around: Tree, goes: dict[str, str]
) -> None:
    """The same text leads to another place from another folder."""
    part: Tree = {**PLAIN, "l": Link("f"), "c": {"x": Link("../../lib/x")}}
    tree: Tree = {"py": {"p": part, "o": OWN}, "Downloads": {"p": part, "u": ALSO_OWN, **around}}
    plan = planned(bench, tree, "--folders-only")
    assert plan.goes == goes
    code, done = bench.dedupe_json("--apply", plan.file)
    assert (code, done["done"]) == (0, len(goes)), bench.printed


def test_a_project_counts_all_copies_in_it_whatever_keeps_them(bench: Bench) -> None:
    """Those that are elsewhere too, and those that it has twice."""
    app = {"package.json": "{}", "a": ONE, "b": TWO}
    copy = {**app, "c": THREE, "again": THREE, "own": OWN}
    plan = planned(bench, {"app": app, "Copy of app": copy})
    assert plan.left == {("Copy of app", "unique", 4)}


def test_contained_means_under_the_same_names(bench: Bench) -> None:
    part: Tree = {"f": ONE, "s": {"g": TWO}}
    plan = planned(
        bench,
        {
            "a": {**part, "more": THREE},
            "Copy of a": part,
            "a - Copy": {"f": ONE, "g": TWO},
        },
        "--folders-only",
    )
    assert plan.goes == {"Copy of a": "a"}


def test_executable_bits_make_a_difference(bench: Bench) -> None:
    make_tree(bench.folder, {"a": PLAIN, "Copy of a": PLAIN})
    (bench.folder / "a" / "f").chmod(0o755)
    bench.scan(bench.folder)
    assert bench.plan("--folders-only").goes == {}
    (bench.folder / "Copy of a" / "f").chmod(0o755)
    bench.scan(bench.folder)
    assert bench.plan("--folders-only").goes == {"Copy of a": "a"}


def test_a_project_by_itself_stays_rather_than_a_newer_copy_in_another(bench: Bench) -> None:
    project: Tree = {"package.json": "{}", "index.js": "1", "lib": {"a.js": "2", "b.js": "3"}}
    tree: Tree = {"App": project, "Other": {"package.json": '{"name": "o"}', "App": project}}
    make_tree(bench.folder, tree)
    for path in (bench.folder / "App").rglob("*"):
        os.utime(path, (1, 1))
    bench.scan(bench.folder)
    plan = bench.plan()
    assert plan.goes == {"Other/App": "App"}


def test_a_folder_of_people_stays_rather_than_a_newer_one_that_a_program_made(
    bench: Bench,
) -> None:
    make_tree(bench.folder, {"one": {"src": PLAIN, "o": OWN}, "two": {"node_modules": PLAIN}})
    for path in (bench.folder / "one").rglob("*"):
        os.utime(path, (1, 1))
    bench.scan(bench.folder)
    plan = bench.plan()
    assert plan.goes == {"two/node_modules": "one/src"}
    assert "not in a folder that programs make" in plan.steps[0]["reasons"]


def test_nothing_goes_out_of_the_kept_tree_for_what_stands_in_a_copy_of_it(bench: Bench) -> None:
    """Folders in it that are much alike have their own copies only in the tree that is given up."""
    log = "what changed; " * 900
    packages: Tree = {
        f"lib {number}": {"changelog": log, "copyright": "all" * 40, "notes": f"of {number}"}
        for number in range(4)
    }
    others: Tree = {f"tool {number}": {"readme": f"tool {number} " * 50} for number in range(9)}
    tree: Tree = {"doc": {**packages, **others}, "old doc": {**packages, "own": OWN}}
    plan = planned(bench, tree)
    assert plan.goes
    assert {keep.split("/")[0] for keep in plan.goes.values()} == {"doc"}
    assert set(these(*(f"old doc/lib {number}" for number in range(4)))) <= plan.goes.keys()


def test_a_copy_in_a_copy_goes_with_it(bench: Bench) -> None:
    plan = planned(bench, {"a": PLAIN, "Copy of a": {**PLAIN, "Copy of a": PLAIN}})
    assert plan.goes == {"Copy of a": "a"}
    (nested,) = plan.steps[0]["nested"]
    assert (plan.inner(nested), plan.inner(nested, "keep")) == ("Copy of a/Copy of a", "a")
    assert plan.steps[0]["files"] == 6
    assert bench.dedupe("--apply", plan.file) == 0, bench.printed


@pytest.mark.parametrize("protected", [False, True])
def test_names_of_one_file_go_together(bench: Bench, protected: bool) -> None:
    plan = planned(
        bench,
        {
            "a": {"f": ONE, "o": OWN},
            "b": {"f": ONE, "p": ALSO_OWN},
            "c": {"other name": HardLink("b/f"), "q": text("q")},
        },
        "--prefer",
        "@/a",
        *(("--protect", "@/c") if protected else ()),
    )
    if protected:
        assert plan.goes == {}
        assert plan.left == {("c", "protected", 1)}
    else:
        assert plan.goes == {"b/f": "a/f", "c/other name": "a/f"}
        assert plan.header["bytes_set_aside"] == on_disk(bench.folder / "b" / "f")
        code, done = bench.dedupe_json("--apply", plan.file)
        assert (code, done["bytes_set_aside"]) == (0, plan.header["bytes_set_aside"])


def is_in(path: str, folder: str) -> bool:
    return path == folder or path.startswith(folder + "/")


def obeys(plan: Planned) -> None:
    """What holds of any plan: nothing that goes stands in, or counts on, what goes."""
    going = [step["path"] for step in plan.steps]
    going += [each["path"] for step in plan.steps for each in step.get("sidecars", ())]
    assert len(going) == len(set(going))
    for step in plan.steps:
        others = [*step.get("nested", ()), *step.get("sidecars", ())]
        for keep in [step["keep"], *(each["keep"] for each in others)]:
            assert os.path.lexists(keep)
            assert not [each for each in going if is_in(keep, each)]
        assert not [each for each in going if each != step["path"] and is_in(each, step["path"])]
    assert plan.header["bytes_set_aside"] == sum(step["bytes"] for step in plan.steps)


PART: Tree = {".DS_Store": {"src": "4" * 27}}
MADE: Tree = {"é": "1", **PART, "HealthTrack": {}, "node_modules": "4" * 27}


@example({"one": {"a": {}}, "two": {"node_modules": MADE, "a": {"a": ""}, "b": MADE}, **PART})
@given(tree=forests())
@example(
    {  # what is left alone, and said to be, may go when the choice falls on another copy
        "one": {
            "b": {},
            "album": "1",
            "a": {"a": "222", "b": Link(target="a")},
            "HealthTrack": Link(target="a"),
        },
        "two": {"a": {"b": Link(target="a"), "new name": "222"}, "b": "1"},
        "a": {"a": "222", "b": Link(target="a")},
    }
)
@settings(
    max_examples=40,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
def test_any_plan_can_be_carried_out_and_there_is_an_end_of_them(
    tmp_path_factory: pytest.TempPathFactory, tree: Tree
) -> None:
    folder = tmp_path_factory.mktemp("any")
    bench = Bench(make_tree(folder / "drive", tree), folder / "vault")
    bench.scan(bench.folder)
    plan, before = bench.plan(), look(bench.folder)
    for number in range(5):
        if not plan.steps:
            break
        assert number < 4, plan.goes
        obeys(plan)
        code, told = bench.dedupe_json("--apply", plan.file, "--dry-run")
        assert (code, told["done"], told["skipped"]) == (0, len(plan.steps), [])
        code, done = bench.dedupe_json("--apply", plan.file)
        assert (code, done["done"]) == (0, len(plan.steps)), bench.printed
        assert done["bytes_set_aside"] == plan.header["bytes_set_aside"]
        kept = [Path(step["keep"]) for step in plan.steps]
        left = [path for path, rule, _ in plan.left if rule == "linked"]
        plan = bench.plan()
        for step in plan.steps if number == 0 else ():
            counted = any(each in Path(step["path"]).parents for each in kept)
            told = any(is_in(each, plan.inner(step)) for each in left)
            if step["kind"] == "folder" and not counted and not told:
                victim, keep = (before[Path(step[key])] for key in ("path", "keep"))
                assert victim.entries != keep.entries or not victim.contents, plan.goes
    shutil.rmtree(folder)


@pytest.mark.parametrize("kind", ["file", "folder"])
def test_the_disk_knows_a_project_by_what_the_index_knows_it(bench: Bench, kind: str) -> None:
    """A *file* called ``x.xcodeproj`` marks no project; a folder does."""
    marker: Tree | str = "a download" if kind == "file" else {"project.pbxproj": "p"}
    tree: Tree = {"a": {"f": ONE, "o": OWN}, "b": {"f": ONE, "x.xcodeproj": marker, "p": ALSO_OWN}}
    plan = planned(bench, tree, "--prefer", "@/a")
    assert plan.goes == ({"b/f": "a/f"} if kind == "file" else {})
    code, done = bench.dedupe_json("--apply", plan.file)
    assert (code, done["skipped"]) == (0, [])
    assert (bench.folder / "b/f").exists() == (kind == "folder")


PICTURE: Tree = {"IMG_1.jpg": ONE, "IMG_1.xmp": "settings of its own"}


def test_a_reflink_leaves_a_picture_beside_its_settings(sharing: Bench) -> None:
    """The picture stays where it is: nothing is torn apart, so apply refuses nothing either."""
    bench = sharing
    tree: Tree = {"a": {**PICTURE, "o": OWN}, "b": {**PICTURE, "IMG_1.xmp": "others", "p": "p"}}
    plan = planned(bench, tree, "--action", "reflink")
    assert plan.goes == {"b/IMG_1.jpg": "a/IMG_1.jpg"}
    _, done = bench.dedupe_json("--apply", plan.file)
    causes = [it["cause"] for it in (*done["skipped"], *done["failed"])]
    assert not [cause for cause in causes if "belongs to" in cause]


def test_a_folder_is_no_sidecar(bench: Bench) -> None:
    tree: Tree = {
        "a": {"IMG_2.jpg": ONE, "o": OWN},
        "b": {"IMG_2.jpg": ONE, "IMG_2.mov": {"p": ALSO_OWN}},
    }
    plan = planned(bench, tree, "--prefer", "@/a")
    assert plan.goes == {"b/IMG_2.jpg": "a/IMG_2.jpg"}
    code, done = bench.dedupe_json("--apply", plan.file)
    assert (code, done["skipped"]) == (0, [])
    assert not (bench.folder / "b/IMG_2.jpg").exists()


BARE: Tree = {"HEAD": "ref", "refs": {"r": "r"}, "objects": {"aa": {"o": ONE}}, "pack": TWO}


def test_a_store_is_left_alone_by_its_signs(bench: Bench) -> None:
    """No folder and no file leaves it, wherever it is; an equal one leaves as a whole."""
    plan = planned(
        bench,
        {
            "srv": {"site": BARE, "o": OWN},
            "Backup": {"site": {**BARE, "HEAD": "another", "extra": THREE}, "p": ALSO_OWN},
            "loose": {"o": ONE, "t": TWO, "e": THREE, "q": text("q")},
        },
        "--prefer",
        "@/loose",
    )
    assert plan.goes == {}
    assert {(path, rule) for path, rule, _ in plan.left} == {
        ("srv/site", "bundle"),
        ("Backup/site", "bundle"),
    }
    again = Bench(bench.folder.with_name("again"), bench.vault.with_name("again"))
    plan = planned(again, {"srv": {"site": BARE, "o": OWN}, "Backup": {"site": BARE, "p": "p"}})
    assert plan.goes == {"Backup/site": "srv/site"}
    assert again.dedupe_json("--apply", plan.file)[0] == 0


def test_a_copied_folder_leaves_with_the_stores_in_it_alone_if_they_are_the_same(
    bench: Bench,
) -> None:
    more = {**BARE, "extra": "more objects"}
    tree: Tree = {"a": {"site": more, "f": ONE, "g": TWO}, "Copy of a": {"site": BARE, "f": ONE}}
    plan = planned(bench, tree)
    assert plan.goes == {"Copy of a/f": "a/f"}


def test_data_of_a_catalog_is_a_folder_too(bench: Bench) -> None:
    data: Tree = {"L.lrcat-data": {"x": {"blob": ONE}, "y": OWN}}
    other: Tree = {"L.lrcat-data": {"x": {"blob": ONE}, "z": ALSO_OWN}}
    plan = planned(bench, {"a": data, "Copy of a": other})
    assert plan.goes == {}


def test_a_root_that_is_a_store_itself(bench: Bench) -> None:
    """A Maildir that was scanned as it is: two flags of one message, both stay."""
    cur: Tree = {"1.host:2,S": ONE}
    mail: Tree = {"cur": cur, "new": {"n": OWN}, "tmp": {}, "Archive": {"1.host:2,RS": ONE}}
    plan = planned(bench, mail)
    assert plan.goes == {}
    code, done = bench.dedupe_json(
        "--apply", edited(bench, plan, "Archive/1.host:2,RS", "cur/1.host:2,S")
    )
    assert code == 3 or done["skipped"], done
    assert (bench.folder / "Archive/1.host:2,RS").exists()


def edited(bench: Bench, plan: Planned, path: str, keep: str) -> Path:
    """A plan with a step that somebody wrote into it."""
    step = {"id": "s1", "kind": "file", "files": 1, "bytes": 1, "reasons": []}
    at = {"path": str(bench.folder / path), "keep": str(bench.folder / keep)}
    file = plan.file.with_name("edited.jsonl")
    lines = [{**plan.header, "steps": 1}, {**step, **at}]
    file.write_text("".join(json.dumps(each) + "\n" for each in lines))
    return file


def database(*rows: str, logged: str = "") -> dict[str | bytes, bytes]:
    """A database of SQLite; with ``logged`` as it stands while that row is in its log alone."""
    with tempfile.TemporaryDirectory() as folder:
        at = Path(folder, "x.db")
        connection = sqlite3.connect(at, isolation_level=None)
        connection.execute("PRAGMA journal_mode=wal")
        connection.execute("CREATE TABLE notes (text)")
        connection.executemany("INSERT INTO notes VALUES (?)", [(row,) for row in rows])
        connection.execute("PRAGMA wal_checkpoint(truncate)")
        if logged:
            connection.execute("PRAGMA wal_autocheckpoint=0")
            connection.execute(logged)
        found = {each.name: each.read_bytes() for each in at.parent.iterdir()}
        connection.close()
    return {name: content for name, content in found.items() if not name.endswith("-shm")}


@pytest.mark.parametrize("hot", ["a", "b"])
@pytest.mark.parametrize("whole", [True, False])
def test_a_database_with_a_log_is_left_alone_on_both_sides(
    bench: Bench, hot: str, whole: bool
) -> None:
    """Equal main files say nothing: what is in the log of one deletes all rows of it."""
    rows = [f"row {number} " * 40 for number in range(50)]
    both = database(*rows, logged="DELETE FROM notes")
    clean = {"x.db": both["x.db"]}
    tree: dict[str | bytes, Any] = {each: dict(both if each == hot else clean) for each in "ab"}
    if not whole:
        tree = {**tree, "a": {**tree["a"], "o": OWN}, "b": {**tree["b"], "p": ALSO_OWN}}
    plan = planned(bench, tree, "--prefer", "@/a")
    assert plan.goes == {}
    assert {rule for _, rule, _ in plan.left} <= {"sidecar", "unique"}
    file = edited(bench, plan, "b/x.db", "a/x.db")
    _, done = bench.dedupe_json("--apply", file)
    assert [each["cause"] for each in done["skipped"]], done
    assert (bench.folder / "b/x.db").exists()


def test_no_database_leaves_the_quarantine_while_the_copy_has_a_log(bench: Bench) -> None:
    both = database("one" * 400, "two" * 400, logged="DELETE FROM notes")
    plan = planned(
        bench,
        {"a": {"x.db": both["x.db"], "o": OWN}, "b": {"x.db": both["x.db"], "p": ALSO_OWN}},
        "--prefer",
        "@/a",
    )
    assert plan.goes == {"b/x.db": "a/x.db"}
    assert bench.dedupe_json("--apply", plan.file)[0] == 0
    (bench.folder / "a/x.db-wal").write_bytes(both["x.db-wal"])
    code, done = bench.dedupe_json("--empty-quarantine", "--yes")
    assert done["bytes_freed"] == 0
    assert "x.db-wal" in str(done)
    (bench.folder / "a/x.db-wal").unlink()
    code, done = bench.dedupe_json("--empty-quarantine", "--yes")
    assert (code, done["bytes_freed"] > 0) == (0, True)


def test_a_clean_database_leaves_with_its_empty_log(bench: Bench) -> None:
    one: Tree = {**database("a row" * 300), "x.db-wal": b""}
    plan = planned(bench, {"a": {**one, "o": OWN}, "b": {**one, "p": ALSO_OWN}}, "--prefer", "@/a")
    assert plan.goes == {"b/x.db": "a/x.db"}
    assert [bench.folder / "b/x.db-wal"] == [
        Path(each["path"]) for each in plan.step("b/x.db")["sidecars"]
    ]
    assert bench.dedupe_json("--apply", plan.file)[0] == 0
    assert sorted(each.name for each in (bench.folder / "b").iterdir()) == ["p"]


@pytest.mark.parametrize("way", [("--prefer", "@/a"), ("--retire", "@/b")])
def test_an_empty_companion_that_a_link_leads_to_keeps_its_set(
    bench: Bench, way: tuple[str, ...]
) -> None:
    one: Tree = {**database("a row" * 300), "x.db-wal": b""}
    tree: Tree = {"a": {**one, "o": OWN}, "b": {**one, "p": ALSO_OWN}}
    plan = planned(bench, {**tree, "link": Link("b/x.db-wal")}, *way)
    assert plan.goes == {}
    assert ("b", "linked") in {(place, rule) for place, rule, _ in plan.left}


def test_a_set_of_the_users_own(bench: Bench, own_home: Path) -> None:
    tree: Tree = {
        "a": {"t.gpx": ONE, "o": OWN},
        "b": {"t.gpx": ONE, "t.waypoints": TWO, "p": ALSO_OWN},
    }
    assert planned(bench, tree, "--prefer", "@/a").goes == {"b/t.gpx": "a/t.gpx"}
    config = config_folder(own_home) / "config.toml"
    config.parent.mkdir(parents=True, exist_ok=True)
    config.write_text('companions = [["{stem}.gpx", "{stem}.waypoints"]]\n')
    plan = bench.plan("--prefer", str(bench.folder / "a"))
    assert (plan.goes, plan.left) == ({}, {("b", "sidecar", 1)})
    for wrong in ('["{stem}.gpx"]', '[["*.gpx"]]', '[["{stem}"]]', '[["x{stem}.y"]]', "[[]]"):
        config.write_text(f"companions = {wrong}\n")
        assert bench.dedupe("--plan") == 2
        assert "companions" in bench.printed


@pytest.mark.parametrize(
    ("names", "size", "goes"),
    [
        ((".env.example", ".env"), 500, False),
        (("env", ".env"), 500, False),
        ((".env", ".env - Copy"), 500, False),
        ((".env", ".env"), 500, False),
        (("yes", "no"), 63, False),
        (("yes", "no"), 64, True),
        (("yes", "yes"), 5, True),
        (("yes", "yes (1)"), 5, True),
    ],
)
def test_a_small_file_or_dotfile_is_what_its_name_says(
    bench: Bench, names: tuple[str, str], size: int, goes: bool
) -> None:
    a, b = names
    tree: Tree = {"a": {a: text("1", size), "o": OWN}, "b": {b: text("1", size), "p": ALSO_OWN}}
    plan = planned(bench, tree, "--prefer", "@/a")
    assert plan.goes == ({f"b/{b}": f"a/{a}"} if goes else {})
    retired = bench.plan("--retire", str(bench.folder / "b"))
    gone = a.removesuffix(" - Copy") == b.removesuffix(" - Copy")
    assert retired.goes == ({f"b/{b}": f"a/{a}"} if goes or gone else {})
    assert bench.dedupe_json("--apply", retired.file)[0] == 0


def test_a_dotfile_works_by_its_place(bench: Bench) -> None:
    """It leaves with its folder, or under the name of a copy for the one beside it."""
    rule = text("rule", 500)
    plan = planned(
        bench,
        {
            "site": {"private": {".htaccess": rule, "o": OWN}, ".nomedia": b""},
            "other": {"private": {".htaccess": rule, ".htaccess - Copy": rule, "p": ALSO_OWN}},
            "camera": {".nomedia": b"", "q": text("q")},
            "x": {"ONE.jpg": ONE, "._ONE.jpg": text("finder", 99), "r": text("r")},
            "y": {"ONE.jpg": ONE, "._ONE.jpg": text("finder", 99), "s": text("s")},
            "Copy of site": {"private": {".htaccess": rule, "o": OWN}, ".nomedia": b""},
        },
    )
    assert plan.goes == {
        "Copy of site": "site",
        "other/private/.htaccess - Copy": "other/private/.htaccess",
        "y/ONE.jpg": "x/ONE.jpg",
    }
    (beside,) = plan.step("y/ONE.jpg")["sidecars"]
    assert plan.inner(beside) == "y/._ONE.jpg"
    assert bench.dedupe_json("--apply", plan.file)[0] == 0


def test_a_dotfile_stays_though_a_copy_of_it_is_preferred(bench: Bench) -> None:
    plan = planned(bench, {"a": {".env": ONE, ".env (1)": ONE}}, "--prefer", "@/a/.env (1)")
    assert plan.goes == {}
