"""``to_dict()`` of every result is what the command prints with ``--json``."""

from __future__ import annotations

import itertools
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

import pytest

import gorillacomb
from tests.support.run import Argument, run
from tests.support.trees import Tree, age_digests, make_tree, settle

ALBUM: Tree = {f"{number}": f"{number}" * 3000 for number in range(8)}
TREE: Tree = {
    "a": {**ALBUM, "own": "own" * 100},
    "Copy of a": {**ALBUM, "other": "other" * 100},
    "b": {"x": "good" * 500, "y": "y" * 500},
    "c": {"x": "good" * 500},
}


class Result(Protocol):
    """What the public API returns for a command."""

    def to_dict(self) -> Any: ...


class Comparer:
    """Compares results with what commands print, and notes the kinds of those."""

    def __init__(self, vault: Path) -> None:
        self.seen: set[str] = set()
        self._vault = vault

    def same(self, result: Result, *words: Argument, but: str = "") -> Any:
        """Compare, but for the values of some keys; returns the command's document."""
        theirs = run(*words, "--json", vault=self._vault).json()
        self.equal(result, theirs, but)
        return theirs

    def equal(self, result: Result, theirs: Any, but: str = "") -> None:
        self.seen.add(type(result).__name__)
        ours = json.loads(json.dumps(result.to_dict()))
        assert without(ours, but.split()) == without(theirs, but.split())


def without(document: Any, keys: list[str]) -> Any:
    """A document in which the values of some keys are nothing but there."""
    if isinstance(document, dict):
        return {key: "" if key in keys else without(value, keys) for key, value in document.items()}
    return [without(each, keys) for each in document] if isinstance(document, list) else document


@pytest.fixture
def top(tmp_path: Path) -> Path:
    made = make_tree(tmp_path / "drive", TREE)
    settle(made)
    return made


def test_every_result_is_the_document_of_its_command(
    top: Path, vault: Path, tmp_path: Path
) -> None:
    compare = Comparer(vault)
    with gorillacomb.open_vault(vault) as opened:
        compare.same(opened.pulse(), "pulse")
        theirs = run("scan", top, "--json", vault=tmp_path / "other").json()
        compare.equal(opened.scan(top), theirs, but="seconds root")
        for part in (_questions, _runs, _sharing, _trace, _damage, _upkeep):
            age_digests(vault)
            part(opened, compare, top, tmp_path)
    ours = {name for name in gorillacomb.__all__ if hasattr(getattr(gorillacomb, name), "to_dict")}
    assert compare.seen == ours


def _questions(opened: gorillacomb.OpenVault, compare: Comparer, top: Path, tmp_path: Path) -> None:
    groups = compare.same(opened.duplicates(), "dupes")["groups"]
    for group, theirs in zip(opened.duplicates(), groups, strict=True):
        compare.equal(group, theirs)
    with opened.folders() as report:
        families = compare.same(report, "folders")["families"]
        assert families
        for family, theirs in zip(report.families(), families, strict=True):
            compare.equal(family, theirs)
    compare.same(opened.empty_folders(), "folders", "--empty")
    compare.same(opened.unique(top / "a"), "unique", top / "a")
    compare.same(opened.compare(top / "a", top / "b"), "compare", top / "a", top / "b")
    with opened.compare_contents(top / "a", top / "b") as contents:
        compare.same(contents, "compare", top / "a", top / "b", "--contents")
    (top / "b/y").rename(tmp_path / "y")
    opened.scan(top)
    for name in ("a", "a/own", "b/y"):
        compare.same(opened.explain(top / name), "explain", top / name)
    compare.same(opened.trace.show(top / "b/y"), "trace", "show", top / "b/y")
    (tmp_path / "y").rename(top / "b/y")
    opened.scan(top)
    compare.same(opened.overview(), "overview")
    compare.same(opened.space_map(), "map")
    compare.same(opened.space_map(top / "a"), "map", top / "a")


def _runs(opened: gorillacomb.OpenVault, compare: Comparer, top: Path, tmp_path: Path) -> None:
    file = tmp_path / "plan.jsonl"
    compare.same(opened.plan(), "dedupe", but="plan made_ns")
    opened.plan().save(file)
    compare.same(opened.apply(file), "dedupe", "--apply", file, "--dry-run")
    done = opened.apply(file, dry_run=False)
    assert done.files > 8
    back = opened.undo(done.id)
    theirs = compare.same(done, "dedupe", "--apply", file, but="run")
    compare.same(back, "dedupe", "--undo", but="run")
    opened.apply(opened.plan(within=top / "c"), dry_run=False)
    events = compare.same(opened.history(), "dedupe", "--history")["runs"]
    for event, other in zip(opened.history().events, events, strict=True):
        compare.equal(event, other)
    run_id = theirs["run"]
    compare.same(opened.run_details(run_id), "dedupe", "--history", run_id)
    purged = opened.purge(confirm=True)
    assert purged.files == 1
    make_tree(top, {"c": {"x": "good" * 500}})
    opened.scan(top)
    opened.apply(opened.plan(within=top / "c"), dry_run=False)
    compare.same(purged, "dedupe", "--empty-quarantine", "--yes", but="run")
    make_tree(top, {"c": {"x": "good" * 500}})
    settle(top)
    opened.scan(top)


