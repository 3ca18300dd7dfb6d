"""What `doctor` says on a made-up Mac, which is as good as the Mac is made up."""

from __future__ import annotations

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
