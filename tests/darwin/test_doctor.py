"""What `doctor` says on a made-up Mac, which is as good as the Mac is made up."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.darwin.mac import Mac
from tests.support.trees import make_tree


def test_what_works_and_what_does_not(mac: Mac) -> None:
    drive = mac.volume("Drive", folds_names=True)
    ran = mac.run("doctor", drive / ".", "--json")
    found = {each["name"]: each["result"] for each in ran.json()["trials"]}
    assert ran.code == 0 and ran.json()["fit"], ran
    assert found["case"] == found["normalization"] == "no"
    assert found["attributes"] == found["no-downloads"] == found["sync"] == "yes"
    assert found["writers"] == "unknown"
    assert found["acl"] == found["shared-blocks"] == "yes", ran
    assert found["identity"] == "yes"


def test_a_volume_without_identity_or_safe_renames(mac: Mac) -> None:
    drive = mac.volume("Stick", type="msdos", uuid=None)
    mac.machine.renames_exclusively = False
    ran = mac.run("doctor", drive, "--json")
    found = {each["name"]: each["result"] for each in ran.json()["trials"]}
    assert found["identity"] == found["exchange"] == found["rename-folder"] == "no"
    assert any("never counts while it is away" in each for each in ran.json()["limits"])


def test_what_changes_files_waits_for_its_result(mac: Mac) -> None:
    first, second = mac.volume("First"), mac.volume("Second")
    for drive in (first, second):
        make_tree(drive, {"sun.jpg": "sun" * 90, "sun copy.jpg": "sun" * 90})
    mac.scan(first, second)
    plan = mac.folder / "plan"
    assert mac.run("dedupe", "--plan", "-o", plan).code == 0
    for drive in (first, second):
        ran = mac.run("dedupe", "--apply", plan)
        assert ran.code == 5 and "gorillacomb doctor PATH" in ran.err, ran
        assert mac.run("doctor", drive).code == 0
    assert mac.run("dedupe", "--apply", plan).code == 0
    assert not (first / "sun copy.jpg").exists()


def test_a_bad_result_keeps_it_refused(mac: Mac) -> None:
    drive = mac.volume("Drive")
    make_tree(drive, {"sun.jpg": "sun" * 90, "sun copy.jpg": "sun" * 90})
    mac.scan(drive)
    plan = mac.folder / "plan"
    assert mac.run("dedupe", "--plan", "-o", plan).code == 0
    (mac.vault / "doctor.json").write_text('{"uuid:x": true}')
    assert mac.run("dedupe", "--apply", plan).code == 5
    mac.machine.renames_exclusively = False
    assert mac.run("doctor", drive).code in (0, 1)


def test_what_is_only_in_the_cloud_is_counted_and_not_touched(mac: Mac) -> None:
    drive = mac.volume("Drive")
    make_tree(drive, {"a": "one", "b": "three", "folder": {"c": "four"}, "d": "here"})
    mac.machine.dataless = [str(drive / name) for name in ("a", "b", "folder")]
    ran = mac.run("doctor", drive, "--json")
    found = {each["name"]: each for each in ran.json()["trials"]}
    assert found["placeholders"]["result"] == "yes"
    assert found["placeholders"]["detail"].startswith("3 of 4 files and folders are only in the")
    assert [line for line in mac.log if line.startswith(("opened", "listed", "downl"))] == []


def test_a_folder_closed_by_privacy_comes_with_what_to_do(mac: Mac) -> None:
    drive = make_tree(mac.volume("Drive"), {"Desktop": {"a": "1"}, "Documents": {"b": "2"}})
    mac.machine.forbidden = [str(drive / name) for name in ("Desktop", "Documents")]
    ran = mac.run("doctor", drive)
    assert ran.out.count("Full Disk Access") == 1 and "2 folders may not be read: macOS" in ran.out


def test_a_volume_without_clones(mac: Mac) -> None:
    ran = mac.run("doctor", mac.volume("Stick", type="exfat"), "--json")
    found = {each["name"]: each for each in ran.json()["trials"]}
    assert found["shared-blocks"]["result"] == "no"
    assert found["shared-blocks"]["detail"] == "it does not say which files are clones"


# fmt: off
ASKED: dict[str, tuple[str, ...]] = {
    "apply": ("dedupe", "--apply", "%/plan"),
    "purge": ("dedupe", "--empty-quarantine", "--yes"),
    "hard links": ("dedupe", "--plan", "-o", "%/links", "--action", "hardlink"),
    "offline": ("unique", "@", "--count-offline"),
    "repair": ("scrub", "--repair"),
    "drop": ("drop", "%/drop", "--into", "@"),
}
# fmt: on
"""What needs the result for each drive (``@``), with other files in ``%``."""


@pytest.mark.parametrize("what", ASKED)
def test_each_of_them_waits_for_it_and_then_needs_no_option(mac: Mac, what: str) -> None:
    drive = make_tree(mac.volume("Drive"), {"sun.jpg": "sun" * 90, "sun copy.jpg": "sun" * 90})
    make_tree(mac.folder / "drop", {"sea.jpg": "sea" * 90})
    mac.scan(drive)
    assert mac.run("dedupe", "--plan", "-o", mac.folder / "plan").code == 0
    words = [each.replace("@", str(drive)).replace("%", str(mac.folder)) for each in ASKED[what]]
    ran = mac.run(*words)
    assert ran.code == 5 and "gorillacomb doctor PATH" in ran.err, ran
    assert mac.run("doctor", drive).code == 0
    ran = mac.run(*words)
    assert ran.code in (0, 1), ran


def test_a_check_of_the_vault_says_what_was_never_measured(mac: Mac) -> None:
    first, second = mac.volume("First"), mac.volume("Second")
    for drive in (first, second):
        make_tree(drive, {"a": "1"})
    mac.scan(first, second)
    assert mac.run("doctor", first).code == 0
    out = mac.run("vault", "check").out
    assert f"doctor: {first}: fit\n" in out
    assert f"doctor: {second}: {NOT_MEASURED}\n" in out


NOT_MEASURED = "not measured on this version of the system, which removals on macOS ask for"


def test_after_an_update_of_macos_it_is_measured_again(mac: Mac) -> None:
    drive = make_tree(mac.volume("Drive"), {"sun.jpg": "sun" * 90, "sun copy.jpg": "sun" * 90})
    mac.scan(drive)
    plan = mac.folder / "plan"
    assert mac.run("dedupe", "--plan", "-o", plan).code == 0
    assert mac.run("doctor", drive).code == 0
    other = mac.volume("Other")
    mac.machine.build = "24B83"
    ran = mac.run("dedupe", "--apply", plan)
    assert ran.code == 5 and "again after each update of macOS" in ran.err, ran
    assert f"doctor: {drive}: {NOT_MEASURED}\n" in mac.run("vault", "check").out
    # What is measured now renews no other volume's result.
    assert mac.run("doctor", other).code == 0
    assert mac.run("dedupe", "--apply", plan).code == 5
    assert mac.run("doctor", drive).code == 0
    assert f"doctor: {drive}: fit\n" in mac.run("vault", "check").out
    assert mac.run("dedupe", "--apply", plan).code == 0
    assert not (drive / "sun copy.jpg").exists()


@pytest.mark.parametrize(
    "result",
    [True, {"fit": True}, {"fit": 1, "system": "@"}, {"fit": True, "system": "Darwin"}, ["fit"]],
)
def test_a_result_of_another_form_does_not_count(mac: Mac, result: Any) -> None:
    """Those of earlier versions of Gorilla Comb do not say of which system they are."""
    drive = make_tree(mac.volume("Drive"), {"sun.jpg": "sun" * 90, "sun copy.jpg": "sun" * 90})
    mac.scan(drive)
    plan = mac.folder / "plan"
    assert mac.run("dedupe", "--plan", "-o", plan).code == 0
    assert mac.run("doctor", drive).code == 0
    file = mac.vault / "doctor.json"
    known = json.loads(file.read_text())
    ((volume, before),) = known.items()
    system = before["system"]
    assert system.endswith(" 24A335")
    file.write_text(json.dumps({volume: result}).replace("@", system))
    assert mac.run("dedupe", "--apply", plan).code == 5
    file.write_text(json.dumps({volume: before}))
    assert mac.run("dedupe", "--apply", plan).code == 0
