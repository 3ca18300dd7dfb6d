"""Zips: good ones are looked into, and the others do no harm, whatever they claim."""

from __future__ import annotations

import os
import random
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from gorillacomb.drop import archive
from gorillacomb.drop.archive import Archive
from gorillacomb.drop.model import ContentChanged
from gorillacomb.errors import UntrustedInput
from tests.drop.bench import Bench, contents, everything
from tests.drop.zips import Entry, made, nested, overlapping, plain
from tests.support.run import environment, refused

DATA = b"d" * 500


@pytest.fixture
def bench(tmp_path: Path, vault: Path) -> Bench:
    return Bench(tmp_path, vault)


def write(bench: Bench, data: bytes, name: str = "x.zip") -> Path:
    path = bench.root.parent / name
    path.write_bytes(data)
    return path


def test_a_zip_is_looked_into_and_its_new_files_are_kept(bench: Bench) -> None:
    path = write(bench, plain({"a/one": b"a" * 900, "a/new": DATA, "é": b"e" * 500}))
    found = bench.drop(path, code=1)
    assert (found["have"]["files"], found["new"]["files"]) == (1, 2)
    assert os.listdir(bench.root) == ["photos", "odd"] or len(os.listdir(bench.root)) == 2
    found = bench.drop(path, into=bench.root, code=0)
    top = Path(found["kept"]["folder"]["path"])
    assert contents(top) == {"x/a/new": DATA, "x/é": b"e" * 500}
    assert (top / "x/a/new").stat().st_mode & 0o777 == 0o644
    assert bench.drop(path, code=0)["have"]["files"] == 3
    bench.undo()
    assert not (bench.root / "Omnidrop").exists()


def test_a_zip_by_another_program(bench: Bench) -> None:
    if shutil.which("zip") is None:
        pytest.skip("MISSING: zip, to make an archive by another program: apt install zip")
    (bench.dropped / "script").write_bytes(b"#!/bin/sh" * 99)
    (bench.dropped / "script").chmod(0o755)
    os.symlink("same", bench.dropped / "link")
    subprocess.run(["zip", "-qry", "../z.zip", "."], cwd=bench.dropped, check=True)
    found = bench.drop(bench.dropped.parent / "z.zip", into=bench.root, code=3)
    left = {each.get("path"): each["cause"] for each in found["left_out"]}
    assert left["z/link"] == "is a link"
    top = Path(found["kept"]["folder"]["path"])
    assert (top / "z/script").stat().st_mode & 0o777 == 0o755
    assert b"n" * 900 in contents(top).values(), "under the name that comes first in the archive"


ODD = {
    b"/etc/cron": "absolute",
    b"../out": "..",
    b"a/../../out": "..",
    b"a/./b": "empty part",
    b"a//b": "empty part",
    b"C:\\x": "backslash",
    b"C:x": "drive",
    b"a\\b": "backslash",
    b"a\0b": "NUL",
    b"a\nb": "control",
    b"\x1b[2J": "control",
    b"\xff\xfe": "UTF-8",
    b"CON": "device",
    b"a/nul.txt": "device",
    b".gorillacomb/lock": "own",
    b"a/.GorillaComb/x": "own",
    ".goril\u200clacomb/x".encode(): "own",
    b"/".join([b"d"] * 70): "folders",
    b"n" * 300: "too long",
    b"": "no name",
}


@pytest.mark.parametrize("name", ODD, ids=lambda name: repr(name)[:24])
def test_a_member_that_would_be_elsewhere_is_told_and_left_out(bench: Bench, name: bytes) -> None:
    before = everything(bench.root.parent)
    path = write(bench, made([Entry(name, DATA), Entry(b"good", b"g" * 500)]))
    found = bench.drop(path, into=bench.root, code=3)
    assert [each["cause"] for each in found["left_out"]] != []
    assert ODD[name] in found["left_out"][0]["cause"]
    top = Path(found["kept"]["folder"]["path"])
    assert contents(top) == {"x/good": b"g" * 500}
    added = everything(bench.root.parent) - before - {"x.zip"}
    assert all(each.startswith("root/Omnidrop") for each in added), added


@pytest.mark.parametrize(
    ("entry", "cause"),
    [
        (Entry(b"f", flags=0x1), "encrypted"),
        (Entry(b"f", flags=0x40), "encrypted"),
        (Entry(b"f", mode=0o120777, data=b"/etc/passwd"), "link"),
        (Entry(b"f", mode=0o010644), "not a file"),
        (Entry(b"f", mode=0o060644), "not a file"),
        (Entry(b"f", method=zipfile.ZIP_BZIP2), "compressed"),
        (Entry(b"f", method=zipfile.ZIP_LZMA), "compressed"),
        (Entry(b"f", method=99), "compressed"),
        (Entry(b"f", crc=1), "damaged"),
        (Entry(b"f", size=5), "damaged"),
        (Entry(b"f", size=3), "damaged"),
        (Entry(b"f", method=zipfile.ZIP_DEFLATED, data=b"0" * 500, size=400), "damaged"),
        (Entry(b"f", local_name=b"g"), "damaged"),
        (Entry(b"f", b"", size=100 << 20), "claims"),
    ],
    ids=str,
)
def test_a_member_that_is_not_what_it_says(bench: Bench, entry: Entry, cause: str) -> None:
    path = write(bench, made([entry, Entry(b"good", DATA)]))
    found = bench.drop(path, into=bench.root, code=3)
    assert [cause in each["cause"] for each in found["left_out"]] == [True], found["left_out"]
    assert set(contents(bench.root / "Omnidrop").values()) == {DATA}


