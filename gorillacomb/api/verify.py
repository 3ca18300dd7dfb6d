"""Check a manifest against what is on disk, and its signature."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby, islice
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from gorillacomb.api.callbacks import stopped_by_callbacks
from gorillacomb.api.documents.manifest import VerifyDocument, verify_document
from gorillacomb.api.manifest import FolderManifest
from gorillacomb.api.paths import PathInput, path_text
from gorillacomb.api.vault import VaultInput, as_vault
from gorillacomb.errors import KeyMissing, UsageError, VaultError
from gorillacomb.progress import Progress, ProgressCallback, as_progress

if TYPE_CHECKING:
    from gorillacomb.manifest.envelope import SignatureCheck
    from gorillacomb.manifest.model import Manifest
    from gorillacomb.manifest.verify import PathDifference as PathDifference
    from gorillacomb.manifest.verify import RenamedPath as RenamedPath
    from gorillacomb.manifest.verify import VerificationReport as VerificationReport
    from gorillacomb.vault.vault import Vault
    from gorillacomb.vaultmesh.keys.keys import PublicKey

__all__ = ["ManifestCheck", "check_signature", "default_root", "verify_manifest"]

CheckpointStatus = Literal["consistent", "inconsistent", "unknown"]
_PROBES = 16
"""Names at the top of a manifest's folder that identify it."""


@dataclass(frozen=True, slots=True)
class ManifestCheck:
    """How a folder compares with its manifest."""

    root: bytes
    """The folder, links resolved."""
    report: VerificationReport
    """What differs."""
    signature: SignatureCheck
    checkpoint: CheckpointStatus
    """How the checkpoint in the manifest compares with the trace in the vault; ``unknown`` if that
    is another log.
    """
    digests: tuple[str, ...]
    """What was compared for each file."""
    requires_signature: bool
    warnings: tuple[str, ...]
    """About the user's keys, or the trace, if they could not be read."""

    @property
    def is_trusted(self) -> bool:
        """Whether the signature is acceptable: valid, or missing where none is required."""
        state = self.signature.state
        return state == "valid" or (state != "invalid" and not self.requires_signature)

    @property
    def failed(self) -> bool:
        """Whether something differs from the manifest, or the manifest cannot be trusted."""
        return self.report.differs or not self.is_trusted or self.checkpoint == "inconsistent"

    @property
    def ok(self) -> bool:
        """Whether everything was compared and matches the manifest."""
        return not self.failed and not self.report.incomplete

    def to_dict(self) -> VerifyDocument:
        """Return the document of ``verify --json``."""
        return verify_document(
            self.report, self.root, self.signature, self.checkpoint, self.digests
        )


@stopped_by_callbacks
def verify_manifest(
    manifest: FolderManifest | PathInput,
    root: PathInput | None = None,
    *,
    key: PathInput | None = None,
    require_signature: bool = False,
    digests: Literal["auto", "both", "blake3"] = "auto",
    vault: VaultInput = None,
    workers: int | None = None,
    progress: Progress | ProgressCallback | None = None,
) -> ManifestCheck:
    """Compare a folder with its manifest: one just created, or one in a file.

    Without ``root``, the folder is the one that the manifest was made of; for a file, the one that
    contains it, or that of the manifest's name beside it. ``key`` is the file of the public key
    that must have signed, instead of one of the user's. ``digests`` says what is compared for each
    file: with ``auto``, both unless a valid signature vouches for the SHA-256.

    Raises UsageError for a manifest or folder that cannot be read, UntrustedInput for a malformed
    manifest, KeyMissing, RootVanished for a drive that disappears, Interrupted.
    """
    from gorillacomb.manifest import io
    from gorillacomb.manifest.verify import verify
    from gorillacomb.vault.settings import load_settings

    opened = as_vault(vault)
    started_ns = time.time_ns()
    signature, content, warnings, sha256 = _read(manifest, key)
    ignored: frozenset[bytes] = frozenset()
    if isinstance(manifest, FolderManifest):
        top = manifest.root if root is None else os.fsencode(root)
    else:
        file = os.fsencode(manifest)
        top = default_root(file, content) if root is None else os.fsencode(root)
        ignored = io.paths_below(top, file)
    both = digests == "both" or (digests == "auto" and signature.state != "valid")
    report = verify(
        content,
        top,
        both=both,
        ignored=ignored,
        own=opened.own_files(),
        workers=load_settings().workers if workers is None else workers,
        progress=as_progress(progress),
    )
    checkpoint, more = _compare_checkpoint(opened, content.checkpoint)
    found = ManifestCheck(
        os.path.realpath(top),
        report,
        signature,
        checkpoint,
        ("blake3", "sha256") if both else ("blake3",),
        require_signature or key is not None,
        warnings + more,
    )
    if sha256 is not None:
        _note(opened, sha256, found, started_ns)
    return found


