"""Checking, copying, restoring and removing a vault includes its scrolls."""

from __future__ import annotations

import os
from pathlib import Path

from tests.scrolls.release import Release
from tests.support.mounts import tmpfs
from tests.support.run import refused, run


def test_a_check_names_a_scroll_that_is_missing_or_changed(release: Release) -> None:
    assert release.run("vault", "check", "--json").json()["scrolls"] is None
    file = release.envelope()
    good = file.read_bytes()
    file.write_bytes(good[:-1])
    found = release.run("vault", "check", "--json", code=1).json()
    assert not found["ok"] and "is damaged" in found["scrolls"]
    assert found["index"] is found["trace"] is found["together"] is None
    assert "scrolls: The scroll" in release.run("vault", "check", code=1).out
    file.unlink()
    assert "is missing" in release.run("vault", "check", "--json", code=1).json()["scrolls"]
    os.mkfifo(file)
    assert "is damaged" in release.run("vault", "check", "--json", code=1).json()["scrolls"]
    file.unlink()
    file.write_bytes(good)
    (release.vault / "scrolls" / f"{'0' * 64}.dsse").write_bytes(good)
    (release.vault / "scrolls" / ".left").write_bytes(b"")
    assert release.run("vault", "check", "--json").json()["ok"], "what is not a scroll is no harm"


def test_a_backup_has_them_and_a_restore_brings_them_back(release: Release, tmp_path: Path) -> None:
    second = release.create("--kind", "seal")
    (release.vault / "scrolls" / ".left").write_bytes(b"half of one")
    copied = release.run("vault", "backup", tmp_path / "copy", "--json").json()
    files = [path for path in (tmp_path / "copy").rglob("*") if path.is_file()]
    assert copied["bytes"] == sum(path.stat().st_size for path in files)
    names = sorted(path.name for path in (tmp_path / "copy/scrolls").iterdir())
    assert names == sorted(f"{scroll}.dsse" for scroll in (release.made[0], second))
    assert oct((tmp_path / "copy/scrolls").stat().st_mode & 0o777) == "0o700"
    before = release.show(second)
    release.run("vault", "remove", "--yes-remove", "0")
    assert not release.vault.exists()
    restored = release.run("vault", "restore", tmp_path / "copy", "--json").json()
    assert restored["scrolls"] is None and restored["bytes"] == copied["bytes"]
    after = release.show(second)
    assert after["scroll_signature"] == before["scroll_signature"]
    release.verify(scroll=second)


def test_a_backup_that_lacks_one_is_restored_and_that_is_said(
    release: Release, tmp_path: Path
) -> None:
    release.run("vault", "backup", tmp_path / "copy")
    [file] = (tmp_path / "copy/scrolls").iterdir()
    file.unlink()
    restored = release.run("vault", "restore", tmp_path / "copy", "--replace", "--json").json()
    assert str(tmp_path / "copy/scrolls") in restored["scrolls"]
    ran = release.run("vault", "restore", tmp_path / "copy", "--replace")
    assert "A scroll is not as it was" in ran.out
    release.run("vault", "check", code=1)


def test_a_backup_on_a_full_disk_leaves_nothing(release: Release, tmp_path: Path) -> None:
    large = release.vault / "scrolls" / f"{'0' * 64}.dsse"
    large.write_bytes(bytes(4 << 20))
    with tmpfs(tmp_path / "disk", "3m") as disk:
        ran = run("vault", "backup", disk / "copy", vault=release.vault)
        assert ran.code != 0 and "o space left" in ran.err
        assert not (disk / "copy").exists()
        large.unlink()
        release.run("vault", "backup", disk / "copy")


def test_a_removed_vault_leaves_nothing_and_what_is_not_its_own_is_kept(release: Release) -> None:
    notes = release.vault / "scrolls/notes.txt"
    notes.write_text("of somebody")
    words = ("vault", "remove", "--yes-remove", "0")
    refused(run(*words, vault=release.vault), 5, "scrolls/notes.txt")
    assert release.envelope().exists()
    notes.unlink()
    found = release.run(*words, "--json").json()
    assert found["bytes"] > 0 and not release.vault.exists()
