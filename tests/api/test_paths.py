"""Each parameter that takes a path takes it as text, as bytes and as either kind of PathLike."""

from __future__ import annotations

import inspect
import os
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

import gorillacomb
from gorillacomb.api.paths import PathInput
from tests.support.trees import Tree, make_tree, settle

TREE: Tree = {
    "a": {"x": "x" * 5000, "y": "y" * 5000, "own": "own"},
    "b": {"x": "x" * 5000, "y": "y" * 5000},
    "c": {"x": "x" * 5000},
}


@dataclass(frozen=True)
class BytesPath(os.PathLike[bytes]):
    """A path of someone's own."""

    path: bytes

    def __fspath__(self) -> bytes:
        return self.path


FORMS: dict[str, Callable[[bytes], PathInput]] = {
    "str": os.fsdecode,
    "bytes": bytes,
    "Path": lambda path: Path(os.fsdecode(path)),
    "PathLike of bytes": BytesPath,
}


@dataclass(frozen=True)
class Bench:
    """A vault, what was scanned into it, and a place for files."""

    vault: gorillacomb.OpenVault
    top: bytes
    work: bytes
    number: int

    def path(self, name: str) -> bytes:
        """The path of something in the tree, whose name is not UTF-8."""
        return os.path.join(self.top, os.fsencode(name))

    def new(self, name: str) -> bytes:
        """The path of a file to be made, another one each time."""
        return os.path.join(self.work, b"%d " % self.number + os.fsencode(name))

    def known(self, name: str) -> bytes:
        """The path of a file that was made before."""
        return os.path.join(self.work, os.fsencode(name))


def plan_paths(plan: gorillacomb.DedupePlan) -> list[bytes]:
    return [step.path for step in plan.steps]


def undone(bench: Bench, **which: Any) -> int:
    """Take a run back, or a part of it, and have everything back."""
    done = bench.vault.apply(bench.vault.plan(), dry_run=False)
    (quarantine,) = bench.vault.run_details(done.id).quarantines
    if "run" in which:
        which["run"] = which["run"](quarantine)
    files = bench.vault.undo(**which).files
    if files < done.files:
        bench.vault.undo(done.id)
    return files


def damaged(bench: Bench) -> bytes:
    """Give a file other content behind its back, and have that found."""
    file = bench.path("b/x")
    facts = os.stat(file)
    Path(os.fsdecode(file)).write_text(f"{bench.number}" * 5000)
    os.utime(file, ns=(facts.st_atime_ns, facts.st_mtime_ns))
    settle(Path(os.fsdecode(bench.top)))  # else what is read now is not trusted the next time
    assert len(bench.vault.scrub().damaged) == 1
    return file


def forgotten(bench: Bench, form: Any) -> int:
    files = bench.vault.forget_root(form(bench.top)).files
    bench.vault.scan(bench.top, workers=0)
    return files


def restored(bench: Bench, form: Any) -> bool:
    backup = bench.new("backup")
    bench.vault.back_up(backup)
    return bench.vault.restore(form(backup), replace=True).has_index


def saved(bench: Bench, save: Callable[[bytes], object], form: Any) -> list[int]:
    """Write a file or folder; the sizes of what was written."""
    place = bench.new("new")
    save(form(place))
    if os.path.isfile(place):
        return [os.path.getsize(place)]
    return [os.path.getsize(os.path.join(place, name)) for name in sorted(os.listdir(place))]


def check(result: gorillacomb.ManifestCheck) -> object:
    return result.report, result.signature, result.root


def manifest(bench: Bench, **more: Any) -> gorillacomb.FolderManifest:
    return gorillacomb.create_manifest(bench.path("a"), workers=0, **{"vault": bench.vault, **more})


