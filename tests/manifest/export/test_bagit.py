"""The bag: bagit-python accepts it and notices a change; the source stays as it is."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
from hashlib import sha256
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gorillacomb.errors import RefusedForSafety, UntrustedInput, UsageError
from gorillacomb.manifest.export import bagit
from gorillacomb.manifest.export.bagit import BagResult, make_bag
from gorillacomb.manifest.model import Manifest, ManifestEntry
from tests.manifest.export.exports import (
    ODD_NAMES,
    change_a_byte,
    left,
    manifest_of,
    odd_tree,
    tool,
)
from tests.support.trees import Link, make_tree

NOW_NS = 1_767_139_200_000_000_000  # 2025-12-31


def bag(top: Path, place: Path, manifest: Manifest | None = None) -> BagResult:
    manifest = manifest_of(top) if manifest is None else manifest
    return make_bag(manifest, os.fsencode(top), os.fsencode(place), NOW_NS)


def validate(place: Path) -> subprocess.CompletedProcess[bytes]:
    if importlib.util.find_spec("bagit") is None:
        pytest.skip("MISSING: bagit, to check with: pip install bagit")
    # In a process of its own: bagit uses what Python warns of.
    return subprocess.run(
        [sys.executable, "-m", "bagit", "--validate", place], capture_output=True, timeout=60
    )


def contents(top: Path) -> dict[str, tuple[int, int, bytes]]:
    return {
        path.relative_to(top).as_posix(): (
            path.stat().st_mode,
            path.stat().st_mtime_ns,
            path.read_bytes(),
        )
        for path in top.rglob("*")
        if path.is_file() and not path.is_symlink()
    }


def test_bagit_accepts_every_name_that_is_carried(tmp_path: Path) -> None:
    top = odd_tree(tmp_path / "tree", ODD_NAMES)
    (top / "plain").chmod(0o640)
    (top / "folders/a b").chmod(0o750)
    before = contents(top)
    done = bag(top, tmp_path / "bag")
    assert (done.left_out, done.failed) == ((), ())
    checked = validate(tmp_path / "bag")
    assert checked.returncode == 0, checked.stderr
    assert contents(tmp_path / "bag/data") == before == contents(top)
    assert (tmp_path / "bag/data/folders/a b").stat().st_mode & 0o7777 == 0o750
    assert sorted(os.listdir(tmp_path)) == ["bag", "tree"]


@pytest.mark.parametrize(
    "path", ["data/plain", "data/new\nline", "data/folders/a b/in it", "bag-info.txt"]
)
def test_bagit_notices_one_changed_byte(path: str, tmp_path: Path) -> None:
    bag(odd_tree(tmp_path / "tree", ODD_NAMES), tmp_path / "bag")
    change_a_byte(tmp_path / "bag" / path)
    assert validate(tmp_path / "bag").returncode == 1


@pytest.mark.parametrize("change", ["missing", "extra"])
def test_bagit_notices_what_is_missing_or_extra(change: str, tmp_path: Path) -> None:
    bag(odd_tree(tmp_path / "tree", (b"plain",)), tmp_path / "bag")
    if change == "missing":
        (tmp_path / "bag/data/plain").unlink()
    else:
        (tmp_path / "bag/data/more").touch()
    assert validate(tmp_path / "bag").returncode == 1


def test_its_files_are_those_of_the_rfc(tmp_path: Path) -> None:
    bag(make_tree(tmp_path / "tree", {"a": "12345", "b\nc\r": "x" * 2000}), tmp_path / "bag")
    texts = {path.name: path.read_text() for path in (tmp_path / "bag").glob("*.txt")}
    assert texts["bagit.txt"] == "BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n"
    lines = texts["bag-info.txt"].splitlines()
    assert {"Payload-Oxum: 2005.2", "Bagging-Date: 2025-12-31", "Bag-Size: 2 kB"} <= set(lines)
    assert [line[64:] for line in texts["manifest-sha256.txt"].splitlines()] == [
        "  data/a",
        "  data/b%0Ac%0D",
    ]
    tags = texts.pop("tagmanifest-sha256.txt")
    assert tags == "".join(
        f"{sha256(text.encode()).hexdigest()}  {name}\n" for name, text in sorted(texts.items())
    )
    checked = tool(
        *("sha256sum", "-c", "tagmanifest-sha256.txt"), package="coreutils", cwd=tmp_path / "bag"
    )
    assert checked.returncode == 0


def test_what_a_bag_cannot_carry_is_left_out_by_name(tmp_path: Path) -> None:
    composed, apart = "\u00e9".encode(), "e\u0301".encode()
    causes = {
        b"\xff": "not UTF-8",
        b"ends in space ": "white space",
        "no-break \u00a0".encode(): "white space",
        "unit \u2028 separator".encode(): "ends a line",
        b"form\ffeed": "ends a line",
        b"1\n2\n3\n4": "more than 2 newlines",
        b"%0a": "readers of bags decode",
        b"100%25": "readers of bags decode",
        b"link": "a link",
        b"empty": "an empty folder",
        composed: "normalization",
    }
    files: dict[str | bytes, bytes] = {
        name: name
        for name in (*causes, b"plain", b"100%", apart)
        if name not in (b"link", b"empty")
    }
    top = make_tree(tmp_path / "tree", {**files, "link": Link("plain"), "empty": {}})
    done = bag(top, tmp_path / "bag")
    found = left(done.left_out)
    assert found.keys() == causes.keys()
    assert all(words in found[name] for name, words in causes.items()), found
    assert done.entries == 3
    assert validate(tmp_path / "bag").returncode == 0


NAMES = st.sets(
    st.text(st.characters(codec="utf-8", exclude_characters="/\0"), min_size=1, max_size=12)
    .map(str.encode)
    .filter(lambda name: name not in (b".", b"..")),
    min_size=1,
    max_size=15,
) | st.sets(
    st.text("ab\n\r\t %0AD25é\u0301\x85\u2028*#", min_size=1, max_size=8).map(str.encode),
    min_size=1,
    max_size=15,
)


@given(names=NAMES)
@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_names_come_back_from_bagit_as_they_were(
    names: set[bytes], tmp_path_factory: pytest.TempPathFactory
) -> None:
    here = tmp_path_factory.mktemp("names")
    make_tree(here / "tree", {each: b"content of " + each for each in names})
    done = bag(here / "tree", here / "bag")
    assert done.entries + len(done.left_out) == len(names)
    checked = validate(here / "bag")
    assert checked.returncode == 0, checked.stderr


# -- the source -----------------------------------------------------------------------------------


@pytest.fixture
def top(tmp_path: Path) -> Path:
    return make_tree(
        tmp_path / "tree", {"a": "first", "inner": {"b": "second", "c": "third"}, "z": "last"}
    )


def change(top: Path, how: str) -> bytes:
    """Change the tree after its manifest; returns the path that no longer is as recorded."""
    if how == "content":
        change_a_byte(top / "inner/b")
    elif how == "grown":
        with open(top / "inner/b", "a") as file:
            file.write("more")
    elif how == "missing":
        (top / "inner/b").unlink()
    elif how == "link":
        (top / "inner/b").rename(top.parent / "outside")
        (top / "inner/b").symlink_to(top.parent / "outside")
    elif how == "fifo":
        (top / "inner/b").unlink()
        os.mkfifo(top / "inner/b")
    elif how == "folder":
        (top / "inner/b").unlink()
        (top / "inner/b").mkdir()
    return b"inner/b"


@pytest.mark.parametrize("how", ["content", "grown", "missing", "link", "fifo", "folder"])
def test_a_file_that_is_not_as_recorded_makes_no_bag(how: str, top: Path, tmp_path: Path) -> None:
    manifest = manifest_of(top)
    path = change(top, how)
    done = bag(top, tmp_path / "bag", manifest)
    assert left(done.failed).keys() == {path}
    assert done.entries == 0
    assert sorted(os.listdir(tmp_path)) == sorted({"tree", "outside"} & set(os.listdir(tmp_path)))


def test_a_folder_that_became_a_link_is_not_entered(top: Path, tmp_path: Path) -> None:
    manifest = manifest_of(top)
    (top / "inner").rename(tmp_path / "outside")
    (top / "inner").symlink_to(tmp_path / "outside")
    done = bag(top, tmp_path / "bag", manifest)
    assert left(done.failed).keys() == {b"inner/b", b"inner/c"}
    assert not (tmp_path / "bag").exists()


@pytest.mark.parametrize("path", [b"../tree/a", b"inner/../a", b"/etc/passwd", b"inner//b", b"./a"])
def test_a_path_that_leads_elsewhere_is_refused(path: bytes, top: Path, tmp_path: Path) -> None:
    entry = next(entry for entry in manifest_of(top).entries if entry.path == b"a")
    assert entry.blake3
    bad = ManifestEntry(path, "file", 0o644, entry.size, 0, None, entry.blake3, entry.sha256)
    with pytest.raises(UntrustedInput):
        bag(top, tmp_path / "bag", Manifest(b"tree", (bad,), 0))
    assert os.listdir(tmp_path) == ["tree"]


@pytest.mark.parametrize("taken", ["full", "file", "link", "dangling"])
def test_what_is_there_is_not_overwritten(taken: str, top: Path, tmp_path: Path) -> None:
    place = tmp_path / "bag"
    if taken == "full":
        make_tree(place, {"precious": "x"})
    elif taken == "file":
        place.write_text("precious")
    else:
        if taken == "link":
            (tmp_path / "elsewhere").mkdir()
        place.symlink_to(tmp_path / "elsewhere")
    before = sorted(path.as_posix() for path in tmp_path.rglob("*"))
    with pytest.raises(RefusedForSafety, match="is there already"):
        bag(top, place)
    assert sorted(path.as_posix() for path in tmp_path.rglob("*")) == before


def test_a_place_that_is_taken_meanwhile_is_not_overwritten(
    top: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def sync() -> None:
        make_tree(tmp_path / "bag", {"precious": "x"})

    monkeypatch.setattr(os, "sync", sync)
    with pytest.raises(RefusedForSafety, match="is there already"):
        bag(top, tmp_path / "bag")
    assert sorted(os.listdir(tmp_path)) == ["bag", "tree"]
    assert os.listdir(tmp_path / "bag") == ["precious"]


def test_an_empty_folder_gives_way(top: Path, tmp_path: Path) -> None:
    (tmp_path / "bag").mkdir()
    assert bag(top, tmp_path / "bag").entries == 4
    assert validate(tmp_path / "bag").returncode == 0


def test_the_source_is_never_written_into(top: Path, tmp_path: Path) -> None:
    (tmp_path / "alias").symlink_to(top)
    for place in (top, top / "bag", top / "inner/bag", tmp_path / "alias/bag"):
        with pytest.raises(RefusedForSafety, match="would be inside the folder"):
            bag(top, place)
    with pytest.raises(UsageError, match="does not exist"):
        bag(top, tmp_path / "not there/bag")
    with pytest.raises(UsageError, match="cannot be read"):
        bag(tmp_path / "gone", tmp_path / "bag", manifest_of(top))
    assert sorted(os.listdir(tmp_path)) == ["alias", "tree"]


def test_a_full_disk_leaves_nothing_behind(
    top: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(descriptor: int, data: object, at: int) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "pwrite", full)
    with pytest.raises(UsageError, match="no space"):
        bag(top, tmp_path / "bag")
    assert os.listdir(tmp_path) == ["tree"]


def test_set_id_bits_are_not_copied_and_the_owner_can_read(tmp_path: Path) -> None:
    top = make_tree(tmp_path / "tree", {"suid": "x", "closed": "y"})
    (top / "suid").chmod(0o6755)
    manifest = manifest_of(top)
    closed = manifest.entries[0]
    manifest = Manifest(
        manifest.name,
        (
            ManifestEntry(b"closed", "file", 0, closed.size, 7, None, closed.blake3, closed.sha256),
            manifest.entries[1],
        ),
        0,
    )
    bag(top, tmp_path / "bag", manifest)
    assert (tmp_path / "bag/data/suid").stat().st_mode & 0o7777 == 0o755
    assert (tmp_path / "bag/data/closed").stat().st_mode & 0o7777 == 0o400
    assert (tmp_path / "bag/data/closed").stat().st_mtime_ns == 7


def test_a_large_file_is_copied_whole(tmp_path: Path) -> None:
    top = make_tree(tmp_path / "tree", {"large": os.urandom(1 << 20) * 3 + b"tail", "none": ""})
    assert bag(top, tmp_path / "bag").failed == ()
    assert contents(tmp_path / "bag/data") == contents(top)
    shutil.rmtree(tmp_path / "bag")


def test_sizes_are_told_as_people_read_them() -> None:
    assert [
        bagit._size(count) for count in (0, 999, 1500, 24_700_000, 260 * 10**9, 5 * 10**15)
    ] == [*("0 B", "999 B", "1.5 kB", "24.7 MB", "260 GB", "5000 TB")]


def test_holes_stay_holes(tmp_path: Path) -> None:
    """Long and short ones; and what is full of zeros is not made one."""
    top = make_tree(tmp_path / "vm", {"full": b"\0" * (1 << 20)})
    with open(top / "long", "wb") as file:
        for at in (0, 64 << 20):
            file.seek(at)
            file.write(b"data")
    with open(top / "short", "wb") as file:
        for at in range(0, 4 << 20, 64 << 10):
            file.seek(at + 100)
            file.write(b"data")
        file.truncate(5 << 20)
    place = tmp_path / "bag"
    assert bag(top, place).failed == ()
    for name in ("long", "short", "full"):
        source, copy = top / name, place / "data" / name
        assert copy.read_bytes() == source.read_bytes()
        assert copy.stat().st_blocks <= source.stat().st_blocks + 16
    assert (place / "data/full").stat().st_blocks * 512 >= 1 << 20
    assert validate(place).returncode == 0
