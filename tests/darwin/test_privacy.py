"""Folders that the user's privacy settings close to programs."""

from __future__ import annotations

from tests.darwin.mac import Mac
from tests.support.trees import make_tree


def test_a_closed_root_comes_with_what_to_do(mac: Mac) -> None:
    desktop = make_tree(mac.volume("Desktop"), {"a": "words"})
    mac.machine.forbidden = [str(desktop)]
    ran = mac.run("scan", desktop)
    assert ran.code == 2 and "operation not permitted" in ran.err
    assert "Full Disk Access" in ran.err


def test_a_closed_folder_is_told_and_nothing_in_it_is_gone(mac: Mac) -> None:
    home = make_tree(mac.volume("Home"), {"Desktop": {"a": "words"}, "b": "words"})
    mac.scan(home)
    mac.machine.forbidden = [str(home / "Desktop")]
    ran = mac.run("scan", home, "--workers", "0", "--json")
    assert ran.code == 3
    assert [each["cause"] for each in ran.json()["unreadable"]] == ["operation not permitted"]
    assert mac.run("explain", home / "Desktop/a").code == 0


def test_closed_folders_below_a_root_are_told_with_one_advice(mac: Mac) -> None:
    home = make_tree(
        mac.volume("Home"),
        {
            "Desktop": {"a": "1"},
            "Documents": {"a": "2"},
            "Downloads": {"a": "3"},
            "Library": {"CloudStorage": {}},
            "b": "words",
        },
    )
    names = ("Desktop", "Documents", "Downloads", "Library/CloudStorage")
    mac.machine.forbidden = closed = [str(home / name) for name in names]
    ran = mac.run("scan", home, "--workers", "0")
    assert ran.code == 3
    assert "could not be read: operation not permitted" in ran.err
    assert ran.err.count("Full Disk Access") == 1, ran.err
    ran = mac.run("scan", home, "--workers", "0", "--json")
    assert sorted(each["path"] for each in ran.json()["unreadable"]) == closed
    mac.machine.forbidden = []
    ran = mac.run("scan", home, "--workers", "0")
    assert ran.code == 0 and "Full Disk Access" not in ran.err, ran


def test_homes_of_other_users_are_told_with_one_advice(mac: Mac) -> None:
    users = make_tree(
        mac.volume("Users"),
        {"anna": {"a": "1"}, "bert": {"b": "2"}, "me": {"c": "3", "Desktop": {"d": "4"}}},
    )
    mac.machine.denied = closed = [str(users / name) for name in ("anna", "bert")]
    ran = mac.run("scan", users, "--workers", "0")
    assert ran.code == 3, ran
    assert ran.err.count("could not be read: permission denied") == 2
    assert ran.err.count("homes of other users") == 1 and "Full Disk Access" not in ran.err
    ran = mac.run("scan", users, "--workers", "0", "--json")
    assert sorted(each["path"] for each in ran.json()["unreadable"]) == closed
    mac.machine.forbidden = [str(users / "me/Desktop")]
    ran = mac.run("scan", users, "--workers", "0")
    assert ran.code == 3
    assert ran.err.count("homes of other users") == ran.err.count("Full Disk Access") == 1, ran
    out = mac.run("doctor", users).out
    assert "3 folders may not be read: macOS" in out
    assert out.count("homes of other users") == out.count("Full Disk Access") == 1


def test_a_home_that_was_seen_before_is_not_gone(mac: Mac) -> None:
    users = make_tree(mac.volume("Users"), {"anna": {"a": "1"}, "me": {"c": "3"}})
    mac.scan(users)
    mac.machine.denied = [str(users / "anna")]
    assert mac.run("scan", users, "--workers", "0").code == 3
    assert mac.run("explain", users / "anna/a").code == 0


def test_another_users_home_as_root_is_refused_as_anywhere(mac: Mac) -> None:
    anna = make_tree(mac.volume("Users"), {"anna": {"a": "1"}}) / "anna"
    mac.machine.denied = [str(anna)]
    ran = mac.run("scan", anna)
    assert ran.code == 2 and "permission denied" in ran.err and "Check its permissions" in ran.err


def test_doctor_opens_no_folder_that_the_system_closes_to_all(mac: Mac) -> None:
    drive = make_tree(mac.volume("Drive"), {".Trashes": {}, ".Spotlight-V100": {}, "a": "1"})
    mac.machine.denied = [str(drive / name) for name in (".Trashes", ".Spotlight-V100")]
    trials = mac.run("doctor", drive, "--json").json()["trials"]
    found = {each["name"]: each["detail"] for each in trials}
    assert found["permissions"] == "all may be read"