Use = Callable[[Bench, Any], object]
# fmt: off
USES: dict[str, Use] = {
    "open_vault.path": lambda b, form: gorillacomb.open_vault(form(bytes(b.vault.path))).path,
    "OpenVault.scan.paths": lambda b, form: b.vault.scan(form(b.top), workers=0).files,
    "OpenVault.scan.file_list":
        lambda b, form: b.vault.scan(b.top, file_list=form(b.path("a/x")), workers=0).files,
    "OpenVault.duplicates.path":
        lambda b, form: [group.files for group in b.vault.duplicates(form(b.path("a")))],
    "OpenVault.folders.path": lambda b, form: b.vault.folders(form(b.path("a"))).to_dict(),
    "OpenVault.space_map.path": lambda b, form: b.vault.space_map(form(b.path("a"))).to_dict(),
    "OpenVault.unique.path": lambda b, form: b.vault.unique(form(b.path("a"))).to_dict(),
    "OpenVault.unique.excepts": lambda b, form:
        b.vault.unique(b.path("a"), excepts=form(b.path("b"))).to_dict(),
    "OpenVault.unique.plan":
        lambda b, form: b.vault.unique(b.path("b"), plan=form(b.known("plan"))).to_dict(),
    "OpenVault.empty_folders.path":
        lambda b, form: b.vault.empty_folders(form(b.path("a"))).to_dict(),
    "OpenVault.explain.path": lambda b, form: b.vault.explain(form(b.path("a/x"))).to_dict(),
    "OpenVault.compare.a": lambda b, form: b.vault.compare(form(b.path("a")), b.path("b")).diff,
    "OpenVault.compare.b": lambda b, form: b.vault.compare(b.path("a"), form(b.path("b"))).diff,
    "OpenVault.compare_contents.a": lambda b, form:
        b.vault.compare_contents(form(b.path("a")), b.path("b")).to_dict(),
    "OpenVault.compare_contents.b": lambda b, form:
        b.vault.compare_contents(b.path("a"), form(b.path("b"))).to_dict(),
    "OpenVault.plan.within":
        lambda b, form: plan_paths(b.vault.plan(within=form(b.path("c")))),
    "OpenVault.plan.prefer":
        lambda b, form: plan_paths(b.vault.plan(prefer=form(b.path("c")))),
    "OpenVault.plan.protect":
        lambda b, form: plan_paths(b.vault.plan(protect=form(b.path("c")))),
    "OpenVault.plan.retire":
        lambda b, form: plan_paths(b.vault.plan(retire=form(b.path("a")))),
    "OpenVault.plan.not_a_project":
        lambda b, form: plan_paths(b.vault.plan(not_a_project=form(b.path("a")))),
    "OpenVault.apply.plan": lambda b, form: b.vault.apply(form(b.known("plan"))).to_dict(),
    "OpenVault.undo.run": lambda b, form: undone(b, run=form),
    "OpenVault.undo.only": lambda b, form: undone(b, only=form(b.path("c/x"))),
    "OpenVault.mark.paths":
        lambda b, form: [each.path for each in b.vault.mark("keep", form(b.path("a/x"))).marked],
    "OpenVault.unmark.paths": lambda b, form: [
        b.vault.mark("keep", b.path("a/x")).marked[0].path,
        len(b.vault.unmark(form(b.path("a/x"))).cleared),
    ],
    "OpenVault.forget_root.root": forgotten,
    "OpenVault.name_root.root": lambda b, form: b.vault.name_root(form(b.top), "mine").name,
    "OpenVault.back_up.folder": lambda b, form: bool(saved(b, b.vault.back_up, form)),
    "OpenVault.restore.backup": restored,
    "OpenVault.scrub.paths": lambda b, form: b.vault.scrub(form(b.path("a"))).files,
    "OpenVault.accept_damage.paths":
        lambda b, form: b.vault.accept_damage(form(damaged(b))).accepted,
    "OpenVault.repair_damage.paths":
        lambda b, form: [step.path for step in b.vault.repair_damage(form(damaged(b))).run.done],
    "VaultTrace.verify.key": lambda b, form: b.vault.trace.verify(key=form(b.known("key"))).ok,
    "VaultTrace.show.path": lambda b, form: b.vault.trace.show(form(b.path("a/x"))).to_dict(),
    "VaultTrace.prove.path": lambda b, form: b.vault.trace.prove(form(b.path("a/x"))).entry,
    "VaultTrace.export.folder": lambda b, form: saved(b, b.vault.trace.export, form),
    "TraceProof.save.path":
        lambda b, form: saved(b, b.vault.trace.prove(b.path("a/x")).save, form),
    "verify_proof.key": lambda b, form: gorillacomb.verify_proof(
        b.vault.trace.prove(b.path("a/x")).data, key=form(b.known("key"))
    ).entry,
    "DedupePlan.save.path":
        lambda b, form: saved(b, gorillacomb.read_plan(b.known("plan")).save, form),
    "read_plan.path": lambda b, form: gorillacomb.read_plan(form(b.known("plan"))).to_dict(),
    "examine.path": lambda b, form: gorillacomb.examine(form(b.path("a"))).path,
    "create_manifest.path": lambda b, form:
        gorillacomb.create_manifest(form(b.path("a")), vault=b.vault, workers=0).manifest.entries,
    "create_manifest.output":
        lambda b, form: manifest(b, output=form(b.path("a/own"))).manifest.entries,
    "create_manifest.vault": lambda b, form:
        manifest(b, vault=form(bytes(b.vault.path))).manifest.entries,
    "FolderManifest.save.path": lambda b, form: len(saved(b, manifest(b).save, form)),
    "verify_manifest.manifest": lambda b, form:
        check(gorillacomb.verify_manifest(form(b.known("m")), b.path("a"), workers=0)),
    "verify_manifest.root": lambda b, form:
        check(gorillacomb.verify_manifest(b.known("m"), form(b.path("a")), workers=0)),
    "verify_manifest.key": lambda b, form: check(
        gorillacomb.verify_manifest(b.known("m"), b.path("a"), key=form(b.known("key")), workers=0)
    ),
    "verify_manifest.vault": lambda b, form: gorillacomb.verify_manifest(
        b.known("m"), b.path("a"), vault=form(bytes(b.vault.path)), workers=0
    ).checkpoint,
    "export_manifest.manifest":
        lambda b, form: gorillacomb.export_manifest(form(b.known("m")), "csv").data,
    "export_manifest.output": lambda b, form: saved(
        b, lambda path: gorillacomb.export_manifest(b.known("m"), "csv", path), form
    ),
    "export_manifest.root": lambda b, form: gorillacomb.export_manifest(
        b.known("m"), "bagit", b.new("bag"), root=form(b.path("a"))
    ).entries,
}
# fmt: on
SEVERAL = {
    *("OpenVault.scan.paths", "OpenVault.scan.file_list", "OpenVault.unique.excepts"),
    *("OpenVault.scrub.paths", "OpenVault.accept_damage.paths", "OpenVault.repair_damage.paths"),
    *(f"OpenVault.plan.{each}" for each in ("within", "prefer", "protect", "retire")),
    *("OpenVault.plan.not_a_project", "OpenVault.undo.only"),
    *("OpenVault.mark.paths", "OpenVault.unmark.paths"),
}
"""Parameters that take one path or several."""