def _sharing(opened: gorillacomb.OpenVault, compare: Comparer, top: Path, tmp_path: Path) -> None:
    file, out = tmp_path / "m.json", tmp_path / "list"
    saved = gorillacomb.create_manifest(top / "a", vault=opened).save(file)
    compare.same(saved, "manifest", top / "a", "-o", file, "--force")
    (top / "a/own").write_text("edited")
    check = gorillacomb.verify_manifest(file, top / "a", vault=opened)
    assert compare.same(check, "verify", file, "--root", top / "a")
    export = gorillacomb.export_manifest(file, "csv", out)
    compare.same(export, "export", file, "--format", "csv", "-o", out, "--force")
    opened.scan(top)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HOME", str(tmp_path))
        theirs = run("keys", "init", "--json").json()
        keys = Path(theirs["folder"])
        (keys / "ed25519.pem").rename(tmp_path / "old.pem")
        compare.equal(gorillacomb.make_key(), theirs, but="fingerprint")


def _trace(opened: gorillacomb.OpenVault, compare: Comparer, top: Path, tmp_path: Path) -> None:
    trace = opened.trace
    compare.same(trace.verify(), "trace", "verify")
    proof = trace.prove(top / "a/0")
    proof.save(tmp_path / "proof")
    proved = gorillacomb.verify_proof(proof.data)
    compare.same(proved, "trace", "verify", "--proof", tmp_path / "proof")
    theirs = run("keys", "rotate", "--json", vault=opened.path).json()
    compare.equal(trace.public_keys()[-1], theirs)


def _damage(opened: gorillacomb.OpenVault, compare: Comparer, top: Path, tmp_path: Path) -> None:
    file = top / "b/x"
    fillings = itertools.count()

    def damaged() -> None:
        """Give the file other content behind its back, and have that found."""
        facts = file.stat()
        file.write_text(f"{next(fillings):04}" * 500)
        os.utime(file, ns=(facts.st_atime_ns, facts.st_mtime_ns))
        assert len(opened.scrub().damaged) == 1
        settle(top)  # what is read next is read once the clock has moved on

    def twice(work: Callable[[], Result], *words: Argument) -> None:
        damaged()
        result = work()
        damaged()
        compare.same(result, *words, but="run")

    compare.same(opened.scrub(), "scrub", but="seconds")
    twice(lambda: opened.repair_damage(file), "scrub", "--repair", file)
    twice(lambda: opened.accept_damage(file), "scrub", "--accept", file)


def _upkeep(opened: gorillacomb.OpenVault, compare: Comparer, top: Path, tmp_path: Path) -> None:
    compare.same(opened.status(), "status", but="age_ns")
    for root, theirs in zip(
        opened.roots(),
        run("roots", "list", "--json", vault=opened.path).json()["roots"],
        strict=True,
    ):
        compare.equal(root, theirs)
    compare.same(opened.name_root(top, "mine"), "roots", "name", top, "mine")
    change = opened.mark("keep", top / "a", note="mine")
    words = ("mark", "keep", top / "a", "--note", "mine")
    compare.same(change, *words, but="cleared marked_ns seq set")
    listed = run("mark", "list", "--json", vault=opened.path).json()["marks"]
    for mark, theirs in zip(opened.marks(), listed, strict=True):
        compare.equal(mark, theirs)
    opened.unmark(top / "a")
    compare.same(opened.check(), "vault", "check")
    # What is measured differs a little each time.
    theirs = run("doctor", top, "--json", vault=opened.path).json()
    assert theirs["trials"].pop()["name"] == "service", "the one trial that is about a vault"
    compare.equal(gorillacomb.examine(top), theirs, but="detail")
    theirs = run("vault", "backup", tmp_path / "1", "--json", vault=opened.path).json()
    compare.equal(opened.back_up(tmp_path / "2"), theirs, but="backup")
    compare.equal(
        opened.trace.adopt(force=True),
        run("trace", "adopt", "--force", "--json", vault=opened.path).json(),
        but="log adopts entries kept",
    )
    forgotten = opened.forget_root(top, force=True)
    opened.scan(top)
    compare.same(forgotten, "roots", "forget", top, "--force", but="root")
    opened.scan(top)
    backup = opened.back_up(tmp_path / "3").folder
    restore = ("vault", "restore", backup, "--replace")
    compare.same(opened.restore(backup, replace=True), *restore, but="kept")
    waiting = sum(each.files for each in opened.status().quarantine)
    theirs = run("vault", "remove", "--yes-remove", str(waiting), "--json", vault=opened.path)
    opened.restore(backup)
    compare.equal(opened.remove(confirm=waiting), theirs.json(), but="bytes age_ns")
