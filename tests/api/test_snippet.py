"""The first lines that a reader sees of the public API, on a real tree."""

from __future__ import annotations

from pathlib import Path

import pytest

import gorillacomb
from tests.support.trees import Tree, make_tree, settle


def test_the_whole_way(tmp_path: Path, vault: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Scan, ask, plan, apply, take back, check the trace, make a manifest and check that."""
    monkeypatch.setenv("GORILLACOMB_VAULT", str(vault))
    data, app, file = str(tmp_path / "data"), str(tmp_path / "app"), str(tmp_path / "plan.jsonl")
    more: Tree = {f"more {number}": f"{number}" for number in range(3)}  # too few make no family
    make_tree(
        tmp_path,
        {
            "data": {
                **more,
                "x": "x" * 2_000_000,
                "small": "s",
                "cache.tmp": "t" * 2_000_000,
                "old": {**more, "x": "x" * 2_000_000, "small": "s", "own": "own"},
            },
            "app": {"program": "run()"},
        },
    )
    settle(tmp_path / "data")
    before = {path: path.read_bytes() for path in (tmp_path / "data").rglob("*") if path.is_file()}
    events: list[gorillacomb.ProgressEvent] = []
    callback = events.append
    seen = []

    with gorillacomb.open_vault() as vault_:
        report = vault_.scan([data], exclude=["*.tmp"], progress=callback)
        for group in vault_.duplicates(min_size=1_000_000):
            seen.append((group.canonical.path, group.reasons))
        folders = vault_.folders()
        unique = vault_.unique(f"{data}/old")
        explained = vault_.explain(f"{data}/x")
        plan = vault_.plan(action="quarantine", within=[data])
        plan.save(file)
        run = vault_.apply(plan, dry_run=False)
        left = {path for path in before if path.exists()}
        vault_.undo(run.id)
        check = vault_.trace.verify()
        proof = vault_.trace.prove(f"{data}/x")
    manifest = gorillacomb.create_manifest(app)
    verified = gorillacomb.verify_manifest(manifest, app)

    assert (report.files, report.is_complete) == (11, True)
    assert events
    [(canonical, reasons)] = seen
    assert canonical == f"{data}/x".encode()
    assert reasons
    assert [family.keep for family in folders.families()] == [data.encode()]
    assert [each.path for each in unique.unique] == [f"{data}/old/own".encode()]
    assert isinstance(explained, gorillacomb.ExplainedFile)
    assert explained.is_canonical
    assert Path(file).read_bytes() == b"".join(plan.lines())
    assert (len(plan.steps), run.files) == (5, 5)
    assert len(left) == len(before) - 5
    assert {path: path.read_bytes() for path in before} == before
    assert check.ok
    assert proof.entry["path"] == "x"
    assert verified.ok