@pytest.fixture
def bench(tmp_path: Path, vault: Path) -> Iterator[Bench]:
    top = os.fsencode(tmp_path) + b"/dr\xe9ve"
    make_tree(Path(os.fsdecode(top)), TREE)
    settle(Path(os.fsdecode(top)))
    work = tmp_path / "work"
    work.mkdir()
    with gorillacomb.open_vault(vault) as opened:
        opened.scan(top, workers=0)
        opened.plan().save(work / "plan")
        made = Bench(opened, top, os.fsencode(work), 0)
        manifest(made).save(work / "m")
        (work / "key").write_bytes(opened.trace.public_keys()[-1].pem)
        yield made


@pytest.mark.parametrize("name", USES)
def test_every_form_of_a_path_is_taken(name: str, bench: Bench) -> None:
    forms = dict(FORMS)
    if name in SEVERAL:
        forms["list"] = lambda path: [os.fsdecode(path)]  # type: ignore[assignment,return-value]
    answers = [
        USES[name](Bench(bench.vault, bench.top, bench.work, number), form)
        for number, form in enumerate(forms.values(), 1)
    ]
    assert answers[0]
    assert answers == answers[:1] * len(answers)


def parameters() -> Iterator[tuple[str, str]]:
    """The parameters of everything public that take a path, with their types as text."""
    for name in gorillacomb.__all__:
        value = getattr(gorillacomb, name)
        methods = {name: value} if inspect.isfunction(value) else {}
        if isinstance(value, type) and not issubclass(value, Exception):
            methods = {
                f"{name}.{inner}": method
                for inner, method in vars(value).items()
                if inspect.isfunction(method) and not inner.startswith("_")
            }
        if value is gorillacomb.OpenVault:
            methods = {
                f"{name}.{inner}": method
                for inner, method in inspect.getmembers(value, inspect.isfunction)
                if not inner.startswith("_")
            }
        for where, method in methods.items():
            for each in inspect.signature(method).parameters.values():
                yield f"{where}.{each.name}", str(each.annotation)


def test_every_parameter_is_in_the_list() -> None:
    found = {name: kind for name, kind in parameters() if re.search(r"Paths?Input|Vault", kind)}
    plan = {name for name in USES if name.startswith("OpenVault.plan.")}
    assert len(plan) == 5, "its keywords are those of PlanKeywords"
    assert set(found) | plan == set(USES)
    assert {name for name, kind in found.items() if "PathsInput" in kind} == SEVERAL - plan


def test_a_text_is_one_path_and_one_pattern(bench: Bench) -> None:
    """Not as many as it has letters: ``*`` alone would exclude everything."""
    make_tree(Path(os.fsdecode(bench.top)), {"d": {"note.tmp": "t" * 500}})
    assert bench.vault.scan(bench.top, exclude="*.tmp", workers=0).files == 6
    assert bench.vault.plan(protect="*/c").steps
