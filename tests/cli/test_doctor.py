"""What `doctor` says of real file systems, and that it leaves nothing behind."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.support.disks import Disks
from tests.support.run import Ran, refused, run


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
