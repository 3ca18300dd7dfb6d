"""What is read of a trace: the same at once and bit by bit, and again after it was replaced."""

from __future__ import annotations

import shutil
from pathlib import Path

from gorillacomb.api.scrolls import traces
from gorillacomb.api.scrolls.create import revoke_scroll
from gorillacomb.scrolls.records import TraceRecords, read_records
from gorillacomb.vault.vault import Vault
from gorillacomb.vaultmesh.open import open_trace_for_reading
from tests.scrolls.release import Release


def from_the_start(release: Release) -> TraceRecords:
    with open_trace_for_reading(Vault(release.vault)) as ledger:
        return read_records(ledger)


def as_known(release: Release) -> TraceRecords:
    with traces.open_traces(Vault(release.vault)) as opened:
        return opened.current.records


def facts(found: TraceRecords) -> tuple[object, ...]:
    keys = {name: (life.retired, life.compromised) for name, life in found.keys.items()}
    return dict(found.scrolls), dict(found.revoked), keys


def test_bit_by_bit(release: Release) -> None:
    traces._KNOWN.clear()
    before = as_known(release)
    kept = facts(before)
    for words in (
        ("scroll", "revoke", release.made[0]),
        ("keys", "rotate"),
        ("keys", "rotate", "--rsa"),
        ("scan", str(release.app)),
    ):
        release.run(*words)
        assert as_known(release) == from_the_start(release)
    release.create()
    now = as_known(release)
    assert now == from_the_start(release) and len(now.scrolls) == 2 and len(now.keys) == 4
    assert facts(before) == kept, "what was handed out before has not changed"


def test_a_trace_that_was_replaced_by_another_with_its_id(
    release: Release, own_home: Path, tmp_path: Path
) -> None:
    shutil.copytree(release.vault, tmp_path / "vault")
    other = Release(release.top, tmp_path / "vault", list(release.made))
    revoke_scroll(release.made[0], vault=release.vault)
    assert as_known(release).revoked
    assert as_known(other).revoked == {}, "the shorter one"
    shutil.rmtree(own_home / ".local/state/gorillacomb/anchors")
    other.create("--kind", "seal")
    assert as_known(release).revoked and as_known(release).size == as_known(other).size
    assert as_known(other) == from_the_start(other) and as_known(other).revoked == {}
    assert as_known(release) == from_the_start(release)
