"""Say which files are known already, and keep the new ones."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from gorillacomb.api.dedupe.runs import drive_errors_as_cut_short, interruption_told
from gorillacomb.api.documents.contents import DropDocument, drop_document
from gorillacomb.api.drop.place import DropPlace, find_place
from gorillacomb.api.lookup import noise_names
from gorillacomb.api.paths import PathInput, PathsInput, encoded_paths
from gorillacomb.api.rescan import rescan_changed
from gorillacomb.api.text import format_count
from gorillacomb.api.unique import copy_verifier, why_away
from gorillacomb.api.upkeep.examined import is_examined
from gorillacomb.dedupe.model import DROP
from gorillacomb.dedupe.quarantine.journal_entries import OMNIDROP
from gorillacomb.dedupe.roots import LiveRoot, live_roots_of
from gorillacomb.drop.keep import DropOutcome, keep_files
from gorillacomb.drop.known import DropEntry, DropState, look_up, read_files
from gorillacomb.drop.model import DroppedFile, LeftOut
from gorillacomb.drop.sources import DropSources
from gorillacomb.errors import UsageError
from gorillacomb.fs.darwin.untested import refuse_untested
from gorillacomb.fs.paths import is_below, join, path_text, relative_path
from gorillacomb.fs.real_path import real_path
from gorillacomb.fs.volumes import is_online
from gorillacomb.index.database import Index, translate_errors
from gorillacomb.index.roots import all_roots
from gorillacomb.progress import NullProgress, Progress, ProgressCallback, as_progress
from gorillacomb.stamping.run_log import RunLog
from gorillacomb.unique.copy_check import CopyVerifier
from gorillacomb.vault.settings import load_settings
from gorillacomb.vault.vault import Vault, state_folder
from gorillacomb.vaultmesh.entries import RunEntry, run_entry

__all__ = [
    "DropEntry",
    "DropOutcome",
    "DropResult",
    "DropState",
    "LeftOut",
    "drop",
    "look_up_files",
]


@dataclass(frozen=True, slots=True)
class DropResult:
    """What of some files is known already, and what became of the new ones."""

    entries: tuple[DropEntry, ...]
    """Every file that was read, in the order of the paths that were given."""
    left_out: tuple[LeftOut, ...]
    """What was not read, and why."""
    system_files: int
    """Files that systems leave behind, such as .DS_Store; they are not counted."""
    kept: DropOutcome | None = None
    """What was kept; None if nothing was to be kept."""
    warnings: tuple[str, ...] = ()
    """What was done but could not be recorded."""

    def of(self, state: DropState) -> list[DropEntry]:
        """Return the files with a state."""
        return [each for each in self.entries if each.state is state]

    @property
    def new(self) -> list[DropEntry]:
        """The files that are not known, each content once."""
        return self.of(DropState.NEW)

    @property
    def having(self) -> list[DropEntry]:
        """The files with a copy that counts."""
        return self.of(DropState.HAVE)

    @property
    def empty(self) -> list[DropEntry]:
        """The files without content."""
        return self.of(DropState.EMPTY)

    @property
    def repeated(self) -> list[DropEntry]:
        """The new files with the content of another one."""
        return self.of(DropState.REPEATED)

    @property
    def size(self) -> int:
        """Bytes of all files that were read."""
        return sum(each.file.size for each in self.entries)

    def places(self) -> list[tuple[bytes, int]]:
        """Return the folders that copies are in, with how many files have theirs there.

        The one with the most files comes first.
        """
        copies = (each.copy for each in self.of(DropState.HAVE) if each.copy is not None)
        found = Counter(map(os.path.dirname, copies))
        return sorted(found.items(), key=lambda each: (-each[1], each[0]))

    @property
    def is_complete(self) -> bool:
        """Whether everything was read, and kept if that was asked for."""
        return not self.left_out and (self.kept is None or not self.kept.problems)

    def to_dict(self) -> DropDocument:
        """Return the document of ``drop --json``."""
        return drop_document(self)


def drop(
    vault: Vault,
    paths: PathsInput,
    *,
    into: PathInput | None = None,
    untested_macos: bool = False,
    progress: Progress | ProgressCallback | None = None,
) -> DropResult:
    """Say which of some files, folders and zips are known; with ``into``, keep the new ones.

    What is known is checked on the disk: a copy counts if it is unchanged since it was read, on a
    connected drive, and not in a trash, cache, temporary folder, snapshot or quarantine. What is
    kept goes to a new folder ``Omnidrop/DATE`` in ``into``, which is a scanned folder or one in it.
    Raises UsageError, UntrustedInput for an archive that may do harm, RefusedForSafety.
    """
    named = encoded_paths(paths)
    if not named:
        raise UsageError("Nothing was named.", "Name files, folders or zips.")
    if into is not None:
        refuse_untested("Keeping files", untested_macos, lambda: is_examined(vault))
    shown = as_progress(progress)
    place = None if into is None else find_place(vault, into)
    if place is not None:
        _refuse_own(place.root.path, named)
    begun: list[DropOutcome] = []
    with interruption_told(lambda: _interrupted(begun)):
        if place is not None and os.path.isdir(join(place.path, OMNIDROP)):
            # An interrupted run may have kept files there that no scan has seen.
            rescan_changed(vault, [place.root], [join(place.path, OMNIDROP)], shown)
        with _sources(vault, named) as sources:
            left_out = sources.left_out
            entries = _read_and_look_up(vault, sources, left_out, shown)
            kept: DropOutcome | None = None
            warnings: tuple[str, ...] = ()
            if place is not None:
                new = [each.file for each in entries if each.state is DropState.NEW]
                kept, warnings = keep(vault, place, new, begun, shown)
    return DropResult(tuple(entries), tuple(left_out), sources.system_files, kept, warnings)


def _refuse_own(root: bytes, paths: Sequence[bytes]) -> None:
    """Raise UsageError for what is in the root already: it would be there twice."""
    for path in map(real_path, paths):
        if is_below(path, root) or is_below(root, path):
            where = "is around" if is_below(root, path) else "is in"
            raise UsageError(
                f"{path_text(path)} {where} the scanned folder {path_text(root)} already.",
                "Nothing was kept: move it with your file manager, and scan again.",
            )


@contextmanager
def _sources(vault: Vault, paths: Sequence[bytes]) -> Iterator[DropSources]:
    received = real_path(os.fsencode(state_folder()))
    sources = DropSources(vault.own_files(), noise_names(load_settings()), received)
    try:
        for path in paths:
            sources.add(path)
        yield sources
    finally:
        sources.close()


def _read_and_look_up(
    vault: Vault, sources: DropSources, left_out: list[LeftOut], shown: Progress
) -> list[DropEntry]:
    with Index.read(vault):
        pass  # without one, nothing needs to be read
    size = sum(each.size for each in sources.files)
    shown.stage("Reading", len(sources.files), size)
    try:
        files = list(read_files(sources.files, left_out, shown.advance))
    finally:
        shown.close()
    with _verifier(vault, sources) as (index, verifier):
        machine_made = load_settings().machine_names
        return list(look_up(index, verifier, files, sources.paths, machine_made))


def look_up_files(vault: Vault, files: Sequence[DroppedFile]) -> list[DropEntry]:
    """Say which files are in the scanned folders, by their digests."""
    with _verifier(vault, None) as (index, verifier):
        machine_made = load_settings().machine_names
        return list(look_up(index, verifier, files, (), machine_made))


@contextmanager
def _verifier(vault: Vault, sources: DropSources | None) -> Iterator[tuple[Index, CopyVerifier]]:
    """Open the index, and what checks copies in it; what was dropped itself does not count."""
    with Index.read(vault) as index, translate_errors(vault):
        roots = {each.id: each for each in all_roots(index.connection)}
        away = {each.id: why_away(each, False) for each in roots.values() if not is_online(each)}
        verifier = copy_verifier(index, roots, away, [])
        if sources is not None:
            verifier.gone_folders |= sources.folders
        try:
            yield index, verifier
        finally:
            verifier.close()


def keep(
    vault: Vault,
    place: DropPlace,
    files: Sequence[DroppedFile],
    begun: list[DropOutcome],
    shown: Progress | None = None,
) -> tuple[DropOutcome | None, tuple[str, ...]]:
    """Keep files, and record that in the trace and in the index; return warnings, too.

    ``begun`` gets the outcome also after Ctrl-C. Without files, nothing is done.
    """
    shown = shown or NullProgress()
    if not files:
        return None, ()
    roots: list[LiveRoot] = []

    def ended(outcome: DropOutcome) -> None:
        begun.append(outcome)
        log.append([run_entry("dropped", _entry(outcome, place))])

    try:
        with (
            translate_errors(vault),
            drive_errors_as_cut_short(),
            Index.write(vault) as index,
            RunLog(index) as log,
        ):
            roots += live_roots_of(index)
            shown.stage("Keeping", len(files), sum(each.size for each in files))
            outcome = keep_files(place.root, place.path, files, ended, shown.advance)
    finally:
        shown.close()
    if not outcome.folder:
        return outcome, ()
    return outcome, rescan_changed(vault, roots, [outcome.folder], shown)


def _entry(outcome: DropOutcome, place: DropPlace) -> RunEntry:
    root = place.root
    around = outcome.folder or join(place.path, OMNIDROP)
    failed = [(join(around, each.path), each.cause) for each in outcome.problems]
    return RunEntry(
        outcome.run,
        DROP,
        (root.path,),
        len(outcome.kept),
        len(outcome.kept),
        0,
        0,
        (),
        (*failed, *((each.path, each.cause) for each in outcome.recovered)),
        dropped=(root.uid, relative_path(around, root.path)),
        bytes_dropped=sum(each.size for each in outcome.kept),
    )


def _interrupted(begun: Sequence[DropOutcome]) -> tuple[str, str]:
    """Say what was kept until Ctrl-C, and how to continue."""
    if not begun or not begun[0].kept:
        return "Interrupted: nothing was kept.", ""
    outcome = begun[0]
    files = format_count(len(outcome.kept), "file")
    return (
        f"Interrupted: run {outcome.run} kept {files}.",
        "To continue: drop the same once more; what is kept counts as known.   To take it back:"
        f" gorillacomb dedupe --undo {outcome.run}",
    )
