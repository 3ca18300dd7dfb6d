"""Right against independent tools: the groups are those of jdupes and of rdfind, set for set.

What is compared are sets of absolute paths as bytes. The three differ in what they count, so each
peer is asked for all it can see, and the rest is settled here:

- Hard links: left to themselves both peers count names of one inode as one file and print any one
  of them. They are told to print every name (jdupes ``-H``, rdfind ``-removeidentinode false``);
  groups of names that are all one file are then dropped, since nothing is a copy there.
- Empty files are no copies of each other: both peers leave them out unless asked not to, and so
  do our groups.
- Symbolic links are followed by none of the three; hidden files are seen by all of them.
- Names may hold newlines: jdupes prints NUL after each name (``-0``), and what rdfind writes is
  parsed by the fields that stand before a name, and checked against the inode among them.
- A path of PATH_MAX bytes or more can be named in no system call. We go folder by folder and reach
  such files; the peers cannot. They are the one thing taken out of our groups, and asserted to be
  just those that were planted.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sysconfig
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from fixtures import build_drive, remove_drive
from tests.support.trees import groups_in_index, scan

REPOSITORY = Path(__file__).resolve().parents[2]
PATH_MAX = 4096  # limits.h: bytes, with the NUL at the end
SCALE = 5
NPM_SECONDS = 300

Groups = set[frozenset[bytes]]


@dataclass(frozen=True)
class Forest:
    """A tree to compare on; ``unnameable`` are the files whose path is too long for the peers."""

    top: Path
    least_groups: int
    unnameable: frozenset[bytes] = frozenset()


def ask_jdupes(top: Path, scratch: Path) -> Groups:
    done = subprocess.run(
        ["jdupes", "--recurse", "--hardlinks", "--quiet", "--printnull", str(top)],
        capture_output=True,
        check=True,
    )
    blocks = done.stdout.split(b"\0\0")
    return {frozenset(filter(None, block.split(b"\0"))) for block in blocks if block}


_FIELDS = (
    rb"DUPTYPE_([A-Z_]+) -?\d+ \d+ (\d+) \d+ (\d+) \d+ /"  # kind, id, depth, size, device, inode
)
_RDFIND_LINE = re.compile(
    rb"^%s(.*?)\n(?=%s|# end of file)" % (_FIELDS, re.sub(rb"[()]", b"", _FIELDS)),
    re.DOTALL | re.MULTILINE,
)


def ask_rdfind(top: Path, scratch: Path) -> Groups:
    results = scratch / "results.txt"
    every_name = ("-dryrun", "true", "-removeidentinode", "false", "-outputname", str(results))
    subprocess.run(["rdfind", *every_name, str(top)], capture_output=True, check=True)
    groups: list[set[bytes]] = []
    for kind, size, inode, name in _RDFIND_LINE.findall(results.read_bytes()):
        path = b"/" + name
        facts = os.lstat(path)
        assert (facts.st_size, facts.st_ino) == (int(size), int(inode)), path
        if kind == b"FIRST_OCCURRENCE":
            groups.append(set())
        groups[-1].add(path)
    return {frozenset(group) for group in groups}


PEERS: dict[str, Callable[[Path, Path], Groups]] = {"jdupes": ask_jdupes, "rdfind": ask_rdfind}


@pytest.fixture(scope="module")
def drive(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Forest]:
    """The messy drive, with every oddity that a file system allows."""
    built = build_drive(tmp_path_factory.mktemp("peers") / "drive", scale=SCALE)
    unnameable = frozenset(map(built.path, built.long_paths))
    assert all(len(path) >= PATH_MAX for path in unnameable)
    yield Forest(built.root, 2000, unnameable)
    remove_drive(built.root)


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Forest:
    """Python's standard library, copied into itself, and that into itself: four copies."""
    top = tmp_path_factory.mktemp("library")
    outer = top / "lib"
    leave_out = shutil.ignore_patterns("site-packages", "test", "tests", "__pycache__", "config-*")
    shutil.copytree(sysconfig.get_path("stdlib"), outer, symlinks=True, ignore=leave_out)
    for name in ("lib - Copy", "New Folder With Items"):
        whole = top / "whole"
        shutil.copytree(outer, whole, symlinks=True)
        whole.rename(outer / name)
    _make_differ(top)
    return Forest(top, 500)


