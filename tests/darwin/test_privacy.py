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