def _note(vault: Vault, sha256: str, check: ManifestCheck, started_ns: int) -> None:
    """Keep how a check ended, for scrolls that name the manifest."""
    from gorillacomb.api.upkeep.last_checks import LastManifestCheck, note_manifest_check

    root = path_text(check.root)
    kinds = {**check.report.kinds(), "unproven": check.report.unproven}
    counts = [f"{len(each):,} {kind}" for kind, each in kinds.items() if each]
    problem = None
    if counts:
        problem = f"{root} is not as the manifest says: {', '.join(counts)}."
    elif not check.ok:
        problem = f"{root} is as the manifest says, but who made that is not sure."
    note_manifest_check(vault, sha256, LastManifestCheck(started_ns, root, problem))


def _read(
    manifest: FolderManifest | PathInput, key: PathInput | None
) -> tuple[SignatureCheck, Manifest, tuple[str, ...], str | None]:
    """Read a manifest and check its signature; also return warnings, and the file's SHA-256.

    That is None for one that was just created.
    """
    from hashlib import sha256

    from gorillacomb.manifest import io
    from gorillacomb.manifest.envelope import SignatureCheck
    from gorillacomb.manifest.parse import parse_manifest

    if isinstance(manifest, FolderManifest):
        return SignatureCheck("none", "it is not signed"), manifest.manifest, (), None
    data, envelope = io.read_manifest(os.fsencode(manifest))
    signature, warnings = check_signature(data, envelope, key)
    return signature, parse_manifest(data), warnings, sha256(data).hexdigest()


def check_signature(
    data: bytes, envelope: bytes | None, key: PathInput | None = None
) -> tuple[SignatureCheck, tuple[str, ...]]:
    """Check a manifest's signature with a public key, or with the user's own; return warnings too.

    Raises UntrustedInput for a malformed key or envelope, KeyMissing.
    """
    from gorillacomb.manifest.envelope import check_signatures
    from gorillacomb.vaultmesh.keys.keys import load_publics

    if key is not None:
        return check_signatures(data, envelope, load_publics(Path(os.fsdecode(key)))), ()
    publics, warnings = ([], ()) if envelope is None else _own_keys()
    return check_signatures(data, envelope, publics), warnings


def _own_keys() -> tuple[list[PublicKey], tuple[str, ...]]:
    """Return the user's public keys; a key that cannot be opened is skipped, with a warning."""
    from gorillacomb.vaultmesh.keys.keys import RsaSigningKey
    from gorillacomb.vaultmesh.open import key_store

    store = key_store()
    found: list[PublicKey] = []
    try:
        found += store.publics()
        rsa = store.current("rsa")
        found += [rsa.private.public_key()] if isinstance(rsa, RsaSigningKey) else []
    except KeyMissing as error:
        hint = "Signatures of your own keys may not be known here: use --key."
        return found, (f"{error.message} {hint}",)
    return found, ()


def _compare_checkpoint(vault: Vault, note: str | None) -> tuple[CheckpointStatus, tuple[str, ...]]:
    """Compare a manifest's checkpoint with the trace in the vault, if it is of that log."""
    from gorillacomb.vaultmesh import checkpoint as checkpoints
    from gorillacomb.vaultmesh.open import open_trace_for_reading

    if note is None:
        return "unknown", ()
    made, _ = checkpoints.parse_checkpoint(note.encode(), "The manifest's checkpoint")
    if not vault.trace.exists():
        return "unknown", ()
    try:
        with open_trace_for_reading(vault) as ledger:
            if ledger.origin != made.origin:
                return "unknown", ()
            known = made.size <= ledger.size and ledger.root(made.size) == made.root
            return "consistent" if known else "inconsistent", ()
    except VaultError as error:
        return "unknown", (error.message,)


def default_root(file: bytes, manifest: Manifest) -> bytes:
    """Return the folder that a manifest's file probably describes.

    That is the one that contains it, unless only the folder of the manifest's name beside it has
    any of the first entries. Raises UsageError if neither has: all of another folder would be read
    in vain.
    """
    here = os.path.dirname(os.path.abspath(file))
    names = _first_names(manifest)
    if not names or _has_any(here, names):
        return here
    beside = os.path.join(here, manifest.name)
    other = b"/" in manifest.name or os.path.islink(beside) or not os.path.isdir(beside)
    if other or not _has_any(beside, names):
        raise UsageError(
            f"None of the manifest's first entries exists in {path_text(here)}.",
            "Name the folder to compare with: --root DIR",
        )
    return beside


def _first_names(manifest: Manifest) -> list[bytes]:
    """Return the first components of the first entries; those in one folder count once."""
    tops = groupby(entry.path.partition(b"/")[0] for entry in manifest.entries)
    return [name for name, _ in islice(tops, _PROBES)]


def _has_any(folder: bytes, names: Sequence[bytes]) -> bool:
    return any(os.path.lexists(os.path.join(folder, name)) for name in names)
