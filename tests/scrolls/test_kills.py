"""Killed at any step, or on a full disk: there is a scroll with its entry, or there is none."""

from __future__ import annotations

import os
import shutil
import signal
from pathlib import Path

import pytest

from gorillacomb.api.scrolls.create import asked_scroll, create_scroll
from gorillacomb.api.scrolls.status import list_scrolls, scroll_status
from gorillacomb.api.scrolls.verify import verify_scroll
from gorillacomb.api.upkeep.check import check_vault
from gorillacomb.errors import UsageError, VaultUnwritable
from gorillacomb.fs import durable_files
from gorillacomb.scrolls.records import read_records
from gorillacomb.vault.vault import Vault
from gorillacomb.vaultmesh.open import open_trace_for_reading
from tests.scrolls.release import TREATY, Release
from tests.support.mounts import tmpfs
from tests.support.run import run
from tests.vaultmesh import dying


def create(release: Release, *before: tuple[str, str] | None) -> int:
    ran = run(
        *("scroll", "create", "--manifest", release.manifest, "--license", "MIT", *TREATY),
        vault=release.vault,
        before=before[0] if before else None,
    )
    return ran.code


def consistent(release: Release) -> tuple[int, int]:
    """Check what is there; return how many scrolls, and how many envelopes that are none."""
    vault = Vault(release.vault)
    assert check_vault(vault).is_sound
    found = list_scrolls(vault=vault)
    assert found.damaged == ()
    with open_trace_for_reading(vault) as ledger:
        recorded = set(read_records(ledger).scrolls)
    assert {each.metadata.scroll_id for each in found.scrolls} == recorded
    for name in (*recorded, *found.unrecorded):
        check = verify_scroll(release.envelope(name).read_bytes(), vault=vault)
        assert check.ok == (name in recorded)
        assert check.ok or "no entry of it" in check.reasons[0].detail
    for name in found.unrecorded:
        with pytest.raises(UsageError, match="There is no scroll"):
            scroll_status(name, vault=vault)
    return len(found.scrolls), len(found.unrecorded)


@pytest.mark.parametrize("stride", [2, pytest.param(1, marks=pytest.mark.deep)])
def test_killed_before_each_call(release: Release, stride: int) -> None:
    step, outcomes = 0, set()
    scrolls, orphans = consistent(release)
    while True:
        code = create(release, (dying.__name__, str(step)))
        assert code in (0, -signal.SIGKILL)
        now = consistent(release)
        assert now[0] - scrolls in (0, 1) and now[1] - orphans in (0, 1)
        outcomes.add((now[0] - scrolls, now[1] - orphans))
        scrolls, orphans = now
        if code == 0:
            break
        step += stride
    assert step > 5
    assert outcomes >= {(0, 0), (0, 1), (1, 0)}, "before the envelope, between the two, after both"
    assert create(release) == 0, "the next one is made as ever"


def test_an_envelope_on_a_full_disk_leaves_no_entry(
    release: Release, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = release.entries()
    real = durable_files.create_file

    def full(place: object, chunks: object, *more: object) -> None:
        if b"/scrolls/" in os.fsencode(place):  # type: ignore[arg-type]
            raise OSError(28, "No space left on device")
        real(place, chunks, *more)  # type: ignore[arg-type]

    monkeypatch.setattr(durable_files, "create_file", full)
    with pytest.raises(VaultUnwritable, match="no space left"):
        create_scroll(asked_scroll("seal", "MIT"), release.manifest, vault=release.vault)
    monkeypatch.undo()
    assert release.entries() == before
    assert consistent(release) == (1, 0)


def test_on_a_full_disk_nothing_is_half_done(release: Release, tmp_path: Path) -> None:
    """The vault is on a file system that has room for less and less of it."""
    with tmpfs(tmp_path / "disk", "64m") as disk:
        small = Release(release.top, disk / "vault", list(release.made))
        shutil.copytree(release.vault, small.vault)
        before = consistent(small)
        codes = set()
        for free in (0, 8, 24, 64, 256):
            ballast = disk / "ballast"
            with open(ballast, "wb") as file:
                room = os.statvfs(disk)
                size = room.f_bavail * room.f_frsize - free * 1024
                os.posix_fallocate(file.fileno(), 0, max(size, 1))
            codes.add(code := create(small))
            ballast.unlink()
            now = consistent(small)
            assert now[0] - before[0] == (code == 0), (free, code)
            assert now[1] - before[1] in (0, 1)
            before = now
        assert codes == {0, 4}
