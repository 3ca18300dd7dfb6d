"""All that the program does, and a person, and signals, at once on two file systems."""

from __future__ import annotations

import os
import random
from pathlib import Path

import pytest

from tests.chaos.campaign import Campaign
from tests.support.disks import MIB, Disks


@pytest.mark.parametrize(
    ("changes", "signals", "checks", "most"),
    [(600, 12, 1, 60), pytest.param(30_000, 320, 12, 400, marks=pytest.mark.deep)],
    ids=["short", "deep"],
)
def test_nothing_is_lost_whatever_happens_at_once(
    tmp_path: Path, disks: Disks, changes: int, signals: int, checks: int, most: int
) -> None:
    """With GORILLACOMB_CHAOS_SEED the choices are those of an earlier campaign."""
    seed = int(os.environ.get("GORILLACOMB_CHAOS_SEED") or random.randrange(10**6))
    drives = []
    for kind in ("ext4", "xfs"):
        point = disks.plug(kind, disks.image(kind, kind, 400 * MIB), disks.point(f"on {kind}"))
        drives.append(point / "drive")
        drives[-1].mkdir()
    folder = tmp_path / "campaign"
    folder.mkdir()
    campaign = Campaign(folder, drives, seed, most)
    try:
        campaign.run(changes, signals, checks)
        ending = campaign.end()
    except BaseException:
        print(campaign.story(), "The last events:", *campaign.events, sep="\n")
        raise
    finally:
        campaign.close()
    print(campaign.story(), ending, sep="\n")
    assert campaign.person.changes >= changes
    assert campaign.signals >= signals
