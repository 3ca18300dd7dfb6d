"""Plans that somebody edited: whatever they ask for, nothing unsafe is done, and it is said why."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.dedupe.acting import OURS, Ground, contents, live, slots, step
from tests.support.mounts import of_linux, tmpfs
from tests.support.run import Ran, environment, run
from tests.support.trees import Link, Tree, make_tree, settle

SAME = "the same in many places; " * 40
FOLDER: Tree = {"a": "of a; " * 30, "b": "of b; " * 30, "in": {"c": "of c; " * 30, "d": ""}}
PICTURE: Tree = {"IMG_1.jpg": "a picture; " * 30, "IMG_1.xmp": "how it was developed; " * 9}

Document = dict[str, Any]
Edited = list[Document | bytes]


@dataclass
class Scanned:
    """A tree that was scanned once; no test may change it, so all may use it."""

    top: Path
    vault: Path
    header: Document

    def env(self) -> dict[str, str]:
        return environment(self.vault, HOME=str(self.top / "home"))

    def step(self, path: str = "work/single", keep: str = "kept/single", **more: Any) -> Document:
        """A step that may be done as it is, with other values for some of its fields."""
        kind = "folder" if (self.top / path).is_dir() else "file"
        at = {"path": f"{self.top}/{path}", "keep": f"{self.top}/{keep}"}
        return {"id": "s1", "kind": kind, **at, "files": 1, "bytes": 1, "reasons": [], **more}

    def pair(self, path: str, keep: str) -> Document:
        return {"path": f"{self.top}/{path}", "keep": f"{self.top}/{keep}"}

    def apply(self, plan: Path, lines: Edited, header: Document | None = None) -> Ran:
        header = self.header if header is None else header
        plan.write_bytes(b"".join(_line(each) for each in ([header] if header else []) + lines))
        return run("dedupe", "--apply", plan, "--json", env=self.env())

    def state(self) -> dict[str, tuple[int, int, int, bytes]]:
        """All that stands in it, but for our own folders."""
        found = {}
        for folder, folders, names in os.walk(self.top):
            folders[:] = [
                each for each in folders if each not in (OURS, "vault", ".local", ".config")
            ]
            for name in (*folders, *names):
                path = Path(folder, name)
                facts = path.lstat()
                plain = path.is_file() and not path.is_symlink()
                content = path.read_bytes() if plain else b""
                found[str(path)] = (facts.st_mode, facts.st_ino, facts.st_mtime_ns, content)
        return found


def _line(each: Document | bytes) -> bytes:
    return each if isinstance(each, bytes) else json.dumps(each).encode() + b"\n"


@pytest.fixture(scope="module")
def scanned(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scanned]:
    around = tmp_path_factory.mktemp("around")
    top = make_tree(
        around / "top",
        {
            "work": {
                "copy": FOLDER,
                "single": SAME,
                "pictures": PICTURE,
                "more": {**PICTURE, "IMG_2.jpg": "another; " * 40, "IMG_2.xmp": "its own"},
                "nested": {"inner": FOLDER, "z": "of z; " * 30},
                "names": {".env": SAME, ".env (1)": SAME, "yes": "1", "x.txt": SAME, "._x.txt": ""},
            },
            "kept": {
                "names": {".env": SAME, "no": "1", "yes (1)": "1", "x.txt": SAME, "._x.txt": ""},
                "it": FOLDER,
                "single": SAME,
                "pictures": {**PICTURE, "IMG_2.jpg": "another; " * 40},
                "z": {"z": "of z; " * 30},
            },
            "other": {"IMG_1.xmp": PICTURE["IMG_1.xmp"]},
            "project": {"package.json": "{}", "single": SAME, "src": {"in": FOLDER}},
            "repository": {".git": {"config": "[core]", "single": SAME}, "x": "x"},
            "all.photoslibrary": {"originals": {"single": SAME}},
            ".Trash": {"single": SAME, "it": FOLDER},
            "link": Link("../outside"),
            "home": {"copy": FOLDER},
            "again": {"copy": FOLDER},
        },
    )
    make_tree(around / "outside", {"single": SAME, "it": FOLDER})
    settle(top)
    made = Scanned(top.resolve(), top.resolve() / "vault", {})
    plan = around / "plan"
    assert run("scan", top, env=made.env()).code == 0
    done = run("dedupe", "--plan", "-o", plan, env=made.env())
    assert done.code == 0, done.err
    made.header = json.loads(plan.read_bytes().splitlines()[0])
    yield made
    shutil.rmtree(around)


Edit = Callable[[Scanned], Edited]

REFUSED: dict[str, tuple[int, str, Edit]] = {
    "a path with ..": (2, "plain path", lambda s: [s.step(path="work/../outside/single")]),
    "a path with .": (2, "plain path", lambda s: [s.step(path="./work/single")]),
    "a path with //": (2, "plain path", lambda s: [s.step(path="/work/single")]),
    "a path that ends with /": (2, "plain path", lambda s: [s.step(path="work/copy/")]),
    "a relative path": (2, "absolute", lambda s: [{**s.step(), "path": "work/single"}]),
    "an empty path": (2, "absolute", lambda s: [{**s.step(), "path": ""}]),
    "a path with a NUL": (2, "absolute", lambda s: [s.step(path="work/sin\0gle")]),
    "a keep with ..": (2, "plain path", lambda s: [s.step(keep="kept/../kept/single")]),
    "/": (2, "plain path", lambda s: [{**s.step("work/copy"), "path": "/"}]),
    "/etc": (3, "no scanned folder", lambda s: [{**s.step("work/copy"), "path": "/etc"}]),
    "a root": (3, "no scanned", lambda s: [{**s.step("work/copy"), "path": str(s.top)}]),
    "a home": (3, "a home", lambda s: [s.step("home", "kept/it")]),
    "the vault": (3, "the vault", lambda s: [s.step("vault", "kept/it")]),
    "a file of the vault": (3, "own", lambda s: [s.step("vault/index.db", "kept/single")]),
    "our folder": (3, "own", lambda s: [s.step(OURS, "kept/it", kind="folder")]),
    "our lock": (3, "own", lambda s: [s.step(f"{OURS}/lock", "kept/single")]),
    "keep inside path": (3, "holds the copy", lambda s: [s.step("work/copy", "work/copy/in")]),
    "path is keep": (3, "holds the copy", lambda s: [s.step(keep="work/single")]),
    "something else is kept": (3, "differs", lambda s: [s.step(keep="kept/it/a")]),
    "nothing is kept": (3, "not there any more", lambda s: [s.step(keep="kept/gone")]),
    "a keep that is a step": (
        3,
        "step itself",
        lambda s: [s.step(id="a"), s.step("kept/single", ".Trash/single", id="b")],
    ),
    "a cycle of two": (
        3,
        "step itself",
        lambda s: [s.step(id="a"), s.step("kept/single", "work/single", id="b")],
    ),
    "a cycle of three": (
        3,
        "step itself",
        lambda s: [
            s.step("work/copy", "kept/it", id="a"),
            s.step("kept/it", "again/copy", id="b"),
            s.step("again/copy", "work/copy", id="c"),
        ],
    ),
    "a folder called a file": (3, "", lambda s: [s.step("work/copy", "kept/it", kind="file")]),
    "a file called a folder": (3, "", lambda s: [s.step(kind="folder")]),
    "another kind": (2, "kind", lambda s: [s.step(kind="device")]),
    "the kind as a list": (2, "kind", lambda s: [s.step(kind=["file"])]),
    "ids twice": (2, "twice", lambda s: [s.step(), s.step("work/copy", "kept/it")]),
    "an id that is a path": (2, "id", lambda s: [s.step(id="../../x")]),
    "an id with a dot": (2, "id", lambda s: [s.step(id="journal.jsonl")]),
    "an empty id": (2, "id", lambda s: [s.step(id="")]),
    "an endless id": (2, "id", lambda s: [s.step(id="x" * 65)]),
    "an id with a line": (2, "id", lambda s: [s.step(id="x\n")]),
    "an id that is a number": (2, "id", lambda s: [s.step(id=1)]),
    "nested outside": (
        3,
        "not nested",
        lambda s: [s.step("work/copy", "kept/it", nested=[s.pair("kept/it", "again/copy")])],
    ),
    "nested is the step": (
        3,
        "not nested",
        lambda s: [s.step("work/copy", "kept/it", nested=[s.pair("work/copy", "kept/it")])],
    ),
    "nested counts on the step": (
        3,
        "not nested",
        lambda s: [
            s.step("work/nested", "kept/z", nested=[s.pair("work/nested/inner", "work/nested/z")])
        ],
    ),
    "nested counts on a step": (
        3,
        "step itself",
        lambda s: [
            s.step(
                "work/nested", "kept/z", id="a", nested=[s.pair("work/nested/inner", "kept/it")]
            ),
            s.step("kept/it", "work/nested/inner", id="b"),
        ],
    ),
    "nested in a file": (2, "nested", lambda s: [s.step(nested=[s.pair("work/a", "kept/a")])]),
    "nested without a list": (2, "nested", lambda s: [s.step("work/copy", "kept/it", nested={})]),
    "nested stands in a trash": (
        3,
        "trash",
        lambda s: [
            s.step("work/nested", "kept/z", nested=[s.pair("work/nested/inner", ".Trash/it")])
        ],
    ),
    "a sidecar is left out": (
        3,
        "sidecar",
        lambda s: [s.step("work/pictures/IMG_1.jpg", "kept/pictures/IMG_1.jpg")],
    ),
    "a sidecar of another folder": (
        3,
        "another folder",
        lambda s: [
            s.step(
                "work/pictures/IMG_1.jpg",
                "kept/pictures/IMG_1.jpg",
                sidecars=[s.pair("other/IMG_1.xmp", "kept/pictures/IMG_1.xmp")],
            )
        ],
    ),
    "a sidecar is kept in another folder": (
        3,
        "another folder",
        lambda s: [
            s.step(
                "work/pictures/IMG_1.jpg",
                "kept/pictures/IMG_1.jpg",
                sidecars=[s.pair("work/pictures/IMG_1.xmp", "other/IMG_1.xmp")],
            )
        ],
    ),
    "a picture as a sidecar, without its own": (
        3,
        "sidecar",
        lambda s: [
            s.step(
                "work/more/IMG_1.jpg",
                "kept/pictures/IMG_1.jpg",
                sidecars=[
                    s.pair("work/more/IMG_1.xmp", "kept/pictures/IMG_1.xmp"),
                    s.pair("work/more/IMG_2.jpg", "kept/pictures/IMG_2.jpg"),
                ],
            )
        ],
    ),
    "a dotfile": (3, "(name)", lambda s: [s.step("work/names/.env", "kept/names/.env")]),
    "a dotfile for its copy": (
        3,
        "(name)",
        lambda s: [s.step("work/names/.env", "work/names/.env (1)")],
    ),
    "a dotfile for what has no dot": (
        3,
        "(name)",
        lambda s: [s.step("work/names/.env", "kept/single")],
    ),
    "a copy of a dotfile for one elsewhere": (
        3,
        "(name)",
        lambda s: [s.step("work/names/.env (1)", "kept/names/.env")],
    ),
    "a tiny file of another name": (
        3,
        "(name)",
        lambda s: [s.step("work/names/yes", "kept/names/no")],
    ),
    "a dotfile as a sidecar": (
        3,
        "(name)",
        lambda s: [
            s.step(
                "work/names/x.txt",
                "kept/names/x.txt",
                sidecars=[
                    s.pair("work/names/._x.txt", "kept/names/._x.txt"),
                    s.pair("work/names/.env", "kept/names/.env"),
                ],
            )
        ],
    ),
    "the file as its sidecar": (
        3,
        "",
        lambda s: [s.step(sidecars=[s.pair("work/gone", "kept/gone")])],
    ),
    "a file of a project": (3, "project", lambda s: [s.step("project/single")]),
    "a folder of a project": (3, "project", lambda s: [s.step("project/src/in", "kept/it")]),
    "a file of .git": (3, ".git", lambda s: [s.step("repository/.git/single")]),
    "a file of a photo library": (
        3,
        "photoslibrary",
        lambda s: [s.step("all.photoslibrary/originals/single")],
    ),
    "a keep in a project's place": (3, "", lambda s: [s.step(keep="repository/.git/single")]),
    "a keep in a trash": (3, "trash", lambda s: [s.step(keep=".Trash/single")]),
    "a folder kept in a trash": (3, "trash", lambda s: [s.step("work/copy", ".Trash/it")]),
    "something in a trash": (3, "trash", lambda s: [s.step(".Trash/single")]),
    "a keep in a quarantine": (
        3,
        "in a quarantine",
        lambda s: [s.step(keep=f"{OURS}/lock")],
    ),
    "a link in the middle of the path": (3, "", lambda s: [s.step("link/single")]),
    "a link in the middle of the keep": (3, "", lambda s: [s.step(keep="link/single")]),
    "a link as the path": (3, "", lambda s: [s.step("link", "kept/it", kind="folder")]),
    "a link as the keep": (3, "", lambda s: [s.step("work/copy", "link")]),
    "a keep that went with a run": (
        3,
        "",
        lambda s: [s.step(keep=f"{OURS}/quarantine/run/s1")],
    ),
    "a keep outside": (
        3,
        "no scanned folder",
        lambda s: [{**s.step(), "keep": str(s.top.parent / "outside/single")}],
    ),
    "a huge line": (2, "longer than", lambda s: [s.step(reasons=["x" * (17 << 20)])]),
    "no JSON": (2, "line 2", lambda s: [b"{'id': 1}\n"]),
    "half a line": (2, "line 2", lambda s: [json.dumps(s.step()).encode()[:-5]]),
    "a list": (2, "not an object", lambda s: [b"[]\n"]),
    "null": (2, "not an object", lambda s: [b"null\n"]),
    "too deep": (2, "line 2", lambda s: [b"[" * 200_000 + b"\n"]),
    "no UTF-8": (2, "UTF-8", lambda s: [b'{"id": "\xff"}\n']),
    "half a character": (
        2,
        "line 2",
        lambda s: [json.dumps(s.step()).replace("work", "\\ud800").encode() + b"\n"],
    ),
    "a key twice": (
        2,
        "twice",
        lambda s: [json.dumps(s.step())[:-1].encode() + b', "id": "s2"}\n'],
    ),
    "NaN bytes": (2, "NaN", lambda s: [s.step(bytes=float("nan"))]),
    "NaN elsewhere": (2, "NaN", lambda s: [s.step(note=float("nan"))]),
    "endless bytes": (2, "Infinity", lambda s: [s.step(bytes=float("inf"))]),
    "bytes as a fraction": (2, "number", lambda s: [s.step(bytes=1.5)]),
    "fewer bytes than none": (2, "number", lambda s: [s.step(bytes=-1)]),
    "files that are true": (2, "number", lambda s: [s.step(files=True)]),
    "more digits than there are": (
        2,
        "line 2",
        lambda s: [json.dumps(s.step()).replace('"files": 1', '"files": ' + "9" * 9999).encode()],
    ),
    "a path that is a number": (2, "path", lambda s: [{**s.step(), "path": 5}]),
    "a path that is null": (2, "path", lambda s: [{**s.step(), "path": None}]),
    "a path that is a list": (2, "path", lambda s: [{**s.step(), "path": ["/"]}]),
    "a keep that is an object": (2, "keep", lambda s: [{**s.step(), "keep": {}}]),
    "two paths": (2, "exactly one of path and path_b64", lambda s: [s.step(path_b64="L2V0Yw==")]),
    "junk in base64": (
        2,
        "line 2",
        lambda s: [{k: v for k, v in s.step(path_b64="%%%").items() if k != "path"}],
    ),
    "a number in base64": (
        2,
        "path_b64",
        lambda s: [{k: v for k, v in s.step(path_b64=7).items() if k != "path"}],
    ),
    "no keep": (2, "keep", lambda s: [{k: v for k, v in s.step().items() if k != "keep"}]),
    "no id": (2, "'id'", lambda s: [{k: v for k, v in s.step().items() if k != "id"}]),
}


@pytest.mark.parametrize("name", REFUSED)
def test_an_unsafe_edit_is_refused(name: str, scanned: Scanned, tmp_path: Path) -> None:
    code, reason, edit = REFUSED[name]
    before = scanned.state()
    ran = scanned.apply(tmp_path / "plan", edit(scanned))
    assert ran.code == code, (ran.out, ran.err)
    assert scanned.state() == before
    assert slots(scanned.top) == []
    if code == 2:
        assert ran.stdout == b""
        assert reason in ran.err.splitlines()[0], ran.err
    else:
        document = ran.json()
        assert document["done"] == 0
        causes = [each["cause"] for each in (*document["skipped"], *document["failed"])]
        assert causes
        assert all(causes)
        assert any(reason in cause for cause in causes), causes


HEADERS: dict[str, tuple[str, Document | None]] = {
    "version 3": ("version", {"version": 3}),
    "version true": ("version", {"version": True}),
    "no version": ("version", {"version": None}),
    "an action that is not there": ("", {"action": "shred"}),
    "no text as action": ("action", {"action": 1}),
    "another plan": ("plan", {"plan": "../../../x"}),
    "no truth": ("across_volumes", {"across_volumes": "yes"}),
    "protect as a text": ("protect", {"protect": "/"}),
    "retire as a text": ("retire", {"retire": "/"}),
    "retire a relative path": ("absolute", {"retire": [{"path": "x"}]}),
    "retire with ..": ("plain", {"retire": [{"path": "/x/../y"}]}),
    "no number": ("line 1", {"made_ns": "soon"}),
    "left alone by a rule that is none": ("line 1", {"left_alone": [{"path": "/x", "rule": "?"}]}),
}


@pytest.mark.parametrize("name", HEADERS)
def test_an_odd_header_is_refused(name: str, scanned: Scanned, tmp_path: Path) -> None:
    word, change = HEADERS[name]
    before = scanned.state()
    header = {**scanned.header, **(change or {})}
    ran = scanned.apply(tmp_path / "plan", [scanned.step()], header)
    assert ran.code == 2, (ran.out, ran.err)
    assert word in ran.err.splitlines()[0], ran.err
    assert scanned.state() == before


def test_no_header_and_nothing_at_all(scanned: Scanned, tmp_path: Path) -> None:
    without = scanned.apply(tmp_path / "plan", [scanned.step()], {})
    assert (without.code, b"version" in without.stderr) == (2, True)
    assert scanned.apply(tmp_path / "empty", [], {}).code == 2
    missing = run("dedupe", "--apply", tmp_path / "missing", env=scanned.env())
    assert missing.code == 2


@of_linux
def test_a_mount_point_and_another_volume(tmp_path: Path, vault: Path) -> None:
    top = make_tree(tmp_path.resolve() / "top", {"a": {"d": FOLDER}, "b": {"d": FOLDER}})
    with tmpfs(top / "a/mounted", "1m") as mounted:
        make_tree(mounted, {"in": FOLDER})
        settle(top)
        assert run("scan", top, mounted, vault=vault).code == 0
        plan = tmp_path / "plan"
        made = run("dedupe", "--plan", "-o", plan, vault=vault)
        assert made.code == 0, made.err
        header = json.loads(plan.read_bytes().splitlines()[0])
        scanned = Scanned(top, vault, header)
        for word, path, keep in (
            ("a mount", "a/mounted", "b/d"),
            ("a mount", "a", "b"),
            ("another volume", "a/mounted/in", "b/d"),
            ("another volume", "b/d", "a/mounted/in"),
        ):
            before = contents(top)
            plan.write_bytes(b"".join(map(_line, [header, scanned.step(path, keep)])))
            ran = run("dedupe", "--apply", plan, "--json", vault=vault)
            assert ran.code == 3, (path, ran.out, ran.err)
            assert word in ran.json()["skipped"][0]["cause"]
            assert contents(top) == before


def test_any_step_may_be_taken_out(tmp_path: Path, vault: Path) -> None:
    copies: dict[str | bytes, Tree] = dict.fromkeys(("kept", "one", "two"), FOLDER)
    for gone in range(3):
        top = make_tree(tmp_path.resolve() / f"top{gone}", {**copies, "x": SAME, "y": SAME})
        settle(top)
        plan = tmp_path / f"plan{gone}"
        own = vault.with_name(f"vault{gone}")
        assert run("scan", top, vault=own).code == 0
        assert run("dedupe", "--plan", "-o", plan, vault=own).code == 0
        lines = plan.read_bytes().splitlines(keepends=True)
        assert len(lines) == 4
        left = [each for at, each in enumerate(lines) if at != 1 + gone]
        plan.write_bytes(b"".join(left))
        ran = run("dedupe", "--apply", plan, "--json", vault=own)
        assert (ran.code, ran.json()["done"]) == (0, 2), (ran.out, ran.err)
        assert Path(json.loads(lines[1 + gone])["path"]).exists()


def test_a_cycle_of_a_folder_and_its_files(tmp_path: Path) -> None:
    """Of those that count on each other none goes."""
    top = make_tree(tmp_path, {"one": {"d": FOLDER}, "two": {"d": FOLDER}})
    there = set(contents(top))
    field = Ground(live(top))
    one, two = top / "one/d", top / "two/d"
    outcome = field.apply(
        step("a", one, two), step("b", two / "a", one / "a"), step("c", two / "b", one / "b")
    )
    assert len(outcome.skipped) == 3
    assert set(contents(top, ours=False)) == there
    field.purge()
    assert set(contents(top, ours=False)) == there


@pytest.mark.parametrize(
    ("name", "kept", "content", "allowed"),
    [
        ("notes.txt", "Papers/other.txt", "long enough; " * 9, True),
        (".env", "Papers/env.txt", "SECRET; " * 9, False),
        ("py.typed", "Papers/zz", "x", False),
        ("py.typed", "Papers/py.typed", "x", True),
    ],
)
def test_a_name_that_says_something_is_no_less_in_a_folder(
    tmp_path: Path, name: str, kept: str, content: str, allowed: bool
) -> None:
    """A file in a folder may have its copy elsewhere, by another name where that means nothing."""
    tree: Tree = {"a": {"f": SAME, name: content}, "b": {"f": SAME}, kept.split("/")[0]: {}}
    top = make_tree(tmp_path.resolve() / "top", tree)
    (top / kept).write_text(content)
    settle(top)
    nested = [(top / "a" / name, top / kept)]
    outcome = Ground(live(top)).apply(step("s1", top / "a", top / "b", nested=nested))
    assert len(outcome.done) == allowed, outcome.skipped
    assert (top / "a" / name).exists() != allowed


ALBUM: Tree = {f"IMG_{number}.jpg": f"picture {number}; " * 30 for number in range(6)}
SITE: Tree = {"notes.txt": "of the site; " * 30}
APP: Tree = {"package.json": "{}", "src": FOLDER}
NESTED: dict[str, tuple[str, Tree, Tree, Tree, list[tuple[str, str]]]] = {
    "a part of a project": ("project", APP, {"package.json": "{}"}, FOLDER, [("src", "")]),
    "a part of a project in the folder": (
        "project",
        {"app": APP, **SITE},
        {"app": {"package.json": "{}"}, **SITE},
        FOLDER,
        [("app/src", "")],
    ),
    "a file of a project": (
        "project",
        {"app": {"package.json": "{}", "f": SAME}},
        {"app": {"package.json": "{}"}},
        {"f": SAME},
        [("app/f", "f")],
    ),
    "a project that is kept inside another one": (
        "project",
        {"app": APP, **SITE},
        SITE,
        {"whole": {"Cargo.toml": "", "app": APP}},
        [("app", "whole/app")],
    ),
    "a part of a repository": (
        ".git",
        {"it": {".git": {"HEAD": "ref", "objects": FOLDER}}},
        {"it": {".git": {"HEAD": "ref", "objects": {}}}},
        {".git": {"HEAD": "ref", "objects": FOLDER}},
        [("it/.git/objects", ".git/objects")],
    ),
    "a part of a library": (
        "photoslibrary",
        {"all.photoslibrary": {"database": FOLDER}, **SITE},
        {"all.photoslibrary": {"database": {}}, **SITE},
        {"x.photoslibrary": {"database": FOLDER}},
        [("all.photoslibrary/database", "x.photoslibrary/database")],
    ),
    "the files of a page that stays without them": (
        "belongs to",
        {"page.html": SAME, "page_files": FOLDER},
        {"page.html": SAME},
        FOLDER,
        [("page_files", "")],
    ),
    "a picture without its settings": (
        "sidecar",
        {"IMG_1.jpg": SAME, "IMG_1.xmp": "how it was developed; " * 9},
        {"IMG_1.xmp": "how it was developed; " * 9},
        {"IMG_1.jpg": SAME},
        [("IMG_1.jpg", "IMG_1.jpg")],
    ),
    "a picture and its settings, each elsewhere": (
        "sidecar",
        {"IMG_1.jpg": SAME, "IMG_1.xmp": "how it was developed; " * 9, **SITE},
        SITE,
        {"a": {"IMG_1.jpg": SAME}, "b": {"IMG_1.xmp": "how it was developed; " * 9}},
        [("IMG_1.jpg", "a/IMG_1.jpg"), ("IMG_1.xmp", "b/IMG_1.xmp")],
    ),
    "one picture of an album": (
        "album",
        ALBUM,
        dict(list(ALBUM.items())[1:]),
        ALBUM,
        [("IMG_0.jpg", "IMG_0.jpg")],
    ),
    "an album that is scattered": (
        "album",
        {**ALBUM, **SITE},
        SITE,
        {"a": dict(list(ALBUM.items())[:3]), "b": dict(list(ALBUM.items())[3:])},
        [(f"IMG_{at}.jpg", f"{'ab'[at // 3]}/IMG_{at}.jpg") for at in range(6)],
    ),
    "a document that is open": (
        "sidecar",
        {"report.docx": SAME, **SITE},
        SITE,
        {"report.docx": SAME, "~$report.docx": "somebody"},
        [("report.docx", "report.docx")],
    ),
}


@pytest.mark.parametrize("name", NESTED)
def test_what_is_nested_obeys_the_rules_of_a_step(name: str, tmp_path: Path) -> None:
    """Its copy elsewhere counts only where it might go for that by itself."""
    reason, victim, keep, other, nested = NESTED[name]
    top = make_tree(tmp_path.resolve() / "top", {"gone": victim, "kept": keep, "other": other})
    before = contents(top)
    pairs = [(top / "gone" / path, top / "other" / copy) for path, copy in nested]
    outcome = Ground(live(top)).apply(step("s1", top / "gone", top / "kept", nested=pairs))
    assert not outcome.done
    assert [reason in each.cause for each in outcome.skipped] == [True], outcome.skipped
    assert contents(top) == before
    assert (top / "gone").is_dir()


@pytest.mark.parametrize(
    ("victim", "keep", "other", "nested"),
    [
        ({"app": APP, **SITE}, SITE, {"app": APP}, [("app", "app")]),
        (
            {"IMG_1.jpg": SAME, "IMG_1.xmp": "developed; " * 9, **SITE},
            SITE,
            {"IMG_1.jpg": SAME, "IMG_1.xmp": "developed; " * 9},
            [("IMG_1.jpg", "IMG_1.jpg"), ("IMG_1.xmp", "IMG_1.xmp")],
        ),
        ({**ALBUM, **SITE}, SITE, ALBUM, [(name, name) for name in ALBUM]),
        ({"in": FOLDER, **SITE}, SITE, FOLDER, [("in", "")]),
    ],
)
def test_what_is_nested_may_have_its_copy_elsewhere_as_a_whole(
    tmp_path: Path, victim: Tree, keep: Tree, other: Tree, nested: list[tuple[str, str]]
) -> None:
    top = make_tree(tmp_path.resolve() / "top", {"gone": victim, "kept": keep, "other": other})
    settle(top)
    pairs = [(top / "gone" / path, top / "other" / copy) for path, copy in nested]
    outcome = Ground(live(top)).apply(step("s1", top / "gone", top / "kept", nested=pairs))
    assert len(outcome.done) == 1, outcome.skipped
    assert not (top / "gone").exists()
