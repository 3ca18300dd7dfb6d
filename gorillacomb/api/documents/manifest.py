"""The documents of `gorillacomb manifest`, `verify` and `export` with ``--json``."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Literal, NotRequired, TypedDict, cast

from gorillacomb.api.documents.paths import PathDocument
from gorillacomb.json_paths import path_to_json

if TYPE_CHECKING:
    from gorillacomb.api.keys import UserKey
    from gorillacomb.manifest.envelope import SignatureCheck
    from gorillacomb.manifest.export.result import OmittedEntry
    from gorillacomb.manifest.model import Manifest
    from gorillacomb.manifest.verify import PathDifference, VerificationReport


class ManifestGapDocument(PathDocument):
    """Something in the folder that has no entry in the manifest; its path is relative."""

    kind: str
    """``unreadable``, ``unstable``, ``placeholder`` or ``gone``: missing from the manifest.
    ``fifo``, ``socket``, ``device`` or ``mount``: never part of a manifest.
    """
    cause: str
    """Why, in words; empty if the kind says it all."""


class ManifestDocument(TypedDict):
    """What `manifest` wrote."""

    written: PathDocument | None
    """The manifest's file; null if none was written because it would have been incomplete."""
    key: str | None
    """The fingerprint of the key that signed it; null if it is unsigned."""
    files: int
    links: int
    """Symbolic links."""
    dirs: int
    """Empty folders."""
    bytes: int
    """Bytes of the files."""
    whole: bool
    """Whether it covers everything in the folder, or only a selection of its files."""
    left_out: list[ManifestGapDocument]


class DifferenceDocument(PathDocument):
    """A path, relative to the folder, that differs from the manifest."""

    cause: str
    """How it differs, in words; empty if the path says it all."""


RenameDocument = TypedDict(
    "RenameDocument", {"from": PathDocument, "to": PathDocument, "cause": str}
)
"""A content that is missing at ``from`` and exists at ``to``; ``cause`` says how the two names
differ if they differ only in their spelling.
"""


class VerifyDocument(TypedDict):
    """How a folder compares with its manifest."""

    root: PathDocument
    """The folder, links resolved."""
    ok: int
    """Entries that are as recorded in every respect."""
    changed: list[DifferenceDocument]
    damaged: list[DifferenceDocument]
    """The content changed while size and mtime did not."""
    suspect: list[DifferenceDocument]
    """The same, on a file system on which content may change without a change of its times."""
    missing: list[DifferenceDocument]
    extra: list[DifferenceDocument]
    """What is in the folder and not in the manifest; counts as a difference only if ``whole``."""
    renamed: list[RenameDocument]
    mode: list[DifferenceDocument]
    unreadable: list[DifferenceDocument]
    unproven: list[DifferenceDocument]
    """Entries whose content the manifest itself does not have."""
    whole: bool
    """Whether the manifest covers everything in the folder, or only a selection of its files."""
    modes_compared: bool
    """False if the file system stores no modes."""
    digests: list[str]
    """What was compared for each file: ``blake3``, and ``sha256`` if no signature vouches
    for it.
    """
    signature: Literal["valid", "invalid", "none", "unknown-key"]
    signature_cause: str
    """In words."""
    key: str | None
    """The fingerprint of the key that signed, if the signature is valid."""
    checkpoint: Literal["consistent", "inconsistent", "unknown"]
    """How the checkpoint in the manifest compares with the trace in the vault; ``unknown`` if that
    is another log.
    """


class UnexportedDocument(PathDocument):
    """An entry that was not exported; its path is relative to the manifest's folder."""

    cause: str
    """Why, in words."""


class ExportDocument(TypedDict):
    """What `export` wrote."""

    format: str
    """The format given with ``--format``."""
    written: PathDocument | None
    """The file, or the bag's folder; null if no bag was created."""
    entries: int
    """Entries that were written in the format."""
    key: NotRequired[str]
    """oms: the fingerprint of the key that signed."""
    public_key: NotRequired[str]
    """oms: the public key with which others check that, in PEM."""
    failed: NotRequired[list[UnexportedDocument]]
    """bagit: files that differ from the manifest; no bag is created then."""
    left_out: list[UnexportedDocument]
    """What the format cannot represent."""


def manifest_document(
    manifest: Manifest, counts: Mapping[str, int], written: bytes | None, key: str | None
) -> ManifestDocument:
    """Return what was written as a document."""
    document = {
        "written": None if written is None else path_to_json(written),
        "key": key,
        **counts,
        "whole": manifest.whole,
        "left_out": [
            {**path_to_json(each.path), "kind": each.kind, "cause": each.cause}
            for each in manifest.left_out
        ],
    }
    return cast(ManifestDocument, document)


def verify_document(
    report: VerificationReport,
    root: bytes,
    signature: SignatureCheck,
    checkpoint: str,
    digests: Iterable[str],
) -> VerifyDocument:
    """Return how a folder compares with its manifest as a document."""
    renamed = [
        {"from": path_to_json(each.origin), "to": path_to_json(each.path), "cause": each.cause}
        for each in report.renamed
    ]
    document = {
        "root": path_to_json(root),
        "ok": report.ok,
        "changed": _differences(report.changed),
        "damaged": _differences(report.damaged),
        "suspect": _differences(report.suspect),
        "missing": _differences(report.missing),
        "extra": _differences(report.extra),
        "renamed": renamed,
        "mode": _differences(report.mode),
        "unreadable": _differences(report.unreadable),
        "unproven": _differences(report.unproven),
        "whole": report.whole,
        "modes_compared": report.modes,
        "digests": list(digests),
        "signature": signature.state,
        "signature_cause": signature.cause,
        "key": signature.key,
        "checkpoint": checkpoint,
    }
    return cast(VerifyDocument, document)


def export_document(
    form: str,
    written: bytes | None,
    entries: int,
    left_out: Iterable[OmittedEntry],
    failed: Iterable[OmittedEntry] | None,
    key: UserKey | None,
) -> ExportDocument:
    """Return what was exported as a document; ``failed`` is None except for a bag."""
    document = {
        "format": form,
        "written": None if written is None else path_to_json(written),
        "entries": entries,
        **({} if key is None else {"key": key.fingerprint, "public_key": key.public_pem}),
        **({} if failed is None else {"failed": _differences(failed)}),
        "left_out": _differences(left_out),
    }
    return cast(ExportDocument, document)


def _differences(differences: Iterable[PathDifference | OmittedEntry]) -> list[dict[str, str]]:
    return [{**path_to_json(each.path), "cause": each.cause} for each in differences]
