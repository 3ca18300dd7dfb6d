"""What `doctor` says of real file systems, and that it leaves nothing behind."""

from __future__ import annotations

import os
import platform
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from tests.support.disks import Disks
from tests.support.run import Ran, refused, run
from tests.support.stranger import give, ground, run_as_stranger
from tests.support.trees import make_tree
from tests.watch.daemon import Daemon


def results(ran: Ran) -> dict[str, str]:
    return {each["name"]: each["result"] for each in ran.json()["trials"]}


def test_it_leaves_nothing_behind(tmp_path: Path) -> None:
    place = tmp_path / "here"
    place.mkdir()
    (place / "own").write_text("words")
    before = os.stat(place).st_mtime_ns
    ran = run("doctor", place)
    assert ran.code == 0, ran
    assert "Files can be quarantined and put back." in ran.out
    assert os.listdir(tmp_path) == ["here"] and os.listdir(place) == ["own"]
    assert os.stat(place).st_mtime_ns == before


def test_its_document_has_what_it_prints(tmp_path: Path) -> None:
    text, ran = run("doctor", tmp_path), run("doctor", tmp_path, "--json")
    document = ran.json()
    assert document["path"] == str(tmp_path) and document["fit"] == (ran.code == 0)
    for sentence in (*document["promises"], *document["limits"]):
        assert f"  {sentence}\n" in text.out
    assert results(ran)["rename-file"] == results(ran)["rename-folder"] == "yes"


def test_what_is_no_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    refused(run("doctor", tmp_path / "file"), 2, "is not a folder")
    refused(run("doctor", tmp_path / "none"), 2, "none cannot be examined")


@pytest.mark.parametrize("kind", ["vfat", "exfat"])
def test_a_stick_has_other_names_times_and_no_links(disks: Disks, kind: str) -> None:
    top = disks.plug(kind, disks.image(kind), disks.point("stick"))
    ran = run("doctor", top, "--json")
    found = results(ran)
    assert found["case"] == found["hard-link"] == "no", ran
    assert found["times"] == found["folder-lock"] == "yes", ran
    assert os.listdir(top) == []


NAMES = {
    *("identity", "case", "normalization", "times", "clock", "rename-file", "rename-folder"),
    *("exchange", "hard-link", "reflink", "attributes", "acl", "folder-lock", "sync", "writers"),
    *("shared-blocks", "placeholders", "permissions", "open-files", "service"),
}
"""All that it is to measure; on macOS `no-downloads` too."""


@pytest.mark.linux("what macOS answers: tests/darwin/test_doctor")
def test_everything_is_measured_and_the_builds_are_named(tmp_path: Path) -> None:
    document = run("doctor", tmp_path, "--json").json()
    assert {each["name"] for each in document["trials"]} == NAMES
    assert platform.python_build()[1] in document["python_build"]
    with closing(sqlite3.connect(":memory:")) as connection:
        source = connection.execute("SELECT sqlite_source_id()").fetchone()[0]
    assert document["sqlite_build"] == source
    text = run("doctor", tmp_path).out
    assert document["python_build"] in text and source in text


def test_a_closed_folder_is_counted_and_not_named() -> None:
    with ground() as place:
        drive = make_tree(place / "drive", {"secret": {"a": "1"}, "b": "2"})
        give(place)
        (drive / "secret").chmod(0)
        ran = run_as_stranger("doctor", drive, "--json", home=place)
    found = {each["name"]: each for each in ran.json()["trials"]}
    assert found["permissions"]["result"] == "no", ran
    assert found["permissions"]["detail"].startswith("1 folder may not be read")
    assert "secret" not in ran.out


def service(top: Path, vault: Path) -> dict[str, str]:
    (found,) = [
        each
        for each in run("doctor", top, "--json", vault=vault).json()["trials"]
        if each["name"] == "service"
    ]
    return dict(found)


def test_a_watcher_is_seen(tmp_path: Path, vault: Path) -> None:
    top = make_tree(tmp_path / "drive", {"a": "1"})
    daemon = Daemon(vault, top)
    try:
        daemon.settle()
        found = service(top, vault)
        assert found["result"] == "yes"
        assert found["detail"] == "a watcher runs, which is not installed as a service"
        daemon.stop()
    finally:
        daemon.end()
    assert run("watch", top, "--install", vault=vault).code == 0
    found = service(top, vault)
    assert found["result"] == "no"
    assert "is installed, and does not run: it was ended" in found["detail"]


@pytest.mark.linux("what macOS answers: tests/darwin/test_doctor")
def test_a_check_of_the_vault_says_what_was_measured(tmp_path: Path, vault: Path) -> None:
    top = make_tree(tmp_path / "drive", {"a": "1"})
    assert run("scan", top, vault=vault).code == 0
    before = run("vault", "check", "--json", vault=vault).json()
    assert before["ok"] and before["examined"] == [{"path": str(top), "fit": None}]
    assert "doctor: " not in run("vault", "check", vault=vault).out, "only macOS asks for it"
    fit = run("doctor", top, vault=vault).code == 0
    assert run("vault", "check", "--json", vault=vault).json()["examined"][0]["fit"] is fit
    assert f"doctor: {top}: {'fit' if fit else 'not fit'}" in run("vault", "check", vault=vault).out
