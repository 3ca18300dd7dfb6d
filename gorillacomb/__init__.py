"""Find what is a copy of what on a drive that was copied into itself for years.

Open a vault, which is where the index of all files is kept. Without a path it is the one that the
command line uses::

    import os
    from pathlib import Path

    import gorillacomb

    drive = Path.home() / "Drive"
    vault = gorillacomb.open_vault()

Scan folders into it. Nothing in them is changed, and the next scan reads only what changed::

    def show(event: gorillacomb.ProgressEvent) -> None:
        print(event.stage, event.files, event.total_files)

    result = vault.scan([drive], exclude=["*.tmp"], progress=show)
    print(result.files, result.read_files, result.totals.redundant_bytes)

A callback that raises `Interrupted` stops the scan: everything so far is kept, and the next scan
continues from there.

Ask which files and folders are copies, which one to keep, and what would be lost::

    for group in vault.duplicates(min_size=1000):
        print(os.fsdecode(group.canonical.path), group.reasons)
    with vault.folders() as folders:
        for family in folders.families():
            print(os.fsdecode(family.keep), [other.kind for other in family.others])
    for file in vault.unique(drive / "Downloads").unique:
        print(os.fsdecode(file.path), file.size)
    print(vault.explain(drive / "Movies/talk.mov"))

Plan what is removed, read the plan, carry it out, and take it back::

    plan = vault.plan(action="quarantine", within=[drive])
    for step in plan.steps:
        print(os.fsdecode(step.path), "is kept as", os.fsdecode(step.keep))
    plan.save("plan.jsonl")
    run = vault.apply(plan, dry_run=False)
    vault.undo(run.id)

Check the trace, which is the signed record of every canonical file, and prove what it says::

    assert vault.trace.verify().ok
    vault.trace.prove(drive / "Movies/talk.mov").save("talk.proof")
    vault.close()

Make a manifest of a folder, and find out later whether a bit of it has changed::

    manifest = gorillacomb.create_manifest(drive / "Projects")
    assert gorillacomb.verify_manifest(manifest, drive / "Projects").ok

Paths come in as `str`, `bytes` or `os.PathLike` and go out as `bytes`. Results are frozen values,
and their ``to_dict()`` is the document that the command prints with ``--json``. What may be long is
read lazily. Every error that is raised on purpose is a `GorillaCombError`: its ``message`` says
what failed, its ``hint`` what to try. The package logs to ``logging.getLogger("gorillacomb")`` and
prints nothing. What is in ``__all__`` follows semantic versioning; everything else may change.

``help(gorillacomb.OpenVault)`` explains every method, and ``gorillacomb help python-api`` tells
more.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from gorillacomb.api.dedupe.collapse import BringRule as BringRule
    from gorillacomb.api.dedupe.collapse import CollapsedTree as CollapsedTree
    from gorillacomb.api.dedupe.collapse import CopyStep as CopyStep
    from gorillacomb.api.dedupe.collapse import NotBrought as NotBrought
    from gorillacomb.api.dedupe.collapse import SpaceNeeded as SpaceNeeded
    from gorillacomb.api.dedupe.history import ItemState as ItemState
    from gorillacomb.api.dedupe.history import RunDetails as RunDetails
    from gorillacomb.api.dedupe.history import RunEvent as RunEvent
    from gorillacomb.api.dedupe.history import RunHistory as RunHistory
    from gorillacomb.api.dedupe.history import RunItem as RunItem
    from gorillacomb.api.dedupe.marks import MarkChange as MarkChange
    from gorillacomb.api.dedupe.marks import MarkedPath as MarkedPath
    from gorillacomb.api.dedupe.marks import MarkKind as MarkKind
    from gorillacomb.api.dedupe.marks import MarkState as MarkState
    from gorillacomb.api.dedupe.plan import DedupeAction as DedupeAction
    from gorillacomb.api.dedupe.plan import DedupePlan as DedupePlan
    from gorillacomb.api.dedupe.plan import FreeGoal as FreeGoal
    from gorillacomb.api.dedupe.plan import PlanStep as PlanStep
    from gorillacomb.api.dedupe.plan import SafetyRule as SafetyRule
    from gorillacomb.api.dedupe.plan import SkippedCopy as SkippedCopy
    from gorillacomb.api.dedupe.plan import read_plan as read_plan
    from gorillacomb.api.dedupe.runs import BlockedItem as BlockedItem
    from gorillacomb.api.dedupe.runs import DryRunResult as DryRunResult
    from gorillacomb.api.dedupe.runs import Holder as Holder
    from gorillacomb.api.dedupe.runs import MemberProof as MemberProof
    from gorillacomb.api.dedupe.runs import RunRemainder as RunRemainder
    from gorillacomb.api.dedupe.runs import RunResult as RunResult
    from gorillacomb.api.dedupe.runs import StepProblem as StepProblem
    from gorillacomb.api.duplicates import Duplicates as Duplicates
    from gorillacomb.api.duplicates import FileGroup as FileGroup
    from gorillacomb.api.duplicates import GroupedFile as GroupedFile
    from gorillacomb.api.export import ManifestExport as ManifestExport
    from gorillacomb.api.export import export_manifest as export_manifest
    from gorillacomb.api.facade.values import OmittedPath as OmittedPath
    from gorillacomb.api.facade.values import PathDifference as PathDifference
    from gorillacomb.api.facade.values import QuarantinedRun as QuarantinedRun
    from gorillacomb.api.facade.values import RenamedPath as RenamedPath
    from gorillacomb.api.facade.values import SignatureCheck as SignatureCheck
    from gorillacomb.api.facade.values import VerificationReport as VerificationReport
    from gorillacomb.api.facade.vault import OpenVault as OpenVault
    from gorillacomb.api.facade.vault import open_vault as open_vault
    from gorillacomb.api.find.compare import Comparison as Comparison
    from gorillacomb.api.find.compare import FolderDiff as FolderDiff
    from gorillacomb.api.find.contents import ContentComparison as ContentComparison
    from gorillacomb.api.find.contents import ContentSide as ContentSide
    from gorillacomb.api.find.empty_folders import EmptyFolder as EmptyFolder
    from gorillacomb.api.find.empty_folders import EmptyFolders as EmptyFolders
    from gorillacomb.api.find.explain import ExplainedFile as ExplainedFile
    from gorillacomb.api.find.explain import ExplainedFolder as ExplainedFolder
    from gorillacomb.api.find.explain import ExplainedGone as ExplainedGone
    from gorillacomb.api.find.explain import RuleEffect as RuleEffect
    from gorillacomb.api.find.fate import PathFate as PathFate
    from gorillacomb.api.find.folders import CoveredFolders as CoveredFolders
    from gorillacomb.api.find.folders import FamilyReport as FamilyReport
    from gorillacomb.api.find.folders import FolderReport as FolderReport
    from gorillacomb.api.find.folders import IdenticalFolders as IdenticalFolders
    from gorillacomb.api.find.folders import RelatedFolder as RelatedFolder
    from gorillacomb.api.find.folders import RelationKind as RelationKind
    from gorillacomb.api.find.folders import SamePathReport as SamePathReport
    from gorillacomb.api.find.overview import ContentKind as ContentKind
    from gorillacomb.api.find.overview import DriveOverlap as DriveOverlap
    from gorillacomb.api.find.overview import KindTotals as KindTotals
    from gorillacomb.api.find.overview import LeftAlone as LeftAlone
    from gorillacomb.api.find.overview import Overview as Overview
    from gorillacomb.api.find.overview import SurplusFate as SurplusFate
    from gorillacomb.api.find.overview import SurplusPart as SurplusPart
    from gorillacomb.api.find.overview import SurplusReason as SurplusReason
    from gorillacomb.api.find.space_map import SpaceEntry as SpaceEntry
    from gorillacomb.api.find.space_map import SpaceMap as SpaceMap
    from gorillacomb.api.keys import SignerKey as SignerKey
    from gorillacomb.api.keys import UserKey as UserKey
    from gorillacomb.api.keys import make_key as make_key
    from gorillacomb.api.manifest import FolderManifest as FolderManifest
    from gorillacomb.api.manifest import SavedManifest as SavedManifest
    from gorillacomb.api.manifest import create_manifest as create_manifest
    from gorillacomb.api.roots import ForgottenRoot as ForgottenRoot
    from gorillacomb.api.roots import RootFacts as RootFacts
    from gorillacomb.api.roots import RootStatus as RootStatus
    from gorillacomb.api.scan import EntryState as EntryState
    from gorillacomb.api.scan import FolderState as FolderState
    from gorillacomb.api.scan import GroupTotals as GroupTotals
    from gorillacomb.api.scan import ScanChanges as ScanChanges
    from gorillacomb.api.scan import ScanFindings as ScanFindings
    from gorillacomb.api.scan import ScanResult as ScanResult
    from gorillacomb.api.scan import UnreadablePath as UnreadablePath
    from gorillacomb.api.status import TraceTotals as TraceTotals
    from gorillacomb.api.status import VaultStatus as VaultStatus
    from gorillacomb.api.trace import TraceAdoption as TraceAdoption
    from gorillacomb.api.trace import TraceCheck as TraceCheck
    from gorillacomb.api.trace import TraceProof as TraceProof
    from gorillacomb.api.trace import VaultTrace as VaultTrace
    from gorillacomb.api.trace import VerifiedProof as VerifiedProof
    from gorillacomb.api.trace import verify_proof as verify_proof
    from gorillacomb.api.unique import RolledUpEntry as RolledUpEntry
    from gorillacomb.api.unique import UniqueFile as UniqueFile
    from gorillacomb.api.unique import UniqueResult as UniqueResult
    from gorillacomb.api.unique import UnverifiedPath as UnverifiedPath
    from gorillacomb.api.upkeep.backup import VaultBackup as VaultBackup
    from gorillacomb.api.upkeep.check import VaultCheck as VaultCheck
    from gorillacomb.api.upkeep.doctor import Checkup as Checkup
    from gorillacomb.api.upkeep.doctor import Trial as Trial
    from gorillacomb.api.upkeep.doctor import examine as examine
    from gorillacomb.api.upkeep.examined import ExaminedRoot as ExaminedRoot
    from gorillacomb.api.upkeep.remove import VaultRemoval as VaultRemoval
    from gorillacomb.api.upkeep.restore import VaultRestore as VaultRestore
    from gorillacomb.api.verify import ManifestCheck as ManifestCheck
    from gorillacomb.api.verify import verify_manifest as verify_manifest
    from gorillacomb.api.watch.pulse import PulseResult as PulseResult
    from gorillacomb.api.watch.pulse import PulseState as PulseState
    from gorillacomb.api.watch.repair import DamagedFile as DamagedFile
    from gorillacomb.api.watch.repair import RepairResult as RepairResult
    from gorillacomb.api.watch.scrub import AcceptResult as AcceptResult
    from gorillacomb.api.watch.scrub import FoundDamage as FoundDamage
    from gorillacomb.api.watch.scrub import ScrubResult as ScrubResult
    from gorillacomb.errors import ExitCode as ExitCode
    from gorillacomb.errors import GorillaCombError as GorillaCombError
    from gorillacomb.errors import Interrupted as Interrupted
    from gorillacomb.errors import KeyMissing as KeyMissing
    from gorillacomb.errors import OutputLost as OutputLost
    from gorillacomb.errors import RefusedForSafety as RefusedForSafety
    from gorillacomb.errors import RootVanished as RootVanished
    from gorillacomb.errors import RunCutShort as RunCutShort
    from gorillacomb.errors import UntrustedInput as UntrustedInput
    from gorillacomb.errors import UsageError as UsageError
    from gorillacomb.errors import VaultDamaged as VaultDamaged
    from gorillacomb.errors import VaultError as VaultError
    from gorillacomb.errors import VaultForeign as VaultForeign
    from gorillacomb.errors import VaultLocked as VaultLocked
    from gorillacomb.errors import VaultNewer as VaultNewer
    from gorillacomb.errors import VaultRolledBack as VaultRolledBack
    from gorillacomb.errors import VaultUnwritable as VaultUnwritable
    from gorillacomb.progress import Progress as Progress
    from gorillacomb.progress import ProgressEvent as ProgressEvent

__version__ = "0.1.0"

_PUBLIC = {
    "api.dedupe.collapse": (
        "BringRule",
        "CollapsedTree",
        "CopyStep",
        "NotBrought",
        "SpaceNeeded",
    ),
    "api.dedupe.history": ("ItemState", "RunDetails", "RunEvent", "RunHistory", "RunItem"),
    "api.dedupe.plan": (
        "DedupeAction",
        "DedupePlan",
        "FreeGoal",
        "PlanStep",
        "SafetyRule",
        "SkippedCopy",
        "read_plan",
    ),
    "api.dedupe.runs": (
        "BlockedItem",
        "DryRunResult",
        "Holder",
        "MemberProof",
        "RunRemainder",
        "RunResult",
        "StepProblem",
    ),
    "api.duplicates": ("Duplicates", "FileGroup", "GroupedFile"),
    "api.export": ("ManifestExport", "export_manifest"),
    "api.facade.values": (
        "OmittedPath",
        "PathDifference",
        "QuarantinedRun",
        "RenamedPath",
        "SignatureCheck",
        "VerificationReport",
    ),
    "api.facade.vault": ("OpenVault", "open_vault"),
    "api.find.compare": ("Comparison", "FolderDiff"),
    "api.find.contents": ("ContentComparison", "ContentSide"),
    "api.find.empty_folders": ("EmptyFolder", "EmptyFolders"),
    "api.find.explain": ("ExplainedFile", "ExplainedFolder", "ExplainedGone", "RuleEffect"),
    "api.find.fate": ("PathFate",),
    "api.find.folders": (
        "CoveredFolders",
        "FamilyReport",
        "FolderReport",
        "IdenticalFolders",
        "RelatedFolder",
        "RelationKind",
        "SamePathReport",
    ),
    "api.find.overview": (
        "ContentKind",
        "DriveOverlap",
        "KindTotals",
        "LeftAlone",
        "Overview",
        "SurplusFate",
        "SurplusPart",
        "SurplusReason",
    ),
    "api.find.space_map": ("SpaceEntry", "SpaceMap"),
    "api.keys": ("SignerKey", "UserKey", "make_key"),
    "api.manifest": ("FolderManifest", "SavedManifest", "create_manifest"),
    "api.dedupe.marks": ("MarkChange", "MarkKind", "MarkState", "MarkedPath"),
    "api.roots": ("ForgottenRoot", "RootFacts", "RootStatus"),
    "api.scan": (
        "EntryState",
        "FolderState",
        "GroupTotals",
        "ScanChanges",
        "ScanFindings",
        "ScanResult",
        "UnreadablePath",
    ),
    "api.status": ("TraceTotals", "VaultStatus"),
    "api.trace": (
        "TraceAdoption",
        "TraceCheck",
        "TraceProof",
        "VaultTrace",
        "VerifiedProof",
        "verify_proof",
    ),
    "api.unique": ("RolledUpEntry", "UniqueFile", "UniqueResult", "UnverifiedPath"),
    "api.upkeep.backup": ("VaultBackup",),
    "api.upkeep.check": ("VaultCheck",),
    "api.upkeep.doctor": ("Checkup", "Trial", "examine"),
    "api.upkeep.examined": ("ExaminedRoot",),
    "api.upkeep.remove": ("VaultRemoval",),
    "api.upkeep.restore": ("VaultRestore",),
    "api.verify": ("ManifestCheck", "verify_manifest"),
    "api.watch.pulse": ("PulseResult", "PulseState"),
    "api.watch.repair": ("DamagedFile", "RepairResult"),
    "api.watch.scrub": ("AcceptResult", "FoundDamage", "ScrubResult"),
    "errors": (
        "ExitCode",
        "GorillaCombError",
        "Interrupted",
        "KeyMissing",
        "OutputLost",
        "RefusedForSafety",
        "RootVanished",
        "RunCutShort",
        "UntrustedInput",
        "UsageError",
        "VaultDamaged",
        "VaultError",
        "VaultForeign",
        "VaultLocked",
        "VaultNewer",
        "VaultRolledBack",
        "VaultUnwritable",
    ),
    "progress": ("Progress", "ProgressEvent"),
}
"""The public names by module: imported when one is used, since start-up is paid by all."""
_PLACES = {name: module for module, names in _PUBLIC.items() for name in names}

__all__ = sorted([*_PLACES, "__version__"])


def __getattr__(name: str) -> Any:
    """Import a public name when it is first used (PEP 562)."""
    if name not in _PLACES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    import importlib

    value = getattr(importlib.import_module(f"{__name__}.{_PLACES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    """Name what is public."""
    return sorted(__all__)
