"""The mtree specification: NetBSD's mtree accepts it, and notices what changed."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gorillacomb.manifest.export.mtree import specification
from gorillacomb.manifest.model import Manifest, ManifestEntry
from tests.manifest.export.exports import change_a_byte, manifest_of, odd_tree, tool
from tests.support.trees import Link, make_tree


def compare(top: Path, specified: bytes) -> subprocess.CompletedProcess[bytes]:
    spec = top.parent / "tree.mtree"
    spec.write_bytes(specified)
    return tool("mtree", "-f", spec, "-p", top, package="mtree-netbsd")


def test_mtree_accepts_every_name(tmp_path: Path) -> None:
    top = odd_tree(tmp_path / "tree")
    exported = specification(manifest_of(top))
    assert exported.left_out == ()
    done = compare(top, exported.data)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")


@pytest.mark.parametrize(
    "path",
    ["plain", "new\nline", "*star", "? [a-z] *", "-", "\udcff\udcfe", "folders/back\\nslash/in it"],
)
def test_mtree_notices_one_changed_byte(path: str, tmp_path: Path) -> None:
    top = odd_tree(tmp_path / "tree")
    specified = specification(manifest_of(top)).data
    change_a_byte(top / path)
    done = compare(top, specified)
    assert done.returncode == 2
    assert done.stdout.count(b"sha256") == 1
    assert b"size" not in done.stdout


@pytest.fixture
def kinds(tmp_path: Path) -> Path:
    """One of each kind of entry, links with odd targets among them."""
    top = make_tree(
        tmp_path / "tree",
        {
            "file": "x",
            "script": "#!",
            "link": Link("file"),
            "odd link": Link(b"no where\n#*\\\xff"),
            "empty": {},
            "deep": {"er": {"empty *": {}, "link [a]": Link("../..")}},
        },
    )
    (top / "script").chmod(0o4755)
    (top / "empty").chmod(0o1700)
    os.utime(top / "file", ns=(5, -1_000_000_001))
    return top


def test_mtree_accepts_links_modes_times_and_empty_folders(kinds: Path) -> None:
    done = compare(kinds, specification(manifest_of(kinds)).data)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")


@pytest.mark.parametrize("change", ["target", "mode", "time", "folder", "missing", "extra", "kind"])
def test_mtree_notices_each_kind_of_change(change: str, kinds: Path) -> None:
    specified = specification(manifest_of(kinds)).data
    if change == "target":
        (kinds / "odd link").unlink()
        (kinds / "odd link").symlink_to("elsewhere")
    elif change == "mode":
        (kinds / "script").chmod(0o755)
    elif change == "time":
        os.utime(kinds / "file", ns=(5, -1_000_001_001))  # mtree looks at microseconds
    elif change == "folder":
        (kinds / "empty").chmod(0o755)
    elif change == "missing":
        (kinds / "deep/er/empty *").rmdir()
    elif change == "extra":
        (kinds / "deep/more").touch()
    else:
        (kinds / "file").unlink()
        (kinds / "file").mkdir()
    done = compare(kinds, specified)
    if change in ("missing", "extra"):  # these it says, and ends with 0 all the same
        assert done.stdout.startswith(b"%s: " % change.encode())
    else:
        assert done.returncode == 2


PATTERNS = st.sets(
    st.text("ab*?[]\\-!^ \n#.é", min_size=1, max_size=6)
    .map(str.encode)
    .filter(lambda name: name not in (b".", b"..")),
    min_size=1,
    max_size=30,
)


@given(names=PATTERNS)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_names_with_patterns_stand_for_themselves_alone(
    names: set[bytes], tmp_path_factory: pytest.TempPathFactory
) -> None:
    top = tmp_path_factory.mktemp("names") / "tree"
    make_tree(top, {each: {b"in " + each: b"content of " + each} for each in names})
    done = compare(top, specification(manifest_of(top)).data)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
    specified = specification(manifest_of(top)).data
    victim = min(names)
    change_a_byte(top / os.fsdecode(victim) / os.fsdecode(b"in " + victim))
    done = compare(top, specified)
    assert (done.returncode, done.stdout.count(b"sha256")) == (2, 1)


def test_a_file_called_as_another_is_spelled_is_not_taken_for_it(tmp_path: Path) -> None:
    names = (b"?", b"\\?", b"[?]", b"[??]", b"\\\\\\?", b"*", b"\\*", b"[", b"[[]", b"\\[", b"[*]")
    top = odd_tree(tmp_path / "tree", names)
    specified = specification(manifest_of(top)).data
    assert compare(top, specified).stdout == b""
    for name in names:
        change_a_byte(top / "folders" / os.fsdecode(name) / "in it")
    assert compare(top, specified).stdout.count(b"sha256") == len(names)


def test_a_path_that_no_program_can_open_is_carried(tmp_path: Path) -> None:
    top = tmp_path / "tree"
    top.mkdir()
    here = os.open(top, os.O_RDONLY)
    for _ in range(20):
        os.mkdir(b"n" * 250, dir_fd=here)
        inner = os.open(b"n" * 250, os.O_RDONLY, dir_fd=here)
        os.close(here)
        here = inner
    os.close(here)
    facts = ManifestEntry(b"/".join([b"n" * 250] * 20), "dir", 0o755, mtime_ns=0)
    line = specification(Manifest(b"tree", (facts,), 0)).data
    done = compare(top, line.replace(b" mode=0755 time=0.000000000", b""))
    assert (done.returncode, done.stdout) == (0, b"")
