"""Create manifests: what is in a folder, with digests, to be signed and checked later."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gorillacomb.api.callbacks import stopped_by_callbacks
from gorillacomb.api.documents.manifest import ManifestDocument, manifest_document
from gorillacomb.api.paths import PathInput, path_text
from gorillacomb.api.vault import VaultInput, as_vault
from gorillacomb.errors import UsageError
from gorillacomb.progress import Progress, ProgressCallback, as_progress

if TYPE_CHECKING:
    from gorillacomb.api.keys import UserKey
    from gorillacomb.manifest.builder import TraceSeqLookup
    from gorillacomb.manifest.model import Manifest
    from gorillacomb.manifest.model import OmittedPath as OmittedPath
    from gorillacomb.vault.vault import Vault
    from gorillacomb.vaultmesh.keys.keys import KeyKind

__all__ = ["FolderManifest", "SavedManifest", "create_manifest", "refuse_to_replace"]

_SelectedPaths = list[tuple[bytes, int | None]]


@dataclass(frozen=True, slots=True)
class FolderManifest:
    """A manifest of a folder that was just read."""

    root: bytes
    """The absolute path of the folder."""
    manifest: Manifest
    """Its content: an entry for each file, link and empty folder."""

    @property
    def left_out(self) -> tuple[OmittedPath, ...]:
        """What is in the folder but has no entry."""
        return self.manifest.left_out

    @property
    def lacks(self) -> tuple[OmittedPath, ...]:
        """What should have an entry but has none; empty if the manifest is complete."""
        return self.manifest.lacks

    @property
    def counts(self) -> dict[str, int]:
        """How many ``files``, ``links`` and empty ``dirs`` it has, and the files' ``bytes``."""
        from gorillacomb.manifest.serialize import entry_counts

        return entry_counts(self.manifest.entries)

    def to_bytes(self) -> bytes:
        """Return the manifest's file: an in-toto Statement in JSON, unsigned."""
        from gorillacomb.manifest.serialize import to_json

        return to_json(self.manifest)

    def save(
        self,
        path: PathInput,
        *,
        sign: KeyKind | None = "ed25519",
        replace: bool = False,
        allow_missing: bool = False,
        made: Callable[[UserKey], object] | None = None,
    ) -> SavedManifest:
        """Write the manifest to a file, and its signature beside it, to ``<path>.dsse``.

        ``sign`` is the kind of key that signs; if the user has none, it is created and ``made`` is
        called. None leaves the manifest unsigned. ``replace`` allows replacing another manifest,
        and ``allow_missing`` allows writing it even if something could not be read. Raises
        RefusedForSafety for a file that exists, UsageError, KeyMissing, UntrustedInput.
        """
        from gorillacomb.manifest import io

        output = os.fsencode(path)
        if self.lacks and not allow_missing:
            raise UsageError(
                f"Writing the manifest {path_text(output)} failed: {len(self.lacks):,} of the files"
                " and folders could not be read.",
                "Make them readable, or write it without them: --allow-missing.",
            )
        data = self.to_bytes()
        envelope, key = (None, None) if sign is None else _signed(data, sign, made)
        io.write_manifest(output, data, envelope, replace)
        return SavedManifest(self, os.path.abspath(output), key)


@dataclass(frozen=True, slots=True)
class SavedManifest:
    """Where a manifest was written."""

    manifest: FolderManifest
    path: bytes | None
    """Absolute; None if it was not written because it would have been incomplete."""
    key: str | None
    """The fingerprint of the key that signed it; None if it is unsigned."""

    def to_dict(self) -> ManifestDocument:
        """Return the document of ``manifest --json``."""
        return manifest_document(self.manifest.manifest, self.manifest.counts, self.path, self.key)