def _make_differ(top: Path) -> None:
    """Change some copies, each in another way: not every file is to have the same number of equals.

    One file in five is cut, goes on, or differs in its last byte; each keeps the time it had.
    """
    files = sorted(path for path in top.rglob("*") if path.is_file() and not path.is_symlink())
    for number, path in enumerate(files[::5]):
        content, facts = path.read_bytes(), path.stat()
        if not content:
            continue
        changed = (
            content[: len(content) // 2],
            content + b"\n",
            content[:-1] + bytes([content[-1] ^ 1]),
        )
        path.write_bytes(changed[number % 3])
        os.utime(path, ns=(facts.st_atime_ns, facts.st_mtime_ns))


PACKAGES = {
    "name": "four-copies",
    "version": "1.0.0",
    "private": True,
    "dependencies": {
        "date-fns": "2.30.0",
        "express": "4.19.2",
        "lodash": "4.17.21",
        "react": "18.2.0",
        "react-dom": "18.2.0",
        "zod": "3.22.4",
    },
}


@pytest.fixture(scope="module")
def packages(tmp_path_factory: pytest.TempPathFactory) -> Forest:
    """Four copies of a project with its dependencies as npm installs them."""
    installed = _installed_packages()
    top = tmp_path_factory.mktemp("packages")
    for name in ("project", "project - Copy", "Temp folder mac downloads/project", "old/a/b/c"):
        shutil.copytree(installed, top / name, symlinks=True)
    (top / "project - Copy/node_modules/lodash/lodash.js").write_text("// not what it was\n")
    (top / "old/a/b/c/only-here.txt").write_text("nowhere else\n")
    return Forest(top, 3000)


def _installed_packages() -> Path:
    """The installed project, kept between runs; skips when it cannot be had."""
    cache = REPOSITORY / ".cache" / "npm-tree"
    wanted = json.dumps(PACKAGES, indent=2) + "\n"
    ready = cache / "project"
    if (ready / "node_modules").is_dir() and (ready / "package.json").read_text() == wanted:
        return ready
    if shutil.which("npm") is None:
        pytest.skip("MISSING: npm, for a tree of real packages: apt install npm")
    cache.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=cache) as part:
        project = Path(part) / "project"
        project.mkdir()
        (project / "package.json").write_text(wanted)
        command = ["npm", "install", "--ignore-scripts", "--no-audit", "--no-fund"]
        try:
            subprocess.run(
                command, cwd=project, check=True, capture_output=True, timeout=NPM_SECONDS
            )
        except subprocess.CalledProcessError as error:
            last = error.stderr.decode(errors="replace").strip()[-300:]
            pytest.skip(f"MISSING: the npm registry, for a tree of real packages: {last}")
        except subprocess.TimeoutExpired:
            pytest.skip(f"MISSING: the npm registry: no answer within {NPM_SECONDS} s")
        shutil.rmtree(ready, ignore_errors=True)
        project.rename(ready)
    return ready


def without_lone_files(groups: Groups) -> Groups:
    """Without the groups whose names are all one file."""
    return {group for group in groups if len({_identity(path) for path in group}) > 1}


def _identity(path: bytes) -> tuple[int, int]:
    facts = os.lstat(path)
    return facts.st_dev, facts.st_ino


@pytest.fixture(scope="module", params=["drive", "library", "packages"])
def combed(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Forest, Groups]:
    """A forest and what we find in it."""
    forest: Forest = request.getfixturevalue(request.param)
    vault = tmp_path_factory.mktemp("vault") / "vault"
    scan(vault, forest.top, workers=2)
    return forest, groups_in_index(vault)


@pytest.mark.parametrize("peer", PEERS)
def test_groups_are_those_of_the_peer(
    peer: str, combed: tuple[Forest, Groups], tmp_path: Path
) -> None:
    if shutil.which(peer) is None:
        pytest.skip(f"MISSING: {peer}, to compare with: apt install {peer}")
    forest, found = combed

    beyond = {path for group in found for path in group if len(path) >= PATH_MAX}
    assert beyond == forest.unnameable
    ours = without_lone_files({group - beyond for group in found if group - beyond})
    theirs = without_lone_files(PEERS[peer](forest.top, tmp_path))

    assert theirs - ours == set(), "only the peer finds these"
    assert ours - theirs == set(), "only we find these"
    assert len(ours) >= forest.least_groups, "too few to say anything"


def test_a_group_that_is_not_there_is_noticed(tmp_path: Path, vault: Path) -> None:
    """The comparison itself: it can fail, and reads the names that are hard to read."""
    for number, name in enumerate((b"two\nlines", b"ends\n", b"DUPTYPE_X\nDUPTYPE_Y 1", b"\xff")):
        for folder in (b"a", b"b\n"):
            place = os.path.join(os.fsencode(tmp_path), b"tree", folder)
            os.makedirs(place, exist_ok=True)
            with open(os.path.join(place, name), "wb") as file:
                file.write(b"content %d" % number)
    scan(vault, tmp_path / "tree")
    ours = groups_in_index(vault)
    assert len(ours) == 4
    asked = [peer for peer in PEERS if shutil.which(peer)]
    if not asked:
        pytest.skip("MISSING: jdupes and rdfind, to compare with: apt install jdupes rdfind")
    for peer in asked:
        assert PEERS[peer](tmp_path / "tree", tmp_path) == ours, peer
        with open(tmp_path / "tree" / "a" / "ends\n", "ab") as file:
            file.write(b".")
        assert len(ours - PEERS[peer](tmp_path / "tree", tmp_path)) == 1, peer
        with open(tmp_path / "tree" / "a" / "ends\n", "r+b") as file:
            file.truncate(len(b"content 1"))