@pytest.mark.parametrize(
    "names",
    [
        (b"a", b"a"),
        (b"a", b"A"),
        ("ä".encode(), "a\u0308".encode()),
        (b"a", b"a/b"),
        (b"a/b", b"a"),
        (b"A/b", b"a/c"),
    ],
)
def test_names_that_clash(bench: Bench, names: tuple[bytes, bytes]) -> None:
    path = write(bench, made(Entry(name, name * 99, flags=0x800) for name in names))
    found = bench.drop(path, into=bench.root, code=3)
    assert len(found["left_out"]) == 1
    assert list(contents(bench.root / "Omnidrop").values()) == [names[0] * 99]


def test_names_in_utf_8_that_do_not_say_so(bench: Bench) -> None:
    """As the archives of a Mac have them."""
    path = write(bench, made([Entry("Füße".encode(), DATA), Entry(b"__MACOSX/._f", b"xattr" * 9)]))
    found = bench.drop(path, into=bench.root, code=0)
    assert (found["items"][0]["path"], found["system_files"]) == ("x/Füße", 1)


READ = """
import os, resource, sys
from gorillacomb.drop.archive import Archive
from gorillacomb.drop.model import ContentChanged
from gorillacomb.errors import UntrustedInput
resource.setrlimit(resource.RLIMIT_AS, (1 << 30, 1 << 30))
resource.setrlimit(resource.RLIMIT_CPU, (20, 20))
resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
try:
    opened = Archive.open(os.fsencode(sys.argv[1]), b"top")
except UntrustedInput:
    sys.exit(5)
for each in opened.files:
    try:
        with each.content.opened() as pieces:
            for _ in pieces:
                pass
    except ContentChanged:
        pass
"""


def is_refused(path: Path) -> bool:
    """Read a zip in a process that may use 1 GiB, 20 s and no disk; return if it was refused."""
    words = [sys.executable, "-c", READ, str(path)]
    ended = subprocess.run(words, env=environment(), capture_output=True, text=True)
    assert ended.returncode in (0, 5), ended.stderr
    return ended.returncode == 5


def test_bombs_of_overlapping_members(bench: Bench) -> None:
    path = write(bench, overlapping(20_000, 20 << 20))
    assert path.stat().st_size < 2_000_000
    assert is_refused(path)
    refused(bench.run("drop", path), 2, "overlap")


def test_a_bomb_of_a_large_ratio(bench: Bench) -> None:
    entries = [Entry(b"%d" % number, b"\0" * (60 << 20), 8) for number in range(30)]
    path = write(bench, made(entries))
    assert is_refused(path)
    refused(bench.run("drop", path), 2, "bomb")


def test_zips_in_a_zip_are_files(bench: Bench) -> None:
    """As in 42.zip: sixteen zips of sixteen zips, and so on down to petabytes."""
    path = write(bench, nested(4, 16))
    assert not is_refused(path)
    found = bench.drop(path, into=bench.root, code=0)
    assert {each["path"] for each in found["items"]} == {f"x/{n}.zip" for n in range(16)}
    assert len(contents(bench.root / "Omnidrop")) == 1


def test_a_member_that_expands_more_than_it_claims(bench: Bench) -> None:
    entry = Entry(b"f", b"\0" * (500 << 20), zipfile.ZIP_DEFLATED, size=1000)
    path = write(bench, made([entry]))
    assert not is_refused(path)
    assert "damaged" in bench.drop(path, code=3)["left_out"][0]["cause"]


def test_too_many_members(bench: Bench) -> None:
    path = write(bench, made(Entry(b"%d" % n, b"") for n in range(archive.MOST_MEMBERS + 1)))
    assert is_refused(path)
    refused(bench.run("drop", path), 2, "members")


def test_a_list_of_members_that_is_too_large(bench: Bench) -> None:
    data = made(Entry(b"n" * 65_000 + b"%d" % n, b"") for n in range(300))
    path = write(bench, data)
    assert is_refused(path)
    refused(bench.run("drop", path), 2, "too large")


def test_random_damage_is_told(bench: Bench) -> None:
    """Bytes are changed, cut off, or repeated: no traceback, nothing elsewhere."""
    dice = random.Random(7)
    good = made([Entry(b"a/b", DATA, 8), Entry(b"c", b"c" * 300), Entry(b"d", b"d" * 99, 8)])
    path = bench.root.parent / "r.zip"
    for _ in range(400):
        data = bytearray(good)
        for _ in range(dice.randint(1, 6)):
            data[dice.randrange(len(data))] = dice.choice((0, 255, dice.randrange(256)))
        if dice.random() < 0.2:
            del data[dice.randrange(len(data)) :]
        path.write_bytes(data)
        try:
            opened = Archive.open(os.fsencode(path), b"top")
        except UntrustedInput:
            continue
        for each in opened.files:
            assert each.name.startswith(b"top/") and b".." not in each.name.split(b"/")
            try:
                with each.content.opened() as pieces:
                    assert sum(map(len, pieces)) == each.size
            except ContentChanged:
                continue
        opened.close()


def test_what_only_looks_like_a_zip_is_a_file(bench: Bench) -> None:
    for name, data in (("x.zip", b"no zip"), ("x.jar", plain({"a": DATA})), ("y.zip", b"")):
        found = bench.drop(write(bench, data, name))
        assert [each["path"] for each in found["items"]] == [name]
    refused(bench.run("drop", write(bench, b"PK\3\4 and no more")), 2, "not a valid zip")


def test_an_archive_that_changes_meanwhile(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(bench, plain({"a": DATA}))
    opened = Archive.open(os.fsencode(path), b"top")
    with opened.files[0].content.opened() as pieces, pytest.raises(ContentChanged, match="changed"):
        for _ in pieces:
            with open(path, "ab") as file:
                file.write(b"more")
    opened.close()
