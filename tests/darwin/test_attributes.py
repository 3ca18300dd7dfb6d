"""Tags, forks, ACLs and flags that a copy has and the other lacks: it is not removed for it."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.darwin.fake.missing import UF_HIDDEN
from tests.darwin.mac import FORK, TAGS, Mac, attributes, give, give_acl, give_flags
from tests.support.trees import make_tree

Give = Callable[[Path], None]
GIVEN: dict[str, Give] = {
    "tags": lambda path: give(path, TAGS),
    "resource fork": lambda path: give(path, FORK, b"icon" * 20),
    "comment": lambda path: give(path, "com.apple.metadata:kMDItemFinderComment"),
    "label": lambda path: give(path, "com.apple.FinderInfo", b"\0" * 9 + b"\x0c" + b"\0" * 22),
    "another program's": lambda path: give(path, "org.example.rating", b"5"),
    "ACL": give_acl,
    "flags": lambda path: give_flags(path, UF_HIDDEN),
}


@pytest.fixture
def copies(mac: Mac) -> Path:
    """A drive with a pair of equal files for each attribute, and a plain pair."""
    drive = mac.volume("Drive")
    for name in ("plain", *GIVEN):
        words = f"words about {name}, ".encode() * 50
        make_tree(drive / name, {"report.pdf": words, "report copy.pdf": words})
    return drive


def give_all(drive: Path, file: str) -> None:
    for name, given in GIVEN.items():
        given(drive / name / file)


def planned(mac: Mac, *options: str) -> tuple[Path, set[str]]:
    """A plan, and the folders of the files that it removes."""
    plan = mac.folder / "plan.jsonl"
    plan.unlink(missing_ok=True)
    ran = mac.run("dedupe", "--plan", "-o", plan, "--untested-macos", "--json", *options)
    assert ran.code == 0, ran
    _, *steps = [json.loads(line) for line in plan.read_bytes().splitlines()]
    paths = [Path(step["path"]) for step in steps]
    assert {path.name for path in paths} <= {"report copy.pdf"}
    return plan, {path.parent.name for path in paths}


def applied(mac: Mac, plan: Path) -> dict[str, str]:
    """Carry a plan out: why a copy was skipped, by its folder."""
    ran = mac.run("dedupe", "--apply", plan, "--untested-macos", "--json")
    assert ran.code in (0, 3), ran
    return {Path(each["path"]).parent.name: each["cause"] for each in ran.json()["skipped"]}


def test_a_copy_with_one_of_its_own_is_not_set_aside(mac: Mac, copies: Path) -> None:
    mac.scan(copies)
    plan, folders = planned(mac)
    assert folders == {"plain", *GIVEN}
    give_all(copies, "report copy.pdf")
    skipped = applied(mac, plan)
    assert skipped.keys() == GIVEN.keys()
    assert all("has an attribute of its own: " in cause for cause in skipped.values()), skipped
    assert not (copies / "plain/report copy.pdf").exists()
    assert all((copies / name / "report copy.pdf").exists() for name in GIVEN)


def test_none_is_planned_either(mac: Mac, copies: Path) -> None:
    give_all(copies, "report copy.pdf")
    mac.scan(copies)
    assert planned(mac)[1] == {"plain"}


def test_one_that_both_have_is_kept_through_quarantine_and_undo(mac: Mac, copies: Path) -> None:
    give_all(copies, "report.pdf")
    give_all(copies, "report copy.pdf")
    before = {name: attributes(copies / name / "report copy.pdf") for name in GIVEN}
    mac.scan(copies)
    assert applied(mac, planned(mac)[0]) == {}
    assert not any((copies / name / "report copy.pdf").exists() for name in GIVEN)
    assert mac.run("dedupe", "--undo").code == 0
    assert {name: attributes(copies / name / "report copy.pdf") for name in GIVEN} == before
    assert all(before.values())


def test_unlike_files_never_become_one(mac: Mac, copies: Path) -> None:
    give_all(copies, "report.pdf")  # the one that is kept: a link would give it to the other
    mac.scan(copies)
    assert planned(mac, "--action", "hardlink")[1] == {"plain"}
    give_all(copies, "report copy.pdf")
    plan, folders = planned(mac, "--action", "hardlink")
    assert folders == {"plain", *GIVEN}
    for name in GIVEN:
        for attribute in attributes(copies / name / "report.pdf"):
            os.removexattr(copies / name / "report.pdf", attribute)
    assert applied(mac, plan).keys() == GIVEN.keys()
    for name in GIVEN:
        assert not (copies / name / "report.pdf").samefile(copies / name / "report copy.pdf")
    assert (copies / "plain/report.pdf").samefile(copies / "plain/report copy.pdf")


def test_what_programs_add_by_themselves_does_not_count(mac: Mac, copies: Path) -> None:
    for name in ("com.apple.quarantine", "com.apple.lastuseddate#PS", "com.dropbox.attrs"):
        give(copies / "plain/report copy.pdf", name)
    mac.scan(copies)
    assert "plain" in planned(mac)[1]


def test_a_copy_whose_attributes_changed_in_quarantine_is_not_purged(
    mac: Mac, copies: Path
) -> None:
    """What was set aside is compared once more before it is deleted."""
    mac.scan(copies)
    applied(mac, planned(mac)[0])
    (aside,) = [
        each
        for each in copies.glob(".gorillacomb/quarantine/*/*")
        if each.is_file() and each.read_bytes().startswith(b"words about plain")
    ]
    give(aside, TAGS)
    ran = mac.run("dedupe", "--empty-quarantine", "--yes", "--untested-macos", "--json")
    assert aside.exists(), ran


COPY = """
import os, sys
from gorillacomb.fs.comparison import extended_attributes
from gorillacomb.fs.mutations import copy_metadata
a, b = (os.open(path, os.O_RDWR) for path in sys.argv[1:])
copy_metadata(b, os.fstat(a), extended_attributes(b), extended_attributes(a))
"""


def test_a_file_written_in_place_of_another_gets_all_it_had(mac: Mac, copies: Path) -> None:
    source, target = copies / "plain/report.pdf", copies / "plain/report copy.pdf"
    for given in GIVEN.values():
        given(source)
    give(target, "org.example.old")
    mac.python(COPY, source, target)
    assert attributes(target) == attributes(source)
    for name in attributes(source):
        os.removexattr(source, name)
    mac.python(COPY, source, target)
    left = attributes(target)
    assert left.pop("user.fake.flags") == b"0" and left == {}
