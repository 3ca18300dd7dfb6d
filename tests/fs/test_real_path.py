"""The one path of what has several."""

from __future__ import annotations

import fcntl
import os
import sys
import unicodedata
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gorillacomb.fs.paths import spelling_key
from gorillacomb.fs.real_path import _other_spellings, listed_name, real_path, real_path_of_entry
from tests.support.disks import Disks


def test_links_are_resolved_and_of_an_entry_those_around_it(tmp_path: Path) -> None:
    (tmp_path / "d").mkdir()
    (tmp_path / "d/f").touch()
    (tmp_path / "way").symlink_to("d")
    (tmp_path / "d/link").symlink_to("f")
    through = bytes(tmp_path / "way/link")
    assert real_path(through) == bytes(tmp_path / "d/f")
    assert real_path_of_entry(through) == bytes(tmp_path / "d/link")
    assert real_path_of_entry(bytes(tmp_path / "way") + b"/") == bytes(tmp_path / "way")
    assert real_path(bytes(tmp_path / "way/none/x")) == bytes(tmp_path / "d/none/x")


@given(st.text("aA/éE\u0301.", max_size=12))
def test_where_spellings_are_told_apart_it_is_realpath(text: str) -> None:
    path = os.fsencode(f"/tmp/{text}")
    assert real_path(path) == os.path.realpath(path)


def test_two_spellings_that_both_exist_stay_two(tmp_path: Path) -> None:
    for name in ("Photos", "pHOTOS", "photos"):
        (tmp_path / name).mkdir()
        assert real_path(bytes(tmp_path / name)) == bytes(tmp_path / name)
    (tmp_path / "X").mkdir()
    assert real_path(bytes(tmp_path / "x")) == bytes(tmp_path / "x"), "it does not exist"


def test_on_fat_the_listed_name_is_the_one(disks: Disks) -> None:
    top = disks.plug("vfat", disks.image("vfat"), disks.point("stick"))
    (top / "Long Name of Photos").mkdir()
    (top / "Long Name of Photos/A.jpg").touch()
    wanted = bytes(top / "Long Name of Photos/A.jpg")
    for spelled in ("long name of photos/a.JPG", "Long Name of Photos/A.jpg"):
        assert real_path(bytes(top / spelled)) == wanted
        assert real_path_of_entry(bytes(top / spelled)) == wanted


def test_each_spelling_that_the_volume_takes_leads_to_the_listed_one(disks: Disks) -> None:
    top = disks.plug("exfat", disks.image("exfat"), disks.point("stick"))
    names = ["Straße", "STRASSE", "Éa", "xé1", "ſ", "ΣΣ", "2024", "日本 a"]
    for name in names:
        (top / name).mkdir()
    ways: tuple[Callable[[str], str], ...] = (str.lower, str.upper, str.swapcase, str.title)
    spelled = {way(name) for name in names for way in ways}
    for each in [name for name in spelled if (top / name).exists()]:
        found = os.fsdecode(os.path.basename(real_path(bytes(top / each))))
        assert found in names, each


@given(st.text("aB ßéÉſ.1\u0301", min_size=1, max_size=6).filter(lambda text: text.strip(". ")))
def test_another_spelling_is_one(text: str) -> None:
    name = os.fsencode(text)
    for other in _other_spellings(name):
        assert other != name
        assert spelling_key(other.rstrip(b". ")) == spelling_key(name.rstrip(b". "))


@pytest.mark.linux("replaces the call of macOS that the made-up one answers")
def test_macos_is_asked_for_the_name_that_was_given(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not run on a Mac: what F_GETPATH answers is made up."""
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos/link").symlink_to("nowhere")
    answers = {"link": "Link"}

    def getpath(descriptor: int, command: int, argument: bytes) -> bytes:
        assert (command, len(argument)) == (50, 1024)
        at = os.readlink(f"/proc/self/fd/{descriptor}")
        for old, new in answers.items():
            at = at.replace(f"/{old}", f"/{new}")
        return os.fsencode(at).ljust(1024, b"\0")

    monkeypatch.setattr(sys, "platform", "darwin")
    monkeypatch.setattr(os, "O_EVTONLY", 0, raising=False)
    monkeypatch.setattr(os, "O_SYMLINK", os.O_PATH | os.O_NOFOLLOW, raising=False)
    monkeypatch.setattr(fcntl, "fcntl", getpath)
    assert real_path_of_entry(bytes(tmp_path / "photos/link")) == bytes(tmp_path / "photos/Link")
    answers["photos"] = "Photos"
    assert real_path(bytes(tmp_path / "photos")) == bytes(tmp_path / "Photos")
    assert real_path(bytes(tmp_path / "none")) == bytes(tmp_path / "none")
    answers["photos"] = "elsewhere"
    assert real_path(bytes(tmp_path / "photos")) == bytes(tmp_path / "photos"), "it moved meanwhile"


def test_of_two_forms_of_a_name_that_which_is_listed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As on APFS, which finds a name in either form and lists the one that it was given."""
    listed = tmp_path / unicodedata.normalize("NFD", "Café")
    listed.mkdir()
    lstat, lexists = os.lstat, os.path.lexists

    def folded(path: bytes) -> bytes:
        return os.fsencode(unicodedata.normalize("NFD", os.fsdecode(path)))

    monkeypatch.setattr(os, "lstat", lambda path, **more: lstat(folded(path), **more))
    monkeypatch.setattr(os.path, "lexists", lambda path: lexists(folded(path)))
    assert listed_name(bytes(tmp_path), "Café".encode()) == bytes(listed.name, "utf-8")