@stopped_by_callbacks
def create_manifest(
    path: PathInput | None = None,
    *,
    output: PathInput | None = None,
    vault: VaultInput = None,
    workers: int | None = None,
    progress: Progress | ProgressCallback | None = None,
) -> FolderManifest:
    """Create the manifest of a folder; every file in it is read now.

    Without a path: of the canonical files of the one root in the vault. ``output`` is where it will
    be saved: what is there, and its signature, are omitted. The vault (by default that of the
    command line) provides the stamps of the files in the trace.

    Raises UsageError for a path that is not a folder, or a vault without exactly one root,
    RootVanished for a drive that disappears, VaultError, Interrupted.
    """
    from gorillacomb.manifest import io
    from gorillacomb.manifest.builder import build
    from gorillacomb.vault.settings import load_settings

    opened = as_vault(vault)
    root, selection = _canonical_files(opened) if path is None else (os.fsencode(path), None)
    checkpoint, seq_of = _trace(opened, root)
    manifest = build(
        root,
        time.time_ns(),
        selection=selection,
        checkpoint=checkpoint,
        seq_of=seq_of,
        ignored=frozenset() if output is None else io.paths_below(root, os.fsencode(output)),
        own=opened.own_files(),
        workers=load_settings().workers if workers is None else workers,
        progress=as_progress(progress),
    )
    return FolderManifest(os.path.realpath(root), manifest)


def refuse_to_replace(path: PathInput, *, signed: bool = True) -> None:
    """Raise RefusedForSafety if something exists where a manifest would be written.

    `FolderManifest.save` does so too, but only after the folder was read.
    """
    from gorillacomb.manifest import io

    io.refuse_to_replace(os.fsencode(path), signed)


def _canonical_files(vault: Vault) -> tuple[bytes, _SelectedPaths]:
    """Return the path of the one root, and its canonical files with the seqs of their stamps."""
    from gorillacomb.fs.paths import join, relative_path
    from gorillacomb.index import stamps
    from gorillacomb.index.database import Index, translate_errors
    from gorillacomb.index.roots import all_roots, folder_paths

    with Index.read(vault) as index, translate_errors(vault):
        roots = all_roots(index.connection)
        if len(roots) != 1:
            raise UsageError(
                f"There are {len(roots)} roots in the vault, and a manifest lists one folder.",
                "Name it: gorillacomb manifest PATH -o FILE",
            )
        top = roots[0].path
        paths = folder_paths(index.connection)
        later = len(stamps.deferred_folders(index.connection))
        if later:
            folders = "folder" if later == 1 else "folders"
            raise UsageError(
                f"What is new in {later:,} machine-made {folders} is not stamped yet: the watcher"
                " waits until it is quiet there.",
                f"Stamp it now: gorillacomb scan {path_text(top)}",
            )
        found: _SelectedPaths = []
        for _, stamp in stamps.all_stamps(index.connection):
            place = paths.place(stamp.folder)
            if place is not None:
                found.append((relative_path(join(place[1], stamp.name), top), stamp.seq))
    return top, found


def _trace(vault: Vault, root: bytes) -> tuple[str | None, TraceSeqLookup]:
    """Return the checkpoint of the vault's trace, and the seq of a canonical file's stamp in it."""
    from gorillacomb.fs.paths import is_below, join
    from gorillacomb.index import stamps
    from gorillacomb.index.database import Index, translate_errors
    from gorillacomb.index.roots import folder_paths
    from gorillacomb.vaultmesh.open import open_trace_for_reading

    if not (vault.trace.exists() and vault.index.exists()):
        return None, lambda path, digest: None
    with open_trace_for_reading(vault) as ledger:
        checkpoint = ledger.checkpoint().decode()
    top = os.path.realpath(root)
    found: dict[tuple[bytes, bytes], int] = {}
    with Index.read(vault) as index, translate_errors(vault):
        paths = folder_paths(index.connection)
        for digest, stamp in stamps.all_stamps(index.connection):
            place = paths.place(stamp.folder)
            if place is not None and is_below(place[1], top):
                found[join(place[1], stamp.name), digest] = stamp.seq
    return checkpoint, lambda path, digest: found.get((path, digest))


def _signed(
    data: bytes, kind: KeyKind, made: Callable[[UserKey], object] | None
) -> tuple[bytes, str]:
    """Return the envelope of a manifest, and the fingerprint of the key that signed it."""
    from gorillacomb.api.keys import user_key
    from gorillacomb.manifest.envelope import sign_payload
    from gorillacomb.vaultmesh.keys.keys import Ed25519SigningKey, RsaSigningKey

    if kind == "ecdsa":
        raise UsageError("An ecdsa key cannot sign a manifest.", "Sign with ed25519 or rsa.")
    key = user_key(kind, made)
    assert isinstance(key.signing, Ed25519SigningKey | RsaSigningKey), "as was asked for"
    return sign_payload(data, [key.signing]), key.fingerprint
