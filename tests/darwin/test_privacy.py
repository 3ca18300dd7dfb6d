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
