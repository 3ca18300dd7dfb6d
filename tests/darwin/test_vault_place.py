"""On macOS data and settings share a folder: the vault has one of its own in it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.darwin.mac import Mac
from tests.support.trees import make_tree

SHARED = "Library/Application Support/gorillacomb"


@pytest.fixture
def drive(mac: Mac) -> Path:
    return make_tree(mac.volume("Drive"), {"a": "words", "b": "words"})


def first_scan(mac: Mac, drive: Path) -> None:
    ran = mac.run("scan", drive, "--workers", "0", vault=False)
    assert ran.code == 0, ran
    assert mac.run("status", vault=False).code == 0


def test_the_first_scan_works_after_keys_were_made(mac: Mac, drive: Path, own_home: Path) -> None:
    assert mac.run("keys", "init", vault=False).code == 0
    first_scan(mac, drive)
    assert (own_home / SHARED / "vault/index.db").exists()


@pytest.mark.parametrize("name", ["config.toml", ".DS_Store", ".localized", "._config.toml"])
def test_it_works_beside_settings_and_what_finder_leaves(
    mac: Mac, drive: Path, own_home: Path, name: str
) -> None:
    for folder in (own_home / SHARED, own_home / SHARED / "vault"):
        folder.mkdir(parents=True, exist_ok=True)
        if folder.name != "vault" or name != "config.toml":
            (folder / name).touch()
    first_scan(mac, drive)


def test_a_vault_at_the_old_place_still_opens(mac: Mac, drive: Path, own_home: Path) -> None:
    old = own_home / SHARED
    assert mac.run("scan", drive, "--vault", old, "--workers", "0", vault=False).code == 0
    ran = mac.run("status", "--json", vault=False)
    assert ran.code == 0 and len(ran.json()["roots"]) == 1
    assert not (old / "vault").exists()


def test_other_files_still_keep_a_folder_from_becoming_a_vault(mac: Mac, drive: Path) -> None:
    mac.vault.mkdir()
    (mac.vault / "thesis.doc").touch()
    ran = mac.run("scan", drive)
    assert ran.code == 4 and "not empty and not a vault" in ran.err
